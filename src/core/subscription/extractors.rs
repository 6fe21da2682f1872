//! Which fields of which event types constraints may name, where those are in an event, and which
//! claims of a token stand for them (spec: `events.md` 5.8).
//!
//! Reading a document is in [`parse`]. `stable_field_index` is checked and kept, but nothing depends
//! on it: constraints name fields, so nodes with different documents cannot mix columns up.
//! Deliberately absent: files, and how a changed document reaches other nodes.

pub mod fault;
pub mod parse;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Bound,
    sync::Arc,
};

use serde_json::{Map, Value};

use crate::core::{
    event::Pointer,
    subscription::{
        Constraint, Subscription, TypePattern,
        fault::{Reason, SubscriptionFault},
    },
};

/// Most event types of a document. Each costs a look at every token, so they are counted.
pub const TYPES_MAX: usize = 1_000;

/// Most fields of one event type. They are told apart by people, who would not want more.
pub const FIELDS_MAX: usize = 64;

/// Highest `stable_field_index`: up to here numbers are exact in the canonical form in which nodes
/// exchange documents (RFC 8785).
pub const INDEX_MAX: u64 = (1 << 53) - 1;

/// Longest document as compact JSON, in bytes: what a node takes as an API definition by default,
/// for it travels in the same way.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// The extractors in force. Made from a document by [`Extractors::parse`]; the default knows no field.
/// Its `Debug` form shows how many event types there are.
#[derive(Clone, PartialEq, Eq)]
pub struct Extractors {
    document: Value,
    types: BTreeMap<Arc<str>, Fields>,
}

/// The fields of one event type by name.
pub type Fields = BTreeMap<Arc<str>, Field>;

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Where it is in an event.
    pub event: Pointer,
    /// Where it is in the claims of a token, if there; a valid pointer.
    pub jwt: Option<String>,
}

// === impl Extractors ===

impl Default for Extractors {
    fn default() -> Self {
        Self {
            document: Value::Object(Map::new()),
            types: BTreeMap::new(),
        }
    }
}

impl Extractors {
    /// The document they were made from. Equal documents are equal values whatever the order of
    /// their members was, and serialise with sorted members.
    pub const fn document(&self) -> &Value {
        &self.document
    }

    /// The fields of events of exactly this type, if a constraint can name any.
    pub fn fields(&self, event_type: &str) -> Option<&Fields> {
        self.types.get(event_type)
    }

    /// Every constraint names only known fields. A subscription to a prefix may name a field as soon
    /// as one configured type below the prefix has it; events of types without it do not match.
    ///
    /// # Errors
    /// [`Reason::UnknownField`] about the first that does not, with the names that could be used.
    pub fn check(&self, subscriptions: &[Subscription]) -> Result<(), SubscriptionFault> {
        // Kept by pattern, for a list may name a prefix of many types many times.
        let mut known: BTreeMap<&TypePattern, BTreeSet<&str>> = BTreeMap::new();
        for subscription in subscriptions {
            if subscription.one_of.is_empty() {
                continue;
            }
            let known = known
                .entry(&subscription.types)
                .or_insert_with(|| self.known(&subscription.types));
            let mut named = subscription.one_of.iter().flat_map(|one| one.0.keys());
            if let Some(field) = named.find(|field| !known.contains(field.as_str())) {
                let reason = Reason::UnknownField {
                    field: super::fault::shown(&Value::from(field.as_str())),
                    types: subscription.types.clone(),
                    known: known.iter().map(|&name| name.to_owned()).collect(),
                };
                return Err(SubscriptionFault::invalid(reason, &subscription.to_json()));
            }
        }
        Ok(())
    }

    /// The subscriptions that the claims of a token ask for: per event type one constraint with all
    /// fields whose claim is there; none without such a field. A claim of null counts as missing:
    /// otherwise it would ask for all events of the type.
    pub fn infer(&self, claims: &Value) -> Vec<Subscription> {
        self.types
            .iter()
            .filter_map(|(event_type, fields)| {
                let claimed: Map<String, Value> = fields
                    .iter()
                    .filter_map(|(name, field)| {
                        let claim = claims.pointer(field.jwt.as_deref()?)?;
                        (!claim.is_null()).then(|| (name.to_string(), claim.clone()))
                    })
                    .collect();
                (!claimed.is_empty()).then(|| Subscription {
                    types: TypePattern::Exact(Arc::clone(event_type)),
                    one_of: vec![Constraint(claimed)],
                })
            })
            .collect()
    }

    /// The fields that constraints on these types may name.
    fn known(&self, types: &TypePattern) -> BTreeSet<&str> {
        let first = Bound::Included(types.text());
        self.types
            .range::<str, _>((first, Bound::Unbounded))
            // Sorted, so all types that begin with the text follow each other; equal ones are first.
            .take_while(|(name, _)| types.covers(name))
            .flat_map(|(_, fields)| fields.keys().map(|name| &**name))
            .collect()
    }
}

impl fmt::Debug for Extractors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Extractors({} event types)", self.types.len())
    }
}

/// The claims of several tokens as one; of equal names the first counts (spec: `auth.md` 6.2).
pub fn merged(tokens: impl IntoIterator<Item = Map<String, Value>>) -> Value {
    let mut claims = Map::new();
    for (name, claim) in tokens.into_iter().flatten() {
        claims.entry(name).or_insert(claim);
    }
    Value::Object(claims)
}
