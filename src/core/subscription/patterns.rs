//! Type patterns as keys: what covers an event type is found without looking at the others.
//!
//! Needs nothing but the patterns. Deliberately absent: what is kept under them.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, Hash},
    sync::Arc,
};

use crate::core::subscription::TypePattern;

/// A map from type patterns. The names come from outside, so its hashes must not be foreseeable.
#[derive(Debug, Clone)]
pub(in crate::core) struct PatternMap<V> {
    exact: HashMap<Arc<str>, V>,
    prefixes: HashMap<Arc<str>, V>,
    /// How many prefixes have a length: only these lengths of a type are looked up. There are at
    /// most [`super::TYPE_BYTES_MAX`], and usually a handful.
    lengths: BTreeMap<usize, usize>,
}

// === impl PatternMap ===

impl<V> Default for PatternMap<V> {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            prefixes: HashMap::new(),
            lengths: BTreeMap::new(),
        }
    }
}

impl<V> PatternMap<V> {
    /// The value of a pattern itself, whatever other patterns cover.
    pub(in crate::core) fn get(&self, pattern: &TypePattern) -> Option<&V> {
        match pattern {
            TypePattern::Exact(name) => self.exact.get(name),
            TypePattern::Prefix(prefix) => self.prefixes.get(prefix),
        }
    }

    /// The value of a pattern itself, to be changed.
    pub(in crate::core) fn get_mut(&mut self, pattern: &TypePattern) -> Option<&mut V> {
        match pattern {
            TypePattern::Exact(name) => self.exact.get_mut(name),
            TypePattern::Prefix(prefix) => self.prefixes.get_mut(prefix),
        }
    }

    /// Sets a value; gives the one before.
    pub(in crate::core) fn insert(&mut self, pattern: &TypePattern, value: V) -> Option<V> {
        match pattern {
            TypePattern::Exact(name) => self.exact.insert(Arc::clone(name), value),
            TypePattern::Prefix(prefix) => {
                let before = self.prefixes.insert(Arc::clone(prefix), value);
                if before.is_none() {
                    *self.lengths.entry(prefix.len()).or_default() += 1;
                }
                before
            }
        }
    }

    /// Removes a pattern.
    pub(in crate::core) fn remove(&mut self, pattern: &TypePattern) -> Option<V> {
        match pattern {
            TypePattern::Exact(name) => {
                let value = self.exact.remove(name);
                slacken(&mut self.exact);
                value
            }
            TypePattern::Prefix(prefix) => {
                let value = self.prefixes.remove(prefix)?;
                slacken(&mut self.prefixes);
                if let Some(count) = self.lengths.get_mut(&prefix.len()) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        self.lengths.remove(&prefix.len());
                    }
                }
                Some(value)
            }
        }
    }

    /// The values of all patterns that cover a type. Costs a look-up per length of prefixes.
    pub(in crate::core) fn covering<'m>(
        &'m self,
        event_type: &'m str,
    ) -> impl Iterator<Item = &'m V> {
        let prefixes = self
            .lengths
            .range(..=event_type.len())
            .filter_map(|(length, _)| self.prefixes.get(event_type.get(..*length)?));
        self.exact.get(event_type).into_iter().chain(prefixes)
    }

    /// Whether a pattern covers a type.
    pub(in crate::core) fn covers(&self, event_type: &str) -> bool {
        self.covering(event_type).next().is_some()
    }

    /// All patterns with their values, in no particular order.
    pub(in crate::core) fn iter(&self) -> impl Iterator<Item = (TypePattern, &V)> {
        let exact = self.exact.iter();
        let prefixes = self.prefixes.iter();
        exact
            .map(|(name, value)| (TypePattern::Exact(Arc::clone(name)), value))
            .chain(prefixes.map(|(name, value)| (TypePattern::Prefix(Arc::clone(name)), value)))
    }

    /// The number of patterns.
    pub(in crate::core) fn len(&self) -> usize {
        self.exact.len() + self.prefixes.len()
    }
}

impl FromIterator<TypePattern> for PatternMap<()> {
    fn from_iter<I: IntoIterator<Item = TypePattern>>(patterns: I) -> Self {
        let mut all = Self::default();
        for pattern in patterns {
            all.insert(&pattern, ());
        }
        all
    }
}

/// Gives memory back once three quarters of it are unused, so that a wave of connections does not
/// keep it for good. Halving at that point keeps the cost per removal constant.
pub(super) fn slacken<K: Eq + Hash, V, S: BuildHasher>(map: &mut HashMap<K, V, S>) {
    /// Too little to be worth copying the rest.
    const WORTH_IT: usize = 64;
    if map.capacity() > WORTH_IT && map.len() < map.capacity() / 4 {
        map.shrink_to(map.len() * 2);
    }
}
