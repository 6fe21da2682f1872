//! Questions for clients, of which there may be thousands at once: they take turns, so that a link has
//! room for everything else. Three lanes, so that a client that resumes does not wait behind long
//! polls of others. Depends on the machine. Deliberately absent: what is asked.
//!
//! Who waits for its turn waits no longer than for an answer. A peer that has let several questions run
//! out is not asked for a moment: everybody who asks it would wait in vain, and keep others waiting.

use std::collections::VecDeque;

use super::{
    Hub,
    limits::{
        CARRIES_MAX, EXPIRED_MAX, HELD_BYTES_MAX, RECALLS_MAX, REPLAY_QUESTIONS_MAX, SILENT_PAUSE,
        TICKETS_MAX,
    },
    params::Params,
    peers::Purpose,
};
use crate::core::replica::id::PeerId;

/// Which turn to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Where is a client, and what has it missed? At most [`REPLAY_QUESTIONS_MAX`] at a time.
    Replay,
    Recall,
    Carry,
}

/// The questions to one peer.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    replays: Lane,
    recalls: Lane,
    carries: Lane,
    held_bytes: usize,
    /// Questions that ran out since the peer was last heard.
    expired: u32,
    /// It is not asked before this.
    silent_until: u64,
}

#[derive(Debug, Default)]
struct Lane {
    under_way: usize,
    /// The oldest in front, and so with the earliest deadline.
    held: VecDeque<Held>,
}

#[derive(Debug)]
struct Held {
    purpose: Purpose,
    bytes: Vec<u8>,
    deadline: u64,
}

// === impl Kind ===

impl Kind {
    const ALL: [Self; 3] = [Self::Replay, Self::Recall, Self::Carry];

    const fn under_way_max(self) -> usize {
        match self {
            Self::Replay => REPLAY_QUESTIONS_MAX,
            Self::Recall => RECALLS_MAX,
            Self::Carry => CARRIES_MAX,
        }
    }

    /// How long an answer is waited for, and before that the turn.
    pub(super) const fn timeout(self, params: &Params) -> u64 {
        match self {
            // Nobody waits for it any longer.
            Self::Replay | Self::Recall => params.answer_timeout,
            // The other end may have to ask somebody, too.
            Self::Carry => params.carry_timeout,
        }
    }
}

// === impl Purpose ===

impl Purpose {
    /// `None`: not asked for a client.
    pub(super) const fn lookup(&self) -> Option<Kind> {
        match self {
            Self::Replay { .. } | Self::Locate(_) => Some(Kind::Replay),
            Self::Recall(_) => Some(Kind::Recall),
            Self::Carry(_) => Some(Kind::Carry),
            Self::Hello
            | Self::Interest { .. }
            | Self::Batch
            | Self::Pull(_)
            | Self::Memos(_)
            | Self::Farewell
            | Self::Revoke(_)
            | Self::Compare => None,
        }
    }
}

// === impl Lookups ===

impl Lookups {
    /// Whether something of so many bytes may be asked now or in turn.
    pub(super) fn has_room(&self, kind: Kind, bytes: usize) -> bool {
        let lane = self.lane(kind);
        lane.under_way < kind.under_way_max()
            || (lane.held.len() < TICKETS_MAX
                && self.held_bytes.saturating_add(bytes) <= HELD_BYTES_MAX)
    }

    /// Whether a question would not have to wait for its turn.
    pub(super) fn is_free(&self, kind: Kind, now: u64) -> bool {
        self.is_silent(now) || self.lane(kind).under_way < kind.under_way_max()
    }

    /// When the first one that waits for its turn has waited for too long.
    pub(super) fn deadline(&self) -> Option<u64> {
        let fronts = Kind::ALL.map(|kind| self.lane(kind).held.front());
        let fronts = fronts.into_iter().flatten();
        fronts.map(|held| held.deadline).min()
    }

    /// The peer has been heard.
    pub(super) fn heard(&mut self) {
        self.expired = 0;
        self.silent_until = 0;
    }

    /// The peer has not answered a question in time.
    fn expire(&mut self, now: u64) {
        self.expired = self.expired.saturating_add(1);
        if self.expired >= EXPIRED_MAX {
            self.silent_until = now + SILENT_PAUSE;
        }
    }

