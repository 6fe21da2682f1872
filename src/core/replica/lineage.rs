//! What a version was made on top of (ADR 6): so that the node whose write was replaced can tell
//! whether the writer knew it. Depends on `version`, `limits`. Deliberately absent: any influence on
//! who wins or whether two nodes are in sync; a node that knows less of it only warns more.

use std::sync::Arc;

use super::{id::first_u64, limits::ANCESTORS_MAX, wire::Version};

/// A version that another one was made on top of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ancestor {
    /// Its ref.
    pub ref_number: u64,
    /// The first 64 bits of its digest.
    pub prefix: u64,
}

/// The nearest [`ANCESTORS_MAX`] ancestors of a version, the highest ref first. Where two nodes made
/// the same version of different ones, it has those of both: a join-semilattice, since keeping the
/// greatest of a union does not depend on the order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lineage(Arc<[Ancestor]>);

// === impl Ancestor ===

impl From<Version> for Ancestor {
    fn from(version: Version) -> Self {
        Self {
            ref_number: version.ref_number,
            prefix: first_u64(version.digest.as_bytes()),
        }
    }
}

// === impl Lineage ===

impl Lineage {
    /// The lineage of these ancestors, in any order; those that are too far are left out.
    pub fn of(mut ancestors: Vec<Ancestor>) -> Self {
        ancestors.sort_unstable_by(|a, b| b.cmp(a));
        ancestors.dedup();
        ancestors.truncate(ANCESTORS_MAX);
        Self(ancestors.into())
    }

    /// The lineage of what is made on top of `version`, whose own lineage this is.
    pub fn with(&self, version: Version) -> Self {
        let own = self.0.iter().copied();
        Self::of(own.chain([Ancestor::from(version)]).collect())
    }

    /// Adds the ancestors that somebody else knows. Returns whether there is a new one.
    pub fn join(&mut self, other: &Self) -> bool {
        if other.0.iter().all(|ancestor| self.0.contains(ancestor)) {
            return false;
        }
        let joined = Self::of(self.0.iter().chain(other.0.iter()).copied().collect());
        let grew = joined != *self;
        *self = joined;
        grew
    }

    /// Whether `version` is in it.
    pub fn holds(&self, version: &Version) -> bool {
        self.0.contains(&Ancestor::from(*version))
    }

    /// Whether it goes back to `ref_number`: a version of that ref which is not in it is none of the
    /// ancestors.
    pub fn reaches(&self, ref_number: u64) -> bool {
        let farthest = self.0.last();
        farthest.is_some_and(|farthest| farthest.ref_number <= ref_number)
    }

    /// Whether it shares an ancestor with a ref above `ref_number` with `other`. What lies beneath
    /// that one lies beneath both.
    pub fn meets(&self, other: &Self, ref_number: u64) -> bool {
        let near = self.0.iter().filter(|own| own.ref_number > ref_number);
        near.into_iter().any(|own| other.0.contains(own))
    }

    /// The ancestors, the nearest first.
    pub fn iter(&self) -> impl Iterator<Item = &Ancestor> {
        self.0.iter()
    }

    /// Number of ancestors.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it was made on top of nothing, or nothing is known of it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
