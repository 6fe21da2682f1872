//! How the types that are wanted have changed. Depends on the patterns. Deliberately absent: who wants
//! them, and what a node tells others (`core/hub`).

use std::collections::BTreeSet;

use crate::core::subscription::TypePattern;

/// Patterns that came and went, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PatternChanges {
    /// Not there before.
    pub added: Vec<TypePattern>,
    /// Not there any more.
    pub removed: Vec<TypePattern>,
}

/// Collects comings and goings and forgets those that cancel each other out.
#[derive(Debug, Default)]
pub(crate) struct Net {
    added: BTreeSet<TypePattern>,
    removed: BTreeSet<TypePattern>,
}

// === impl PatternChanges ===

impl PatternChanges {
    /// Nothing came or went.
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

// === impl Net ===

impl Net {
    /// It is wanted now.
    pub(crate) fn add(&mut self, pattern: &TypePattern) {
        if !self.removed.remove(pattern) {
            self.added.insert(pattern.clone());
        }
    }

    /// Nobody wants it any more.
    pub(crate) fn remove(&mut self, pattern: &TypePattern) {
        if !self.added.remove(pattern) {
            self.removed.insert(pattern.clone());
        }
    }

    /// What is left.
    pub(crate) fn changes(self) -> PatternChanges {
        PatternChanges {
            added: self.added.into_iter().collect(),
            removed: self.removed.into_iter().collect(),
        }
    }
}
