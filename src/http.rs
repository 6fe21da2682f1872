//! Floor 2: the two doors, port 4000 ([`inbound`]) and port 4010 ([`admin`]), the table that turns
//! refusals into answers on the latter ([`problem`]), the certificate of both ([`tls`]), what waits
//! on one for a call on the other ([`awaited`]), and tokens that clients keep ([`sealer`]).

pub mod admin;
pub mod awaited;
pub mod inbound;
pub mod problem;
pub mod sealer;
pub mod tls;
