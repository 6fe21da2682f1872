//! A CloudEvent: what backend services submit and frontends receive, unchanged
//! (CloudEvents 0.1, 0.2, 1.0; spec: `events.md` 5.2, 5.3 and 5.5).
//!
//! [`Event::parse`] judges the JSON text of one event, [`submission`] what an HTTP request submits
//! (one event structured or binary, or a batch), [`gateway()`] composes the gateway's own. Values
//! inside an event are looked up by [`pointer::Pointer`] and compared as [`scalar::Scalar`].
//!
//! Deliberately absent: who receives it ([`crate::core::subscription`]) and how it travels.

pub mod binary;
mod gateway;
mod head;
pub mod json;
mod outline;
pub mod pointer;
pub mod scalar;
pub mod submission;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use self::outline::Outline;
pub use self::{
    gateway::gateway,
    head::Version,
    pointer::{Pointer, PointerFault},
    scalar::Scalar,
    submission::{Submission, SubmissionFault},
};

/// An accepted event. Cheap to clone behind an `Arc`; its text is never changed.
#[derive(Debug, Clone)]
pub struct Event {
    /// The JSON text: byte for byte what was submitted in structured mode, else composed.
    pub text: Bytes,
    /// Its type; never empty.
    pub event_type: Arc<str>,
    /// Its id; a number as its decimal text.
    pub id: Arc<str>,
    /// A member that says what the event is stands there more than once. The first counts here; others
    /// may take the last.
    pub is_ambiguous: bool,
    /// Made when a pointer is asked for the first time. `None` inside: too large to be kept.
    outline: OnceLock<Option<Outline>>,
}

/// Why a text is not an event. The texts are part of the wire format: the first two kinds read as
/// they always did (spec: `events.md` 5.3), which is why two causes can have one text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventFault {
    /// Empty, or no JSON, before a known version was named.
    #[error(":not_a_cloud_event")]
    NotJson,
    /// No known version is named.
    #[error(":not_a_cloud_event")]
    UnknownVersion,
    /// A known version is named, but the text is not JSON as a whole.
    #[error("{{:invalid_json, \"{0}\"}}")]
    Broken(json::Fault),
    /// JSON, but not an object.
    #[error("{{:not_an_object, \"an event is a JSON object\"}}")]
    NotAnObject,
    /// A required attribute is not there.
    #[error("{{:not_found, \"{0}\", \"the event needs this attribute\"}}")]
    Missing(&'static str),
    /// A required attribute is not what it has to be.
    #[error("{{:invalid, \"{attribute}\", \"it must be {wanted}\"}}")]
    Invalid {
        /// Its name.
        attribute: &'static str,
        /// What it has to be.
        wanted: &'static str,
    },
}

// === impl Event ===

impl Event {
    /// Accepts `text` if it is the JSON text of an event, of version 1.0, 0.2 or 0.1, the first of
    /// these that it names. Of members with the same name the first one counts. The text is kept as
    /// it is, and should not be part of a larger buffer, as it keeps that alive.
    ///
    /// # Errors
    /// [`EventFault`]; nesting deeper than [`json::DEPTH_MAX`] is one, too.
    pub fn parse(text: Bytes) -> Result<Self, EventFault> {
        let head = head::read(&text)?;
        Ok(Self {
            event_type: head.event_type,
            id: head.id,
            is_ambiguous: head.is_ambiguous,
            text,
            outline: OnceLock::new(),
        })
    }

    /// The value that `pointer` leads to, if it is a string, a boolean, or a number. The text is
    /// parsed with the first call and not again, unless the event has very many members.
    pub fn scalar(&self, pointer: &Pointer) -> Option<Scalar> {
        let text = std::str::from_utf8(&self.text).ok()?;
        let kept = self.outline.get_or_init(|| Outline::small(text));
        match kept {
            Some(outline) => outline.scalar(text, pointer),
            None => Outline::of(text).scalar(text, pointer),
        }
    }
}

impl PartialEq for Event {
    /// Events are what their text is.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Event {}
