//! Nodes that were met, and what happens when one is gone: others are asked for copies of its events,
//! and after a while clients are told that events may be missing. Depends on the machine. Deliberately
//! absent: the copies (`copies`).

use super::{
    Hub,
    limits::GONE_MAX,
    peers::Purpose,
    position::{NodeId, Reached},
    wire::{Answer, Events, EventsWanted, Request},
};
use crate::core::replica::{id::PeerId, stamp::Now};

/// What is known of another node's events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Origin {
    /// Its name, for people; empty if it was never met.
    pub(super) name: String,
    /// Everything that was wanted up to here has been delivered, or reported missing.
    pub(super) have: u64,
    /// Since when it is not linked.
    pub(super) gone_since: Option<u64>,
    /// How long it had been gone when this node heard of it, in milliseconds.
    pub(super) gone_for: u64,
    /// Clients know that nothing more can be expected.
    pub(super) ended: bool,
    /// It was linked once. Others are known from hearsay only.
    pub(super) met: bool,
    /// It has stopped, or is about to; its last event had this number, which stays true.
    pub(super) farewell: Option<u64>,
    /// It has the memos that were written here up to this count.
    pub(super) memos: u64,
}

// === impl Origin ===

impl Origin {
    /// A member that is cut off, or crashed: it was met, and did not say good-bye.
    pub(super) fn is_missing(&self) -> bool {
        self.met && self.gone_since.is_some() && self.farewell.is_none()
    }

    /// For how long it has been gone, in milliseconds; `None`: it is linked.
    pub(super) fn gone_time(&self, now: u64) -> Option<u64> {
        let since = self.gone_since?;
        Some(now.saturating_sub(since).saturating_add(self.gone_for))
    }

    /// Whether there are no events of it behind `seq`, and never will be.
    pub(super) fn is_whole(&self, seq: u64) -> bool {
        self.farewell.is_some_and(|head| head <= seq)
    }

    pub(super) fn reached(&self) -> Reached {
        Reached {
            seq: self.have,
            ended: self.ended,
        }
    }
}

// === impl Hub ===

impl Hub {
    /// A node that was met, or met again.
    pub(super) fn node_back(&mut self, node: NodeId, name: &str, head: u64) {
        let origin = self.origins.entry(node).or_default();
        name.clone_into(&mut origin.name);
        let is_new = !std::mem::replace(&mut origin.met, true);
        origin.gone_since = None;
        origin.gone_for = 0;
        origin.ended = false;
        if is_new && head > 0 {
            // It took events before this node knew of it. A client that resumed here meanwhile was
            // not told of them. One that was here all the time gets them all the same.
            self.tell_gap(node, 1, Some(head));
        }
    }

    /// A peer knows nodes that are gone. All nodes should name the same ones in cursors, or a client
    /// that comes from a node that does not know one would be told of a gap. `gone_for`: how long each
    /// has been gone, as far as it is said; or nodes would remind each other of them for ever.
    pub(super) fn heard_of_gone(&mut self, gone: Vec<NodeId>, gone_for: &[u64], now: u64) {
        let times = gone_for.iter().copied().chain(std::iter::repeat(0));
        for (node, gone_for) in gone.into_iter().zip(times).take(GONE_MAX) {
            if node != self.me && gone_for < self.params.forget_after {
                self.origins.entry(node).or_insert(Origin {
                    gone_since: Some(now),
                    gone_for,
                    ended: true,
                    ..Origin::default()
                });
            }
        }
        self.forget_oldest();
    }

    /// The last link to a node is gone.
    pub(super) fn node_gone(&mut self, node: NodeId, now: u64) {
        let Some(origin) = self.origins.get_mut(&node) else {
            return;
        };
        origin.gone_since = Some(now);
        origin.gone_for = 0;
        origin.ended = origin.is_whole(origin.have);
        for (id, _node) in self.linked() {
            self.pull(&id, node, now);
        }
        self.forget_oldest();
    }

