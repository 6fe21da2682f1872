//! What the cluster pages and metrics show (cluster.md, part 8). Read-only.
//! Depends on the machine. Deliberately absent: JSON.

use std::collections::BTreeSet;

use super::{
    Identity, Replica,
    conflicts::Conflict,
    contest::Contest,
    digest::Digest,
    id::{ApiId, PeerId, Voter},
    members::Member,
    registry::Registry,
    round::Round,
    stamp::{Now, Stamp},
    wire::Version,
};

/// A contested round as this node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundView {
    /// The API.
    pub id: ApiId,
    /// The ref.
    pub ref_number: u64,
    /// Every candidate with its stamp and voters.
    pub candidates: Vec<(Digest, Stamp, Vec<Voter>)>,
    /// The winner.
    pub winner: Option<Digest>,
    /// What this node serves.
    pub serving: Option<Version>,
    /// Members without a ballot.
    pub missing: Vec<PeerId>,
    /// How far it is.
    pub phase: Phase,
    /// Milliseconds since this node learned of it.
    pub age: u64,
    /// Milliseconds since its last change.
    pub quiet: u64,
}

/// How many APIs are in which state; each is counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ApiStates {
    /// A definition is served.
    pub active: u64,
    /// Deleted: a tombstone.
    pub deleted: u64,
    /// There is a vote that is not over here.
    pub contested: u64,
    /// The version that won cannot be activated by this software.
    pub not_activatable: u64,
}

/// How far a contested round is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Votes are missing, or the winner is not served yet.
    Collecting,
    /// The winner is served; some ballots are still for losers.
    Decided,
    /// All ballots are for the winner.
    Conceded,
}

impl Replica {
    /// Who this node is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The replicated state.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Hash over the registry; equal on nodes that are in sync.
    pub fn root(&mut self) -> u64 {
        self.registry.tree().root()
    }

    /// What is served for an API.
    pub fn serving(&self, id: &ApiId) -> Option<Version> {
        self.locals.get(id)?.serving
    }

    /// Everything that is served, in id order.
    pub fn served(&self) -> impl Iterator<Item = (&ApiId, Version)> {
        self.locals
            .iter()
            .filter_map(|(id, local)| Some((id, local.serving?)))
    }

    /// The other members.
    pub fn members(&self) -> impl Iterator<Item = (&PeerId, &Member)> {
        self.members.iter()
    }

    /// This node's vote; changes after a name clash.
    pub fn voter(&self) -> Voter {
        self.voter
    }

    /// This process's incarnation; changes when it is outbid.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Whether writes are taken.
    pub fn is_ready(&self) -> bool {
        self.life.ready && self.life.leaving.is_none()
    }

    /// Whether the membership was calm once.
    pub fn is_established(&self) -> bool {
        self.life.established
    }

    /// Number of contested rounds that are not finished here.
    pub fn rounds_open(&self) -> usize {
        self.attention.len()
    }

    /// Number of members whose ballot is missing in a round that is not finished here.
    pub fn members_missing_votes(&self) -> usize {
        let rounds = self.attention.iter().filter_map(|id| self.registry.get(id));
        let rounds = rounds.filter(|round| round.contested());
        let missing: BTreeSet<&PeerId> = rounds
            .flat_map(|round| self.members.missing(round))
            .collect();
        missing.len()
    }

    /// Number of APIs, tombstones included; reserved ids are none.
    pub fn apis(&self) -> u64 {
        let ids = self.registry.iter().map(|(id, _)| id);
        ids.filter(|id| !id.is_reserved()).count() as u64
    }

    /// The APIs by state; reserved ids are none. Looks at all of them.
    pub fn api_states(&self) -> ApiStates {
        let mut states = ApiStates::default();
        let ids = self.registry.iter().map(|(id, _)| id);
        for id in ids.filter(|id| !id.is_reserved()) {
            let local = self.locals.get(id);
            let serving = local.and_then(|local| local.serving);
            let count = if self.is_open(id) {
                &mut states.contested
            } else if local.is_some_and(|local| local.refused.is_some()) {
                &mut states.not_activatable
            } else if serving.is_some_and(|version| !version.digest.is_deleted()) {
                &mut states.active
            } else {
                &mut states.deleted
            };
            *count += 1;
        }
        states
    }

    /// Whether a comparison with a neighbour is under way.
    pub fn is_comparing(&self) -> bool {
        !self.exchanges.sessions.is_empty()
    }

    /// Whether the round of `id` is contested and not finished here.
    pub fn is_open(&self, id: &ApiId) -> bool {
        self.attention.contains(id)
    }

    /// Decided conflicts at or after `wall` (milliseconds), oldest first.
    pub fn conflicts_since(&self, wall: u64) -> impl Iterator<Item = &Conflict> {
        self.conflicts.since(wall)
    }

    /// All contested rounds.
    pub fn contested(&self, now: Now) -> Vec<RoundView> {
        let rounds = self.registry.iter().filter(|(_, round)| round.contested());
        rounds
            .map(|(id, round)| self.round_view(id, round, now))
            .collect()
    }

    fn round_view(&self, id: &ApiId, round: &Round, now: Now) -> RoundView {
        let winner = round.winner();
        let serving = self.serving(id);
        let missing: Vec<PeerId> = self.members.missing(round).cloned().collect();
        let served = serving.map(|version| version.digest) == winner;
        let unanimous = round
            .ballots()
            .iter()
            .all(|(_, ballot)| Some(ballot.digest) == winner);
        let phase = if !missing.is_empty() || !served {
            Phase::Collecting
        } else if unanimous {
            Phase::Conceded
        } else {
            Phase::Decided
        };
        let voters = |digest: &Digest| {
            let ballots = round
                .ballots()
                .iter()
                .filter(|(_, ballot)| ballot.digest == *digest);
            ballots.map(|(voter, _)| *voter).collect()
        };
        let since = |moment: fn(&Contest) -> u64| {
            let contest = self.locals.get(id).and_then(|local| local.contest.as_ref());
            contest.map_or(0, |contest| now.monotonic.saturating_sub(moment(contest)))
        };
        RoundView {
            id: id.clone(),
            ref_number: round.ref_number(),
            candidates: round
                .candidates()
                .iter()
                .map(|(d, c)| (*d, c.stamp, voters(d)))
                .collect(),
            winner,
            serving,
            missing,
            phase,
            age: since(|contest| contest.since),
            quiet: since(|contest| contest.changed_at),
        }
    }
}
