//! Bookkeeping of this node's own questions: one sync session per peer, and every request under way
//! (cluster.md, part 7). Depends on `id`, `wire`. Deliberately absent: the answers' meaning (see
//! `descend`) and this node's answers to others (see `answer`).

use std::collections::{BTreeMap, VecDeque};

use super::{
    digest::Digest,
    id::{ApiId, PeerId},
};

/// One descent through the trees of this node and a peer.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    /// Tries left.
    pub(super) retries: u8,
    /// When to try again, if the last try failed.
    pub(super) retry_at: Option<u64>,
    /// Id hashes still to be pulled.
    pub(super) queue: VecDeque<u64>,
    /// Pulls under way.
    pub(super) pulling: usize,
    /// Whether a pull failed.
    pub(super) failed: bool,
    /// Whether another session should follow at once.
    pub(super) again: bool,
}

/// A request under way.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) to: PeerId,
    pub(super) errand: Errand,
    pub(super) deadline: u64,
}

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Errand {
    /// With the root that was told.
    Sync1 {
        root: u64,
    },
    Sync2,
    Sync3 {
        leaves: Vec<u16>,
    },
    Pull,
    Chase,
    Body {
        id: ApiId,
        digest: Digest,
    },
    Status {
        ticket: u64,
    },
    /// All keys of the peer, for an operator.
    DiffKeys {
        ticket: u64,
    },
    /// What is behind those that differ.
    Describe {
        ticket: u64,
    },
}

/// Sessions and requests of a node.
#[derive(Debug, Clone, Default)]
pub(super) struct Exchanges {
    pub(super) sessions: BTreeMap<PeerId, Session>,
    pub(super) calls: BTreeMap<u64, Call>,
    next: u64,
}

// === impl Exchanges ===

impl Exchanges {
    /// Registers a request and gives it its number.
    pub(super) fn register(&mut self, to: PeerId, errand: Errand, deadline: u64) -> u64 {
        self.next += 1;
        self.calls.insert(
            self.next,
            Call {
                to,
                errand,
                deadline,
            },
        );
        self.next
    }

    /// Whether pages of a peer's registry are on their way.
    pub(super) fn is_pulling(&self) -> bool {
        let mut sessions = self.sessions.values();
        sessions.any(|session| session.pulling > 0 || !session.queue.is_empty())
    }

    /// Requests for bodies under way.
    pub(super) fn bodies(&self) -> usize {
        self.calls
            .values()
            .filter(|call| matches!(call.errand, Errand::Body { .. }))
            .count()
    }

    /// Chases under way with `peer`.
    pub(super) fn chases(&self, peer: &PeerId) -> usize {
        let chase = |call: &&Call| call.errand == Errand::Chase && call.to == *peer;
        self.calls.values().filter(chase).count()
    }

    /// Requests whose time is over.
    pub(super) fn overdue(&self, now: u64) -> Vec<u64> {
        let over = self.calls.iter().filter(|(_, call)| call.deadline <= now);
        over.map(|(exchange, _)| *exchange).collect()
    }

    /// Forgets everything about a peer that is gone; returns the numbers of its requests.
    pub(super) fn drop_peer(&mut self, peer: &PeerId) -> Vec<u64> {
        self.sessions.remove(peer);
        let gone = self.calls.iter().filter(|(_, call)| call.to == *peer);
        gone.map(|(exchange, _)| *exchange).collect()
    }

    /// The next moment at which something here is due.
    pub(super) fn wake_at(&self) -> Option<u64> {
        let retries = self
            .sessions
            .values()
            .filter_map(|session| session.retry_at);
        retries
            .chain(self.calls.values().map(|call| call.deadline))
            .min()
    }
}
