//! The extractors in force, as connections read them, and the question for their version.
//!
//! The registry actor, which agrees on them with the other nodes, publishes them here: at once, without
//! a mailbox in between, so that a change is in force before its answer and before the node is ready.

use std::sync::Arc;

use actix::Message;
use arc_swap::ArcSwap;

use crate::{
    core::{subscription::extractors::Extractors, version::Version},
    message::hub::{ToDesk, ToDesks},
};

/// Show the extractors in force.
#[derive(Debug, Message)]
#[rtype(result = "CurrentExtractors")]
pub struct GetExtractors;

/// The extractors as this node has them.
#[derive(Debug, Clone)]
pub struct CurrentExtractors {
    /// Their version; that of a first `{}` if nobody has set any.
    pub version: Version,
    /// What they are.
    pub extractors: Arc<Extractors>,
    /// Several versions of this `ref_number` are known, and the vote is not over.
    pub contested: bool,
}

/// Where the registry actor publishes the extractors.
#[derive(Debug)]
pub struct ExtractorsCell {
    current: Arc<ArcSwap<Extractors>>,
    desks: Vec<ToDesks>,
}

// === impl ExtractorsCell ===

impl ExtractorsCell {
    /// A cell that stores to `current` and tells `desks`.
    pub const fn new(current: Arc<ArcSwap<Extractors>>, desks: Vec<ToDesks>) -> Self {
        Self { current, desks }
    }

    /// These are in force: for new subscriptions from here on, for the ones there are from the next
    /// event on that a desk is told of.
    pub fn publish(&self, extractors: &Arc<Extractors>) {
        self.current.store(Arc::clone(extractors));
        for desk in &self.desks {
            // A desk that is gone rings its worker's alarm.
            let _is_there = desk.tell(ToDesk::Extractors(Arc::clone(extractors)));
        }
    }
}
