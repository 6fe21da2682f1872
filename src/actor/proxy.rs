//! The proxy actor: compiles the route table and publishes it as an immutable snapshot.

use std::{collections::HashSet, sync::Arc};

use actix::{Actor, Context, Handler, MessageResult, Supervised};

use crate::{
    actor::{Alarm, MAILBOX_MESSAGES_MAX},
    core::{
        api::faults::Warning,
        route::{RouteTable, shadow},
    },
    message::proxy::{ApisPublished, Snapshot, SnapshotCell, labels},
    telemetry::metrics::Metrics,
};

/// How a definition's `use_env` target is looked up.
pub type Environment = fn(&str) -> Option<String>;

/// Owns the snapshot's writing side.
pub struct ProxyActor {
    snapshot: Arc<SnapshotCell>,
    metrics: Arc<Metrics>,
    environment: Environment,
    _alarm: Alarm,
}

// === impl ProxyActor ===

impl ProxyActor {
    /// Publishes to `snapshot`.
    pub fn new(
        snapshot: Arc<SnapshotCell>,
        metrics: Arc<Metrics>,
        environment: Environment,
        alarm: Alarm,
    ) -> Self {
        Self {
            snapshot,
            metrics,
            environment,
            _alarm: alarm,
        }
    }
}

impl Actor for ProxyActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_MESSAGES_MAX);
    }
}

impl Supervised for ProxyActor {
    fn restarting(&mut self, _ctx: &mut Self::Context) {
        log::warn!("the proxy actor restarts; its snapshot stays in use");
    }
}

impl Handler<ApisPublished> for ProxyActor {
    type Result = MessageResult<ApisPublished>;

    fn handle(&mut self, published: ApisPublished, _ctx: &mut Self::Context) -> Self::Result {
        let ApisPublished { apis, changed } = published;
        self.metrics
            .apis
            .set(i64::try_from(apis.len()).unwrap_or(i64::MAX));
        let table = RouteTable::build(apis, self.environment);
        let warnings = changed.map_or_else(Vec::new, |id| shadow_warnings(&table, &id));
        let routes = table.routes().len();
        self.metrics
            .endpoints
            .set(i64::try_from(routes).unwrap_or(i64::MAX));
        self.metrics.prune(routes, || {
            table.routes().iter().map(labels).collect::<HashSet<_>>()
        });
        self.snapshot.store(Arc::new(Snapshot::new(table)));
        MessageResult(warnings)
    }
}

fn shadow_warnings(table: &RouteTable, id: &str) -> Vec<Warning> {
    shadow::shadows(table, id)
        .iter()
        .map(|shadow| Warning {
            path: format!("{}/{}", shadow.hidden.api.id, shadow.hidden.endpoint().id),
            message: shadow.to_string(),
        })
        .collect()
}
