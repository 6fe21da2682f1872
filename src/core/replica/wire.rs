//! What nodes say to each other (cluster.md, part 6): one byte of schema version, then CBOR
//! (RFC 8949) with small integers as field names, so that unknown fields are skipped and a later
//! version may add some. Depends on `minicbor`. Deliberately absent: what a message means; any
//! check but its form. Every message is a piece of state: duplicates and replays are harmless.

mod codec;
mod exchange;
mod part;
mod presence;

use minicbor::{Decode, Encode};

pub use self::{
    exchange::{Answer, Description, KeySignature, LeafHashes, Request, Status},
    part::{Nominee, Part, Vote},
    presence::{Hearsay, Presence},
};
use super::{
    id::{PeerId, Voter},
    limits::{EXCHANGE_BYTES_MAX, GOSSIP_BYTES_MAX},
};
pub use crate::core::version::Version;

/// The first byte of every message. A node drops messages with another one.
pub const SCHEMA_MAJOR: u8 = 1;

/// Who says it, on every message.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Sender {
    /// Name of the cluster; messages of others are dropped.
    #[n(0)]
    pub cluster: String,
    /// The sender's vote.
    #[n(1)]
    pub voter: Voter,
    /// The sender's process start.
    #[n(2)]
    pub incarnation: u64,
    /// Whether the sender's membership was calm once (rule N).
    #[n(3)]
    pub established: bool,
}

/// A message with its sender.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Envelope<T> {
    /// Who says it.
    #[n(0)]
    pub sender: Sender,
    /// What it says.
    #[n(1)]
    pub content: T,
}

/// What is gossiped to everybody.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Gossip {
    /// Pieces of the registry.
    #[n(0)]
    Delta(#[n(0)] Vec<Part>),
    /// A sign of life.
    #[n(1)]
    Presence(#[n(0)] Presence),
    /// These processes are no members any more: the sender itself, which leaves, or others that an
    /// operator had it forget. One that lives says so, and is a member again.
    #[n(2)]
    Gone(#[n(0)] Vec<PeerId>),
}

/// Why bytes are not a message. Nothing was changed; the receiver counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum WireFault {
    /// More bytes than such a message may have.
    #[error("the message is larger than the limit of its channel")]
    Oversized,
    /// Another schema version.
    #[error("the message has another schema version; update the older node")]
    Major,
    /// Not CBOR, or not of this shape.
    #[error("the message is malformed")]
    Malformed,
}

/// The bytes of a gossip message.
pub fn encode_gossip(message: &Envelope<Gossip>) -> Vec<u8> {
    encode(message)
}

/// The bytes of a request.
pub fn encode_request(message: &Envelope<Request>) -> Vec<u8> {
    encode(message)
}

/// The bytes of an answer.
pub fn encode_answer(message: &Envelope<Answer>) -> Vec<u8> {
    encode(message)
}

/// Reads a gossip message.
pub fn decode_gossip(bytes: &[u8]) -> Result<Envelope<Gossip>, WireFault> {
    decode(bytes, GOSSIP_BYTES_MAX)
}

/// Reads a request.
pub fn decode_request(bytes: &[u8]) -> Result<Envelope<Request>, WireFault> {
    decode(bytes, EXCHANGE_BYTES_MAX)
}

/// Reads an answer.
pub fn decode_answer(bytes: &[u8]) -> Result<Envelope<Answer>, WireFault> {
    decode(bytes, EXCHANGE_BYTES_MAX)
}

fn encode<T: Encode<()>>(message: &T) -> Vec<u8> {
    let mut bytes = vec![SCHEMA_MAJOR];
    // Writing to a vector has no error, and no type here refuses to be written.
    let written: Result<(), minicbor::encode::Error<std::convert::Infallible>> =
        minicbor::encode(message, &mut bytes);
    match written {
        Ok(()) => bytes,
        // An empty message is dropped and counted by whoever gets it.
        Err(_) => Vec::new(),
    }
}

fn decode<T: for<'b> Decode<'b, ()>>(bytes: &[u8], bytes_max: usize) -> Result<T, WireFault> {
    if bytes.len() > bytes_max {
        return Err(WireFault::Oversized);
    }
    let Some((major, rest)) = bytes.split_first() else {
        return Err(WireFault::Malformed);
    };
    if *major != SCHEMA_MAJOR {
        return Err(WireFault::Major);
    }
    let mut decoder = minicbor::Decoder::new(rest);
    let message = decoder.decode().map_err(|_| WireFault::Malformed)?;
    if decoder.position() == rest.len() {
        Ok(message)
    } else {
        Err(WireFault::Malformed)
    }
}

#[cfg(test)]
mod tests;
