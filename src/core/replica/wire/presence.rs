//! Who is there, on the wire (cluster.md, part 6). Depends on `minicbor`. Deliberately absent: who
//! counts as a member (see `members`).

use minicbor::{Decode, Encode};

use crate::core::replica::{id::PeerId, wire::Sender};

/// A sign of life of one process.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Presence {
    /// The transport's name of the process; must be the author of the message.
    #[n(0)]
    pub peer: PeerId,
    /// Name of the node.
    #[n(1)]
    pub name: String,
    /// Version of the software.
    #[n(2)]
    pub software: String,
    /// Number of APIs, deleted ones included.
    #[n(3)]
    pub apis: u64,
    /// Hash over the registry.
    #[n(4)]
    pub root: u64,
    /// The sender's wall clock in milliseconds.
    #[n(5)]
    pub wall: u64,
}

/// A member that somebody else heard of. Without it a node that lost some notices in a row would
/// take an incomplete membership for complete just when votes are counted.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Hearsay {
    /// Its vote and life.
    #[n(0)]
    pub sender: Sender,
    /// Its last notice.
    #[n(1)]
    pub presence: Presence,
    /// Milliseconds since it was last heard of.
    #[n(2)]
    pub age: u64,
}
