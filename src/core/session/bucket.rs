//! One bucket of the blacklist: the unit that is compared with other nodes, sent to them, and
//! published to requests.
//!
//! May depend on `core/digest`. Deliberately absent: which bucket a name belongs to.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::core::session::Name;

/// Revoked names with the second (since 1970) from which each is free again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bucket {
    entries: BTreeMap<Name, u64>,
}

/// A short digest of a bucket's entries; equal for equal entries, and different for different ones
/// up to an accident of one in 2^64.
pub type BucketDigest = u64;

// === impl Bucket ===

impl Bucket {
    /// Whether `name` is revoked at `now`.
    pub fn is_revoked(&self, name: &str, now: u64) -> bool {
        self.entries.get(name).is_some_and(|until| *until > now)
    }

    /// The entries in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, u64)> {
        self.entries.iter().map(|(name, until)| (name, *until))
    }

    /// The entries behind `after`, in the order of their names.
    pub fn iter_after(&self, after: Option<&Name>) -> impl Iterator<Item = (&Name, u64)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.entries
            .range::<Name, _>((from, Unbounded))
            .map(|(name, until)| (name, *until))
    }

    /// Number of entries, those that have expired but were not removed yet included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn get(&self, name: &Name) -> Option<u64> {
        self.entries.get(name).copied()
    }

    pub(super) fn set(&mut self, name: Name, until: u64) {
        self.entries.insert(name, until);
    }

    pub(super) fn remove(&mut self, name: &Name) {
        self.entries.remove(name);
    }

    pub(super) fn digest(&self) -> BucketDigest {
        let mut hash = Sha256::new();
        for (name, until) in &self.entries {
            // Names are shorter than 2^32 bytes, so the length in front keeps entries apart.
            hash.update((name.as_str().len() as u64).to_be_bytes());
            hash.update(name.as_str());
            hash.update(until.to_be_bytes());
        }
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(hash.finalize());
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}
