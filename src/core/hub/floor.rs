//! How a desk joins what was replayed to a connection with what goes on live. Depends on `cursor`.
//! Deliberately absent: the queue in which the desk holds live events until the replay is complete.
//!
//! A replay ends at a vector (`Replayed::upto`) that is in some components ahead of the node: a peer
//! answers up to its own head, while its batches may be behind. Until the node has caught up, live
//! events at or below the floor are ones the client has, and the cursor of a live event, which says
//! where the *node* is, would put the client back; both are mended here.

use std::sync::Arc;

use super::{
    cursor,
    delivery::{Delivery, Gap},
    position::Vector,
};

/// How far a resumed connection is ahead of its node. Empty once the node has caught up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Floor {
    /// Where the node is not yet, as far as is known.
    ahead: Vector,
}

// === impl Floor ===

impl Floor {
    /// Everything up to `upto` has been given to the connection.
    pub fn new(upto: Vector) -> Self {
        Self { ahead: upto }
    }

    /// Whether the connection still lacks `delivery`, and then the cursor to send with it.
    pub fn admit(&mut self, delivery: &Delivery) -> Option<Arc<str>> {
        if delivery.seq <= self.ahead.seq(delivery.origin) {
            return None;
        }
        Some(self.position(&delivery.cursor))
    }

    /// The cursor to send with `gap`; `None` if it concerns only what the connection has.
    pub fn admit_gap(&mut self, gap: &Gap) -> Option<Arc<str>> {
        let has_all = gap.to.zip(gap.origin);
        if has_all.is_some_and(|(to, origin)| to <= self.ahead.seq(origin)) {
            return None;
        }
        Some(self.position(&gap.cursor))
    }

    /// Where the connection is when its node is at `cursor`.
    pub fn position(&mut self, cursor: &Arc<str>) -> Arc<str> {
        if self.ahead.is_empty() {
            return Arc::clone(cursor);
        }
        let Ok(mut node) = cursor::decode(cursor) else {
            return Arc::clone(cursor);
        };
        self.ahead.leave_what_is_beyond(&node);
        if self.ahead.is_empty() {
            return Arc::clone(cursor);
        }
        node.join(&self.ahead);
        cursor::encode(&node)
    }
}
