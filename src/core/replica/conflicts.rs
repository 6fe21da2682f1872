//! The log of decided conflicts (cluster.md, part 8): a ring in memory. Depends on `round`, `wire`.
//! Deliberately absent: who reads it.

use std::collections::VecDeque;

use super::{digest::Digest, id::ApiId, limits::CONFLICTS_MAX, round::DecidedBy};

/// One decided conflict, as this node saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// When, by this node's wall clock in milliseconds.
    pub wall: u64,
    /// The API.
    pub id: ApiId,
    /// The ref.
    pub ref_number: u64,
    /// The version that is served.
    pub winner: Digest,
    /// The others.
    pub losers: Vec<Digest>,
    /// What made the difference.
    pub decided_by: DecidedBy,
    /// Votes of every candidate, in digest order.
    pub votes: Vec<(Digest, usize)>,
    /// Whether a client of this node wrote a loser.
    pub own_client_lost: bool,
    /// Milliseconds from learning of the conflict to the decision.
    pub duration: u64,
}

/// The newest conflicts.
#[derive(Debug, Clone, Default)]
pub struct Conflicts {
    ring: VecDeque<Conflict>,
}

// === impl Conflicts ===

impl Conflicts {
    /// Adds one; the oldest makes room.
    pub fn push(&mut self, conflict: Conflict) {
        if self.ring.len() >= CONFLICTS_MAX {
            self.ring.pop_front();
        }
        self.ring.push_back(conflict);
    }

    /// Those at or after `wall`, oldest first.
    pub fn since(&self, wall: u64) -> impl Iterator<Item = &Conflict> {
        self.ring
            .iter()
            .filter(move |conflict| conflict.wall >= wall)
    }
}
