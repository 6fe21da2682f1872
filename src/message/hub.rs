//! Words for the hub actor.

use actix::Message;

use crate::core::session::{Name, blacklist::Full};

/// Revoke a session on all nodes. Answered once it is revoked here; with a wait, once all nodes have
/// confirmed or the wait is over.
#[derive(Debug, Message)]
#[rtype(result = "Result<Revoked, Full>")]
pub struct Revoke {
    /// The session.
    pub session: Name,
    /// The second (since 1970) from which it is free again.
    pub until_s: u64,
    /// How long to wait for the other nodes; `None`: not at all.
    pub wait_ms: Option<u64>,
}

/// Which nodes know of a revocation. Names of nodes, in alphabetical order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Those that have confirmed, the answering node included.
    pub confirmed: Vec<String>,
    /// Members that have not confirmed in time.
    pub missing: Vec<String>,
}

/// Bring something to one other node. No answer: whoever is gone cannot be told.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Carry {
    /// The node.
    pub to: u64,
    /// What it is.
    pub kind: Cargo,
    /// The thing itself, in a form its kind knows.
    pub bytes: Vec<u8>,
}

/// What [`Carry`] brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cargo {
    /// An asynchronous answer for a request that waits there.
    Answer,
}
