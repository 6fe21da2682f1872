//! What really happened, noted from outside the machines: what went over the wire, what the proxies
//! were told. The algorithm never sees it.

use std::collections::{BTreeMap, BTreeSet};

use rig::core::{
    digest::Digest,
    replica::{
        id::ApiId,
        stamp::Stamp,
        wire::{Part, Version},
    },
};

/// One life of one node.
#[derive(Debug, Clone, Default)]
pub(crate) struct LifeTruth {
    /// What the proxy was told last.
    pub(crate) shown: BTreeMap<ApiId, Version>,
    /// Highest ref of which a whole version reached the node, and the first such version; `None`:
    /// several came at once.
    pub(crate) learned: BTreeMap<ApiId, (u64, Option<Digest>)>,
    /// When a second whole version of the highest ref reached it.
    pub(crate) second_at: BTreeMap<ApiId, u64>,
    versions: BTreeMap<ApiId, BTreeSet<Digest>>,
    /// What it loaded.
    pub(crate) loaded: BTreeMap<ApiId, Version>,
    /// The last ballot per API and ref, and how many there were.
    pub(crate) casts: BTreeMap<(ApiId, u64), (Digest, usize)>,
}

/// A write that a node took from its client.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    pub(crate) node: usize,
    pub(crate) life: u32,
    pub(crate) id: ApiId,
    pub(crate) version: Version,
}

/// All that happened.
#[derive(Debug, Clone, Default)]
pub(crate) struct Truth {
    /// The newest stamp of every version on the wire or in a file.
    pub(crate) stamps: BTreeMap<(ApiId, Version), Stamp>,
    /// The ref at which a digest is known (every write has a digest of its own, but for deletes).
    pub(crate) refs: BTreeMap<(ApiId, Digest), u64>,
    /// Writes that were accepted, in order.
    pub(crate) writes: Vec<Accepted>,
    /// What each written version replaced on the node that took it.
    pub(crate) parents: BTreeMap<(ApiId, Version), BTreeSet<Version>>,
    /// Process starts.
    pub(crate) starts: usize,
    /// What went wrong on the way.
    pub(crate) violations: Vec<String>,
    /// When any proxy was last told something.
    pub(crate) last_change_at: u64,
    /// When anything but presence and equal roots was last sent.
    pub(crate) last_talk_at: u64,
}

impl Truth {
    /// A version is on its way, or was loaded.
    pub(crate) fn note_stamp(&mut self, id: &ApiId, version: Version, stamp: Stamp) {
        let known = self.stamps.entry((id.clone(), version)).or_insert(stamp);
        *known = (*known).max(stamp);
        self.refs
            .insert((id.clone(), version.digest), version.ref_number);
    }

    /// Parts were sent.
    pub(crate) fn note_parts(&mut self, parts: &[Part]) {
        for part in parts {
            for nominee in &part.candidates {
                let version = Version {
                    ref_number: part.ref_number,
                    digest: nominee.digest,
                };
                self.note_stamp(&part.id, version, nominee.stamp);
            }
        }
    }

    /// Which candidates there ever were of a ref.
    pub(crate) fn candidates(&self, id: &ApiId, ref_number: u64) -> usize {
        let same =
            |(other, version): &&(ApiId, Version)| other == id && version.ref_number == ref_number;
        self.stamps.keys().filter(same).count()
    }
}

impl Truth {
    /// A write of `version` replaced `before` on the node that took it.
    pub(crate) fn note_parent(&mut self, id: ApiId, version: Version, before: Version) {
        let parents = self.parents.entry((id, version)).or_default();
        parents.insert(before);
    }

    /// `version` and everything it was made on top of.
    pub(crate) fn ancestry(&self, id: &ApiId, version: Version) -> BTreeSet<Version> {
        let mut found = BTreeSet::new();
        let mut open = vec![version];
        while let Some(version) = open.pop() {
            if found.insert(version) {
                open.extend(
                    self.parents
                        .get(&(id.clone(), version))
                        .into_iter()
                        .flatten(),
                );
            }
        }
        found
    }
}

impl LifeTruth {
    /// Whole versions of a ref reached the node in one message.
    pub(crate) fn learn(&mut self, id: &ApiId, ref_number: u64, whole: &[Digest], now: u64) {
        let known = self.learned.get(id).map(|(known, _)| *known);
        if whole.is_empty() || known > Some(ref_number) {
            return;
        }
        let versions = self.versions.entry(id.clone()).or_default();
        if known < Some(ref_number) {
            versions.clear();
            self.second_at.remove(id);
        }
        versions.extend(whole);
        if versions.len() > 1 {
            self.second_at.entry(id.clone()).or_insert(now);
        }
        if known == Some(ref_number) {
            return;
        }
        let first = if whole.len() == 1 {
            whole.first().copied()
        } else {
            None
        };
        self.learned.insert(id.clone(), (ref_number, first));
    }

    /// Parts reached the node.
    pub(crate) fn learn_parts(&mut self, parts: &[Part], now: u64) {
        for part in parts {
            let whole: Vec<Digest> = part
                .candidates
                .iter()
                .filter(|nominee| nominee.body.is_some() || nominee.digest.is_deleted())
                .map(|nominee| nominee.digest)
                .collect();
            self.learn(&part.id, part.ref_number, &whole, now);
        }
    }
}
