//! A map from type patterns, looked up by event type without allocating. Depends on
//! `core/subscription`. Deliberately absent: what the values mean.

use std::{collections::BTreeMap, sync::Arc};

use crate::core::{hub::limits::PATTERN_BYTES_MAX, subscription::TypePattern};

/// Values by pattern.
#[derive(Debug)]
pub(in crate::core::hub) struct Patterns<V> {
    exact: BTreeMap<Arc<str>, V>,
    /// Each ends with a dot, or is empty and stands for everything.
    prefix: BTreeMap<Arc<str>, V>,
}

// === impl Patterns ===

impl<V> Patterns<V> {
    pub(in crate::core::hub) fn get_mut(&mut self, pattern: &TypePattern) -> Option<&mut V> {
        match pattern {
            TypePattern::Exact(text) => self.exact.get_mut(text),
            TypePattern::Prefix(text) => self.prefix.get_mut(text),
        }
    }

    pub(in crate::core::hub) fn insert(&mut self, pattern: TypePattern, value: V) {
        match pattern {
            TypePattern::Exact(text) => self.exact.insert(text, value),
            TypePattern::Prefix(text) => self.prefix.insert(text, value),
        };
    }

    pub(in crate::core::hub) fn remove(&mut self, pattern: &TypePattern) {
        match pattern {
            TypePattern::Exact(text) => self.exact.remove(text),
            TypePattern::Prefix(text) => self.prefix.remove(text),
        };
    }

    pub(in crate::core::hub) fn len(&self) -> usize {
        self.exact.len() + self.prefix.len()
    }

    pub(in crate::core::hub) fn iter(&self) -> impl Iterator<Item = (TypePattern, &V)> {
        let exact = self.exact.iter();
        let prefix = self.prefix.iter();
        exact
            .map(|(text, value)| (TypePattern::Exact(Arc::clone(text)), value))
            .chain(prefix.map(|(text, value)| (TypePattern::Prefix(Arc::clone(text)), value)))
    }

    /// The values of all patterns that cover `event_type`.
    pub(in crate::core::hub) fn covering(&self, event_type: &str) -> impl Iterator<Item = &V> {
        let dots = if self.prefix.is_empty() {
            None
        } else {
            Some(event_type.match_indices('.'))
        };
        let prefixes = dots
            .into_iter()
            .flatten()
            // No pattern is longer, and an event's type may have a dot in every other byte.
            .take_while(|(dot, _)| *dot < PATTERN_BYTES_MAX)
            .filter_map(|(dot, _)| self.prefix.get(event_type.get(..=dot)?));
        let everything = self.prefix.get("").into_iter();
        (self.exact.get(event_type).into_iter())
            .chain(everything)
            .chain(prefixes)
    }
}

impl<V> Default for Patterns<V> {
    fn default() -> Self {
        Self {
            exact: BTreeMap::new(),
            prefix: BTreeMap::new(),
        }
    }
}

impl FromIterator<TypePattern> for Patterns<()> {
    fn from_iter<I: IntoIterator<Item = TypePattern>>(patterns: I) -> Self {
        let mut all = Self::default();
        for pattern in patterns {
            all.insert(pattern, ());
        }
        all
    }
}

/// The type, or the prefix.
pub(in crate::core::hub) fn text(pattern: &TypePattern) -> &str {
    match pattern {
        TypePattern::Exact(text) | TypePattern::Prefix(text) => text,
    }
}
