//! Who wants which events: subscriptions, extractors, and the index that finds the receivers of an
//! event (spec: `events.md` 5.7 to 5.9).
//!
//! Rooms: [`list`] reads what clients send, [`extractors`] says which fields constraints may name,
//! [`index`] finds receivers, [`changes`] says how what is wanted changed. Deliberately absent:
//! connections; the index knows keys only.

pub mod changes;
pub mod extractors;
pub mod fault;
pub mod index;
pub mod list;
pub mod pattern;
mod patterns;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value, json};

pub(in crate::core) use self::patterns::PatternMap;
pub use self::{extractors::Extractors, index::Index};

/// Most subscriptions one list may hold. A page that shows a thousand things at once is rare, and
/// constraints or a wildcard do the same with less.
pub const SUBSCRIPTIONS_MAX: usize = 1_000;

/// Most constraints of one subscription, for example the customers an account manager looks after.
pub const CONSTRAINTS_MAX: usize = 1_000;

/// Most fields of one constraint; as many as an event type's extractor may know.
pub const FIELDS_MAX: usize = extractors::FIELDS_MAX;

/// Longest event type that can be subscribed to, in bytes, the wildcard included. The original took
/// 225 characters, which have at most 900 bytes.
pub const TYPE_BYTES_MAX: usize = 1_024;

/// Longest list of subscriptions as compact JSON, in bytes: about [`SUBSCRIPTIONS_MAX`] with one
/// constraint each. Every node keeps the lists of its connections, so this bounds what one client
/// can make a node hold.
pub const LIST_BYTES_MAX: usize = 64 << 10;

/// Which event types a subscription is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypePattern {
    /// Exactly this type.
    Exact(Arc<str>),
    /// `order.*`: every type that begins with the text before the star (here `order.`).
    Prefix(Arc<str>),
}

/// A wish for events: those of these types that fulfil at least one constraint, or all if there is
/// none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The event types.
    pub types: TypePattern,
    /// Alternatives; empty asks for nothing.
    pub one_of: Vec<Constraint>,
}

/// What an event's fields must be, all of them: field name to value. A value of null asks for
/// nothing, an object or a list is never equal to anything (spec: `events.md` 5.9).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Constraint(pub Map<String, Value>);

// === impl Subscription ===

impl Subscription {
    /// A subscription without constraints.
    pub const fn to_all(types: TypePattern) -> Self {
        Self {
            types,
            one_of: Vec::new(),
        }
    }

    /// As `rig.subscriptions_set` shows it: `{"eventType": ..., "oneOf": [...]}`.
    pub fn to_json(&self) -> Value {
        let one_of: Vec<&Map<String, Value>> = self.one_of.iter().map(|one| &one.0).collect();
        json!({"eventType": self.types.to_string(), "oneOf": one_of})
    }
}

/// The data of `rig.subscriptions_set`: a list in the order given (spec: `events.md` 5.5).
pub fn to_json(subscriptions: &[Subscription]) -> Value {
    subscriptions.iter().map(Subscription::to_json).collect()
}

/// What a connection starts with: those inferred from its token, then those it named, each once
/// (spec: `events.md` 5.4).
pub fn union(inferred: Vec<Subscription>, named: Vec<Subscription>) -> Vec<Subscription> {
    let mut seen = BTreeSet::new();
    inferred
        .into_iter()
        .chain(named)
        // By its text: JSON values have no order, and both lists are short.
        .filter(|subscription| seen.insert(subscription.to_json().to_string()))
        .collect()
}
