//! The receiver's side: taking batches, each event once. Depends on the machine. Deliberately absent:
//! making batches (`ship`).

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Hub,
    copies::Part,
    delivery::Gap,
    output::{Fact, Output},
    position::NodeId,
    wire::{Answer, Batch, Numbered},
};
use crate::core::event::Event;

// === impl Hub ===

impl Hub {
    /// A batch of the sender's events.
    pub(super) fn receive(&mut self, batch: Batch, now: u64) -> Answer {
        let origin = batch.origin;
        if self.overloaded && !batch.events.is_empty() {
            self.tell(Fact::Held);
            return Answer::Later;
        }
        let added_version = self.interest.added_version;
        if self.params.rules.bounce && batch.version < added_version {
            self.tell(Fact::Bounced);
            return Answer::Stale {
                version: added_version,
            };
        }
        let have = self.origins.entry(origin).or_default().have;
        // It continues behind where this node is only if this node has forgotten the origin.
        let lost = batch.lost.unwrap_or(0).max(batch.from).min(batch.to);
        if lost > have {
            self.gap(origin, have + 1, Some(lost));
        }
        let keep = batch.keep.map(|keep| keep.max(batch.from).max(lost));
        let events = self.take(origin, batch.events);
        let kept = keep.map(|from| {
            let (to, at) = (batch.to, now);
            let is_kept = self.copies.extend(origin, Part { from, to, at }, events);
            if is_kept { to } else { from }
        });
        let have = self.reached(origin, batch.to);
        Answer::Took { have, kept }
    }

    /// Delivers those of `events` that are new; gives all of them back, read.
    pub(super) fn take(&mut self, origin: NodeId, events: Vec<Numbered>) -> Vec<(u64, Arc<Event>)> {
        let mut read = Vec::with_capacity(events.len());
        let (mut arrived, mut repeated) = (0, 0);
        for Numbered { seq, text } in events {
            let Some(event) = revive(text.0) else {
                self.tell(Fact::Unreadable { origin, seq });
                if self
                    .origins
                    .get(&origin)
                    .is_none_or(|origin| seq > origin.have)
                {
                    self.gap(origin, seq, Some(seq));
                }
                continue;
            };
            read.push((seq, Arc::clone(&event)));
            let have = self.origins.get(&origin).map_or(0, |origin| origin.have);
            if seq <= have && self.params.rules.dedup {
                repeated += 1;
                continue;
            }
            arrived += 1;
            self.reached(origin, seq);
            // A keeper of copies gets what nobody here wants, too.
            if self.interest.covers(&event.event_type) {
                self.deliver(origin, seq, event);
            }
        }
        if arrived > 0 {
            self.tell(Fact::Arrived(arrived));
        }
        if repeated > 0 {
            self.tell(Fact::Repeated(repeated));
        }
        read
    }

    /// Everything of `origin` up to `seq` has arrived, as far as it is wanted.
    pub(super) fn reached(&mut self, origin: NodeId, seq: u64) -> u64 {
        let origin = self.origins.entry(origin).or_default();
        origin.have = origin.have.max(seq);
        origin.have
    }

    /// Tells all desks that events may be missing.
    pub(super) fn gap(&mut self, origin: NodeId, from: u64, to: Option<u64>) {
        if let Some(to) = to {
            self.reached(origin, to);
        }
        self.tell_gap(origin, from, to);
    }

    pub(super) fn tell_gap(&mut self, origin: NodeId, from: u64, to: Option<u64>) {
        if !self.params.rules.gaps {
            return;
        }
        self.tell(Fact::Gap { origin, from, to });
        let cursor = super::cursor::encode(&self.vector());
        self.out.push(Output::Gap(Gap {
            origin: Some(origin),
            from,
            to,
            cursor,
        }));
    }
}

/// The event of this text, which another node has accepted.
pub(super) fn revive(text: Bytes) -> Option<Arc<Event>> {
    Event::parse(text).ok().map(Arc::new)
}
