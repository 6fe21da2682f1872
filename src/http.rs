//! Floor 2: the two doors, port 4000 ([`inbound`]) and port 4010 ([`admin`]), the table that turns
//! refusals into answers on the latter ([`problem`]), and the certificate of both ([`tls`]).

pub mod admin;
pub mod inbound;
pub mod problem;
pub mod tls;
