//! What hubs say to each other: one byte of schema version, then CBOR (RFC 8949) with small integers
//! as field names, so that unknown fields are skipped and a later version may add some. Only questions
//! and answers; nothing is gossiped. Depends on `minicbor`. Deliberately absent: what a message means.

mod codec;
mod sound;

use bytes::Bytes;
use minicbor::{Decode, Encode};

use self::sound::Sound;
use super::{limits::MESSAGE_BYTES_MAX, position::NodeId};

/// The first byte of every message of the hub; the registry's begin with another. A change that older
/// nodes would misread takes the next number.
pub const HUB_MAJOR: u8 = 0xe1;

/// A question to one peer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) enum Request {
    /// Who are you?
    #[n(0)]
    Hello(#[n(0)] Hello),
    /// This is what I want.
    #[n(1)]
    Interest(#[n(0)] Interest),
    /// Take these events.
    #[n(2)]
    Batch(#[n(0)] Batch),
    /// Give me events of a node.
    #[n(3)]
    Events(#[n(0)] EventsWanted),
    /// Where is a client that saw this event last?
    #[n(4)]
    Locate(#[n(0)] String),
    /// Keep these memos.
    #[n(5)]
    Memos(#[n(0)] Vec<Memo>),
    /// Do you have this memo?
    #[n(6)]
    Recall(#[n(0)] Text),
    /// For a connection of yours.
    #[n(7)]
    Carry {
        /// The desk; any if absent.
        #[n(0)]
        desk: Option<u32>,
        /// What the other end understands.
        #[n(1)]
        bytes: Text,
    },
    /// These sessions are revoked until then (seconds since 1970).
    #[n(8)]
    Revoke(#[n(0)] Vec<Revoked>),
    /// Which buckets of your blacklist differ?
    #[n(9)]
    Compare(
        #[n(0)] Vec<u64>,
        /// The sender's clock, in milliseconds.
        #[n(1)]
        Option<u64>,
    ),
    /// A part of a bucket.
    #[n(10)]
    Bucket {
        /// Which.
        #[n(0)]
        index: u32,
        /// Behind this name.
        #[n(1)]
        after: Option<String>,
    },
    /// I stop; my last event has this number.
    #[n(11)]
    Farewell {
        /// Who.
        #[n(0)]
        node: NodeId,
        /// The number.
        #[n(1)]
        head: u64,
    },
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) enum Answer {
    /// Not now: not connected from this end yet, or overloaded. Ask again.
    #[n(0)]
    Later,
    /// To whatever needs no other answer.
    #[n(1)]
    Done,
    /// To Hello.
    #[n(2)]
    Hello(#[n(0)] Hello),
    /// To Interest.
    #[n(3)]
    Known {
        /// The version that is known now.
        #[n(0)]
        version: u64,
        /// The answering node's last event.
        #[n(1)]
        head: u64,
        /// No event up to `head` is on its way or will be.
        #[n(2)]
        clear: bool,
        /// The answering node's clock, in milliseconds.
        #[n(3)]
        clock: Option<u64>,
    },
    /// To Batch.
    #[n(4)]
    Took {
        /// Everything up to this has arrived.
        #[n(0)]
        have: u64,
        /// As keeper of copies: they reach to this.
        #[n(1)]
        kept: Option<u64>,
    },
    /// To Batch: nothing was taken; it was made under an old interest.
    #[n(5)]
    Stale {
        /// The version it must be made under.
        #[n(0)]
        version: u64,
    },
    /// To Events.
    #[n(6)]
    Events(#[n(0)] Events),
    /// To Events, Locate, Recall: not here.
    #[n(7)]
    Unknown,
    /// To Locate: a cursor.
    #[n(8)]
    Located(#[n(0)] String),
    /// To Recall.
    #[n(9)]
    Memo(#[n(0)] Memo),
    /// To Carry.
    #[n(10)]
    Carried(#[n(0)] Text),
    /// To Compare.
    #[n(11)]
    Differing(#[n(0)] Vec<u32>),
    /// To Bucket.
    #[n(12)]
    Bucket {
        /// Names and when they expire.
        #[n(0)]
        entries: Vec<Revoked>,
        /// There are more behind the last.
        #[n(1)]
        more: bool,
    },
}

/// Who a node is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Hello {
    #[n(0)]
    pub(super) node: NodeId,
    /// Its name, for people.
    #[n(1)]
    pub(super) name: String,
    /// Its last event.
    #[n(2)]
    pub(super) head: u64,
    /// Nodes it knows of that are gone.
    #[n(3)]
    pub(super) gone: Vec<NodeId>,
    /// For how long each of them has been gone, in milliseconds.
    #[n(4)]
    pub(super) gone_for: Option<Vec<u64>>,
    /// Its clock, in milliseconds.
    #[n(5)]
    pub(super) clock: Option<u64>,
}

/// What a node wants, or what changed about it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Interest {
    #[n(0)]
    pub(super) node: NodeId,
    /// With `reset`: how far it is with the receiver's events, if it knows them.
    #[n(1)]
    pub(super) have: Option<u64>,
    /// Reached with the last page.
    #[n(2)]
    pub(super) version: u64,
    /// The first page of everything.
    #[n(3)]
    pub(super) reset: bool,
    #[n(4)]
    pub(super) last: bool,
    #[n(5)]
    pub(super) added: Vec<Wish>,
    #[n(6)]
    pub(super) removed: Vec<Pattern>,
    /// Rises with every attempt to tell something, so that late and repeated pages are known as such.
    #[n(7)]
    pub(super) round: u64,
    /// Which page of it, from 0.
    #[n(8)]
    pub(super) page: u32,
    /// The sender's clock, in milliseconds.
    #[n(9)]
    pub(super) clock: Option<u64>,
    /// What the receiver's clock says at least at the time of sending, as the sender knows.
    #[n(10)]
    pub(super) receivers_clock: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct Wish {
    #[n(0)]
    pub(super) pattern: Pattern,
    /// For how long it has been wanted when the message is sent, in milliseconds.
    #[n(1)]
    pub(super) age: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct Pattern {
    #[n(0)]
    pub(super) is_prefix: bool,
    #[n(1)]
    pub(super) text: String,
}

/// Events of the sender's log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Batch {
    #[n(0)]
    pub(super) origin: NodeId,
    /// The version of the receiver's interest it was made under.
    #[n(1)]
    pub(super) version: u64,
    /// It continues there.
    #[n(2)]
    pub(super) from: u64,
    /// And reaches to there: what is wanted of (from, to] is in it.
    #[n(3)]
    pub(super) to: u64,
    /// Events up to this one are no longer there.
    #[n(4)]
    pub(super) lost: Option<u64>,
    /// The receiver is to keep copies: every event above this number is in the batch.
    #[n(5)]
    pub(super) keep: Option<u64>,
    #[n(6)]
    pub(super) events: Vec<Numbered>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct Numbered {
    #[n(0)]
    pub(super) seq: u64,
    #[n(1)]
    pub(super) text: Text,
}

/// A question for events.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct EventsWanted {
    /// Who accepted them: the node that is asked, or one that is gone.
    #[n(0)]
    pub(super) origin: NodeId,
    /// Behind this number.
    #[n(1)]
    pub(super) after: u64,
    /// Of these types; absent: of those the asking node is interested in, as it told in version
    /// `version` or later.
    #[n(2)]
    pub(super) types: Option<Vec<Pattern>>,
    #[n(3)]
    pub(super) version: Option<u64>,
}

/// A piece of a log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Events {
    /// What is asked for in (from, to] is in it.
    #[n(0)]
    pub(super) from: u64,
    #[n(1)]
    pub(super) to: u64,
    /// There is more behind `to`.
    #[n(2)]
    pub(super) more: bool,
    #[n(3)]
    pub(super) events: Vec<Numbered>,
}

/// Something remembered about a connection.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Memo {
    #[n(0)]
    pub(super) key: Text,
    /// The higher one counts.
    #[n(1)]
    pub(super) version: u64,
    #[n(2)]
    pub(super) value: Text,
}

/// A revoked session.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct Revoked {
    #[n(0)]
    pub(super) name: String,
    /// Seconds since 1970.
    #[n(1)]
    pub(super) until: u64,
}

/// Bytes that are passed on as they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text(pub(super) Bytes);

/// Why bytes are no message. Nothing was changed; the receiver counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum WireFault {
    /// More bytes than a message may have.
    #[error("the message is larger than a message may be")]
    Oversized,
    /// Another schema version.
    #[error("the message has another schema version; update the older node")]
    Major,
    /// Not CBOR, or not of this shape.
    #[error("the message is malformed")]
    Malformed,
    /// A number that is counted on from is higher than any can be (`cursor::SEQ_MAX`).
    #[error("the message has a number that is too high")]
    Number,
    /// It speaks for a node that did not send it.
    #[error("the message speaks for another node than its sender")]
    Impostor,
}

/// The bytes of a question or an answer.
pub(super) fn encode<T: Encode<()>>(message: &T) -> Vec<u8> {
    let mut bytes = vec![HUB_MAJOR];
    // Writing to a vector has no error, and no type here refuses to be written.
    let written: Result<(), minicbor::encode::Error<std::convert::Infallible>> =
        minicbor::encode(message, &mut bytes);
    match written {
        Ok(()) => bytes,
        // An empty message is dropped and counted by whoever gets it.
        Err(_) => Vec::new(),
    }
}

/// Reads a question or an answer.
pub(super) fn decode<T: for<'b> Decode<'b, ()> + Sound>(bytes: &[u8]) -> Result<T, WireFault> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(WireFault::Oversized);
    }
    let (major, rest) = bytes.split_first().ok_or(WireFault::Malformed)?;
    if *major != HUB_MAJOR {
        return Err(WireFault::Major);
    }
    let mut decoder = minicbor::Decoder::new(rest);
    let message: T = decoder.decode().map_err(|_| WireFault::Malformed)?;
    if decoder.position() != rest.len() {
        return Err(WireFault::Malformed);
    }
    if message.is_sound() {
        Ok(message)
    } else {
        Err(WireFault::Number)
    }
}
