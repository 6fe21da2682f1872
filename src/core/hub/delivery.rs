//! What desks get: events, gaps, replays. Plain data. Deliberately absent: subscriptions; a desk
//! matches them itself.

use std::sync::Arc;

use super::position::{NodeId, Vector};
use crate::core::event::Event;

/// An event on its way to connections of this node.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The node that accepted it.
    pub origin: NodeId,
    /// Its number there, from 1.
    pub seq: u64,
    /// The event.
    pub event: Arc<Event>,
    /// Where a client is that has seen everything up to and with this event, as text
    /// ([`super::cursor`]).
    pub cursor: Arc<str>,
}

/// Events that may be missing, told to clients as `rig.gap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The node that accepted them; `None`: any node.
    pub origin: Option<NodeId>,
    /// The first that may be missing.
    pub from: u64,
    /// The last; `None`: nobody knows.
    pub to: Option<u64>,
    /// Where a client is that has been told of this gap.
    pub cursor: Arc<str>,
}

/// One page of a replay.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// What may be missing; told before the events.
    pub gaps: Vec<Gap>,
    /// The events, in the order of each node; each with the cursor of a client that has seen the
    /// replay as far.
    pub events: Vec<Arc<Delivery>>,
    /// How far the replay reaches, as [`super::floor::Floor`] or as the start of the next page.
    pub upto: Vector,
    /// There is more: ask again from `upto`.
    pub more: bool,
}

// === impl Delivery ===

impl Delivery {
    /// Bytes it occupies in a desk's queue: its text, and about as much as the rest.
    pub fn bytes(&self) -> usize {
        self.event.text.len() + 256
    }
}
