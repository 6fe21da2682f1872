//! What is counted about the cluster (cluster.md, part 8). The names begin with `rig_registry_`.

use std::sync::Arc;

use prometheus::{
    Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
};

use crate::{
    core::replica::{
        output::{Reject, ServeCause, SyncResult},
        round::DecidedBy,
        view::ApiStates,
    },
    telemetry::metrics::Metrics,
};

/// Seconds; from a vote among neighbours to the patience of rule C.
const ROUND_BUCKETS: [f64; 10] = [0.005, 0.05, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Every value of a label. Series are there from the start, at zero: a rise from nothing to 1 is none for
/// `increase()`.
const SERVE_CAUSES: [ServeCause; 4] = [
    ServeCause::Load,
    ServeCause::Write,
    ServeCause::Ref,
    ServeCause::Vote,
];
const DECISIONS: [DecidedBy; 4] = [
    DecidedBy::Ref,
    DecidedBy::Votes,
    DecidedBy::Timestamp,
    DecidedBy::Tie,
];
const SYNC_RESULTS: [SyncResult; 3] = [SyncResult::Same, SyncResult::Delta, SyncResult::Failed];
const REJECTS: [Reject; 8] = [
    Reject::Oversized,
    Reject::Major,
    Reject::Malformed,
    Reject::Cluster,
    Reject::RefTooHigh,
    Reject::WrongBody,
    Reject::Presence,
    Reject::Answer,
];

/// The meters of the replica.
#[derive(Debug)]
pub struct ClusterMetrics {
    /// Contested rounds that are not finished here.
    pub rounds_open: IntGauge,
    /// Other members.
    pub members: IntGauge,
    /// Members whose root signature differs from this node's.
    pub members_differing: IntGauge,
    /// Members whose ballot is missing in an open round.
    pub members_missing_votes: IntGauge,
    /// How long some member's root has differed, in seconds.
    pub root_differs_seconds: Gauge,
    /// The largest clock offset of a member, in seconds; above 0 it is ahead.
    pub clock_offset_seconds: Gauge,
    /// Addresses refused in the last minutes.
    pub peers_refused: IntGauge,
    /// APIs, by `state`.
    apis: IntGaugeVec,
    /// Served versions changed, by `cause`.
    served_changes: IntCounterVec,
    /// Decided rounds, by `decided_by`.
    rounds: IntCounterVec,
    /// Time from learning of a conflict to its decision.
    round_seconds: Histogram,
    /// Writes accepted here that lost, by `by`.
    superseded: IntCounterVec,
    /// Ballots cast, by `kind`.
    ballots: IntCounterVec,
    /// Exchanges with peers, by `result`.
    syncs: IntCounterVec,
    /// Bytes of these exchanges, by `direction`.
    sync_bytes: IntCounterVec,
    /// Dropped messages, by `reason`.
    rejected: IntCounterVec,
    /// This node's file says something else than the cluster, by `reason`.
    file_deviations: IntGaugeVec,
    /// Versions this software cannot activate.
    pub not_activatable: IntCounter,
    /// Another process uses this node's name.
    pub name_clashes: IntCounter,
}

// === impl ClusterMetrics ===

impl ClusterMetrics {
    /// Meters at zero, shown with those of `metrics`.
    ///
    /// # Errors
    /// Never in practice: two meters of one name, which a test would show.
    #[expect(clippy::too_many_lines, reason = "a list: one entry per meter")]
    pub fn new(metrics: &Metrics) -> Result<Arc<Self>, prometheus::Error> {
        let gauge = |name: &str, help: &str| metrics.register(IntGauge::new(name, help)?);
        let counter = |name: &str, help: &str| metrics.register(IntCounter::new(name, help)?);
        let seconds = |name: &str, help: &str| metrics.register(Gauge::new(name, help)?);
        let counters = |name: &str, help: &str, label: &str| {
            metrics.register(IntCounterVec::new(Opts::new(name, help), &[label])?)
        };
        let round_seconds = HistogramOpts::new(
            "rig_registry_round_seconds",
            "Time from learning of a conflict to its decision.",
        );
        let meters = Self {
            rounds_open: gauge(
                "rig_registry_rounds_open",
                "Contested rounds, not finished here.",
            )?,
            members: gauge("rig_registry_members", "Other members of the cluster.")?,
            members_differing: gauge(
                "rig_registry_members_differing",
                "Members whose registry differs from this node's.",
            )?,
            members_missing_votes: gauge(
                "rig_registry_members_missing_votes",
                "Members whose vote is missing in a round that is open here.",
            )?,
            root_differs_seconds: seconds(
                "rig_registry_root_differs_seconds",
                "How long some member's registry has differed from this node's.",
            )?,
            clock_offset_seconds: seconds(
                "rig_registry_peer_clock_offset_seconds",
                "The largest offset of a member's clock; above 0 it is ahead of this node's.",
            )?,
            peers_refused: gauge(
                "rig_cluster_peers_refused",
                "Addresses with which a connection was refused in the last minutes.",
            )?,
            apis: metrics.register(IntGaugeVec::new(
                Opts::new(
                    "rig_registry_apis",
                    "APIs this node knows, tombstones included.",
                ),
                &["state"],
            )?)?,
            served_changes: counters(
                "rig_registry_served_changes_total",
                "Changes of served versions.",
                "cause",
            )?,
            rounds: counters("rig_registry_rounds_total", "Decided rounds.", "decided_by")?,
            round_seconds: metrics.register(Histogram::with_opts(
                round_seconds.buckets(ROUND_BUCKETS.to_vec()),
            )?)?,
            superseded: counters(
                "rig_registry_superseded_total",
                "Writes accepted here that lost.",
                "by",
            )?,
            ballots: counters("rig_registry_ballots_total", "Ballots cast.", "kind")?,
            syncs: counters(
                "rig_registry_sync_total",
                "Exchanges with other nodes.",
                "result",
            )?,
            sync_bytes: counters(
                "rig_registry_sync_bytes_total",
                "Bytes of exchanges with other nodes.",
                "direction",
            )?,
            rejected: counters("rig_registry_rejected_total", "Dropped messages.", "reason")?,
            file_deviations: metrics.register(IntGaugeVec::new(
                Opts::new(
                    "rig_registry_file_deviation",
                    "Definitions of this node's file that are not served now.",
                ),
                &["reason"],
            )?)?,
            not_activatable: counter(
                "rig_registry_not_activatable_total",
                "Versions that this software cannot activate.",
            )?,
            name_clashes: counter("rig_registry_name_clash_total", "Clashes of node names.")?,
        };
        meters.begin();
        Ok(Arc::new(meters))
    }

    /// Makes every series.
    fn begin(&self) {
        let Self {
            served_changes,
            rounds,
            superseded,
            ballots,
            syncs,
            sync_bytes,
            rejected,
            ..
        } = self;
        let start = |counters: &IntCounterVec, label: &str| {
            counters.with_label_values(&[label]).inc_by(0);
        };
        for cause in SERVE_CAUSES {
            start(served_changes, serve_cause(cause));
        }
        for by in DECISIONS {
            start(rounds, decided_by(by));
        }
        for by_ref in [true, false] {
            start(superseded, lost_by(by_ref));
        }
        for concession in [true, false] {
            start(ballots, ballot(concession));
        }
        for result in SYNC_RESULTS {
            start(syncs, sync_result(result));
        }
        for direction in ["in", "out"] {
            start(sync_bytes, direction);
        }
        for reason in REJECTS {
            start(rejected, reject(reason));
        }
        self.api_states(ApiStates::default());
        self.file_deviations(0, 0);
    }

    /// A version is served.
    pub fn served(&self, cause: ServeCause) {
        self.served_changes
            .with_label_values(&[serve_cause(cause)])
            .inc();
    }

    /// A round was decided.
    pub fn decided(&self, by: DecidedBy, duration_ms: u64) {
        self.rounds.with_label_values(&[decided_by(by)]).inc();
        #[expect(
            clippy::cast_precision_loss,
            reason = "durations are far below 2^53 ms"
        )]
        self.round_seconds.observe(duration_ms as f64 / 1_000.0);
    }

    /// A write accepted here lost.
    pub fn superseded(&self, by_ref: bool) {
        self.superseded.with_label_values(&[lost_by(by_ref)]).inc();
    }

    /// A ballot was cast.
    pub fn cast(&self, concession: bool) {
        self.ballots.with_label_values(&[ballot(concession)]).inc();
    }

    /// An exchange ended.
    pub fn synced(&self, result: SyncResult) {
        self.syncs.with_label_values(&[sync_result(result)]).inc();
    }

    /// A question or an answer came.
    pub fn received(&self, bytes: usize) {
        self.sync_bytes
            .with_label_values(&["in"])
            .inc_by(bytes as u64);
    }

    /// A question or an answer was sent.
    pub fn sent(&self, bytes: usize) {
        self.sync_bytes
            .with_label_values(&["out"])
            .inc_by(bytes as u64);
    }

    /// So many APIs are in each state.
    pub fn api_states(&self, states: ApiStates) {
        for (state, count) in [
            ("active", states.active),
            ("deleted", states.deleted),
            ("contested", states.contested),
            ("not_activatable", states.not_activatable),
        ] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.apis.with_label_values(&[state]).set(count);
        }
    }

    /// A message was dropped.
    pub fn rejected(&self, reason: Reject) {
        self.rejected.with_label_values(&[reject(reason)]).inc();
    }

    /// So many entries of this node's file are not what it serves now.
    pub fn file_deviations(&self, older_ref: i64, outvoted: i64) {
        for (reason, count) in [("older_ref", older_ref), ("outvoted", outvoted)] {
            self.file_deviations.with_label_values(&[reason]).set(count);
        }
    }
}

