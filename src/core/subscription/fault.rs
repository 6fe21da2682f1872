//! Why subscriptions are refused, in the words of the original (spec: `events.md` 5.4 and 5.7).
//!
//! The reason is the same everywhere, what stands before it depends on the door; every one of them
//! answers 400. Deliberately absent: the faults of extractor documents ([`super::extractors`]).

use serde_json::Value;

use crate::core::subscription::{
    CONSTRAINTS_MAX, FIELDS_MAX, LIST_BYTES_MAX, SUBSCRIPTIONS_MAX, TYPE_BYTES_MAX, TypePattern,
};

/// Longest part of a faulty entry that is sent back, in bytes; enough to find it.
const SHOWN_BYTES_MAX: usize = 200;

/// Most known fields that are listed; a person looks for a misspelt one.
const KNOWN_SHOWN_MAX: usize = 20;

/// Where subscriptions come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The query of SSE or WebSocket.
    Stream,
    /// The query of long polling.
    LongPolling,
    /// `PUT .../subscriptions`.
    Put,
}

/// A list that is refused as a whole; nothing was changed. [`SubscriptionFault::text`] is the answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionFault {
    /// The text is not JSON; says why and where.
    #[error("{0}")]
    NotJson(String),
    /// The body has no member `subscriptions`.
    #[error("Expected field \"subscriptions\" is not present.")]
    NoSubscriptions,
    /// There is JSON, but not a list; shows what there is.
    #[error("subscriptions is expected to be a JSON encoded list when parsing JSON: {0}")]
    NotAList(String),
    /// The list is longer than [`SUBSCRIPTIONS_MAX`].
    #[error("{0} subscriptions are too many: a connection can have {SUBSCRIPTIONS_MAX}")]
    TooMany(usize),
    /// The list has more than [`LIST_BYTES_MAX`] bytes.
    #[error("the subscriptions are too long: together they can have {LIST_BYTES_MAX} bytes")]
    TooLong,
    /// An entry of the list is faulty.
    #[error("invalid subscription: {reason} when parsing {entry}")]
    Invalid {
        /// What is wrong with it.
        reason: Reason,
        /// The entry as JSON, cut if it is long.
        entry: String,
    },
}

/// What is wrong with one subscription.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Not an object.
    #[error("not a map")]
    NotAMap,
    /// No member with the event type.
    #[error("event-type not found")]
    TypeNotFound,
    /// The event type is empty or not a string.
    #[error("event-type empty")]
    TypeEmpty,
    /// The event type is longer than [`TYPE_BYTES_MAX`].
    #[error("event-type longer than {TYPE_BYTES_MAX} bytes")]
    TypeTooLong,
    /// `*` or `.*`.
    #[error("event-type wildcard without a prefix, as in \"order.*\"")]
    NoPrefix,
    /// The constraints are not a list.
    #[error("constraints expected to be a list of disjunctive clauses")]
    ConstraintsNotAList,
    /// A constraint is not an object.
    #[error("a disjunctive clause expected to be a conjunction represented by a map")]
    ConstraintNotAMap,
    /// A constraint has an empty field name.
    #[error("conjunctive clauses expected to be a map with nonempty strings as keys")]
    FieldEmpty,
    /// More constraints than [`CONSTRAINTS_MAX`].
    #[error("more than {CONSTRAINTS_MAX} constraints")]
    TooManyConstraints,
    /// A constraint has more fields than [`FIELDS_MAX`].
    #[error("a constraint with more than {FIELDS_MAX} fields")]
    TooManyFields,
    /// A constraint names a field that no extractor of its event type knows. The original ignored
    /// it and so delivered more than was asked for.
    #[error("constraint on unknown field {field}: {}", known_of(types, known))]
    UnknownField {
        /// The field as JSON, cut if it is long.
        field: String,
        /// The event types it was named for.
        types: TypePattern,
        /// The names that could be used, sorted.
        known: Vec<String>,
    },
}

// === impl SubscriptionFault ===

impl SubscriptionFault {
    /// `reason` about `entry`.
    pub(super) fn invalid(reason: Reason, entry: &Value) -> Self {
        Self::Invalid {
            reason,
            entry: shown(entry),
        }
    }

    /// The body of the answer.
    pub fn text(&self, door: Door) -> String {
        let is_put = door == Door::Put;
        match self {
            Self::NotJson(error) => match door {
                Door::Stream => format!("Failed to decode subscription list: {error}"),
                Door::LongPolling => format!(
                    "could not parse subscriptions: could not decode subscriptions: {error}"
                ),
                Door::Put => expected_json(error),
            },
            Self::NoSubscriptions => self.to_string(),
            Self::NotAList(_) | Self::TooMany(_) | Self::TooLong if is_put => {
                format!("cannot accept subscription request: {self}")
            }
            Self::NotAList(_) | Self::TooMany(_) | Self::TooLong => {
                format!("could not parse subscriptions: could not decode subscriptions: {self}")
            }
            Self::Invalid { .. } if is_put => format!(
                "cannot accept subscription request: could not parse given subscriptions: {self}"
            ),
            Self::Invalid { .. } => format!(
                "could not parse subscriptions: could not parse subscription from JSON: {self}"
            ),
        }
    }
}

/// The answer to a body that is not JSON, or is not said to be (spec: `events.md` 5.7).
pub fn expected_json(technical: &str) -> String {
    format!("Expected JSON encoded body.\n\nTechnical info:\n{technical}")
}

/// A value as it may be sent back: JSON, cut if it is long.
pub(super) fn shown(value: &Value) -> String {
    let mut text = value.to_string();
    if text.len() > SHOWN_BYTES_MAX {
        let end = (0..=SHOWN_BYTES_MAX).rfind(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
        text.push_str("...");
    }
    text
}

fn known_of(types: &TypePattern, known: &[String]) -> String {
    let quoted: Vec<String> = known
        .iter()
        .take(KNOWN_SHOWN_MAX)
        .map(|name| format!("{name:?}"))
        .collect();
    let types = types.to_string();
    match (quoted.as_slice(), known.len().saturating_sub(quoted.len())) {
        ([], _) => format!("no extractor is configured for {types:?}"),
        (quoted, 0) => format!("{types:?} has {}", quoted.join(", ")),
        (quoted, more) => format!("{types:?} has {} and {more} more", quoted.join(", ")),
    }
}
