//! What is wrong with a document of extractors: everything, each fault with its place.
//!
//! Deliberately absent: the rules, which are in [`super::parse`].

use std::fmt;

use crate::core::{
    event::PointerFault,
    subscription::{
        TYPE_BYTES_MAX,
        extractors::{DOCUMENT_BYTES_MAX, FIELDS_MAX, INDEX_MAX, TYPES_MAX},
    },
};

/// Most faults that are kept; a person mends what fits a screen and asks again.
pub const FAULTS_MAX: usize = 100;

/// Longest name that is shown of a place, in bytes.
const NAME_BYTES_MAX: usize = 80;

/// All faults of one document, which was not taken over. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExtractorFaults {
    faults: Vec<ExtractorFault>,
    omitted: usize,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct ExtractorFault {
    /// The event type and, below it, the field, both quoted; or "extractors" for the whole.
    pub place: String,
    /// The same as a JSON pointer (RFC 6901) into the document, long names cut; empty for the whole.
    pub pointer: String,
    /// The rule that is broken.
    pub reason: FaultReason,
}

/// A rule for documents (spec: `events.md` 5.8).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultReason {
    /// Not JSON; says why and where.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// Larger than [`DOCUMENT_BYTES_MAX`].
    #[error("longer than {DOCUMENT_BYTES_MAX} bytes")]
    TooLong,
    /// An object should be here.
    #[error("must be an object")]
    NotAMap,
    /// More event types than [`TYPES_MAX`].
    #[error("{0} event types are too many: there can be {TYPES_MAX}")]
    TooManyTypes(usize),
    /// An event type is the empty string.
    #[error("an event type cannot be empty")]
    TypeEmpty,
    /// An event type nobody can subscribe to.
    #[error("an event type cannot be longer than {TYPE_BYTES_MAX} bytes")]
    TypeTooLong,
    /// A wildcard, which would look as if it worked.
    #[error("event types of extractors are exact: list every type, without wildcard")]
    Wildcard,
    /// More fields than [`FIELDS_MAX`].
    #[error("{0} fields are too many: there can be {FIELDS_MAX}")]
    TooManyFields(usize),
    /// A field name is the empty string.
    #[error("a field name cannot be empty")]
    FieldEmpty,
    /// `stable_field_index` is missing, no natural number, or above [`INDEX_MAX`].
    #[error("stable_field_index must be an integer from 0 to {INDEX_MAX}")]
    Index,
    /// Two fields of an event type have the same `stable_field_index`.
    #[error("stable_field_index {index} is the one of {other:?} already")]
    IndexTaken {
        /// The number.
        index: u64,
        /// The field that has it.
        other: String,
    },
    /// `event.json_pointer` is missing or no string.
    #[error("event.json_pointer must be a string such as \"/data/name\"")]
    Event,
    /// `event.json_pointer` is no pointer.
    #[error("event.json_pointer: {0}")]
    EventPointer(PointerFault),
    /// `jwt` is there without a string as `json_pointer`.
    #[error("jwt.json_pointer must be a string such as \"/name\"")]
    Jwt,
    /// `jwt.json_pointer` is no pointer.
    #[error("jwt.json_pointer: {0}")]
    JwtPointer(PointerFault),
}

// === impl ExtractorFaults ===

impl ExtractorFaults {
    /// The faults in the order of the document's sorted members.
    pub fn iter(&self) -> impl Iterator<Item = &ExtractorFault> {
        self.faults.iter()
    }

    /// How many faults are not among [`Self::iter`]'s, because there are too many.
    pub const fn omitted(&self) -> usize {
        self.omitted
    }

    /// A fault of the whole document.
    pub(super) fn whole(reason: FaultReason) -> Self {
        let mut faults = Self::default();
        faults.push(&[], reason);
        faults
    }

    /// Remembers a fault at an event type, a field of it, or (empty) the whole.
    pub(super) fn push(&mut self, path: &[&str], reason: FaultReason) {
        if self.faults.len() == FAULTS_MAX {
            self.omitted += 1;
            return;
        }
        let names: Vec<String> = path.iter().map(|name| quoted(name)).collect();
        let place = match names.as_slice() {
            [] => "extractors".to_owned(),
            names => names.join(" "),
        };
        let pointer = path.iter().map(|name| {
            let name = cut(name).unwrap_or(name);
            format!("/{}", name.replace('~', "~0").replace('/', "~1"))
        });
        self.faults.push(ExtractorFault {
            place,
            pointer: pointer.collect(),
            reason,
        });
    }

    /// `value`, if nothing was wrong.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.faults.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl std::error::Error for ExtractorFaults {}

/// A line per fault.
impl fmt::Display for ExtractorFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, fault) in self.faults.iter().enumerate() {
            if nth > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        match self.omitted {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

fn quoted(name: &str) -> String {
    match cut(name) {
        None => format!("{name:?}"),
        Some(start) => format!("{start:?}..."),
    }
}

/// What is shown of a name that is too long to be shown; `None` if it is not.
fn cut(name: &str) -> Option<&str> {
    if name.len() <= NAME_BYTES_MAX {
        return None;
    }
    let end = (0..=NAME_BYTES_MAX).rfind(|at| name.is_char_boundary(*at));
    name.get(..end.unwrap_or_default())
}
