//! Floor 2: the two doors, port 4000 ([`inbound`]) and port 4010 ([`admin`]), and the table that
//! turns refusals into answers on the latter ([`problem`]).

pub mod admin;
pub mod inbound;
pub mod problem;
pub mod tls;
