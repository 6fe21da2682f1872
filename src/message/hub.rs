//! Words for the hub: the actor that hands events to whoever wants them, on all nodes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix::Message;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::core::{
    event::Event,
    hub::{
        delivery::Replayed, input::From, limits::EVENT_BYTES_MAX, output::CarryFault,
        position::NodeId,
    },
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
    /// An event is larger than what nodes can pass on to each other. Nothing was taken.
    #[error("Payload too large: in a cluster an event can have {EVENT_BYTES_MAX} bytes.")]
    TooLarge,
    /// The node does not know the cluster's subscriptions yet, or is about to end. Nothing was taken.
    #[error("This node does not take events now. Try again, or try another node.")]
    NotReady,
    /// More is on its way than the node can hand on. Nothing was taken.
    #[error("This node has too many events to hand on. Try again later.")]
    Overloaded,
    /// There is no other node that could keep a copy (`SUBMISSION_ACK=cluster`). Nothing was taken.
    #[error("There is no other node to keep a copy of the events. Try again later.")]
    NoKeeper,
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
/// done or has taken too long. Connections that are still open are told a last position; a client that
/// has it resumes elsewhere without a gap. One whose connection was closed before gets a gap if this
/// node accepted anything behind the client's position, whether the client wanted it or not.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct LeaveHub;

/// The way from the hub to one desk, with the bytes of events that the desk has not handed out yet.
#[derive(Debug, Clone)]
pub struct ToDesks {
    sender: mpsc::UnboundedSender<ToDesk>,
    waiting: Arc<AtomicUsize>,
}

/// The desk's end.
#[derive(Debug)]
pub struct FromHub {
    receiver: mpsc::UnboundedReceiver<ToDesk>,
    waiting: Arc<AtomicUsize>,
}

/// What the hub tells a desk.
#[derive(Debug)]
pub enum ToDesk {
    /// An event, for whoever wants it.
    Deliver(Arc<Handout>),
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

/// One event on its way to all desks of the node.
#[derive(Debug)]
pub struct Handout {
    /// The event.
    pub delivery: Arc<Delivery>,
    /// When the hub had it.
    pub since: Instant,
    is_given: AtomicBool,
}

/// See [`ToDesk::Carried`].
#[derive(Debug)]
pub struct CarriedHere {
    /// What the other node's handler wrote.
    pub bytes: Bytes,
    answer: oneshot::Sender<Option<Bytes>>,
}

// === impl ToDesks ===

impl ToDesks {
    /// Both ends.
    pub fn channel() -> (Self, FromHub) {
        // Not bounded by itself: the hub takes no more events while too many bytes wait here.
        let (sender, receiver) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let to = Self {
            sender,
            waiting: Arc::clone(&waiting),
        };
        (to, FromHub { receiver, waiting })
    }

    /// Tells the desk something; false if it is gone.
    pub fn tell(&self, told: ToDesk) -> bool {
        self.waiting.fetch_add(told.bytes(), Ordering::Relaxed);
        self.sender.send(told).is_ok()
    }

    /// Bytes of events that the desk has not handed out yet.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

// === impl FromHub ===

impl FromHub {
    /// Things told that were not taken yet.
    pub fn len(&self) -> usize {
        self.receiver.len()
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }

    /// The next thing told; `None` when the hub is gone.
    pub async fn next(&mut self) -> Option<ToDesk> {
        let told = self.receiver.recv().await?;
        self.waiting.fetch_sub(told.bytes(), Ordering::Relaxed);
        Some(told)
    }
}

// === impl ToDesk ===

impl ToDesk {
    fn bytes(&self) -> usize {
        match self {
            Self::Deliver(handout) => handout.delivery.bytes(),
            Self::Carried(carried) => carried.bytes.len(),
            Self::Gap(_) | Self::Position(_) | Self::Revoked(_) | Self::Extractors(_) => 0,
        }
    }
}

// === impl Handout ===

impl Handout {
    /// Nobody has been given it yet.
    pub const fn new(delivery: Arc<Delivery>, since: Instant) -> Self {
        Self {
            delivery,
            since,
            is_given: AtomicBool::new(false),
        }
    }

    /// A desk has given it to a connection; whether it is the first one that has.
    pub fn is_first(&self) -> bool {
        !self.is_given.swap(true, Ordering::Relaxed)
    }
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
