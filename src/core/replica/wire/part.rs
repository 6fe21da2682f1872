//! Pieces of the registry on the wire (cluster.md, part 6). Depends on `minicbor`. Deliberately
//! absent: what they are joined to.

use minicbor::{Decode, Encode};

use crate::core::replica::{
    ballot::Ballot,
    digest::{Body, Digest},
    id::{ApiId, Voter},
    lineage::Lineage,
    stamp::Stamp,
};

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
    /// What it was made on top of; absent for a first version, and from nodes that do not know of
    /// this.
    #[n(3)]
    pub ancestors: Lineage,
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
    pub(in crate::core::replica) fn header_bytes(&self) -> usize {
        // Digest 34, stamp 9 and framing; an ancestor 18; voter 17, incarnation 9, seq 5, digest 34
        // and framing.
        let ancestors = self
            .candidates
            .iter()
            .map(|nominee| nominee.ancestors.len());
        24 + self.id.as_str().len()
            + self.candidates.len() * 56
            + ancestors.sum::<usize>() * 18
            + self.ballots.len() * 68
    }

    /// Bytes of all bodies.
    pub(in crate::core::replica) fn body_bytes(&self) -> usize {
        self.candidates
            .iter()
            .filter_map(|nominee| nominee.body.as_ref())
            .map(Body::len)
            .sum()
    }
}
