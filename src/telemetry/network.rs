//! What is counted about the connections between nodes. The names begin with `rig_cluster_`.
//!
//! Only meters; what they follow is in `p2p/stats`, and `actor/cluster/counting` carries it over.

use std::sync::Arc;

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts};

use crate::telemetry::metrics::Metrics;

/// The meters of the network part.
#[derive(Debug)]
pub struct NetworkMetrics {
    /// 1 while the cluster port is open.
    pub port_open: IntGauge,
    /// Times the cluster port could not be opened, or its network part ended.
    pub port_failures: IntCounter,
    /// Peers with a connection that works.
    pub peers: IntGauge,
    /// Open connections.
    pub connections: IntGauge,
    /// Known addresses.
    pub addresses: IntGauge,
    /// Gossip messages, by `direction`.
    pub gossip: IntCounterVec,
    /// Their bytes, by `direction`.
    pub gossip_bytes: IntCounterVec,
    /// Gossip that got lost on this node, by `reason`.
    pub gossip_dropped: IntCounterVec,
    /// Requests, by `direction`.
    pub requests: IntCounterVec,
    /// Bytes of requests and answers, by `direction`.
    pub request_bytes: IntCounterVec,
    /// Requests without a useful answer, by `reason`.
    pub requests_failed: IntCounterVec,
    /// Tries to connect.
    pub dials: IntCounter,
    /// ... that failed.
    pub dials_failed: IntCounter,
    /// Connections refused, here or over there, by `reason`.
    pub refused: IntCounterVec,
    /// Frames that are none, or too long.
    pub malformed: IntCounter,
    /// Peers kept out for a while.
    pub bans: IntCounter,
    /// Connections this node closed by itself, by `reason`.
    pub closed: IntCounterVec,
    /// Times a peer was too slow for the gossip queued for it.
    pub peers_slow: IntCounter,
}

// === impl NetworkMetrics ===

impl NetworkMetrics {
    /// Meters at zero, shown with those of `metrics`.
    ///
    /// # Errors
    /// Never in practice: two meters of one name, which a test would show.
    pub fn new(metrics: &Metrics) -> Result<Arc<Self>, prometheus::Error> {
        let gauge = |name: &str, help: &str| metrics.register(IntGauge::new(name, help)?);
        let counter = |name: &str, help: &str| metrics.register(IntCounter::new(name, help)?);
        let counters = |name: &str, help: &str, label: &str| {
            metrics.register(IntCounterVec::new(Opts::new(name, help), &[label])?)
        };
        Ok(Arc::new(Self {
            port_open: gauge("rig_cluster_port_open", "1 while the cluster port is open.")?,
            port_failures: counter(
                "rig_cluster_port_failures_total",
                "Times the cluster port could not be opened, or was lost.",
            )?,
            peers: gauge("rig_cluster_peers", "Nodes with a working connection.")?,
            connections: gauge("rig_cluster_connections", "Connections between nodes.")?,
            addresses: gauge("rig_cluster_addresses", "Known addresses of nodes.")?,
            gossip: counters(
                "rig_cluster_gossip_total",
                "Messages told to all nodes.",
                "direction",
            )?,
            gossip_bytes: counters(
                "rig_cluster_gossip_bytes_total",
                "Their bytes.",
                "direction",
            )?,
            gossip_dropped: counters(
                "rig_cluster_gossip_dropped_total",
                "Messages told to all that this node dropped.",
                "reason",
            )?,
            requests: counters(
                "rig_cluster_requests_total",
                "Questions to one node.",
                "direction",
            )?,
            request_bytes: counters(
                "rig_cluster_request_bytes_total",
                "Bytes of questions and answers.",
                "direction",
            )?,
            requests_failed: counters(
                "rig_cluster_requests_failed_total",
                "Questions without an answer.",
                "reason",
            )?,
            dials: counter("rig_cluster_dials_total", "Tries to connect to a node.")?,
            dials_failed: counter("rig_cluster_dials_failed_total", "Tries that failed.")?,
            refused: counters(
                "rig_cluster_refused_total",
                "Connections that were refused, here or by the other end.",
                "reason",
            )?,
            malformed: counter(
                "rig_cluster_malformed_total",
                "Malformed or oversized frames.",
            )?,
            bans: counter("rig_cluster_bans_total", "Nodes kept out for a minute.")?,
            closed: counters(
                "rig_cluster_connections_closed_total",
                "Connections that this node closed by itself.",
                "reason",
            )?,
            peers_slow: counter(
                "rig_cluster_peers_slow_total",
                "Times a node was too slow for what it was told.",
            )?,
        }))
    }
}