    /// Asks a peer that has just been met for copies of all that is missing.
    pub(super) fn pull_from(&mut self, id: &PeerId, now: u64) {
        let gone: Vec<NodeId> = self
            .origins
            .iter()
            .filter(|(_node, origin)| origin.gone_since.is_some() && !origin.ended)
            .map(|(node, _origin)| *node)
            .collect();
        for node in gone {
            self.pull(id, node, now);
        }
    }

    fn pull(&mut self, id: &PeerId, node: NodeId, now: u64) {
        let Some(origin) = self.origins.get(&node) else {
            return;
        };
        if !self.params.rules.copies || origin.gone_since.is_none() || origin.ended {
            return;
        }
        let wanted = EventsWanted {
            origin: node,
            after: origin.have,
            types: None,
            version: Some(self.interest.added_version),
        };
        self.ask(id, Purpose::Pull(node), &Request::Events(wanted), now);
    }

    /// A peer does not know enough to answer yet, or is silent: once more at the next tick.
    pub(super) fn pull_failed(&mut self, id: &PeerId, node: NodeId) {
        if self.peers.contains_key(id) {
            self.pulls.insert((id.clone(), node));
        }
    }

    pub(super) fn pull_again(&mut self, now: u64) {
        for (id, node) in std::mem::take(&mut self.pulls) {
            if self.peers.contains_key(&id) {
                self.pull(&id, node, now);
            }
        }
    }

    /// Copies of a gone node's events.
    pub(super) fn pulled(&mut self, id: &PeerId, node: NodeId, events: Events, now: u64) {
        let Some(origin) = self.origins.get(&node) else {
            return;
        };
        // If it is back it sends them itself; copies that do not join what is here are of no use for
        // delivery in order.
        if origin.gone_since.is_none() || origin.ended || events.from > origin.have {
            return;
        }
        if self.overloaded {
            self.pull_failed(id, node);
            return;
        }
        let more = events.more;
        self.take(node, events.events);
        self.reached(node, events.to);
        if more {
            self.pull(id, node, now);
        }
    }

    /// A node says that it stops.
    pub(super) fn farewell(&mut self, node: NodeId, head: u64) -> Answer {
        if let Some(origin) = self.origins.get_mut(&node) {
            origin.farewell = Some(head);
        }
        Answer::Done
    }

    /// Takes nodes for dead that are gone for long, and forgets old ones.
    pub(super) fn bury(&mut self, now: Now) {
        let now = now.monotonic;
        let (gap_after, forget_after) = (self.params.gap_after, self.params.forget_after);
        let dead: Vec<(NodeId, u64)> = self
            .origins
            .iter_mut()
            .filter(|(_node, origin)| {
                !origin.ended
                    && origin
                        .gone_since
                        .is_some_and(|since| now >= since + gap_after)
            })
            .filter_map(|(node, origin)| {
                origin.ended = true;
                // Copies may have brought all that it had, since it said good-bye.
                (!origin.is_whole(origin.have)).then_some((*node, origin.have))
            })
            .collect();
        for (node, have) in dead {
            self.gap(node, have + 1, None);
        }
        self.origins
            .retain(|_node, origin| origin.gone_time(now).is_none_or(|gone| gone < forget_after));
        let origins = &self.origins;
        let is_linked =
            |node| (origins.get(&node)).is_some_and(|origin| origin.gone_since.is_none());
        self.copies
            .forget(now.saturating_sub(forget_after), is_linked);
    }

    /// When [`Hub::bury`] has something to do.
    pub(super) fn bury_at(&self) -> Option<u64> {
        self.origins
            .values()
            .filter_map(|origin| {
                let after = if origin.ended {
                    self.params.forget_after
                } else {
                    self.params.gap_after
                };
                Some((origin.gone_since? + after).saturating_sub(origin.gone_for))
            })
            .min()
    }

    fn forget_oldest(&mut self) {
        let gone = |origin: &Origin| {
            let since = i128::from(origin.gone_since?);
            Some(since - i128::from(origin.gone_for))
        };
        while self.origins.values().filter_map(gone).count() > GONE_MAX {
            let oldest = self
                .origins
                .iter()
                .filter_map(|(node, origin)| Some((gone(origin)?, *node)))
                .min();
            if let Some((_since, node)) = oldest {
                self.origins.remove(&node);
            }
        }
    }
}