/// The rule that decided, as operators read it.
pub const fn decided_by(by: DecidedBy) -> &'static str {
    match by {
        DecidedBy::Ref => "ref",
        DecidedBy::Votes => "votes",
        DecidedBy::Timestamp => "timestamp",
        DecidedBy::Tie => "tie",
    }
}

const fn serve_cause(cause: ServeCause) -> &'static str {
    match cause {
        ServeCause::Load => "load",
        ServeCause::Write => "write",
        ServeCause::Ref => "ref",
        ServeCause::Vote => "vote",
    }
}

const fn lost_by(by_ref: bool) -> &'static str {
    if by_ref { "ref" } else { "votes" }
}

const fn ballot(concession: bool) -> &'static str {
    if concession { "concession" } else { "first" }
}

const fn sync_result(result: SyncResult) -> &'static str {
    match result {
        SyncResult::Same => "same",
        SyncResult::Delta => "delta",
        SyncResult::Failed => "failed",
    }
}

const fn reject(reason: Reject) -> &'static str {
    match reason {
        Reject::Oversized => "oversized",
        Reject::Major => "major",
        Reject::Malformed => "malformed",
        Reject::Cluster => "cluster",
        Reject::RefTooHigh => "ref_too_high",
        Reject::WrongBody => "wrong_body",
        Reject::Presence => "presence",
        Reject::Answer => "answer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_there_before_its_first_count() {
        let metrics = Metrics::new().unwrap();
        let meters = ClusterMetrics::new(&metrics).unwrap();
        let names = |text: String| -> Vec<String> {
            let series = text
                .lines()
                .filter(|line| line.starts_with("rig_registry_"));
            series
                .filter_map(|line| line.rsplit_once(' '))
                .map(|(name, _value)| name.to_owned())
                .collect()
        };
        let before = names(metrics.render());
        SERVE_CAUSES
            .into_iter()
            .for_each(|cause| meters.served(cause));
        DECISIONS.into_iter().for_each(|by| meters.decided(by, 1));
        SYNC_RESULTS
            .into_iter()
            .for_each(|result| meters.synced(result));
        REJECTS
            .into_iter()
            .for_each(|reason| meters.rejected(reason));
        for by_ref in [true, false] {
            meters.superseded(by_ref);
            meters.cast(by_ref);
        }
        meters.received(1);
        meters.sent(1);
        meters.api_states(ApiStates::default());
        meters.file_deviations(1, 1);
        assert_eq!(names(metrics.render()), before);
        for (meter, series) in [
            ("served_changes_total", 4),
            ("rounds_total", 4),
            ("superseded_total", 2),
            ("ballots_total", 2),
            ("sync_total", 3),
            ("sync_bytes_total", 2),
            ("rejected_total", 8),
            ("apis", 4),
            ("file_deviation", 2),
        ] {
            let begin = format!("rig_registry_{meter}{{");
            let found = before.iter().filter(|name| name.starts_with(&begin));
            assert_eq!(found.count(), series, "{meter}");
        }
    }
}
