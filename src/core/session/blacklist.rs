//! The replicated set of revoked sessions: name to the latest second of expiry (`auth.md` 6.4, 6.5).
//!
//! A join-semilattice: [`Blacklist::merge`] keeps the later expiry of every name, so order,
//! repetition and loss of messages change when nodes agree, not on what. Nodes compare
//! [`Blacklist::digests`] and exchange the buckets that differ, page by page.
//!
//! Bounded by [`ENTRIES_MAX`]. A full blacklist refuses a new local revocation ([`Full`]), so the
//! operator learns of it. What other nodes have accepted is always taken in; beyond the bound the
//! entries that expire first give way, on every node the same ones: keeping the latest `N` of a union
//! is a join too. Deliberately absent: removal, and the clock.

use std::{collections::BTreeSet, sync::Arc};

use crate::core::{
    digest::Digest,
    session::{
        Name,
        bucket::{Bucket, BucketDigest},
    },
};

/// Into how many buckets names are divided. With as many entries as allowed a bucket holds a
/// thousand: one revocation then copies some 40 KiB, and a difference costs one message.
pub const BUCKETS: usize = 256;

/// Most entries. At 36 bytes a name that is some 50 MiB in all; at the longest names some 110 MiB.
/// With tokens that live an hour it is 73 revocations a second.
pub const ENTRIES_MAX: usize = 256 * 1024;

/// Most bytes of names in a page; the size of one message between nodes.
pub const PAGE_BYTES_MAX: usize = 128 * 1024;

/// Revoked sessions.
#[derive(Debug, Clone)]
pub struct Blacklist {
    buckets: Vec<Arc<Bucket>>,
    digests: Vec<BucketDigest>,
    /// The digest of the bucket is older than the bucket.
    stale: Vec<bool>,
    /// The bucket was changed and is not published yet.
    unpublished: BTreeSet<usize>,
    /// All entries, those that expire first in front.
    by_expiry: BTreeSet<(u64, Name)>,
    entries_max: usize,
    added: u64,
    evicted: u64,
}

/// What a revocation changed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The name was not revoked before.
    New,
    /// It was, but not for so long.
    Extended,
    /// It was, for as long or longer; or the time is over already.
    Nothing,
}

/// The blacklist is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the blacklist is full ({ENTRIES_MAX} sessions); wait until entries expire, and revoke for shorter times"
)]
pub struct Full;

/// Part of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Names and when they expire, in the order of the names.
    pub entries: Vec<(Name, u64)>,
    /// There are more behind the last one.
    pub more: bool,
}

// === impl Blacklist ===

impl Blacklist {
    /// An empty one.
    pub fn new() -> Self {
        Self::with_room_for(ENTRIES_MAX)
    }

    fn with_room_for(entries_max: usize) -> Self {
        let empty = Arc::new(Bucket::default());
        let digest = empty.digest();
        Self {
            buckets: vec![empty; BUCKETS],
            digests: vec![digest; BUCKETS],
            stale: vec![false; BUCKETS],
            unpublished: BTreeSet::new(),
            by_expiry: BTreeSet::new(),
            entries_max,
            added: 0,
            evicted: 0,
        }
    }

    /// Revokes `name` until second `until`, as a client of this node asks. An entry can only be
    /// extended.
    ///
    /// # Errors
    /// [`Full`] if there is no room for a new name.
    pub fn revoke(&mut self, name: &Name, until: u64, now: u64) -> Result<Change, Full> {
        if self.by_expiry.len() >= self.entries_max {
            self.expire(now);
        }
        let is_known = self.until(name).is_some();
        if !is_known && until > now && self.by_expiry.len() >= self.entries_max {
            return Err(Full);
        }
        let change = self.raise(name, until, now);
        self.added += u64::from(change == Change::New);
        Ok(change)
    }

    /// Takes in what another node has. Returns the names that were not revoked here before, also those
    /// for which there is no room: their connections end even so.
    pub fn merge(&mut self, entries: impl IntoIterator<Item = (Name, u64)>, now: u64) -> Vec<Name> {
        let mut revoked = Vec::new();
        for (name, until) in entries {
            if self.raise(&name, until, now) == Change::New {
                revoked.push(name);
            }
        }
        if self.by_expiry.len() > self.entries_max {
            self.expire(now);
        }
        while self.by_expiry.len() > self.entries_max {
            let Some((_until, name)) = self.by_expiry.pop_first() else {
                break;
            };
            self.change(&name, |bucket| bucket.remove(&name));
            self.evicted = self.evicted.saturating_add(1);
        }
        let added = revoked.iter().filter(|name| self.until(name).is_some());
        self.added = self.added.saturating_add(added.count() as u64);
        revoked
    }

