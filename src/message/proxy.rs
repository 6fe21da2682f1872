//! Words for the proxy actor, and the snapshot that request handlers read.

use std::sync::Arc;

use actix::Message;

use crate::core::{
    api::{Api, faults::Warning},
    route::RouteTable,
};

/// The active APIs are now these. Answered once the routing snapshot shows them, with the warnings
/// about endpoints of `changed` (or endpoints it hides) that no request can reach.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Warning>")]
pub struct ApisPublished {
    /// All active APIs, ordered by id.
    pub apis: Vec<Arc<Api>>,
    /// The API whose change caused this, if it was one.
    pub changed: Option<Arc<str>>,
}

/// Everything a request handler needs to decide, immutable.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The compiled routes.
    pub table: RouteTable,
}

/// Where the proxy actor publishes and handlers read, without waiting for anyone.
pub type SnapshotCell = arc_swap::ArcSwap<Snapshot>;
