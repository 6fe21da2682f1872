//! Event types and the prefix wildcard (`names.md`; not in the original).
//!
//! `order.*` stands for every type that begins with `order.`. Only a star after a dot at the end is
//! a wildcard; everywhere else it is a character like any other, as in the original. A lone `*` or
//! `.*` is refused: it would ask for all events, which would then have to travel to this node from
//! every other.

use std::fmt;

use crate::core::subscription::{TYPE_BYTES_MAX, TypePattern, fault::Reason};

// === impl TypePattern ===

impl TypePattern {
    /// Reads what a client wrote as event type.
    ///
    /// # Errors
    /// It is empty, too long, or a wildcard without prefix.
    pub fn parse(text: &str) -> Result<Self, Reason> {
        if text.is_empty() {
            return Err(Reason::TypeEmpty);
        }
        if text.len() > TYPE_BYTES_MAX {
            return Err(Reason::TypeTooLong);
        }
        if matches!(text, "*" | ".*") {
            return Err(Reason::NoPrefix);
        }
        Ok(match text.strip_suffix('*') {
            Some(prefix) if prefix.ends_with('.') => Self::Prefix(prefix.into()),
            Some(_) | None => Self::Exact(text.into()),
        })
    }

    /// Events of this type are meant.
    pub fn covers(&self, event_type: &str) -> bool {
        match self {
            Self::Exact(name) => **name == *event_type,
            Self::Prefix(prefix) => event_type.starts_with(&**prefix),
        }
    }

    /// The type, or the prefix.
    pub fn text(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Prefix(text) => text,
        }
    }
}

/// As the client wrote it.
impl fmt::Display for TypePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}
