//! What a line could not send yet: bounded in bytes, sharing the events themselves.

use std::{collections::VecDeque, rc::Rc};

use bytes::Bytes;

use crate::http::inbound::events::frame::Frame;

/// One thing to send.
#[derive(Debug, Clone)]
pub enum Item {
    /// An event, shared with other lines.
    Event(Rc<Frame>),
    /// Bytes of this line alone, as they go on the wire.
    Raw(Bytes),
}

/// What waits.
#[derive(Debug, Default)]
pub struct Queue {
    items: VecDeque<Item>,
    /// The rest of what was begun, in order; goes first. Large pieces are shared with other lines.
    begun: Vec<Bytes>,
    bytes: usize,
}

// === impl Item ===

impl Item {
    /// About the bytes that it takes on the wire.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Event(frame) => frame.bytes(),
            Self::Raw(bytes) => bytes.len(),
        }
    }
}

// === impl Queue ===

impl Queue {
    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.items.is_empty()
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes + self.begun.iter().map(Bytes::len).sum::<usize>()
    }

    /// Bytes that wait behind what goes first.
    pub fn bytes_behind_first(&self) -> usize {
        let first = self.items.front().filter(|_item| self.begun.is_empty());
        self.bytes - first.map_or(0, Item::bytes)
    }

    /// Puts `item` at the end.
    pub fn push(&mut self, item: Item) {
        self.bytes += item.bytes();
        self.items.push_back(item);
    }

    /// Puts the unsent rest of something in front of everything.
    pub fn put_back(&mut self, rest: Bytes) {
        if !rest.is_empty() {
            self.begun.insert(0, rest);
        }
    }

    /// Begins something that goes in pieces.
    pub fn begin(&mut self, pieces: impl IntoIterator<Item = Bytes>) {
        let pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
        self.begun.extend(pieces);
    }

    /// Takes what goes next of what was begun, at most `bytes_max`; empty if nothing was begun.
    pub fn take_begun(&mut self, bytes_max: usize) -> Bytes {
        let Some(first) = self.begun.first_mut() else {
            return Bytes::new();
        };
        let piece = first.split_to(first.len().min(bytes_max));
        if first.is_empty() {
            self.begun.remove(0);
        }
        if self.begun.is_empty() {
            self.begun = Vec::new();
        }
        piece
    }

    /// Forgets what was begun.
    pub fn drop_begun(&mut self) {
        self.begun = Vec::new();
    }

    /// The first item that has not begun.
    pub fn first(&self) -> Option<&Item> {
        self.items.front()
    }

    /// Takes the first item.
    pub fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.bytes -= item.bytes();
        if self.items.is_empty() {
            // A line that was slow once must not hold its memory for ever.
            self.items = VecDeque::new();
        }
        Some(item)
    }

    /// Drops everything that has not begun; what has must be finished, or the rest is misread.
    pub fn clear(&mut self) {
        self.items = VecDeque::new();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_first_may_be_of_any_size() {
        let mut queue = Queue::default();
        queue.push(Item::Raw(Bytes::from_static(b"a large one")));
        assert_eq!(queue.bytes_behind_first(), 0);
        queue.push(Item::Raw(Bytes::from_static(b"12")));
        assert_eq!(queue.bytes_behind_first(), 2);
        assert!(queue.pop().is_some());
        queue.put_back(Bytes::from_static(b"rest of the large one"));
        assert_eq!(queue.bytes_behind_first(), 2);
    }

    #[test]
    fn what_was_begun_goes_in_order_and_in_small_pieces() {
        let mut queue = Queue::default();
        queue.begin(
            ["head", "", "shared", "tail"].map(|piece| Bytes::from_static(piece.as_bytes())),
        );
        let mut taken = Vec::new();
        for _piece in 0..3 {
            taken.extend(queue.take_begun(3));
        }
        assert_eq!((&taken[..], queue.bytes()), (&b"headsha"[..], 7));
        queue.put_back(Bytes::from_static(b"ha"));
        assert_eq!(queue.take_begun(3), "ha");
        assert_eq!(queue.take_begun(9), "red");
        assert_eq!(queue.take_begun(9), "tail");
        assert!(queue.is_empty() && queue.take_begun(9).is_empty());
    }

    #[test]
    fn bytes_are_counted_in_and_out() {
        let mut queue = Queue::default();
        queue.push(Item::Raw(Bytes::from_static(b"12345")));
        queue.push(Item::Raw(Bytes::from_static(b"67")));
        assert_eq!(queue.bytes(), 7);
        assert!(queue.pop().is_some());
        assert_eq!(queue.bytes(), 2);
        queue.put_back(Bytes::from_static(b"5"));
        assert_eq!(queue.bytes(), 3);
        queue.clear();
        assert_eq!((queue.bytes(), queue.is_empty()), (1, false));
        assert_eq!(queue.take_begun(9), "5");
        assert!(queue.is_empty());
    }
}
