//! One vote (cluster.md, part 4). Depends on `digest`. Deliberately absent: when to vote.

use super::digest::Digest;

/// What a voter said last. The ballots of one voter form a chain: a later incarnation beats an
/// earlier one, then the higher number, then (two processes under one name) the digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ballot {
    /// The process start that cast it.
    pub incarnation: u64,
    /// Number of the ballot within the incarnation.
    pub seq: u32,
    /// The version voted for.
    pub digest: Digest,
}
