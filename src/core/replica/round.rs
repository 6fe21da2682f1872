//! The replicated state of one API: candidates of the highest ref and the votes for them
//! (cluster.md, parts 4 and 4.2). A join-semilattice: joining the same rounds in any order, any
//! number of times, gives the same round, and equal rounds have the same winner.
//! Depends on `ballot`, `digest`, `stamp`, `id`. Deliberately absent: time, members, who serves what.

use sha2::{Digest as _, Sha256};

use super::{
    ballot::Ballot,
    digest::{Body, Digest},
    id::{ApiId, Voter, first_u64},
    lineage::Lineage,
    params::Plant,
    sorted::Sorted,
    stamp::Stamp,
};

/// One version that may win. It is in a round only together with its body, so whatever can win can
/// be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The newest stamp known for it.
    pub stamp: Stamp,
    /// The definition; `None` exactly for [`Digest::DELETED`].
    pub body: Option<Body>,
    /// What it was made on top of. Decides nothing.
    pub ancestors: Lineage,
}

/// All that is known about the highest ref of one API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    ref_number: u64,
    candidates: Sorted<Digest, Candidate>,
    ballots: Sorted<Voter, Ballot>,
}

/// What a join changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Change {
    /// The ref went up (or the API was unknown).
    pub ref_grew: bool,
    /// There is a new candidate.
    pub candidate: bool,
    /// A candidate has a newer stamp.
    pub stamp: bool,
    /// A ballot was added or replaced.
    pub ballot: bool,
    /// ... and it is the first one of its voter's incarnation.
    pub incarnation: bool,
    /// A candidate has more ancestors. Nothing that counts changed by it.
    pub lineage: bool,
}

/// Votes, stamp, deleted, digest: the first place where two candidates differ decides.
type Rank = (usize, Stamp, bool, Digest);

/// Which place decided between the winner and the best loser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DecidedBy {
    /// Rule 1: the higher ref.
    Ref,
    /// Rule 2: used on most nodes.
    Votes,
    /// Rule 3: newer.
    Timestamp,
    /// Neither; the fixed order of digests, deletes first.
    Tie,
}

// === impl Round ===

impl Round {
    /// A round with one candidate and no ballot: a local write or a definition of the file.
    pub fn new(ref_number: u64, digest: Digest, candidate: Candidate) -> Self {
        Self {
            ref_number,
            candidates: Sorted::of(digest, candidate),
            ballots: Sorted::default(),
        }
    }

    /// A round without candidates, to be filled from a message.
    pub(super) fn empty(ref_number: u64) -> Self {
        Self {
            ref_number,
            candidates: Sorted::default(),
            ballots: Sorted::default(),
        }
    }

    /// The ref.
    pub fn ref_number(&self) -> u64 {
        self.ref_number
    }

    /// The candidates in digest order.
    pub fn candidates(&self) -> &Sorted<Digest, Candidate> {
        &self.candidates
    }

    /// The ballots in voter order.
    pub fn ballots(&self) -> &Sorted<Voter, Ballot> {
        &self.ballots
    }

    /// Whether there is something to vote about.
    pub fn contested(&self) -> bool {
        self.candidates.len() > 1
    }

    /// Whether every ballot is for a known candidate. Else a candidate's body is still on its way,
    /// and what wins here now may not win.
    pub fn is_complete(&self) -> bool {
        self.ballots
            .iter()
            .all(|(_, ballot)| self.candidates.get(&ballot.digest).is_some())
    }

    /// Adds a candidate, or its stamp if that is newer.
    pub fn propose(&mut self, digest: Digest, candidate: Candidate) -> Change {
        let mut change = Change::default();
        match self.candidates.get_mut(&digest) {
            Some(known) => {
                change.stamp = known.stamp < candidate.stamp;
                known.stamp = known.stamp.max(candidate.stamp);
                change.lineage = known.ancestors.join(&candidate.ancestors);
            }
            None => {
                self.candidates.insert(digest, candidate);
                change.candidate = true;
            }
        }
        change
    }

    /// Adds a ballot if it is the voter's latest.
    pub fn vote(&mut self, voter: Voter, ballot: Ballot) -> Change {
        let mut change = Change::default();
        let known = self.ballots.get(&voter);
        if known.is_none_or(|known| *known < ballot) {
            change.ballot = true;
            change.incarnation = known.is_none_or(|known| known.incarnation < ballot.incarnation);
            self.ballots.insert(voter, ballot);
        }
        change
    }

