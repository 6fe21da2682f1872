//! Words for the hub: the actor that hands events to whoever wants them, on all nodes.

use std::{sync::Arc, time::Duration};

use actix::Message;
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::core::{
    event::Event,
    hub::{delivery::Replayed, input::From, output::CarryFault, position::NodeId},
    session::{Name, blacklist::Full},
    subscription::{TypePattern, extractors::Extractors},
};

pub use crate::core::hub::delivery::{Delivery, Gap};

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

/// What the connections of a desk want has changed. Answered when all nodes know it, or have not
/// confirmed for long.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct InterestChanged {
    /// Which desk.
    pub desk: u32,
    /// Nobody at this desk wanted these before.
    pub added: Vec<TypePattern>,
    /// Nobody at this desk wants these any more.
    pub removed: Vec<TypePattern>,
}

/// What has a client missed? `None`: too many ask at once; try again.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Option<Replayed>")]
pub struct Replay {
    /// Where it was.
    pub from: From,
    /// What it wants.
    pub types: Vec<TypePattern>,
}

/// Remember something about a connection, on all nodes.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Remember {
    /// The connection.
    pub key: Bytes,
    /// What.
    pub value: Bytes,
}

/// What is remembered about a connection?
#[derive(Debug, Clone, Message)]
#[rtype(result = "Option<Bytes>")]
pub struct Recall {
    /// The connection.
    pub key: Bytes,
}

/// Have a desk of another node answer.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Bytes, CarryFault>")]
pub struct Carry {
    /// The node.
    pub to: NodeId,
    /// The desk there; `None`: an answer for a request that waits there.
    pub desk: Option<u32>,
    /// What the other end understands.
    pub bytes: Bytes,
}

/// Revoke a session on all nodes. Answered once it is revoked here; with a wait, once all nodes have
/// confirmed or the wait is over.
#[derive(Debug, Message)]
#[rtype(result = "Result<Revoked, Full>")]
pub struct Revoke {
    /// The session.
    pub session: Name,
    /// The second (since 1970) from which it is free again.
    pub until_s: u64,
    /// How long to wait for the other nodes; `None`: not at all.
    pub wait_ms: Option<u64>,
}

/// Which nodes know of a revocation. Names of nodes, in alphabetical order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Those that have confirmed, the answering node included.
    pub confirmed: Vec<String>,
    /// Members that have not confirmed in time.
    pub missing: Vec<String>,
}

/// The node is about to stop: hand the last events to the others, take no more. Answered when that is
/// done or has taken too long. Connections are best closed afterwards, as the desks are told a last
/// position that lets clients resume elsewhere without a gap.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct LeaveHub;

/// What the hub tells a desk.
#[derive(Debug)]
pub enum ToDesk {
    /// An event, for whoever wants it.
    Deliver(Arc<Delivery>),
    /// Events may be missing.
    Gap(Gap),
    /// Where a client is that got everything so far.
    Position(Arc<str>),
    /// These sessions are revoked.
    Revoked(Arc<[Name]>),
    /// Other extractors are in force.
    Extractors(Arc<Extractors>),
    /// Something from another node for a connection of this desk.
    Carried(CarriedHere),
}

/// See [`ToDesk::Carried`].
#[derive(Debug)]
pub struct CarriedHere {
    /// What the other node's handler wrote.
    pub bytes: Bytes,
    answer: oneshot::Sender<Option<Bytes>>,
}

// === impl CarriedHere ===

impl CarriedHere {
    /// Something to be answered through `answer`.
    pub const fn new(bytes: Bytes, answer: oneshot::Sender<Option<Bytes>>) -> Self {
        Self { bytes, answer }
    }

    /// Answers; `None`: there is no such connection.
    pub fn answer(self, bytes: Option<Bytes>) {
        // Whoever asked may have given up.
        let _unheard = self.answer.send(bytes);
    }
}
