//! Words for the proxy actor, and the snapshot that request handlers read.

use std::sync::{Arc, OnceLock};

use actix::Message;

use crate::{
    core::{
        api::{Api, faults::Warning},
        route::{Route, RouteTable},
    },
    telemetry::metrics::{Metrics, Outcome, RouteLabels, Series, method_label},
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
    /// Ready-made series of the routes that have been used, in table order.
    meters: Vec<OnceLock<Series>>,
}

/// Where the proxy actor publishes and handlers read, without waiting for anyone.
pub type SnapshotCell = arc_swap::ArcSwap<Snapshot>;

// === impl Snapshot ===

impl Snapshot {
    /// A snapshot of `table`.
    pub fn new(table: RouteTable) -> Self {
        let meters = table
            .routes()
            .iter()
            .map(|_route| OnceLock::new())
            .collect();
        Self { table, meters }
    }

    /// The series of successful requests of the route at `index`.
    ///
    /// # Panics
    /// If `index` is not one of this table's routes.
    pub fn meter(&self, index: usize, metrics: &Metrics) -> &Series {
        self.meters[index]
            .get_or_init(|| metrics.series(&labels(&self.table.routes()[index]), Outcome::Ok))
    }
}

/// The metric labels of `route`.
pub fn labels(route: &Route) -> RouteLabels {
    let endpoint = route.endpoint();
    RouteLabels {
        method: method_label(&endpoint.method),
        path_regex: endpoint.pattern.source().to_owned(),
        target: endpoint.target.as_str(),
        response_from: endpoint.response_from.as_str(),
    }
}
