//! Words for the hub: the actor that hands events to whoever wants them.

use std::{sync::Arc, time::Duration};

use actix::Message;

use crate::core::event::Event;

/// Take these events, all or none, in this order. Answered when they are as safe as
/// `SUBMISSION_ACK` demands.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), SubmitRefusal>")]
pub struct Submit {
    /// The events.
    pub events: Vec<Arc<Event>>,
}

/// Why events are not confirmed. The text is the answer's body; with each of them the submitter may
/// try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubmitRefusal {
    /// The node does not know the cluster's subscriptions yet, or is about to end. Nothing was taken.
    #[error("This node does not take events now. Try again, or try another node.")]
    NotReady,
    /// More is on its way than the node can hand on. Nothing was taken.
    #[error("This node has too many events to hand on. Try again later.")]
    Overloaded,
    /// No other node has confirmed that it has the events (`SUBMISSION_ACK=cluster`).
    #[error(
        "No other node confirmed the events within {} ms. They may have been delivered all the same.",
        waited.as_millis()
    )]
    NotReplicated {
        /// How long that was waited for.
        waited: Duration,
    },
}
