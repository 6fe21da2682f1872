//! What another node has otherwise, for an operator: `rig diff`. The keys of both are compared and
//! those that differ are described, without a definition and without taking anything over; the
//! ordinary comparison (`descend`) does that. Depends on the machine. Deliberately absent: JSON.

use std::collections::BTreeMap;

use super::{
    Replica,
    id::{ApiId, PeerId},
    limits::{DIFFERENCES_MAX, DIFFS_MAX, PULL_IDS_MAX},
    output::Output,
    stamp::Now,
    sync::Errand,
    tree::FAN_OUT,
    wire::{Description, KeySignature, Request, Version},
};

/// What differs between this node and another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// In id order, at most [`DIFFERENCES_MAX`].
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub left_out: usize,
}

/// One API that is not the same on both. With the same version on both sides the votes differ, or
/// the two came together while they were compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The API.
    pub id: ApiId,
    /// This node's version; `None`: unknown here.
    pub here: Option<Side>,
    /// The other's.
    pub there: Option<Side>,
}

/// One side of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// The ref and the version that wins there.
    pub version: Version,
    /// Several versions of this ref are known there.
    pub contested: bool,
}

/// A comparison under way.
#[derive(Debug, Clone, Default)]
struct Running {
    /// Hashes of ids that are described.
    asked: Vec<u64>,
    left_out: usize,
}

/// All comparisons under way, by ticket.
#[derive(Debug, Clone, Default)]
pub(super) struct Diffs {
    running: BTreeMap<u64, Running>,
}

impl Replica {
    pub(super) fn diff(&mut self, ticket: u64, peer: &PeerId, now: Now) {
        if !self.members.linked(peer) || self.diffs.running.len() >= DIFFS_MAX {
            self.out.push(Output::Diffed { ticket, diff: None });
            return;
        }
        self.diffs.running.insert(ticket, Running::default());
        let leaves = (0..FAN_OUT * FAN_OUT).collect();
        let timeout = self.params.answer_timeout;
        self.ask(
            peer,
            Errand::DiffKeys { ticket },
            Request::Sync3 { leaves },
            timeout,
            now,
        );
    }

    /// The peer's keys came.
    pub(super) fn diff_keys(
        &mut self,
        ticket: u64,
        peer: &PeerId,
        theirs: &[KeySignature],
        now: Now,
    ) {
        let Some(running) = self.diffs.running.get_mut(&ticket) else {
            return;
        };
        let own = self.registry.keys().keys();
        let mut differ: BTreeMap<u64, u64> = own.map(|key| (key.hashed, key.signature)).collect();
        for key in theirs {
            if differ.get(&key.hashed) == Some(&key.signature) {
                differ.remove(&key.hashed);
            } else {
                differ.insert(key.hashed, key.signature);
            }
        }
        running.left_out = differ.len().saturating_sub(DIFFERENCES_MAX);
        running.asked = differ.into_keys().take(DIFFERENCES_MAX).collect();
        if running.asked.is_empty() {
            self.diff_described(ticket, Vec::new());
            return;
        }
        let hashed = running.asked.clone();
        let timeout = self.params.answer_timeout;
        let request = Request::Describe { hashed };
        self.ask(peer, Errand::Describe { ticket }, request, timeout, now);
    }

    /// The peer described what differs.
    pub(super) fn diff_described(&mut self, ticket: u64, there: Vec<Description>) {
        let Some(running) = self.diffs.running.remove(&ticket) else {
            return;
        };
        let side = |described: Description| {
            let Description {
                id,
                winner: version,
                contested,
            } = described;
            (id, Side { version, contested })
        };
        // In order, as the keys were.
        let asked = |described: &Description| {
            let hashed = described.id.hashed();
            running.asked.binary_search(&hashed).is_ok()
        };
        let there = there.into_iter().take(DIFFERENCES_MAX).filter(asked);
        let mut there: BTreeMap<ApiId, Side> = there.map(side).collect();
        let here = self.describe(&running.asked).into_iter().map(side);
        let mut differences: Vec<Difference> = here
            .map(|(id, here)| Difference {
                there: there.remove(&id),
                here: Some(here),
                id,
            })
            .collect();
        differences.extend(there.into_iter().map(|(id, side)| Difference {
            id,
            here: None,
            there: Some(side),
        }));
        differences.sort_by(|one, other| one.id.cmp(&other.id));
        let diff = Some(Diff {
            differences,
            left_out: running.left_out,
        });
        self.out.push(Output::Diffed { ticket, diff });
    }

    /// The peer does not answer.
    pub(super) fn diff_failed(&mut self, ticket: u64) {
        if self.diffs.running.remove(&ticket).is_some() {
            self.out.push(Output::Diffed { ticket, diff: None });
        }
    }

    /// The versions behind these id hashes, as far as they are known here.
    pub(super) fn describe(&self, hashed: &[u64]) -> Vec<Description> {
        let hashed = hashed.iter().take(PULL_IDS_MAX);
        let known = hashed.filter_map(|hashed| self.registry.keys().id(*hashed));
        known
            .filter_map(|id| {
                Some(Description {
                    id: id.clone(),
                    winner: self.winner(id)?,
                    contested: self.registry.get(id)?.contested(),
                })
            })
            .collect()
    }
}
