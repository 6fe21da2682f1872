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
    /// The rest of what the socket took only in part; goes first.
    begun: Bytes,
    bytes: usize,
}

// === impl Item ===

impl Item {
    fn bytes(&self) -> usize {
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
        self.bytes + self.begun.len()
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
        self.begun = rest;
    }

    /// Takes the rest of what was begun; empty if nothing was.
    pub fn take_begun(&mut self) -> Bytes {
        std::mem::take(&mut self.begun)
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
        assert_eq!(queue.take_begun(), "5");
        assert!(queue.is_empty());
    }
}
