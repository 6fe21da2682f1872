//! Questions to one peer and their answers (cluster.md, parts 6 and 7). Depends on `minicbor`.
//! Deliberately absent: which answer fits which question (see `descend`).

use minicbor::{Decode, Encode};

use crate::core::replica::{
    digest::{Body, Digest},
    id::ApiId,
    wire::{Hearsay, Part, Version},
};

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
