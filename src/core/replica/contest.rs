//! What a node keeps for itself about one API: what it serves and how far it is with a contested
//! round (cluster.md, part 4, "local, not replicated"). Depends on `ballot`, `params`, `wire`.
//! Deliberately absent: anything another node may see.

use super::{ballot::Ballot, digest::Digest, params::Params, wire::Version};

/// Local state of one API.
#[derive(Debug, Clone, Default)]
pub(super) struct Local {
    /// What the proxy uses.
    pub(super) serving: Option<Version>,
    /// The winner that could not be activated; served is the last good version.
    pub(super) refused: Option<Version>,
    /// The definition of the file, while the node is new (rule N).
    pub(super) claim: Option<Digest>,
    /// The definition of the file, until its deviation was reported.
    pub(super) file: Option<Version>,
    /// Writes accepted here that are part of what is served, as far as that can still be told; those
    /// whose loss was reported are not.
    pub(super) wrote: Vec<Version>,
    /// The contested round, if it is one.
    pub(super) contest: Option<Box<Contest>>,
}

/// Local state of a contested round; all times are monotonic milliseconds.
#[derive(Debug, Clone)]
pub(super) struct Contest {
    /// When this node learned of the second candidate.
    pub(super) since: u64,
    /// Last change of the round.
    pub(super) changed_at: u64,
    /// Since when the winner is not what is served.
    pub(super) open_at: Option<u64>,
    /// Chases done.
    pub(super) chases: u32,
    /// When the next chase is due, if votes are missing.
    pub(super) chase_at: u64,
    /// When to look for a concession.
    pub(super) concede_look_at: u64,
    /// Since when this newcomer waits with its vote.
    pub(super) postponed_at: Option<u64>,
    /// Voted for since the last outside news (rule C).
    pub(super) voted: Vec<Digest>,
    /// All ballots of this process in this round, to tell them from those of a namesake.
    pub(super) casts: Vec<Ballot>,
    /// The winner that was last written to the conflict log.
    pub(super) recorded: Option<Digest>,
    /// When to look again; `None`: nothing is left to do.
    pub(super) look_at: Option<u64>,
}

// === impl Contest ===

impl Contest {
    pub(super) fn new(now: u64, params: &Params) -> Self {
        Self {
            since: now,
            changed_at: now,
            open_at: None,
            chases: 0,
            chase_at: now + params.chase_interval,
            concede_look_at: now + params.concede_interval,
            postponed_at: None,
            voted: Vec::new(),
            casts: Vec::new(),
            recorded: None,
            look_at: Some(now),
        }
    }

    /// Whether there is no vote to ask for any more: all are in, or nothing came for so long that a
    /// loser concedes without them.
    pub(super) fn is_chased(&self, all_voted: bool, params: &Params, now: u64) -> bool {
        let quiet = now.saturating_sub(self.changed_at);
        all_voted || !params.rules.chase || quiet >= params.concede_patience
    }
}
