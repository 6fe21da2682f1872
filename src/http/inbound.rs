//! Port 4000: the proxy. hyper serves, the routing snapshot decides, `upstream` carries.
//!
//! Life of a request: [`listener`] accepts and limits connections, [`connection`] speaks HTTP/1.1
//! or HTTP/2 on them, [`forward`] plans and sends, [`answer`] streams back and counts, [`refusal`]
//! is the one table of the gateway's own answers, [`tunnel`] carries upgraded connections,
//! [`farewell`] closes.
//!
//! Everything of one worker lives on one thread ([`worker`]); workers share only what is behind
//! [`worker::Shared`]. Deliberately absent: actors. A request never waits for a mailbox.

pub mod activity;
pub mod answer;
pub mod client_stream;
pub mod connection;
pub mod events;
pub mod farewell;
pub mod forward;
pub mod gate;
mod head;
pub mod listener;
pub mod peer;
pub mod refusal;
pub mod request_body;
pub mod request_log;
pub mod span;
pub mod system;
pub mod tunnel;
pub mod worker;
