//! Words between the cluster actor and those it speaks for, the registry actor and the hub actor.
//!
//! Both directions are told, not asked: the replica copes with whatever is lost.

use std::net::IpAddr;

use actix::{Message, Recipient};

use crate::core::{
    hub,
    replica::{id::PeerId, input::Input},
};

/// For the cluster actor: what the replica or the hub wants sent. Whose a message is, its first byte
/// says.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum Tell {
    /// To all nodes.
    Everybody {
        /// The message.
        bytes: Vec<u8>,
    },
    /// Ask one node.
    Ask {
        /// Whom.
        to: PeerId,
        /// The replica's number of the exchange.
        exchange: u64,
        /// The question.
        bytes: Vec<u8>,
    },
    /// Answer a node that asked.
    Reply {
        /// The cluster actor's number of the exchange.
        exchange: u64,
        /// The answer.
        bytes: Vec<u8>,
    },
    /// Keep a node out for a while.
    Refuse {
        /// Whom.
        peer: PeerId,
        /// For how long, in milliseconds.
        for_ms: u64,
    },
    /// Connect to this address, now and whenever the connection is lost.
    Dial {
        /// `host:port`.
        address: String,
    },
    /// Close all connections for good. Answered by [`Heard::Closed`].
    Close,
}

/// For the registry actor: what happened in the cluster.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum Heard {
    /// Something for the replica.
    Input(Input),
    /// This node's name in the transport; a new one after the network part was rebuilt.
    Identity(PeerId),
    /// The cluster port is open, or cannot be opened and is tried again; says why.
    Port(Result<(), String>),
    /// A connection was refused, here or over there.
    Refused {
        /// The other end, without its port.
        address: IpAddr,
        /// One word, as in metrics.
        reason: &'static str,
        /// A sentence.
        words: String,
    },
    /// After [`Tell::Close`]: nothing is sent or heard any more.
    Closed,
}

/// For the hub actor: what happened in the cluster.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct HeardByHub(pub hub::input::Input);

/// For the hub actor: the way to the other nodes.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Joined(pub Recipient<Tell>);
