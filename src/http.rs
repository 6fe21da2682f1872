//! Floor 2: the two doors, port 4000 ([`inbound`]) and port 4010 ([`admin`]).

pub mod admin;
pub mod inbound;
pub mod tls;