    /// All that wait for their turn.
    pub(super) fn into_held(self) -> impl Iterator<Item = Purpose> {
        let lanes = [self.replays, self.recalls, self.carries];
        let held = lanes.into_iter().flat_map(|lane| lane.held);
        held.map(|held| held.purpose)
    }

    fn is_silent(&self, now: u64) -> bool {
        now < self.silent_until
    }

    /// The first that waits in the lane, if `is_due`.
    fn take_held(&mut self, kind: Kind, is_due: impl Fn(&Held) -> bool) -> Option<Held> {
        let lane = self.lane_mut(kind);
        if !lane.held.front().is_some_and(is_due) {
            return None;
        }
        let held = lane.held.pop_front()?;
        self.held_bytes = self.held_bytes.saturating_sub(held.bytes.len());
        Some(held)
    }

    const fn lane(&self, kind: Kind) -> &Lane {
        match kind {
            Kind::Replay => &self.replays,
            Kind::Recall => &self.recalls,
            Kind::Carry => &self.carries,
        }
    }

    const fn lane_mut(&mut self, kind: Kind) -> &mut Lane {
        match kind {
            Kind::Replay => &mut self.replays,
            Kind::Recall => &mut self.recalls,
            Kind::Carry => &mut self.carries,
        }
    }
}

// === impl Hub ===

impl Hub {
    /// Asks for a client, now or in turn. What cannot be asked counts as not answered, at the end of
    /// the step: whoever asks may not have written down yet that it waits.
    pub(super) fn look_up(
        &mut self,
        to: &PeerId,
        kind: Kind,
        (purpose, bytes): (Purpose, Vec<u8>),
        now: u64,
    ) {
        let deadline = now + kind.timeout(&self.params);
        let Some(peer) = self.peers.get_mut(to) else {
            self.unasked.push_back((to.clone(), purpose));
            return;
        };
        let lookups = &mut peer.lookups;
        if lookups.is_silent(now) || !lookups.has_room(kind, bytes.len()) {
            self.unasked.push_back((to.clone(), purpose));
            return;
        }
        let length = bytes.len();
        let lane = lookups.lane_mut(kind);
        if lane.under_way < kind.under_way_max() {
            lane.under_way += 1;
            self.send(to, purpose, bytes, now);
            return;
        }
        lane.held.push_back(Held {
            purpose,
            bytes,
            deadline,
        });
        lookups.held_bytes += length;
    }

    /// A question is over: the next one that waits for its turn is asked.
    pub(super) fn next_lookup(&mut self, id: &PeerId, over: &Purpose, now: u64) {
        let Some(kind) = over.lookup() else {
            return;
        };
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        let lane = peer.lookups.lane_mut(kind);
        lane.under_way = lane.under_way.saturating_sub(1);
        if peer.lookups.is_silent(now) {
            return;
        }
        while let Some(held) = peer.lookups.take_held(kind, |_held| true) {
            if held.deadline <= now {
                self.unasked.push_back((id.clone(), held.purpose));
                continue;
            }
            peer.lookups.lane_mut(kind).under_way += 1;
            self.send(id, held.purpose, held.bytes, now);
            return;
        }
    }

    /// A question has run out.
    pub(super) fn lookup_expired(&mut self, id: &PeerId, purpose: &Purpose, now: u64) {
        if purpose.lookup().is_some()
            && let Some(peer) = self.peers.get_mut(id)
        {
            peer.lookups.expire(now);
        }
    }

    /// Those that waited too long for their turn, or wait for a silent peer, wait no longer.
    pub(super) fn expire_held(&mut self, now: u64) {
        for (id, peer) in &mut self.peers {
            let lookups = &mut peer.lookups;
            let is_silent = lookups.is_silent(now);
            for kind in Kind::ALL {
                while let Some(held) =
                    lookups.take_held(kind, |held| is_silent || held.deadline <= now)
                {
                    self.unasked.push_back((id.clone(), held.purpose));
                }
            }
        }
    }

    /// What could not be asked is not answered; whatever waits for its turn follows.
    pub(super) fn take_turns(&mut self, now: u64) {
        self.begin_replays(now);
        while let Some((id, purpose)) = self.unasked.pop_front() {
            self.given_up(&id, purpose, now);
            self.begin_replays(now);
        }
    }
}
