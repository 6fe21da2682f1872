//! What came for a client while it waits for what it missed, or for the confirmation of its
//! subscriptions: in order, and bounded in bytes. What is too much is forgotten and fetched again, as it
//! is in the nodes' logs: a client is not to blame for how long others take.

use std::sync::Arc;

use crate::{
    core::subscription::Subscription,
    message::hub::{Delivery, Gap},
};

/// In the order in which it came.
#[derive(Debug, Default)]
pub struct Held {
    items: Vec<Item>,
    bytes: usize,
    overflowed: bool,
    /// What the client wants, if that has changed and nobody has asked since.
    renewed: Option<Vec<Subscription>>,
}

/// One thing that came.
#[derive(Debug)]
pub enum Item {
    /// An event.
    Event(Arc<Delivery>),
    /// Events may be missing.
    Gap(Gap),
}

// === impl Held ===

impl Held {
    /// Keeps an event, if there is room.
    pub fn put(&mut self, delivery: &Arc<Delivery>, bytes_max: usize) {
        let bytes = delivery.bytes();
        self.push(Item::Event(Arc::clone(delivery)), bytes, bytes_max);
    }

    /// Keeps that events may be missing, if there is room. Who has to fetch all again is told of gaps
    /// then.
    pub fn put_gap(&mut self, gap: &Gap, bytes_max: usize) {
        let bytes = size_of::<Item>() + gap.cursor.len();
        self.push(Item::Gap(gap.clone()), bytes, bytes_max);
    }

    fn push(&mut self, item: Item, bytes: usize, bytes_max: usize) {
        if self.overflowed {
            return;
        }
        self.bytes += bytes;
        if self.bytes > bytes_max && !self.items.is_empty() {
            self.items = Vec::new();
            self.bytes = 0;
            self.overflowed = true;
        } else {
            self.items.push(item);
        }
    }

    /// All of it, and nothing is held any more; `None`: it was too much, and is forgotten.
    pub fn take_items(&mut self) -> Option<Vec<Item>> {
        let items = std::mem::take(&mut self.items);
        self.bytes = 0;
        (!std::mem::take(&mut self.overflowed)).then_some(items)
    }

    /// The client wants this from now on.
    pub fn renew(&mut self, subscriptions: &[Subscription]) {
        self.renewed = Some(subscriptions.to_vec());
    }

    /// What the client wants, if that has changed since this was asked.
    pub fn take_renewed(&mut self) -> Option<Vec<Subscription>> {
        self.renewed.take()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::core::{event::Event, hub::position::NodeId};

    fn delivery(seq: u64) -> Arc<Delivery> {
        let text = r#"{"specversion":"0.2","type":"t","id":"1","source":"s"}"#;
        Arc::new(Delivery {
            origin: NodeId::new(1),
            seq,
            event: Arc::new(Event::parse(Bytes::from_static(text.as_bytes())).expect("event")),
            cursor: "".into(),
        })
    }

    #[test]
    fn what_is_too_much_is_forgotten_as_a_whole() {
        let room = delivery(1).bytes() * 2;
        let mut held = Held::default();
        held.put(&delivery(1), room);
        held.put(&delivery(2), room);
        assert_eq!(held.take_items().map(|items| items.len()), Some(2));
        for seq in 3..=6 {
            held.put(&delivery(seq), room);
        }
        held.renew(&[]);
        assert!(held.take_items().is_none());
        held.put(&delivery(7), room);
        assert_eq!(held.take_items().map(|items| items.len()), Some(1));
        assert_eq!(held.take_renewed(), Some(Vec::new()));
        assert_eq!(held.take_renewed(), None);
    }

    #[test]
    fn gaps_take_room_too() {
        let gap = Gap {
            origin: None,
            from: 1,
            to: None,
            cursor: "x".repeat(100).into(),
        };
        let mut held = Held::default();
        for _gap in 0..3 {
            held.put_gap(&gap, 2 * (size_of::<Item>() + 100));
        }
        assert!(held.take_items().is_none());
    }

    #[test]
    fn one_event_alone_may_be_larger() {
        let mut held = Held::default();
        held.put(&delivery(1), 1);
        assert!(held.take_items().is_some());
    }
}
