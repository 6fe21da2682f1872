//! The blacklist as requests read it.
//!
//! The hub actor owns the [`Blacklist`] and publishes it here; requests look a name up without waiting
//! for anyone. One pointer per bucket, so that a revocation copies one bucket and not all.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use arc_swap::ArcSwap;

use crate::core::session::{
    Name,
    blacklist::{BUCKETS, Blacklist, bucket_of},
    bucket::Bucket,
};

/// Where the hub actor publishes the blacklist and requests read it.
#[derive(Debug)]
pub struct SessionCell {
    buckets: Vec<ArcSwap<Bucket>>,
    /// Entries in all buckets; while it is zero nobody has to look.
    entries: AtomicUsize,
    is_complete: AtomicBool,
}

// === impl SessionCell ===

impl SessionCell {
    /// An empty blacklist of which nobody knows yet whether it is complete.
    pub fn new() -> Self {
        let empty = Arc::new(Bucket::default());
        let buckets = (0..BUCKETS).map(|_index| ArcSwap::new(Arc::clone(&empty)));
        Self {
            buckets: buckets.collect(),
            entries: AtomicUsize::new(0),
            is_complete: AtomicBool::new(false),
        }
    }

    /// Publishes what has changed in `blacklist` since the last time. Requests that begin after this
    /// see it.
    pub fn publish(&self, blacklist: &mut Blacklist) {
        for (index, bucket) in blacklist.take_changed() {
            if let Some(cell) = self.buckets.get(index) {
                cell.store(bucket);
            }
        }
        self.entries.store(blacklist.len(), Ordering::Release);
    }

    /// The blacklist was compared with the other nodes, or there are none: secured requests are
    /// served from now on.
    pub fn set_complete(&self) {
        self.is_complete.store(true, Ordering::Release);
    }

    /// Whether a name that is not found here is not revoked.
    pub fn is_complete(&self) -> bool {
        self.is_complete.load(Ordering::Acquire)
    }

    /// Whether no name is revoked at all.
    pub fn is_empty(&self) -> bool {
        self.entries.load(Ordering::Acquire) == 0
    }

    /// Number of entries, those that have expired but were not removed yet included.
    pub fn len(&self) -> usize {
        self.entries.load(Ordering::Acquire)
    }

    /// Whether `name` is revoked at second `now`.
    pub fn is_revoked(&self, name: &Name, now: u64) -> bool {
        let bucket = self.buckets.get(bucket_of(name.as_str()));
        bucket.is_some_and(|bucket| bucket.load().is_revoked(name.as_str(), now))
    }
}

impl Default for SessionCell {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_seen_and_what_expires_is_not() {
        let (cell, mut blacklist) = (SessionCell::new(), Blacklist::new());
        let name = Name::new("s1").unwrap();
        assert!(cell.is_empty() && !cell.is_complete());
        blacklist.revoke(&name, 12, 10).unwrap();
        assert!(!cell.is_revoked(&name, 10));
        cell.publish(&mut blacklist);
        assert!(cell.is_revoked(&name, 11) && !cell.is_revoked(&name, 12));
        assert!(!cell.is_revoked(&Name::new("s2").unwrap(), 11));
        assert_eq!(cell.len(), 1);
        blacklist.expire(12);
        cell.publish(&mut blacklist);
        assert!(cell.is_empty() && !cell.is_revoked(&name, 11));
        cell.set_complete();
        assert!(cell.is_complete());
    }
}
