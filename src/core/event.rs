//! A CloudEvent: what backend services submit and frontends receive, unchanged
//! (CloudEvents 0.1, 0.2, 1.0; spec: `events.md` 5.2 and 5.3).
//!
//! Deliberately absent: who receives it ([`crate::core::subscription`]) and how it travels.

use std::sync::Arc;

use bytes::Bytes;

/// An accepted event. Cheap to clone behind an `Arc`; its text is never changed.
#[derive(Debug, Clone)]
pub struct Event {
    /// The JSON text: byte for byte what was submitted in structured mode, else composed.
    pub text: Bytes,
    /// Its type; never empty.
    pub event_type: Arc<str>,
    /// Its id; a number as its decimal text.
    pub id: Arc<str>,
}
