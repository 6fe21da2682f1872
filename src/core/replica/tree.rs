//! The two-level hash tree over all APIs (cluster.md, part 7): 32 inner nodes of 32 leaves. Two
//! nodes find what differs between them in at most three small exchanges, and equal registries in
//! one. Depends on `id`, `sha2`. Deliberately absent: the exchanges (see `sync`).
//!
//! Two ids with one 64-bit hash would hide each other; among 100,000 ids the chance is 3e-10.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::id::{ApiId, first_u64};

/// Inner nodes, and leaves of each.
pub const FAN_OUT: u16 = 32;

const LEAVES: u16 = FAN_OUT * FAN_OUT;

/// One API as the tree sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Hash of the id.
    pub hashed: u64,
    /// Signature of its round.
    pub signature: u64,
}

/// Signatures of all rounds, and hashes over them that are computed when asked for.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    keys: BTreeMap<u64, (ApiId, u64)>,
    leaves: BTreeMap<u16, u64>,
    inner: BTreeMap<u16, u64>,
    root: u64,
    stale: BTreeSet<u16>,
}

// === impl Tree ===

impl Tree {
    /// Sets the signature of an API.
    pub fn set(&mut self, id: &ApiId, signature: u64) {
        let hashed = id.hashed();
        self.keys.insert(hashed, (id.clone(), signature));
        self.stale.insert(leaf_of(hashed));
    }

    /// Number of APIs.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no API.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The id behind a hash.
    pub fn id(&self, hashed: u64) -> Option<&ApiId> {
        self.keys.get(&hashed).map(|(id, _)| id)
    }

    /// The signature behind a hash.
    pub fn signature(&self, hashed: u64) -> Option<u64> {
        self.keys.get(&hashed).map(|(_, signature)| *signature)
    }

    /// The hash over everything; 0 when empty.
    pub fn root(&mut self) -> u64 {
        self.refresh();
        self.root
    }

    /// The hashes of the 32 inner nodes.
    pub fn inner(&mut self) -> Vec<u64> {
        self.refresh();
        (0..FAN_OUT)
            .map(|inner| self.inner.get(&inner).copied().unwrap_or(0))
            .collect()
    }

    /// The hashes of the 32 leaves of an inner node; empty if there is no such node.
    pub fn leaves(&mut self, inner: u16) -> Vec<u64> {
        self.refresh();
        if inner < FAN_OUT {
            self.leaves_of(inner).collect()
        } else {
            Vec::new()
        }
    }

    /// The keys of one leaf, in hash order.
    pub fn keys_of(&self, leaf: u16) -> impl Iterator<Item = Key> {
        let bounds = (leaf < LEAVES).then(|| {
            let first = u64::from(leaf) << 54;
            first..=first | ((1 << 54) - 1)
        });
        bounds
            .into_iter()
            .flat_map(|bounds| self.keys.range(bounds))
            .map(Key::from_entry)
    }

    /// All keys, in hash order.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.keys.iter().map(Key::from_entry)
    }

    /// Computes what changed since the last time, from the leaves up.
    fn refresh(&mut self) {
        if self.stale.is_empty() {
            return;
        }
        let mut inners = BTreeSet::new();
        for leaf in std::mem::take(&mut self.stale) {
            let hash = combine(
                self.keys_of(leaf)
                    .flat_map(|key| [key.hashed, key.signature]),
            );
            self.leaves.insert(leaf, hash);
            inners.insert(leaf / FAN_OUT);
        }
        for inner in inners {
            let hash = combine(self.leaves_of(inner));
            self.inner.insert(inner, hash);
        }
        let inner = (0..FAN_OUT).map(|inner| self.inner.get(&inner).copied().unwrap_or(0));
        self.root = combine(inner);
    }

    fn leaves_of(&self, inner: u16) -> impl Iterator<Item = u64> {
        let first = inner * FAN_OUT;
        (first..first + FAN_OUT).map(|leaf| self.leaves.get(&leaf).copied().unwrap_or(0))
    }
}

// === impl Key ===

impl Key {
    fn from_entry((hashed, (_, signature)): (&u64, &(ApiId, u64))) -> Self {
        Self {
            hashed: *hashed,
            signature: *signature,
        }
    }
}

/// The leaf of an id's hash: its upper ten bits.
pub fn leaf_of(hashed: u64) -> u16 {
    (hashed >> 54) as u16
}

fn combine(parts: impl Iterator<Item = u64>) -> u64 {
    let mut hash = Sha256::new();
    let mut some = false;
    for part in parts {
        // Empty subtrees are skipped by value, not by place: a leaf's keys are never all zero.
        some |= part != 0;
        hash.update(part.to_be_bytes());
    }
    if some { first_u64(&hash.finalize()) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> ApiId {
        ApiId::new(&format!("api-{number}")).unwrap()
    }

    #[test]
    fn the_root_depends_on_what_is_in_it_and_not_on_the_order() {
        let (mut one, mut two) = (Tree::default(), Tree::default());
        for number in 0..500 {
            one.set(&id(number), u64::from(number) + 7);
            two.set(&id(499 - number), u64::from(499 - number) + 7);
        }
        assert_eq!(one.root(), two.root());
        two.set(&id(3), 1);
        assert_ne!(one.root(), two.root());
        two.set(&id(3), 10);
        assert_eq!(one.root(), two.root());
    }

    #[test]
    fn a_difference_is_found_by_descending() {
        let (mut one, mut two) = (Tree::default(), Tree::default());
        for number in 0..2_000 {
            one.set(&id(number), 1);
            two.set(&id(number), if number == 77 { 2 } else { 1 });
        }
        let differ = |a: Vec<u64>, b: Vec<u64>| -> Vec<u16> {
            (0..FAN_OUT)
                .filter(|at| a[usize::from(*at)] != b[usize::from(*at)])
                .collect()
        };
        let inner = differ(one.inner(), two.inner());
        assert_eq!(inner.len(), 1);
        let leaf = differ(one.leaves(inner[0]), two.leaves(inner[0]));
        assert_eq!(inner[0] * FAN_OUT + leaf[0], leaf_of(id(77).hashed()));
        let keys: Vec<Key> = one.keys_of(leaf_of(id(77).hashed())).collect();
        assert!(keys.iter().any(|key| key.hashed == id(77).hashed()));
    }
}
