//! Other nodes' clocks, and from when on a wish counts that was told late. Depends on `limits`.
//! Deliberately absent: the wall clock; nodes need not agree about the time of day.
//!
//! A node that hears "my clock says c" knows that this clock says at least c plus what has passed
//! since. So it can tell the other, in the other's own time, before when something did not happen:
//! however long that message then travels, and without knowing how long the first one did.

use super::{
    Hub,
    limits::{IN_TIME, LATE_SLACK},
};
use crate::core::replica::id::PeerId;

/// What a peer has said about its clock last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PeerClock {
    said: u64,
    /// When that came, by this node's clock.
    heard_at: u64,
}

/// When something was sent to this node, by this node's clock: then or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SentAt {
    sent_at: u64,
    now: u64,
}

// === impl PeerClock ===

impl PeerClock {
    /// What the peer's clock says at least.
    pub(super) fn at(self, now: u64) -> u64 {
        self.said.saturating_add(now.saturating_sub(self.heard_at))
    }
}

// === impl SentAt ===

impl SentAt {
    /// `sent_at`: as the sender reckons; an older one does not. One that knew this node's clock from
    /// an earlier life may reckon with a time to come.
    pub(super) fn new(sent_at: Option<u64>, now: u64) -> Self {
        Self {
            sent_at: sent_at.unwrap_or(now).min(now),
            now,
        }
    }

    /// From when on a wish counts that was so old when it was sent. `is_whole`: it may have been told
    /// before, and counted from then on.
    pub(super) fn since(self, age: u64, is_whole: bool) -> u64 {
        let travelled = self.now - self.sent_at;
        if age.saturating_add(travelled) <= IN_TIME && !is_whole {
            return self.now;
        }
        self.sent_at.saturating_sub(age.saturating_add(LATE_SLACK))
    }
}

// === impl Hub ===

impl Hub {
    /// A peer says what its clock says.
    pub(super) fn clock_heard(&mut self, id: &PeerId, clock: Option<u64>, now: u64) {
        if let (Some(peer), Some(said)) = (self.peers.get_mut(id), clock) {
            // Also if it is less than is known: a clock may be slower than this one.
            peer.clock = Some(PeerClock {
                said,
                heard_at: now,
            });
        }
    }
}
