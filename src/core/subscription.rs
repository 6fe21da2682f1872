//! Who wants which events: subscriptions, extractors, and the index that finds the receivers of an
//! event (spec: `events.md` 5.7 to 5.9).
//!
//! Deliberately absent: connections; the index knows keys only.

use std::sync::Arc;

/// Which event types a subscription is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypePattern {
    /// Exactly this type.
    Exact(Arc<str>),
    /// `order.*`: every type that begins with the text before the star (here `order.`).
    Prefix(Arc<str>),
}
