//! Where a client was, as it says it in `last_event_id`: the `id` of a server-sent event, or the id of
//! an event that it remembers (names.md: gap event).
//!
//! The `id` of a server-sent event is a position, [`ID_SEPARATOR`] and the connection's key. A position
//! is a cursor; nothing, of a client that is nowhere; or, until a client that named an event has what it
//! missed, `~` and that event's id as base64url.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    core::hub::{cursor, input::From, position::NodeId},
    http::inbound::events::frame::{ID_SEPARATOR, KEY_CHARS},
};

/// Longest `last_event_id` looked at: a cursor of many nodes, or any sensible event id.
const BYTES_MAX: usize = 4096;

/// Begins a position that names an event. No cursor begins so.
const EVENT_MARK: char = '~';

/// Where a client was.
#[derive(Debug, Clone)]
pub struct Resume {
    /// As it said it; told in the gap event.
    pub text: String,
    /// As a position: where the client still is until it has what it missed.
    pub position: Arc<str>,
    /// As the hub understands it.
    pub from: From,
}

// === impl Resume ===

impl Resume {
    /// Reads what a client said, and the key of its earlier connection if that was part of it. `node`:
    /// where that connection was, if known.
    pub fn read(text: &str, node: Option<NodeId>) -> (Self, Option<[u8; KEY_CHARS]>) {
        if text.len() > BYTES_MAX {
            // No position of ours; the client is told that it may have missed everything.
            return (Self::at_event("", node), None);
        }
        let (position, key) = split(text);
        let resume = if let Ok(vector) = cursor::decode(position) {
            Self {
                text: position.to_owned(),
                position: position.into(),
                from: From::Vector(vector),
            }
        } else {
            let id = event_of(position);
            Self::at_event(id.as_deref().unwrap_or(position), node)
        };
        (resume, key)
    }

    fn at_event(id: &str, node: Option<NodeId>) -> Self {
        Self {
            text: id.to_owned(),
            position: position_of(id).into(),
            from: From::Event {
                id: id.into(),
                node,
            },
        }
    }
}

/// The position of a client whose last event has this id.
pub fn position_of(id: &str) -> String {
    if id.is_empty() {
        return String::new();
    }
    format!("{EVENT_MARK}{}", URL_SAFE_NO_PAD.encode(id))
}

/// The `last_event_id` of a connection with this key at `position`.
pub fn last_event_id(position: &str, key: &[u8; KEY_CHARS]) -> String {
    let key = String::from_utf8_lossy(key);
    format!("{position}{}{key}", char::from(ID_SEPARATOR))
}

/// The position and the key, if it is an `id` of ours. The ids of events may look like anything.
fn split(text: &str) -> (&str, Option<[u8; KEY_CHARS]>) {
    let parts = text.rsplit_once(char::from(ID_SEPARATOR));
    let ours = parts.and_then(|(position, key)| {
        let key = key.as_bytes().try_into().ok()?;
        let is_position =
            position.is_empty() || event_of(position).is_some() || cursor::decode(position).is_ok();
        is_position.then_some((position, Some(key)))
    });
    ours.unwrap_or((text, None))
}

/// The event that a position names.
fn event_of(position: &str) -> Option<String> {
    let id = position.strip_prefix(EVENT_MARK)?;
    String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::hub::position::{Reached, Vector};

    const KEY: [u8; KEY_CHARS] = *b"abcdefghijklmnop";

    fn event(from: &From) -> Option<&str> {
        match from {
            From::Event { id, .. } => Some(id),
            From::Vector(_) => None,
        }
    }

    #[test]
    fn a_cursor_with_a_key_is_both() {
        let mut vector = Vector::default();
        vector.raise(NodeId::new(7), Reached::at(9));
        let cursor = cursor::encode(&vector);
        let (resume, key) = Resume::read(&last_event_id(&cursor, &KEY), None);
        assert_eq!((key, &*resume.position), (Some(KEY), &*cursor));
        assert!(matches!(resume.from, From::Vector(from) if from == vector));
    }

    #[test]
    fn the_id_of_an_event_may_look_like_ours() {
        for id in ["order.abcdefghijklmnop", "~x", "a.b", "~b.abcdefghijklmno"] {
            let (resume, key) = Resume::read(id, None);
            assert_eq!((event(&resume.from), key), (Some(id), None));
            // The connection that resumes is interrupted before it has what it missed.
            let (again, key) = Resume::read(&last_event_id(&resume.position, &KEY), None);
            assert_eq!((event(&again.from), key), (Some(id), Some(KEY)));
            assert_eq!(again.position, resume.position);
        }
    }

    #[test]
    fn a_client_that_is_nowhere_has_its_key() {
        let (resume, key) = Resume::read(&last_event_id("", &KEY), None);
        assert_eq!((event(&resume.from), key), (Some(""), Some(KEY)));
    }

    #[test]
    fn what_is_too_long_is_no_position() {
        let (resume, key) = Resume::read(&"x".repeat(BYTES_MAX + 1), None);
        assert_eq!((event(&resume.from), key), (Some(""), None));
    }
}
