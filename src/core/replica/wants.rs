//! Candidates whose body is still missing (cluster.md, part 4.2: a header without body is a hint to
//! fetch it). Depends on `id`, `digest`, `wire`. Deliberately absent: the fetching (see `fetch`).

use std::collections::BTreeMap;

use super::{
    digest::Digest,
    id::{ApiId, PeerId},
    limits::WANTS_MAX,
    lineage::Lineage,
    stamp::Stamp,
    wire::Vote,
};

/// A candidate without body.
#[derive(Debug, Clone)]
pub(super) struct Want {
    pub(super) ref_number: u64,
    pub(super) stamp: Stamp,
    pub(super) ancestors: Lineage,
    pub(super) ballots: Vec<Vote>,
    /// Peers that may have it, the most recent last.
    pub(super) holders: Vec<PeerId>,
    pub(super) tries: u8,
    pub(super) next_at: u64,
    pub(super) under_way: bool,
}

/// All candidates without body.
#[derive(Debug, Clone, Default)]
pub(super) struct Wants {
    pub(super) wants: BTreeMap<(ApiId, Digest), Want>,
}

// === impl Wants ===

impl Wants {
    /// Notes a hint. A known one gets the holder and the newer facts.
    pub(super) fn note(&mut self, id: &ApiId, digest: Digest, hint: Want) {
        let key = (id.clone(), digest);
        let Some(known) = self.wants.get_mut(&key) else {
            if self.wants.len() < WANTS_MAX {
                self.wants.insert(key, hint);
            }
            return;
        };
        for holder in hint.holders {
            if !known.holders.contains(&holder) {
                known.holders.push(holder);
            }
        }
        if hint.ref_number > known.ref_number {
            known.ref_number = hint.ref_number;
            known.stamp = hint.stamp;
            known.ancestors = hint.ancestors;
            known.ballots = hint.ballots;
        } else if hint.ref_number == known.ref_number {
            known.stamp = known.stamp.max(hint.stamp);
            known.ancestors.join(&hint.ancestors);
            for vote in hint.ballots {
                if !known.ballots.contains(&vote) {
                    known.ballots.push(vote);
                }
            }
        }
    }

    /// When the next fetch is due.
    pub(super) fn wake_at(&self) -> Option<u64> {
        let idle = self.wants.values().filter(|want| !want.under_way);
        idle.map(|want| want.next_at).min()
    }
}
