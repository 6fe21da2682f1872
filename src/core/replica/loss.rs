//! What a decision cost: versions that were replaced by one that was not made on top of them. They
//! are logged, and the node that took them from a client says so (cluster.md, part 8; ADR 6).
//! Depends on the machine. Deliberately absent: any influence on a decision.

use super::{
    Replica,
    conflicts::Conflict,
    digest::Digest,
    id::ApiId,
    lineage::Lineage,
    output::Fact,
    params::Plant,
    round::{DecidedBy, Round},
    stamp::Now,
    wire::Version,
};

/// How an API stood just before it was decided.
#[derive(Debug, Clone, Default)]
pub(super) struct BeforeDecision {
    /// What was served.
    serving: Option<Version>,
    /// ... and all it was made on top of.
    lineage: Lineage,
    /// The candidates of a contested round that was not recorded yet.
    rivals: Vec<Version>,
}

/// A decision, to tell what survives it.
struct Decision {
    winner: Version,
    lineage: Lineage,
}

impl Replica {
    /// How `id` stands, if something with `ref_number` is going to end its round.
    pub(super) fn before(&self, id: &ApiId, ref_number: u64) -> Option<BeforeDecision> {
        let known = self.registry.get(id)?;
        (known.ref_number() < ref_number).then(|| self.before_decision(id))
    }

    pub(super) fn before_decision(&self, id: &ApiId) -> BeforeDecision {
        let local = self.locals.get(id);
        let contest = local.and_then(|local| local.contest.as_ref());
        let open = contest.is_some_and(|contest| contest.recorded.is_none());
        let rivals = self.registry.get(id).filter(|_| open).map(|round| {
            let ref_number = round.ref_number();
            let digests = round.candidates().keys().copied();
            digests
                .map(|digest| Version { ref_number, digest })
                .collect()
        });
        BeforeDecision {
            serving: local.and_then(|local| local.serving),
            lineage: self.lineage_of_next(id),
            rivals: rivals.unwrap_or_default(),
        }
    }

    /// What a write made now is made on top of: what is served here, since that is what its client
    /// could read.
    pub(super) fn lineage_of_next(&self, id: &ApiId) -> Lineage {
        let Some(serving) = self.locals.get(id).and_then(|local| local.serving) else {
            return Lineage::default();
        };
        let round = self.registry.get(id);
        let round = round.filter(|round| round.ref_number() == serving.ref_number);
        let candidate = round.and_then(|round| round.candidates().get(&serving.digest));
        let beneath = candidate.map(|candidate| candidate.ancestors.clone());
        beneath.unwrap_or_default().with(serving)
    }

    /// A higher ref ended the round of `id`: forgets the contest, and reports what was lost.
    pub(super) fn end_round(&mut self, id: &ApiId, before: &BeforeDecision, now: Now) {
        self.attention.remove(id);
        let Some(decision) = self.decision(id) else {
            return;
        };
        let wrote = self.lost_writes(id, &decision, before);
        let known = |version: &Version| decision.lineage.reaches(version.ref_number);
        let served = before.serving.filter(known);
        let replaced = before.rivals.iter().copied().chain(served);
        let replaced = replaced.filter(|version| !decision.includes(version));
        let mut losers: Vec<Digest> = replaced
            .chain(wrote.iter().copied())
            .map(|v| v.digest)
            .collect();
        losers.sort_unstable();
        losers.dedup();
        let Some(local) = self.locals.get_mut(id) else {
            return;
        };
        let contest = local.contest.take();
        if losers.is_empty() {
            return;
        }
        let since = contest.map_or(now.monotonic, |contest| contest.since);
        let conflict = Conflict {
            wall: now.wall,
            id: id.clone(),
            ref_number: decision.winner.ref_number,
            winner: decision.winner.digest,
            losers,
            decided_by: DecidedBy::Ref,
            votes: Vec::new(),
            own_client_lost: !wrote.is_empty(),
            duration: now.monotonic.saturating_sub(since),
        };
        self.log(conflict, wrote, decision.winner);
    }

    /// Writes a decided round to the conflict log, once per winner.
    pub(super) fn record(&mut self, id: &ApiId, before: &BeforeDecision, now: Now) {
        let Some(decision) = self.decision(id) else {
            return;
        };
        let winner = decision.winner;
        let Some(contest) = self
            .locals
            .get_mut(id)
            .and_then(|local| local.contest.as_mut())
        else {
            return;
        };
        if contest.recorded == Some(winner.digest) {
            return;
        }
        contest.recorded = Some(winner.digest);
        let duration = now.monotonic.saturating_sub(contest.since);
        let wrote = self.lost_writes(id, &decision, before);
        let Some(round) = self.registry.get(id) else {
            return;
        };
        let mut losers = others(round, &winner.digest);
        for lost in &wrote {
            if !losers.contains(&lost.digest) {
                losers.push(lost.digest);
            }
        }
        let keys = round.candidates().keys();
        let conflict = Conflict {
            wall: now.wall,
            id: id.clone(),
            ref_number: winner.ref_number,
            winner: winner.digest,
            losers,
            decided_by: round.decided_by(),
            votes: keys.map(|digest| (*digest, round.votes(digest))).collect(),
            own_client_lost: !wrote.is_empty(),
            duration,
        };
        self.log(conflict, wrote, winner);
    }

    fn log(&mut self, conflict: Conflict, wrote: Vec<Version>, winner: Version) {
        let (id, by_ref) = (conflict.id.clone(), conflict.decided_by == DecidedBy::Ref);
        self.conflicts.push(conflict.clone());
        self.tell(Fact::Decided(conflict));
        for lost in wrote {
            self.tell(Fact::Superseded {
                id: id.clone(),
                lost,
                winner,
                by_ref,
            });
        }
    }

    fn decision(&self, id: &ApiId) -> Option<Decision> {
        let winner = self.winner(id)?;
        let candidate = self.registry.get(id)?.candidates().get(&winner.digest)?;
        let lineage = candidate.ancestors.clone();
        Some(Decision { winner, lineage })
    }

    /// The writes of this node that are no part of the decision. They are not asked about again, nor
    /// are those that lie too far beneath it to be lost unseen.
    fn lost_writes(
        &mut self,
        id: &ApiId,
        decision: &Decision,
        before: &BeforeDecision,
    ) -> Vec<Version> {
        let Some(local) = self.locals.get_mut(id) else {
            return Vec::new();
        };
        let mut lost = Vec::new();
        let silent = self.params.rules.plant == Plant::LossUntold;
        local.wrote.retain(|version| {
            if decision.includes(version) {
                return true;
            }
            if !silent && !decision.is_beneath(version, before) {
                lost.push(*version);
            }
            false
        });
        lost
    }
}

// === impl Decision ===

impl Decision {
    /// Whether the winner is this version, or known to be made on top of it.
    fn includes(&self, version: &Version) -> bool {
        version.digest == self.winner.digest || self.lineage.holds(version)
    }

    /// Whether a version that was part of what was served is too old to be in the lineage, but lies
    /// beneath something that is.
    fn is_beneath(&self, version: &Version, before: &BeforeDecision) -> bool {
        let own = self.lineage.with(self.winner);
        !self.lineage.reaches(version.ref_number) && before.lineage.meets(&own, version.ref_number)
    }
}

fn others(round: &Round, winner: &Digest) -> Vec<Digest> {
    let digests = round.candidates().keys();
    digests
        .filter(|digest| *digest != winner)
        .copied()
        .collect()
}
