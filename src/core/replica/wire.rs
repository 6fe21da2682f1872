//! What nodes say to each other (cluster.md, part 6): one byte of schema version, then CBOR
//! (RFC 8949) with small integers as field names, so that unknown fields are skipped and a later
//! version may add some. Depends on `minicbor`. Deliberately absent: what a message means; any
//! check but its form. Every message is a piece of state: duplicates and replays are harmless.

mod codec;

pub use crate::core::version::Version;
use minicbor::{Decode, Encode};

use super::{
    ballot::Ballot,
    digest::{Body, Digest},
    id::{ApiId, PeerId, Voter},
    limits::{EXCHANGE_BYTES_MAX, GOSSIP_BYTES_MAX},
    stamp::Stamp,
};

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

/// A piece of one API's round.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Part {
    /// The API; checked when the Part is admitted.
    #[n(0)]
    pub id: ApiId,
    /// The ref.
    #[n(1)]
    pub ref_number: u64,
    /// Some or all candidates.
    #[n(2)]
    pub candidates: Vec<Nominee>,
    /// Some or all ballots.
    #[n(3)]
    pub ballots: Vec<Vote>,
}

/// A candidate, with its body or as a hint to fetch it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Nominee {
    /// The version.
    #[n(0)]
    pub digest: Digest,
    /// Its age.
    #[n(1)]
    pub stamp: Stamp,
    /// Its definition; absent for a deleted API and for a hint.
    #[n(2)]
    pub body: Option<Body>,
}

/// A ballot with its voter.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Vote {
    /// Who voted.
    #[n(0)]
    pub voter: Voter,
    /// The process start that cast it.
    #[n(1)]
    pub incarnation: u64,
    /// Number within the incarnation.
    #[n(2)]
    pub seq: u32,
    /// The version voted for.
    #[n(3)]
    pub digest: Digest,
}

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

/// A question to one peer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Request {
    /// Are we equal?
    #[n(0)]
    Sync1 {
        /// Hash over the asker's registry.
        #[n(0)]
        root: u64,
        /// Number of its APIs.
        #[n(1)]
        count: u64,
    },
    /// The leaf hashes of these inner nodes.
    #[n(1)]
    Sync2 {
        /// Inner nodes that differ.
        #[n(0)]
        inner: Vec<u16>,
    },
    /// The keys of these leaves.
    #[n(2)]
    Sync3 {
        /// Leaves that differ.
        #[n(0)]
        leaves: Vec<u16>,
    },
    /// Take mine, give yours.
    #[n(3)]
    Pull {
        /// Hashes of the ids that differ.
        #[n(0)]
        wanted: Vec<u64>,
        /// The asker's rounds of them.
        #[n(1)]
        parts: Vec<Part>,
        /// The members the asker knows.
        #[n(2)]
        members: Vec<Hearsay>,
    },
    /// One definition.
    #[n(4)]
    Body {
        /// The API it belongs to.
        #[n(0)]
        id: ApiId,
        /// The version.
        #[n(1)]
        digest: Digest,
    },
    /// What do you hold and serve (receipts)?
    #[n(5)]
    Status {
        /// The API.
        #[n(0)]
        id: ApiId,
    },
    /// Which versions are these (an operator compares two nodes)? Changes nothing.
    #[n(6)]
    Describe {
        /// Hashes of ids; at most `limits::PULL_IDS_MAX` are looked at.
        #[n(0)]
        hashed: Vec<u64>,
    },
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Answer {
    /// To Sync1: equal.
    #[n(0)]
    Same,
    /// To Sync1: the 32 inner hashes.
    #[n(1)]
    Inner(#[n(0)] Vec<u64>),
    /// To Sync2.
    #[n(2)]
    Leaves(#[n(0)] Vec<LeafHashes>),
    /// To Sync3, and to Sync1 when there are few APIs.
    #[n(3)]
    Keys(#[n(0)] Vec<KeySignature>),
    /// To Pull: what the asker lacked, and the id hashes that did not fit.
    #[n(4)]
    Parts {
        /// The rounds.
        #[n(0)]
        parts: Vec<Part>,
        /// Still to be pulled.
        #[n(1)]
        more: Vec<u64>,
        /// The members the answering node knows.
        #[n(2)]
        members: Vec<Hearsay>,
    },
    /// To Body; `None`: not here.
    #[n(5)]
    Body(#[n(0)] Option<Body>),
    /// To Status.
    #[n(6)]
    Status(#[n(0)] Status),
    /// To Describe: those that are known.
    #[n(7)]
    Descriptions(#[n(0)] Vec<Description>),
}

/// The leaf hashes of one inner node.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct LeafHashes {
    /// The inner node.
    #[n(0)]
    pub inner: u16,
    /// Its 32 hashes.
    #[n(1)]
    pub hashes: Vec<u64>,
}

/// One API in a key list.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct KeySignature {
    /// Hash of the id.
    #[n(0)]
    pub hashed: u64,
    /// Signature of its round.
    #[n(1)]
    pub signature: u64,
}

/// Which version of an API a node holds, without its definition.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Description {
    /// The API.
    #[n(0)]
    pub id: ApiId,
    /// The round's ref and winner.
    #[n(1)]
    pub winner: Version,
    /// Whether there is more than one candidate.
    #[n(2)]
    pub contested: bool,
}

/// How a node stands to one API.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Status {
    /// The round's ref and winner; `None`: unknown API.
    #[n(0)]
    pub winner: Option<Version>,
    /// What is served.
    #[n(1)]
    pub serving: Option<Version>,
    /// Whether there is more than one candidate.
    #[n(2)]
    pub contested: bool,
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

// === impl Vote ===

impl Vote {
    /// The ballot without its voter.
    pub fn ballot(&self) -> Ballot {
        Ballot {
            incarnation: self.incarnation,
            seq: self.seq,
            digest: self.digest,
        }
    }

    /// A ballot with its voter.
    pub fn new(voter: Voter, ballot: Ballot) -> Self {
        let Ballot {
            incarnation,
            seq,
            digest,
        } = ballot;
        Self {
            voter,
            incarnation,
            seq,
            digest,
        }
    }
}

// === impl Part ===

impl Part {
    /// A close upper estimate of the encoded size without bodies.
    pub(super) fn header_bytes(&self) -> usize {
        // Digest 34, stamp 9 and framing; voter 17, incarnation 9, seq 5, digest 34 and framing.
        24 + self.id.as_str().len() + self.candidates.len() * 52 + self.ballots.len() * 68
    }

    /// Bytes of all bodies.
    pub(super) fn body_bytes(&self) -> usize {
        self.candidates
            .iter()
            .filter_map(|nominee| nominee.body.as_ref())
            .map(Body::len)
            .sum()
    }
}

#[cfg(test)]
mod tests;
