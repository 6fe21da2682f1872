//! What a node wants to hear of: the types its connections are subscribed to, all together, so that
//! other nodes can keep to themselves what nobody here would receive.
//!
//! Counted, because many connections want the same. Bounded: beyond [`INTEREST_BYTES_MAX`] a node
//! wants everything, which costs network and loses nothing. Deliberately absent: constraints, which
//! are matched where the connection is.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::core::subscription::{TypePattern, patterns::PatternMap};

/// Most bytes of patterns that are told to others, counted as text and [`PATTERN_BYTES`] each: some
/// 170,000 of 32 bytes. Every node keeps this of every other.
pub const INTEREST_BYTES_MAX: usize = 16 << 20;

/// What a pattern costs beside its text: two counters, a hash entry and what that leaves empty.
pub const PATTERN_BYTES: usize = 64;

/// Event types as a multiset. The default wants nothing.
#[derive(Debug, Clone, Default)]
pub struct Interest {
    counts: PatternMap<usize>,
    bytes: usize,
    everything: bool,
}

/// How what others should know has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterestChange {
    /// Not at all.
    Nothing,
    /// By these patterns; no pattern is in both, at least one is there.
    Patterns(PatternChanges),
    /// So much that [`Interest::iter`] replaces all that was told before.
    Anew,
}

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
pub(super) struct Net {
    added: BTreeSet<TypePattern>,
    removed: BTreeSet<TypePattern>,
}

// === impl Interest ===

impl Interest {
    /// An event of this type is wanted.
    pub fn covers(&self, event_type: &str) -> bool {
        self.everything || self.counts.covering(event_type).next().is_some()
    }

    /// Counts patterns once more and once less. Removing what is not there does nothing.
    pub fn change(&mut self, added: &[TypePattern], removed: &[TypePattern]) -> InterestChange {
        let mut net = Net::default();
        for pattern in added {
            self.add(pattern, &mut net);
        }
        for pattern in removed {
            self.remove(pattern, &mut net);
        }
        let was_everything = self.everything;
        if self.bytes > INTEREST_BYTES_MAX {
            self.everything = true;
        } else if self.bytes < INTEREST_BYTES_MAX / 2 {
            // Half, so that it does not go back and forth at the limit.
            self.everything = false;
        }
        match (was_everything, self.everything) {
            (false, false) => net.changes().into(),
            (true, true) => InterestChange::Nothing,
            (true, false) | (false, true) => InterestChange::Anew,
        }
    }

    /// What others should know, sorted: every pattern once, or the empty prefix for everything.
    pub fn iter(&self) -> impl Iterator<Item = TypePattern> {
        let patterns: BTreeSet<TypePattern> = if self.everything {
            BTreeSet::from([TypePattern::Prefix("".into())])
        } else {
            self.counts.patterns().collect()
        };
        patterns.into_iter()
    }

    /// The number of patterns, each once; as if it were not bounded.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn add(&mut self, pattern: &TypePattern, net: &mut Net) {
        match self.counts.get_mut(pattern) {
            Some(count) => *count = count.saturating_add(1),
            None => {
                self.counts.insert(pattern, 1);
                self.bytes = self.bytes.saturating_add(bytes(pattern));
                net.add(pattern);
            }
        }
    }

    fn remove(&mut self, pattern: &TypePattern, net: &mut Net) {
        match self.counts.get_mut(pattern) {
            None => {}
            Some(count) if *count > 1 => *count -= 1,
            Some(_) => {
                self.counts.remove(pattern);
                self.bytes = self.bytes.saturating_sub(bytes(pattern));
                net.remove(pattern);
            }
        }
    }
}

// === impl InterestChange ===

impl From<PatternChanges> for InterestChange {
    fn from(changes: PatternChanges) -> Self {
        if changes.is_empty() {
            Self::Nothing
        } else {
            Self::Patterns(changes)
        }
    }
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
    pub(super) fn add(&mut self, pattern: &TypePattern) {
        if !self.removed.remove(pattern) {
            self.added.insert(pattern.clone());
        }
    }

    pub(super) fn remove(&mut self, pattern: &TypePattern) {
        if !self.added.remove(pattern) {
            self.removed.insert(pattern.clone());
        }
    }

    pub(super) fn changes(self) -> PatternChanges {
        PatternChanges {
            added: self.added.into_iter().collect(),
            removed: self.removed.into_iter().collect(),
        }
    }
}

fn bytes(pattern: &TypePattern) -> usize {
    pattern.text().len() + PATTERN_BYTES
}
