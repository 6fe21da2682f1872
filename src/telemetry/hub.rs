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
    /// Linked nodes that are known.
    nodes: IntGauge,
    /// Event types and prefixes this node wants, and its peers.
    interest: IntGaugeVec,
    /// Submissions that wait for a copy.
    waiting: IntGauge,
    /// Revoked sessions, by name of the set.
    set_current: IntGaugeVec,
    /// Those ever added, by name of the set.
    set_total: IntGaugeVec,
    /// Revoked sessions that gave way to others.
    evicted: IntCounter,
}

/// What may happen to events.
const EVENTS: [&str; 8] = [
    "accepted",
    "arrived",
    "repeated",
    "bounced",
    "held",
    "unreadable",
    "gap",
    "rejected",
];

/// How a submission may end.
const SUBMISSIONS: [&str; 6] = [
    "accepted",
    "too_large",
    "not_ready",
    "overloaded",
    "no_keeper",
    "not_replicated",
];

/// What the original calls the set of revoked sessions.
const SESSIONS: &str = "Elixir.SessionBlacklist";

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
        let meters = Self {
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
            set_current: gauges(
                "rig_distributed_set_items_current",
                "Entries of a set that all nodes share.",
                "name",
            )?,
            set_total: gauges(
                "rig_distributed_set_items_total",
                "Entries of a set that all nodes share, ever added.",
                "name",
            )?,
            evicted: counter(
                "rig_hub_sessions_evicted_total",
                "Revoked sessions that gave way to others because there is no room.",
            )?,
        };
        meters.begin();
        Ok(Arc::new(meters))
    }

    /// Shows all counters at zero: the rise of one that is born with its first count is not seen.
    fn begin(&self) {
        for what in EVENTS {
            self.events.with_label_values(&[what]);
        }
        for result in SUBMISSIONS {
            self.submissions.with_label_values(&[result]);
        }
        for result in ["complete", "gap"] {
            self.replays.with_label_values(&[result]);
        }
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
            Err(SubmitRefusal::NoKeeper) => "no_keeper",
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
        let total = i64::try_from(figures.sessions_added).unwrap_or(i64::MAX);
        self.set_total.with_label_values(&[SESSIONS]).set(total);
        let current = self.set_current.with_label_values(&[SESSIONS]);
        current.set(number(figures.sessions));
        let evicted = figures.sessions_evicted;
        self.evicted
            .inc_by(evicted.saturating_sub(self.evicted.get()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_there_before_it_counts() {
        let metrics = Metrics::new().unwrap();
        let _meters = HubMetrics::new(&metrics).unwrap();
        let text = metrics.render();
        for series in [
            r#"rig_hub_events_total{what="gap"} 0"#,
            r#"rig_hub_submissions_total{result="not_replicated"} 0"#,
            r#"rig_hub_replays_total{result="gap"} 0"#,
            "rig_hub_sessions_evicted_total 0",
        ] {
            assert!(text.contains(series), "{series}");
        }
    }
}
