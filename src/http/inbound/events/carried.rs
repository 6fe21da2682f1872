//! Orders for another node's desk, as bytes: what a PUT or a poll asks of a connection that is
//! elsewhere. JSON, because nobody needs it to be fast, and unknown members are ignored.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    core::{
        session::Name,
        subscription::{self, list},
    },
    http::inbound::events::{
        frame::KEY_CHARS,
        mailbox::Seen,
        reception::{PollOrder, Polled, Subscribe},
        seats::LineId,
    },
};

/// Most bytes of events in an answer to a poll that was carried: as a text within JSON they may be twice
/// that, and a message between nodes has at most 9 MiB.
const POLLED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// An order on its way.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carried {
    /// [`Subscribe`].
    Subscribe {
        /// The line.
        line: u64,
        /// Its key.
        key: String,
        /// As in `rig.subscriptions_set`.
        subscriptions: Value,
        /// Names.
        sessions: Vec<String>,
    },
    /// [`PollOrder`].
    Poll {
        /// The session.
        line: u64,
        /// Its key.
        key: String,
        /// The last event that the client has.
        last: Option<String>,
        /// How many events it has.
        number: Option<u64>,
    },
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// The subscriptions are in force.
    Subscribed,
    /// Events.
    Polled {
        /// As [`Polled`].
        last: String,
        /// As [`Polled`].
        number: u64,
        /// As [`Polled`].
        cursor: String,
        /// Their texts.
        events: Vec<String>,
    },
    /// There is no such connection (any more).
    Gone,
}

// === impl Carried ===

impl Carried {
    /// For the wire.
    pub fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// From the wire.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// A change of subscriptions.
    pub fn subscribe(order: &Subscribe) -> Self {
        Self::Subscribe {
            line: order.line.to_u64(),
            key: text(&order.key),
            subscriptions: subscription::to_json(&order.subscriptions),
            sessions: order
                .sessions
                .iter()
                .map(|name| name.as_str().to_owned())
                .collect(),
        }
    }

    /// A poll.
    pub fn poll(order: &PollOrder) -> Self {
        Self::Poll {
            line: order.line.to_u64(),
            key: text(&order.key),
            last: order.seen.id.clone(),
            number: order.seen.number,
        }
    }
}

/// The [`Subscribe`] that was carried.
pub fn subscribe(
    line: u64,
    key: &str,
    subscriptions: &Value,
    sessions: &[String],
) -> Option<Subscribe> {
    Some(Subscribe {
        line: LineId::from_u64(line),
        key: key_of(key)?,
        subscriptions: list::rewritten(subscriptions).ok()?,
        sessions: sessions
            .iter()
            .map(|name| Name::new(name))
            .collect::<Option<_>>()?,
    })
}

/// The [`PollOrder`] that was carried.
pub fn poll(line: u64, key: &str, seen: Seen) -> Option<PollOrder> {
    Some(PollOrder {
        line: LineId::from_u64(line),
        key: key_of(key)?,
        seen,
        // Whoever asked asks again.
        waits: false,
        bytes_max: POLLED_BYTES_MAX,
    })
}

fn key_of(text: &str) -> Option<[u8; KEY_CHARS]> {
    text.as_bytes().try_into().ok()
}

fn text(key: &[u8; KEY_CHARS]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

// === impl Answered ===

impl Answered {
    /// For the wire.
    pub fn to_bytes(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// From the wire; what cannot be read is no connection.
    pub fn read(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or(Self::Gone)
    }

    /// The answer to a poll.
    pub fn of(polled: Option<Polled>) -> Self {
        let Some(polled) = polled else {
            return Self::Gone;
        };
        let text = |event: bytes::Bytes| String::from_utf8_lossy(&event).into_owned();
        Self::Polled {
            last: polled.last,
            number: polled.number,
            cursor: polled.cursor,
            events: polled.events.into_iter().map(text).collect(),
        }
    }
}