    /// Joins `other` into this round: the higher ref, or the union at the same ref.
    pub fn join(&mut self, other: &Self) -> Change {
        if other.ref_number < self.ref_number {
            return Change::default();
        }
        if other.ref_number > self.ref_number {
            if other.candidates.is_empty() {
                return Change::default();
            }
            *self = other.clone();
            return Change::first();
        }
        let mut change = Change::default();
        for (digest, candidate) in other.candidates.iter() {
            change = change.and(self.propose(*digest, candidate.clone()));
        }
        for (voter, ballot) in other.ballots.iter() {
            change = change.and(self.vote(*voter, *ballot));
        }
        change
    }

    /// The version to serve; `None` only for a round without candidates, which no registry holds.
    pub fn winner(&self) -> Option<Digest> {
        self.winner_under(Plant::Nothing)
    }

    /// [`Round::winner`], with the planted error of a negative control.
    pub(super) fn winner_under(&self, plant: Plant) -> Option<Digest> {
        let best = self.ranks(plant).max()?;
        Some(best.3)
    }

    /// Number of ballots for `digest`.
    pub fn votes(&self, digest: &Digest) -> usize {
        self.ballots
            .iter()
            .filter(|(_, ballot)| ballot.digest == *digest)
            .count()
    }

    /// Which rule put the winner before the second best.
    pub fn decided_by(&self) -> DecidedBy {
        let mut ranks: Vec<Rank> = self.ranks(Plant::Nothing).collect();
        ranks.sort_unstable();
        let (Some(best), Some(second)) = (ranks.pop(), ranks.pop()) else {
            return DecidedBy::Ref;
        };
        if best.0 != second.0 {
            DecidedBy::Votes
        } else if best.1 != second.1 {
            DecidedBy::Timestamp
        } else {
            DecidedBy::Tie
        }
    }

    /// 64 bits that are equal on two nodes exactly if they need not exchange this round
    /// (cluster.md, part 7). The stamp of a lone candidate is left out: nodes that loaded one file
    /// at different times are in sync. So are the ancestors, in any case: they decide nothing, and a
    /// node of a version without them must not be out of sync for ever.
    pub fn signature(&self, id: &ApiId) -> u64 {
        let mut hash = Sha256::new();
        hash.update(id.as_str().as_bytes());
        hash.update([0]);
        hash.update(self.ref_number.to_be_bytes());
        let contested = self.contested();
        for (digest, candidate) in self.candidates.iter() {
            hash.update(digest.as_bytes());
            if contested {
                hash.update(candidate.stamp.as_u64().to_be_bytes());
            }
        }
        if contested {
            // Parts the two lists, so that no candidate can be read as a ballot.
            hash.update((self.candidates.len() as u64).to_be_bytes());
            for (voter, ballot) in self.ballots.iter() {
                hash.update(voter.as_bytes());
                hash.update(ballot.incarnation.to_be_bytes());
                hash.update(ballot.seq.to_be_bytes());
                hash.update(ballot.digest.as_bytes());
            }
        }
        first_u64(&hash.finalize())
    }

    fn ranks(&self, plant: Plant) -> impl Iterator<Item = Rank> {
        self.candidates.iter().map(move |(digest, candidate)| {
            let votes = if plant == Plant::VotesIgnored {
                0
            } else {
                self.votes(digest)
            };
            (votes, candidate.stamp, digest.is_deleted(), *digest)
        })
    }
}

// === impl Change ===

impl Change {
    /// The change of an API that was unknown or had a lower ref.
    pub(super) fn first() -> Self {
        Self {
            ref_grew: true,
            candidate: true,
            ..Self::default()
        }
    }

    /// Whether anything changed that counts.
    pub fn any(self) -> bool {
        self.ref_grew || self.candidate || self.stamp || self.ballot
    }

    /// Whether this is what rule M4 calls outside news.
    pub fn is_news(self) -> bool {
        self.candidate || self.stamp || self.incarnation
    }

    fn and(self, other: Self) -> Self {
        Self {
            ref_grew: self.ref_grew || other.ref_grew,
            candidate: self.candidate || other.candidate,
            stamp: self.stamp || other.stamp,
            ballot: self.ballot || other.ballot,
            incarnation: self.incarnation || other.incarnation,
            lineage: self.lineage || other.lineage,
        }
    }
}

#[cfg(test)]
mod tests;
