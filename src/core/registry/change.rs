//! What a client may ask of the registry, and what it is told.

use std::sync::Arc;

use crate::core::{
    api::{
        document::Document,
        faults::{Faults, Warning},
    },
    subscription::extractors::Extractors,
    version::Version,
};

/// A change as a client asks for it. Server-managed members of documents are ignored.
#[derive(Debug, Clone)]
pub enum Change {
    /// POST: a new id, or one whose tombstone is replaced.
    Create(Document),
    /// PUT: top-level members of `document` replace those of the active definition.
    Replace {
        /// From the path; wins over an `id` in the document.
        id: String,
        /// The request's document.
        document: Document,
    },
    /// DELETE: leave a tombstone.
    Delete {
        /// From the path.
        id: String,
    },
    /// PUT of the extractors: the whole document, checked.
    Extractors(Arc<Extractors>),
}

/// `If-Match` and `If-None-Match` of a request (RFC 9110, 13.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// The change is wanted only if the current version is among these.
    pub if_match: Option<Tags>,
    /// The change is wanted only if the current version is *not* among these.
    pub if_none_match: Option<Tags>,
}

/// The list in a precondition header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// `*`: any current version.
    Any,
    /// Entity tags as sent, quotes included.
    OneOf(Vec<String>),
}

/// A change that is stored and served here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Whose definition changed.
    pub id: Arc<str>,
    /// What is current now.
    pub version: Version,
    /// What is odd about the definition.
    pub warnings: Vec<Warning>,
}

/// Why a change is refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The document is faulty: 400.
    #[error("the definition is faulty:\n{0}")]
    Invalid(Faults),
    /// No active definition has this id: 404.
    #[error("no API has the id {0}")]
    NotFound(String),
    /// An active definition has this id: 409.
    #[error("an API with the id {0} exists already; use PUT to change it")]
    Exists(String),
    /// A precondition failed: 412.
    #[error("API {0} was changed meanwhile; read it again")]
    Stale(String),
    /// The stored definition would be too large: 413.
    #[error("the definition has {bytes} bytes, DEFINITION_BYTES_MAX allows {max}")]
    TooLarge {
        /// Length of the canonical JSON.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// This node has not joined its cluster yet, or is leaving it: 503.
    #[error("this node takes no changes yet or any more; ask another node or try again")]
    NotReady,
    /// The counter of this id's versions is at its end: 409.
    #[error("the ref_number of API {0} has reached its limit; use another id")]
    Exhausted(String),
    /// The change is stored, but the node cannot route by it and is about to restart: 503.
    #[error("the node is about to restart; try again")]
    Unavailable,
}

// === impl Preconditions ===

impl Preconditions {
    /// Whether the change is still wanted, `current` being the active version, if any.
    pub fn hold(&self, current: Option<&Version>) -> bool {
        let matches = |tags: &Tags| match (tags, current) {
            (_, None) => false,
            (Tags::Any, Some(_)) => true,
            (Tags::OneOf(tags), Some(version)) => {
                let etag = version.etag();
                tags.contains(&etag)
            }
        };
        self.if_match.as_ref().is_none_or(matches)
            && !self.if_none_match.as_ref().is_some_and(matches)
    }
}

// === impl Tags ===

impl Tags {
    /// Reads the value of a precondition header; several header lines are joined with `,` before.
    /// A tag without quotes is taken as it is and thus never matches.
    pub fn parse(value: &str) -> Self {
        if value.trim() == "*" {
            return Self::Any;
        }
        // Our tags contain no comma, so a comma inside a foreign tag can only make it not match.
        Self::OneOf(value.split(',').map(|tag| tag.trim().to_owned()).collect())
    }
}
