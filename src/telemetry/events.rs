//! What is counted about events and the lines to frontends (spec: `observability.md` 9.2).

use std::sync::Arc;

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
};

use crate::telemetry::{labels::Labels, metrics::Metrics};

/// Seconds from acceptance, on whichever node, to the last write of a worker.
const DELIVERY_BUCKETS: [f64; 11] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
];

/// Every transport, and why its lines are closed and refused. Series are there from the start, at zero:
/// a rise from nothing to 1 is none for `increase()`. The words are those of `http/inbound/events`.
const TRANSPORTS: [&str; 3] = ["sse", "ws", "longpolling"];
const CLOSED: [&str; 7] = [
    "client_gone",
    "client_closed",
    "slow_consumer",
    "session_killed",
    "token_expired",
    "shutdown",
    "protocol",
];
const REFUSED: [&str; 5] = ["bad_request", "token", "denied", "rate", "starting"];
/// Beside these, of polls.
const POLLS_REFUSED: [&str; 3] = ["draining", "sessions", "node_silent"];

/// The meters.
#[derive(Debug)]
pub struct EventMetrics {
    /// Open lines, by transport.
    current: IntGaugeVec,
    /// Lines opened so far, by transport.
    opened: IntCounterVec,
    /// Lines closed so far, by transport and reason.
    closed: IntCounterVec,
    /// Connection attempts refused, by reason.
    refused: IntCounterVec,
    /// Current subscriptions of this node's lines.
    pub subscriptions: IntGauge,
    /// Bytes that wait for slow clients.
    pub queued_bytes: IntGauge,
    /// Events handed to at least one line, by type.
    forwarded: IntCounterVec,
    types: Labels,
    /// Events handed to lines.
    pub deliveries: IntCounter,
    /// Seconds from acceptance to the last line of a worker.
    pub delivery_seconds: Histogram,
}

// === impl EventMetrics ===

impl EventMetrics {
    /// Meters at zero, shown with those of `metrics`.
    ///
    /// # Errors
    /// Never in practice: two meters of one name, which a test would show.
    pub fn new(metrics: &Metrics) -> Result<Arc<Self>, prometheus::Error> {
        let gauge = |name: &str, help: &str| metrics.register(IntGauge::new(name, help)?);
        let counters = |name: &str, help: &str, labels: &[&str]| {
            metrics.register(IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let delivery_seconds = HistogramOpts::new(
            "rig_event_delivery_seconds",
            "Time from an event's arrival at this node to the last of a worker's lines.",
        );
        let meters = Self {
            current: metrics.register(IntGaugeVec::new(
                Opts::new(
                    "rig_connections_current",
                    "Open connections of frontends, by transport.",
                ),
                &["type"],
            )?)?,
            opened: counters(
                "rig_connections_total",
                "Connections of frontends opened so far.",
                &["type"],
            )?,
            closed: counters(
                "rig_connections_closed_total",
                "Connections of frontends closed so far, by reason.",
                &["type", "reason"],
            )?,
            refused: counters(
                "rig_connections_refused_total",
                "Connections of frontends refused, by reason.",
                &["type", "reason"],
            )?,
            subscriptions: gauge(
                "rig_subscriptions_total",
                "Current subscriptions of this node's connections.",
            )?,
            queued_bytes: gauge(
                "rig_connection_queue_bytes",
                "Bytes of events that wait for slow clients.",
            )?,
            forwarded: counters(
                "rig_consumed_events_forwarded_total",
                "Events handed to at least one connection of this node, by type.",
                &["type"],
            )?,
            types: Labels::default(),
            deliveries: metrics.register(IntCounter::new(
                "rig_event_deliveries_total",
                "Events handed to connections.",
            )?)?,
            delivery_seconds: metrics.register(Histogram::with_opts(
                delivery_seconds.buckets(DELIVERY_BUCKETS.to_vec()),
            )?)?,
        };
        for transport in TRANSPORTS {
            meters.current.with_label_values(&[transport]).set(0);
            meters.opened.with_label_values(&[transport]).inc_by(0);
            for reason in CLOSED {
                let closed = meters.closed.with_label_values(&[transport, reason]);
                closed.inc_by(0);
            }
            for reason in REFUSED {
                let refused = meters.refused.with_label_values(&[transport, reason]);
                refused.inc_by(0);
            }
        }
        for reason in POLLS_REFUSED {
            let refused = meters.refused.with_label_values(&["longpolling", reason]);
            refused.inc_by(0);
        }
        Ok(Arc::new(meters))
    }

    /// A line opened.
    pub fn opened(&self, transport: &str) {
        self.current.with_label_values(&[transport]).inc();
        self.opened.with_label_values(&[transport]).inc();
    }

    /// A line closed.
    pub fn closed(&self, transport: &str, reason: &str) {
        self.current.with_label_values(&[transport]).dec();
        self.closed.with_label_values(&[transport, reason]).inc();
    }

    /// An event was handed to at least one line of this node; counted once, however many they are.
    pub fn forwarded(&self, event_type: &Arc<str>) {
        let label = self.types.label(event_type);
        self.forwarded.with_label_values(&[label]).inc();
    }

    /// A client was not let in.
    pub fn refused(&self, transport: &str, reason: &str) {
        self.refused.with_label_values(&[transport, reason]).inc();
    }
}
