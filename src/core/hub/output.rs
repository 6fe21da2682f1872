//! What the machine wants done, and the facts it tells to log and metrics. Deliberately absent: doing
//! it.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    delivery::{Delivery, Gap, Replayed},
    limits::EVENT_BYTES_MAX,
    position::NodeId,
    wire::WireFault,
};
use crate::core::{
    replica::id::PeerId,
    session::{Name, blacklist::Full},
};

/// One thing to do.
#[derive(Debug, Clone)]
pub enum Output {
    /// Ask a peer; the outcome comes back as `Input::Answer` or `Input::Failed`.
    Ask {
        /// Whom.
        to: PeerId,
        /// The machine's number of the exchange.
        exchange: u64,
        /// The request.
        bytes: Vec<u8>,
    },
    /// Answer an `Input::Request`.
    Reply {
        /// The shell's number of the exchange.
        exchange: u64,
        /// The answer.
        bytes: Vec<u8>,
    },
    /// To all desks.
    Deliver(Arc<Delivery>),
    /// To all desks: events may be missing.
    Gap(Gap),
    /// To all desks: a client that got everything so far is here.
    Position(Arc<str>),
    /// To all desks, and to whoever judges tokens: these sessions are revoked.
    Revoked(Vec<Name>),
    /// The answer to `Input::Submit`.
    Submitted {
        /// From the input.
        ticket: u64,
        /// Accepted, or why not.
        result: Result<(), SubmitRefusal>,
    },
    /// The answer to `Input::InterestChanged`.
    InterestKnown {
        /// From the input.
        ticket: u64,
        /// Nodes that do not know it yet.
        missing: usize,
    },
    /// The answer to `Input::Replay`.
    Replayed {
        /// From the input.
        ticket: u64,
        /// The page; `None`: too many resume at once, try again.
        replayed: Option<Replayed>,
    },
    /// The answer to `Input::Recall`.
    Recalled {
        /// From the input.
        ticket: u64,
        /// What is remembered.
        value: Option<Bytes>,
    },
    /// The answer to `Input::Carry`.
    CarryDone {
        /// From the input.
        ticket: u64,
        /// What the other end answered.
        result: Result<Bytes, CarryFault>,
    },
    /// Something for a desk of this node; answered by `Input::CarryAnswered`.
    Carried {
        /// The shell's number of the exchange.
        exchange: u64,
        /// Which desk; any if `None`.
        desk: Option<u32>,
        /// What the desk understands.
        bytes: Bytes,
    },
    /// The answer to `Input::Revoke`.
    RevokeDone {
        /// From the input.
        ticket: u64,
        /// Who has it.
        spread: Result<Spread, Full>,
    },
    /// The node is ready.
    Ready,
    /// After `Input::Leave`: nothing is left to do.
    Left,
    /// Something worth a log line or a counter.
    Fact(Fact),
}

/// Why events were not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubmitRefusal {
    /// An event is larger than what nodes can pass on to each other. Nothing was changed.
    #[error("in a cluster an event can have {EVENT_BYTES_MAX} bytes")]
    TooLarge,
    /// The node has just started or is about to stop. Nothing was changed.
    #[error("this node does not take events yet or any more; ask another one")]
    NotReady,
    /// Connections do not keep up with what is waiting for them. Nothing was changed.
    #[error("too many events are waiting; try again later")]
    Overloaded,
    /// There is no other node that could hold a copy. Nothing was changed.
    #[error("there is no other node to hold a copy; try again later")]
    NoKeeper,
    /// No other node has confirmed a copy in time. The events may have been delivered nevertheless.
    #[error("no other node has confirmed a copy; try again later")]
    NotReplicated,
}

/// Why there is no answer from another node's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CarryFault {
    /// The node or its connection is gone.
    #[error("the connection no longer exists")]
    Gone,
    /// The node did not answer; it may have done what was asked.
    #[error("the connection's node does not answer; try again later")]
    Unanswered,
    /// More bytes than can be carried. Nothing was sent.
    #[error("the request is too large to be passed to another node; shorten it")]
    TooLarge,
    /// Too many wait already. Nothing was sent.
    #[error("too many requests wait for other nodes; try again later")]
    Overloaded,
}

/// Which nodes enforce a revocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    /// Names of the nodes that confirmed, this one first.
    pub confirmed: Vec<String>,
    /// Names of the nodes that did not, or were not waited for; also of members that are cut off, as
    /// long as they are remembered without having said good-bye.
    pub missing: Vec<String>,
}

/// Something worth a log line or a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// This many events were accepted here.
    Accepted(usize),
    /// A batch of this many events and bytes was sent to a node.
    Shipped {
        /// Events.
        events: usize,
        /// Bytes of the events.
        bytes: usize,
    },
    /// This many events of another node arrived.
    Arrived(usize),
    /// This many events arrived again and were dropped.
    Repeated(usize),
    /// A batch was sent back because it was made under an old interest.
    Bounced,
    /// A batch was sent back because desks do not keep up.
    Held,
    /// An event of another node is none for this software; it was left out.
    Unreadable {
        /// Who accepted it.
        origin: NodeId,
        /// Its number.
        seq: u64,
    },
    /// Events of a node may be missing.
    Gap {
        /// Which node.
        origin: NodeId,
        /// From this number.
        from: u64,
        /// To this one, if known.
        to: Option<u64>,
    },
    /// Another node was met.
    Met {
        /// Which.
        node: NodeId,
        /// Its name.
        name: String,
    },
    /// The connection to a node is gone.
    Lost {
        /// Which.
        node: NodeId,
    },
    /// This node's copies are kept by another one from now on; `None`: by none.
    Backup(Option<NodeId>),
    /// A replay gave this many events; `complete`: without a gap.
    Replayed {
        /// Events.
        events: usize,
        /// Without a gap.
        complete: bool,
    },
    /// The blacklist is full: so many revoked sessions, those that expire first, gave way to others and
    /// are free again on this node.
    SessionsForgotten(u64),
    /// The node is ready although its blacklist was not compared with these nodes; names, or ids of the
    /// transport for those that have not said who they are.
    Incomplete(Vec<String>),
    /// A message was dropped.
    Rejected {
        /// Who sent it.
        peer: PeerId,
        /// Why.
        reason: WireFault,
    },
}
