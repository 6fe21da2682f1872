//! Carries the counters of the network part over to the metrics.
//!
//! The network part counts from zero in each of its lives; metrics go on. Pure but for the meters.

use prometheus::IntCounterVec;

use crate::{p2p::stats::Stats, telemetry::network::NetworkMetrics};

/// What was carried over of one life of the network part.
#[derive(Debug, Default)]
pub(super) struct Counting {
    last: Stats,
}

// === impl Counting ===

impl Counting {
    /// Adds what was counted since the last time, and sets the gauges.
    pub(super) fn carry(&mut self, now: Stats, meters: &NetworkMetrics) {
        let last = std::mem::replace(&mut self.last, now);
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        meters.peers.set(gauge(now.peers));
        meters.connections.set(gauge(now.connections));
        meters.addresses.set(gauge(now.addresses));
        for (meter, new, old) in [
            (&meters.dials, now.dials, last.dials),
            (&meters.dials_failed, now.dials_failed, last.dials_failed),
            (&meters.malformed, now.malformed, last.malformed),
            (&meters.bans, now.bans, last.bans),
            (&meters.peers_slow, now.peers_slow, last.peers_slow),
        ] {
            meter.inc_by(new.saturating_sub(old));
        }
        let labelled = labelled(&now, meters)
            .into_iter()
            .zip(labelled(&last, meters));
        for ((meter, label, new), (_, _, old)) in labelled {
            // Also by nothing, so that every series is there from the start.
            let series = meter.with_label_values(&[label]);
            series.inc_by(new.saturating_sub(old));
        }
    }
}

/// The counters with a label.
fn labelled<'a>(
    stats: &Stats,
    meters: &'a NetworkMetrics,
) -> [(&'a IntCounterVec, &'static str, u64); 21] {
    let [handshake, allow_list, limit, banned, protocol] = stats.refused;
    [
        (&meters.gossip, "in", stats.gossip_in),
        (&meters.gossip, "out", stats.gossip_out),
        (&meters.gossip_bytes, "in", stats.gossip_in_bytes),
        (&meters.gossip_bytes, "out", stats.gossip_out_bytes),
        (&meters.gossip_dropped, "flood", stats.gossip_dropped),
        (&meters.gossip_dropped, "unheard", stats.gossip_unheard),
        (&meters.gossip_dropped, "failed", stats.gossip_failed),
        (&meters.requests, "in", stats.requests_in),
        (&meters.requests, "out", stats.requests_out),
        (&meters.request_bytes, "in", stats.request_bytes_in),
        (&meters.request_bytes, "out", stats.request_bytes_out),
        (&meters.requests_failed, "flood", stats.requests_shed),
        (&meters.requests_failed, "unanswered", stats.requests_failed),
        (&meters.refused, "handshake", handshake),
        (&meters.refused, "allow_list", allow_list),
        (&meters.refused, "limit", limit),
        (&meters.refused, "banned", banned),
        (&meters.refused, "protocol", protocol),
        (&meters.closed, "silent", stats.deadlines_missed),
        (&meters.closed, "duplicate", stats.duplicates_closed),
        (&meters.closed, "unsubscribed", stats.unsubscribed_healed),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::Metrics;

    #[test]
    fn counters_go_on_when_the_network_part_counts_from_zero_again() {
        let metrics = Metrics::new().unwrap();
        let meters = NetworkMetrics::new(&metrics).unwrap();
        let at = |dials: u64, peers: u64| Stats {
            dials,
            peers,
            refused: [dials, 0, 0, 0, 0],
            ..Stats::default()
        };
        let mut first = Counting::default();
        for (dials, peers) in [(2, 1), (5, 3), (5, 3)] {
            first.carry(at(dials, peers), &meters);
        }
        Counting::default().carry(at(1, 0), &meters);
        assert_eq!((meters.dials.get(), meters.peers.get()), (6, 0));
        let text = metrics.render();
        for line in [
            "rig_cluster_refused_total{reason=\"handshake\"} 6",
            "rig_cluster_refused_total{reason=\"allow_list\"} 0",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
