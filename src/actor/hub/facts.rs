//! What the hub tells, as log lines and counts.

use crate::{core::hub::output::Fact, telemetry::hub::HubMetrics};

/// Logs and counts `fact`.
pub(super) fn tell(fact: &Fact, metrics: &HubMetrics) {
    match fact {
        Fact::Accepted(events) => metrics.events("accepted", *events),
        Fact::Shipped { events, bytes } => metrics.shipped(*events, *bytes),
        Fact::Arrived(events) => metrics.events("arrived", *events),
        Fact::Repeated(events) => metrics.events("repeated", *events),
        Fact::Bounced => metrics.events("bounced", 1),
        Fact::Held => metrics.events("held", 1),
        Fact::Unreadable { origin, seq } => {
            metrics.events("unreadable", 1);
            log::error!("event {seq} of node {origin} cannot be read by this software");
        }
        Fact::Gap { origin, from, to } => {
            metrics.events("gap", 1);
            let to = to.map_or_else(|| "unknown".to_owned(), |to| to.to_string());
            log::warn!("events of node {origin} from {from} to {to} may be missing");
        }
        Fact::Met { node, name } => log::info!("node {name} takes part in events as {node}"),
        Fact::Lost { node } => log::info!("node {node} no longer takes part in events"),
        Fact::Backup(Some(node)) => log::info!("node {node} keeps copies of this node's events"),
        Fact::Backup(None) => log::warn!("no node keeps copies of this node's events"),
        Fact::Replayed { events, complete } => metrics.replayed(*events, *complete),
        Fact::SessionsForgotten(sessions) => log::warn!(
            "the blacklist is full: {sessions} revoked sessions gave way to others and are free again; \
             revoke for shorter times"
        ),
        Fact::Incomplete(names) => log::warn!(
            "ready without having compared the blacklist with {}: sessions revoked there are free here \
             until that is done",
            names.join(", ")
        ),
        Fact::Rejected { peer, reason } => {
            metrics.events("rejected", 1);
            log::debug!("dropped a message of {peer:?}: {reason}");
        }
    }
}
