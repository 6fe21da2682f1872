//! What goes into the machine. Depends on `replica::id` for the transport's names. Deliberately
//! absent: channels and clocks; the shell reads them and makes these values.

use std::sync::Arc;

use bytes::Bytes;

use super::position::{NodeId, Vector};
use crate::core::{event::Event, replica::id::PeerId, session::Name, subscription::TypePattern};

/// One thing that happened. A `ticket` is the shell's and comes back with the answer.
#[derive(Debug, Clone)]
pub enum Input {
    /// A client submits events.
    Submit {
        /// For the answer.
        ticket: u64,
        /// The events.
        events: Vec<Arc<Event>>,
    },
    /// A desk wants other types than before. Answered when all nodes know it.
    InterestChanged {
        /// For the answer.
        ticket: u64,
        /// New for this desk.
        added: Vec<TypePattern>,
        /// No longer wanted by it.
        removed: Vec<TypePattern>,
    },
    /// A client resumes. Its interest must be known before ([`Input::InterestChanged`]).
    Replay {
        /// For the answer.
        ticket: u64,
        /// Where it was.
        from: From,
        /// What it wants.
        types: Vec<TypePattern>,
    },
    /// Remember this about a connection, on all nodes.
    Remember {
        /// The connection.
        key: Bytes,
        /// What.
        value: Bytes,
    },
    /// What is remembered about a connection?
    Recall {
        /// For the answer.
        ticket: u64,
        /// The connection.
        key: Bytes,
    },
    /// For a connection of another node.
    Carry {
        /// For the answer.
        ticket: u64,
        /// Which node.
        to: NodeId,
        /// Which desk there; any if `None`.
        desk: Option<u32>,
        /// What the other end understands.
        bytes: Bytes,
    },
    /// A desk answers what was carried here ([`super::output::Output::Carried`]).
    CarryAnswered {
        /// The shell's number of the exchange.
        exchange: u64,
        /// The answer; `None`: there is no such connection or desk.
        bytes: Option<Bytes>,
    },
    /// A session is revoked.
    Revoke {
        /// For the answer.
        ticket: u64,
        /// The session.
        session: Name,
        /// Until this second since 1970.
        until: u64,
        /// How long to wait for the other nodes, in milliseconds; 0: not at all.
        wait: u64,
    },
    /// A connection to `peer` opened.
    LinkOpened(PeerId),
    /// The last connection to `peer` closed.
    LinkClosed(PeerId),
    /// A peer asks; the answer is an `Output::Reply` with the same `exchange`.
    Request {
        /// Who asks.
        from: PeerId,
        /// The shell's number of the exchange.
        exchange: u64,
        /// The request.
        bytes: Vec<u8>,
    },
    /// The answer to an `Output::Ask`.
    Answer {
        /// The machine's number of the exchange.
        exchange: u64,
        /// The answer.
        bytes: Vec<u8>,
    },
    /// An `Output::Ask` will not be answered.
    Failed {
        /// The machine's number of the exchange.
        exchange: u64,
    },
    /// Time passed; due at `Hub::next_wakeup`, harmless at any other time.
    Tick,
    /// The node is asked to stop: no more submissions, the last events to all, then `Output::Left`.
    Leave,
}

/// Where a client was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// It has a cursor, or the previous page's end.
    Vector(Vector),
    /// It knows the id of the last event it saw.
    Event {
        /// The event's id.
        id: Arc<str>,
        /// The node that delivered it, if known: then only that node's order counts, exactly.
        node: Option<NodeId>,
    },
}
