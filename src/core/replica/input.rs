//! What goes into the machine. Depends on `id`, `digest`, `stamp`. Deliberately absent: channels,
//! sockets and files; the shell reads them and makes these values.

use std::{fmt, str::FromStr};

use super::{
    digest::{Body, Content},
    id::{ApiId, PeerId},
    wire::Version,
};

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// The definitions of the file, at start.
    Load(Vec<Loaded>),
    /// A client of this node wants a change.
    Write(Write),
    /// A connection to `peer` opened.
    LinkOpened(PeerId),
    /// The last connection to `peer` closed.
    LinkClosed(PeerId),
    /// A gossip message came.
    Gossip {
        /// Who handed it on.
        relay: PeerId,
        /// Who wrote and signed it.
        author: PeerId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// A peer asks; the answer is an `Output::Reply` with the same `exchange` in the same step.
    Request {
        /// Who asks.
        from: PeerId,
        /// The shell's number of the exchange.
        exchange: u64,
        /// The request.
        bytes: Vec<u8>,
    },
    /// The answer to an `Output::Ask`.
    Answer {
        /// The machine's number of the exchange.
        exchange: u64,
        /// The answer.
        bytes: Vec<u8>,
    },
    /// An `Output::Ask` will not be answered.
    Failed {
        /// The machine's number of the exchange.
        exchange: u64,
    },
    /// A client wants to know when its change has spread.
    Wait(Wait),
    /// Time passed; due at `Replica::next_wakeup`, harmless at any other time.
    Tick,
    /// Compare with all neighbours now, as an operator wants to see who is in sync.
    Compare,
    /// An operator wants to know what `peer` has otherwise; the answer is an `Output::Diffed`.
    Diff {
        /// Comes back with the answer.
        ticket: u64,
        /// Whom to compare with.
        peer: PeerId,
    },
    /// An operator says that these processes are gone for good.
    Forget(Vec<PeerId>),
    /// The node is asked to stop: no more writes, one last sync with two peers, then
    /// `Output::Left`.
    Leave,
}

/// One definition of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The API.
    pub id: ApiId,
    /// Its `ref_number`, at most `limits::FILE_REF_MAX`; higher ones are cut and reported.
    pub ref_number: u64,
    /// The definition, or `Deleted` for `active: false`.
    pub content: Content,
    /// Age of the entry in milliseconds since the epoch (its own `timestamp`, else the file's).
    pub wall: u64,
}

/// A change asked for by a client of this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Comes back with the answer.
    pub ticket: u64,
    /// The API.
    pub id: ApiId,
    /// What to do.
    pub action: Action,
    /// `If-Match`: any of these must be what this node serves. `None`: no condition.
    pub if_match: Option<Vec<Tag>>,
}

/// What to do with an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// POST: only if there is no such API.
    Create(Body),
    /// PUT: only if there is one.
    Replace(Body),
    /// DELETE: only if there is one.
    Delete,
}

/// An `ETag` of one version: its ref and the prefix of its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The ref.
    pub ref_number: u64,
    /// First 16 hex digits of the digest.
    pub prefix: String,
}

/// A client waits until its change has spread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Comes back with the receipt.
    pub ticket: u64,
    /// The API.
    pub id: ApiId,
    /// The accepted version.
    pub version: Version,
    /// How far.
    pub until: Until,
    /// For how long, in milliseconds.
    pub timeout: u64,
}

/// How far a change should have spread; in words `all`, a number from 1 on, or `settled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Every member serves it.
    All,
    /// This many nodes serve it, this one included.
    Count(usize),
    /// No reachable node sees a contested round.
    Settled,
}

/// What a text that says how far a change should spread has to be.
pub const UNTIL_RULE: &str = "must be all, settled or a number of nodes, at least 1";

/// A text that does not say how far a change should spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{UNTIL_RULE}")]
pub struct UntilFault;

// === impl Tag ===

impl Tag {
    /// The tag of a version.
    pub fn of(version: &Version) -> Self {
        Self {
            ref_number: version.ref_number,
            prefix: version.digest.prefix(),
        }
    }
}

// === impl Until ===

impl FromStr for Until {
    type Err = UntilFault;

    fn from_str(text: &str) -> Result<Self, UntilFault> {
        match text {
            "all" => Ok(Self::All),
            "settled" => Ok(Self::Settled),
            // A number may have a sign otherwise.
            number if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                let count = number.parse().map_err(|_too_large| UntilFault)?;
                if count == 0 {
                    return Err(UntilFault);
                }
                Ok(Self::Count(count))
            }
            _ => Err(UntilFault),
        }
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Count(nodes) => nodes.fmt(f),
            Self::Settled => f.write_str("settled"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Until, UntilFault};

    #[test]
    fn how_far_a_change_should_spread_is_read_as_it_is_written() {
        for (text, until) in [
            ("all", Ok(Until::All)),
            ("settled", Ok(Until::Settled)),
            ("2", Ok(Until::Count(2))),
            ("0", Err(UntilFault)),
            ("-1", Err(UntilFault)),
            ("+1", Err(UntilFault)),
            ("some", Err(UntilFault)),
            ("", Err(UntilFault)),
            ("99999999999999999999999", Err(UntilFault)),
        ] {
            assert_eq!(text.parse(), until, "{text:?}");
            if let Ok(until) = until {
                assert_eq!(until.to_string(), text);
            }
        }
    }
}
