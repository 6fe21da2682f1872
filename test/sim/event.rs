//! What is going to happen in a run, in order of time. Deliberately absent: what it leads to.

use std::{cmp::Reverse, collections::BinaryHeap, rc::Rc};

use rig::core::{
    digest::Digest,
    replica::{
        id::{ApiId, PeerId},
        wire::Part,
    },
};

use super::world::Life;

/// A message with what the truth needs to know of it.
pub(super) struct Letter {
    pub(super) bytes: Vec<u8>,
    pub(super) parts: Vec<Part>,
    /// A fetched body: API and digest.
    pub(super) body: Option<(ApiId, Digest)>,
}

pub(super) enum Event {
    Operation(usize),
    Connect(Life, Life),
    Noticed(Life, PeerId),
    Gossip {
        number: u64,
        relay: Life,
        author: Life,
        to: Life,
        letter: Rc<Letter>,
        forced: bool,
    },
    Request {
        from: Life,
        to: Life,
        exchange: u64,
        letter: Rc<Letter>,
    },
    Answer {
        from: Life,
        to: Life,
        exchange: u64,
        letter: Rc<Letter>,
    },
    Failed {
        to: Life,
        exchange: u64,
    },
    Tick(Life),
}

/// Events by time; those of one millisecond in the order in which they were planned.
#[derive(Default)]
pub(super) struct Agenda {
    /// Time, number, slot.
    heap: BinaryHeap<Reverse<(u64, u64, usize)>>,
    /// Outside the heap, which moves its entries a lot.
    slots: Vec<Option<Event>>,
    free: Vec<usize>,
    planned: u64,
}

impl Agenda {
    pub(super) fn plan(&mut self, at: u64, event: Event) {
        self.planned += 1;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = Some(event);
                slot
            }
            None => {
                self.slots.push(Some(event));
                self.slots.len() - 1
            }
        };
        self.heap.push(Reverse((at, self.planned, slot)));
    }

    /// The next event with its time, unless it lies after `until`.
    pub(super) fn next(&mut self, until: u64) -> Option<(u64, Event)> {
        let Reverse((at, _, slot)) = *self.heap.peek()?;
        if at > until {
            return None;
        }
        self.heap.pop();
        self.free.push(slot);
        Some((at, self.slots[slot].take()?))
    }
}