    /// Removes what has expired at `now`. Returns how many entries that were.
    pub fn expire(&mut self, now: u64) -> usize {
        let mut removed = 0;
        while let Some((until, _name)) = self.by_expiry.first()
            && *until <= now
            && let Some((_until, name)) = self.by_expiry.pop_first()
        {
            self.change(&name, |bucket| bucket.remove(&name));
            removed += 1;
        }
        removed
    }

    /// Whether `name` is revoked at `now`.
    pub fn is_revoked(&self, name: &Name, now: u64) -> bool {
        self.until(name).is_some_and(|until| until > now)
    }

    /// Number of entries, those that have expired but were not removed yet included.
    pub fn len(&self) -> usize {
        self.by_expiry.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.by_expiry.is_empty()
    }

    /// How many entries were added since the start, here or by other nodes.
    pub fn added(&self) -> u64 {
        self.added
    }

    /// How many entries gave way to later ones since the start.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// One digest per bucket, [`BUCKETS`] in all. Nodes whose digests are equal hold the same.
    pub fn digests(&mut self) -> &[BucketDigest] {
        for ((bucket, digest), stale) in (self.buckets.iter())
            .zip(&mut self.digests)
            .zip(&mut self.stale)
        {
            if std::mem::take(stale) {
                *digest = bucket.digest();
            }
        }
        &self.digests
    }

    /// The buckets in which `theirs` differs from what is here; all if it is of another length.
    pub fn differing(&mut self, theirs: &[BucketDigest]) -> Vec<usize> {
        if theirs.len() != BUCKETS {
            return (0..BUCKETS).collect();
        }
        let pairs = self.digests().iter().zip(theirs).enumerate();
        pairs
            .filter(|(_index, (mine, theirs))| mine != theirs)
            .map(|(index, _digests)| index)
            .collect()
    }

    /// What of bucket `index` comes behind `after`: at least one entry if there is one, and at most
    /// [`PAGE_BYTES_MAX`] of names. Empty if there is no such bucket.
    pub fn page(&self, index: usize, after: Option<&Name>) -> Page {
        let mut page = Page {
            entries: Vec::new(),
            more: false,
        };
        let Some(bucket) = self.buckets.get(index) else {
            return page;
        };
        let mut bytes = 0_usize;
        for (name, until) in bucket.iter_after(after) {
            if bytes >= PAGE_BYTES_MAX {
                page.more = true;
                break;
            }
            bytes = bytes.saturating_add(name.as_str().len());
            page.entries.push((name.clone(), until));
        }
        page
    }

    /// The buckets that have changed since this was last asked, for the data plane.
    pub fn take_changed(&mut self) -> Vec<(usize, Arc<Bucket>)> {
        std::mem::take(&mut self.unpublished)
            .into_iter()
            .filter_map(|index| Some((index, Arc::clone(self.buckets.get(index)?))))
            .collect()
    }

    fn until(&self, name: &Name) -> Option<u64> {
        self.buckets.get(bucket_of(name.as_str()))?.get(name)
    }

    fn raise(&mut self, name: &Name, until: u64, now: u64) -> Change {
        if until <= now {
            return Change::Nothing;
        }
        let before = self.until(name);
        if let Some(before) = before {
            if before >= until {
                return Change::Nothing;
            }
            self.by_expiry.remove(&(before, name.clone()));
        }
        self.by_expiry.insert((until, name.clone()));
        self.change(name, |bucket| bucket.set(name.clone(), until));
        match before {
            Some(before) if before > now => Change::Extended,
            Some(_) | None => Change::New,
        }
    }

    /// The bucket is copied if a request's snapshot shares it.
    fn change(&mut self, name: &Name, change: impl FnOnce(&mut Bucket)) {
        let index = bucket_of(name.as_str());
        if let (Some(bucket), Some(stale)) =
            (self.buckets.get_mut(index), self.stale.get_mut(index))
        {
            change(Arc::make_mut(bucket));
            *stale = true;
            self.unpublished.insert(index);
        }
    }
}

impl Default for Blacklist {
    fn default() -> Self {
        Self::new()
    }
}

/// The bucket of `name`: the first byte of its digest, the same on every node.
pub fn bucket_of(name: &str) -> usize {
    let [first, ..] = *Digest::of(name.as_bytes()).as_bytes();
    usize::from(first)
}

#[cfg(test)]
mod tests;
