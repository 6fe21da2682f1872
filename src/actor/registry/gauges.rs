//! The gauges that are read off the replica and the outlook (cluster.md, part 8).

use crate::{
    actor::registry::{RegistryActor, outlook::ClockOff},
    core::replica::id::ApiId,
};

/// What costs a look at every API is counted at most this often, in milliseconds.
const COUNTING_MS: u64 = 1_000;

impl RegistryActor {
    /// Sets the gauges that are read off the replica; called after every input, and so at least every
    /// five seconds.
    pub(super) fn gauge(&mut self) {
        let now = self.now().monotonic;
        let own_root = self.replica.root();
        for off in self.outlook.look(own_root, self.replica.members(), now) {
            let ClockOff { name, offset } = off;
            log::warn!("the clock of node {name} is off by {offset} ms");
        }
        let metrics = &self.metrics;
        metrics.members.set(gauge(self.replica.members().count()));
        metrics
            .members_differing
            .set(gauge(self.outlook.differing()));
        metrics
            .root_differs_seconds
            .set(seconds(self.outlook.differs_for(now)));
        let offset = self.outlook.clock_offset();
        let size = seconds(offset.unsigned_abs());
        metrics
            .clock_offset_seconds
            .set(if offset < 0 { -size } else { size });
        metrics
            .peers_refused
            .set(gauge(self.outlook.refused(now).len()));
        metrics.rounds_open.set(gauge(self.replica.rounds_open()));
        if self.counted_at.is_none_or(|at| at + COUNTING_MS <= now) {
            self.counted_at = Some(now);
            metrics
                .members_missing_votes
                .set(gauge(self.replica.members_missing_votes()));
            metrics.api_states(self.replica.api_states());
            let serving = |id: &ApiId| self.replica.serving(id);
            let (older_ref, outvoted) = self.outlook.file_deviations(serving);
            metrics.file_deviations(older_ref, outvoted);
        }
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "durations are far below 2^53 ms"
)]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1_000.0
}
