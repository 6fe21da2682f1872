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

/// How far a resumed connection is ahead of its node. Dropped once the node has caught up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Floor(Option<Vector>);

// === impl Floor ===

impl Floor {
    /// Everything up to `upto` has been given to the connection.
    pub fn new(upto: Vector) -> Self {
        Self(Some(upto))
    }

    /// Whether the connection still lacks `delivery`, and then the cursor to send with it.
    pub fn admit(&mut self, delivery: &Delivery) -> Option<Arc<str>> {
        let Some(floor) = &self.0 else {
            return Some(Arc::clone(&delivery.cursor));
        };
        if delivery.seq <= floor.seq(delivery.origin) {
            return None;
        }
        Some(self.position(&delivery.cursor))
    }

    /// The cursor to send with `gap`; `None` if it concerns only what the connection has.
    pub fn admit_gap(&mut self, gap: &Gap) -> Option<Arc<str>> {
        let has_all = self.0.as_ref().is_some_and(|floor| {
            gap.to
                .is_some_and(|to| gap.origin.is_some_and(|origin| to <= floor.seq(origin)))
        });
        if has_all {
            return None;
        }
        Some(self.position(&gap.cursor))
    }

    /// Where the connection is when its node is at `cursor`.
    pub fn position(&mut self, cursor: &Arc<str>) -> Arc<str> {
        let (Some(floor), Ok(mut node)) = (&mut self.0, cursor::decode(cursor)) else {
            return Arc::clone(cursor);
        };
        if node.covers(floor) {
            self.0 = None;
            return Arc::clone(cursor);
        }
        node.join(floor);
        let text = cursor::encode(&node);
        *floor = node;
        text
    }
}
