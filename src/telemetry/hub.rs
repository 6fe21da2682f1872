//! What is counted about events between nodes. The names begin with `rig_hub_`.

use std::sync::Arc;

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts};

use crate::{
    core::hub::{Figures, output::SubmitRefusal},
    telemetry::metrics::Metrics,
};

/// The meters of the hub.
#[derive(Debug)]
pub struct HubMetrics {
    /// Events and batches, by what happened to them.
    events: IntCounterVec,
    /// Events sent to other nodes.
    shipped: IntCounter,
    /// Bytes of events sent to other nodes.
    shipped_bytes: IntCounter,
    /// Submissions, by how they ended.
    submissions: IntCounterVec,
    /// Pages of replays, by whether they had a gap.
    replays: IntCounterVec,
    /// Events replayed.
    replayed: IntCounter,
    /// Memory, by what for.
    bytes: IntGaugeVec,
    /// Linked nodes.
    nodes: IntGauge,
    /// Event types and prefixes this node wants, and its peers.
    interest: IntGaugeVec,
    /// Submissions that wait for a copy.
    waiting: IntGauge,
}

// === impl HubMetrics ===

impl HubMetrics {
    /// Meters at zero, shown with those of `metrics`.
    ///
    /// # Errors
    /// Never in practice: two meters of one name, which a test would show.
    pub fn new(metrics: &Metrics) -> Result<Arc<Self>, prometheus::Error> {
        let gauge = |name: &str, help: &str| metrics.register(IntGauge::new(name, help)?);
        let gauges = |name: &str, help: &str, label: &str| {
            metrics.register(IntGaugeVec::new(Opts::new(name, help), &[label])?)
        };
        let counter = |name: &str, help: &str| metrics.register(IntCounter::new(name, help)?);
        let counters = |name: &str, help: &str, label: &str| {
            metrics.register(IntCounterVec::new(Opts::new(name, help), &[label])?)
        };
        Ok(Arc::new(Self {
            events: counters(
                "rig_hub_events_total",
                "Events between nodes, by what happened to them.",
                "what",
            )?,
            shipped: counter("rig_hub_shipped_total", "Events sent to other nodes.")?,
            shipped_bytes: counter(
                "rig_hub_shipped_bytes_total",
                "Bytes of events sent to other nodes.",
            )?,
            submissions: counters(
                "rig_hub_submissions_total",
                "Submissions, by how they ended.",
                "result",
            )?,
            replays: counters(
                "rig_hub_replays_total",
                "Pages of replays, by whether something may be missing.",
                "result",
            )?,
            replayed: counter("rig_hub_replayed_total", "Events replayed.")?,
            bytes: gauges("rig_hub_bytes", "Memory of the hub, by what for.", "what")?,
            nodes: gauge("rig_hub_nodes", "Other nodes that take part in events.")?,
            interest: gauges(
                "rig_hub_interest",
                "Event types and prefixes that are wanted, by whom.",
                "whose",
            )?,
            waiting: gauge(
                "rig_hub_submissions_waiting",
                "Submissions that wait for another node's copy.",
            )?,
        }))
    }

    /// Something happened to this many events.
    pub fn events(&self, what: &'static str, count: usize) {
        self.events.with_label_values(&[what]).inc_by(count as u64);
    }

    /// A batch was sent.
    pub fn shipped(&self, events: usize, bytes: usize) {
        self.shipped.inc_by(events as u64);
        self.shipped_bytes.inc_by(bytes as u64);
    }

    /// A submission ended.
    pub fn submitted(&self, result: Result<(), SubmitRefusal>) {
        let result = match result {
            Ok(()) => "accepted",
            Err(SubmitRefusal::TooLarge) => "too_large",
            Err(SubmitRefusal::NotReady) => "not_ready",
            Err(SubmitRefusal::Overloaded) => "overloaded",
            Err(SubmitRefusal::NotReplicated) => "not_replicated",
        };
        self.submissions.with_label_values(&[result]).inc();
    }

    /// A page of a replay was given.
    pub fn replayed(&self, events: usize, complete: bool) {
        let result = if complete { "complete" } else { "gap" };
        self.replays.with_label_values(&[result]).inc();
        self.replayed.inc_by(events as u64);
    }

    /// Sizes.
    pub fn show(&self, figures: Figures) {
        let number = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
        let bytes = |what: &str, size| self.bytes.with_label_values(&[what]).set(number(size));
        bytes("log", figures.log_bytes);
        bytes("copies", figures.copies_bytes);
        bytes("memos", figures.memos_bytes);
        let interest = |whose: &str, size| {
            self.interest.with_label_values(&[whose]).set(number(size));
        };
        interest("own", figures.interest);
        interest("peers", figures.peers_interest);
        self.nodes.set(number(figures.peers));
        self.waiting.set(number(figures.waiters));
    }
}
