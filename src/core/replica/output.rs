//! What the machine wants done, and the facts it tells to log and metrics. Depends on `id`,
//! `digest`, `round`. Deliberately absent: doing it.

use super::{
    conflicts::Conflict,
    diff::Diff,
    digest::{Content, Digest},
    id::{ApiId, PeerId, Voter},
    receipt::Receipt,
    wire::Version,
};

/// One thing to do.
#[derive(Debug, Clone)]
pub enum Output {
    /// Gossip this to everybody. A failure for lack of subscribers is no error.
    Publish {
        /// The message.
        bytes: Vec<u8>,
    },
    /// Ask a peer; the outcome comes back as `Input::Answer` or `Input::Failed`.
    Ask {
        /// Whom.
        to: PeerId,
        /// The machine's number of the exchange.
        exchange: u64,
        /// The request.
        bytes: Vec<u8>,
    },
    /// Answer an `Input::Request`.
    Reply {
        /// The shell's number of the exchange.
        exchange: u64,
        /// The answer.
        bytes: Vec<u8>,
    },
    /// Close the connection to a peer and refuse it for a while.
    Disconnect {
        /// Whom.
        peer: PeerId,
        /// For how long, in milliseconds.
        refuse_for: u64,
    },
    /// From now on this version of the API is served.
    Serve {
        /// The API.
        id: ApiId,
        /// The version.
        version: Version,
        /// The definition, or `Deleted`.
        content: Content,
        /// Why.
        cause: ServeCause,
    },
    /// The answer to an `Input::Write`.
    Answered {
        /// From the write.
        ticket: u64,
        /// The accepted version, or why not.
        result: Result<Version, Refusal>,
    },
    /// The answer to an `Input::Wait`.
    Receipt(Receipt),
    /// The answer to an `Input::Diff`; `None`: the peer cannot be asked, or does not answer.
    Diffed {
        /// From the input.
        ticket: u64,
        /// What differs.
        diff: Option<Diff>,
    },
    /// The node is ready: `/health/ready`, writes.
    Ready,
    /// After `Input::Leave`: nothing is left to do.
    Left,
    /// Something worth a log line or a counter.
    Fact(Fact),
}

/// Why a version is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServeCause {
    /// It is in the file.
    Load,
    /// A client of this node wrote it.
    Write,
    /// It has a higher ref.
    Ref,
    /// It won a contested round.
    Vote,
}

/// Why a write was refused. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The node is not ready, or about to stop.
    #[error("this node does not take writes yet or any more; ask another one")]
    NotReady,
    /// POST on an active API.
    #[error("the API exists; use PUT to change it")]
    Exists,
    /// PUT or DELETE on an unknown or deleted API.
    #[error("there is no such API; use POST to create it")]
    Unknown,
    /// `If-Match` names another version.
    #[error("the API has changed since; read it again")]
    Stale,
    /// The definition is over the limit.
    #[error("the definition is too large; shorten it")]
    TooLarge,
    /// The ref has reached its limit.
    #[error("the ref number has reached its limit; use another API id")]
    RefExhausted,
}

/// Something worth a log line or a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A contested round was decided.
    Decided(Conflict),
    /// A write accepted here lost (`Conflict::own_client_lost`, or by ref without a vote).
    Superseded {
        /// The API.
        id: ApiId,
        /// What our client wrote.
        lost: Version,
        /// What is served instead.
        winner: Version,
        /// Whether a higher ref did it, rather than a vote.
        by_ref: bool,
    },
    /// The file says something else than the cluster.
    FileDeviates {
        /// The API.
        id: ApiId,
        /// Whether its ref is too low, rather than outvoted.
        older_ref: bool,
    },
    /// A file entry's time lay in the future and was replaced.
    FileTimeReplaced {
        /// The API.
        id: ApiId,
    },
    /// A file entry's ref was above the limit and was cut.
    FileRefCut {
        /// The API.
        id: ApiId,
    },
    /// The winning definition cannot be activated by this software.
    NotActivatable {
        /// The API.
        id: ApiId,
        /// The version.
        version: Version,
    },
    /// A ballot was cast.
    Cast {
        /// The API.
        id: ApiId,
        /// For what.
        digest: Digest,
        /// Whether it concedes, rather than being the first.
        concession: bool,
    },
    /// A ballot of an earlier process of this name was outbid.
    Outbid {
        /// The new incarnation.
        incarnation: u64,
    },
    /// Another live process uses this node's name; this is the voter from now on.
    NameClash {
        /// The new voter.
        voter: Voter,
    },
    /// A peer's clock is off by more than a second.
    ClockOffset {
        /// The peer.
        peer: PeerId,
        /// Theirs minus ours, in milliseconds.
        offset: i64,
    },
    /// A member is none any more, because it left or because an operator had it forgotten.
    Gone {
        /// Its name.
        name: String,
        /// It said so itself.
        left: bool,
    },
    /// An operator had this node forgotten; it told the others that it lives.
    Forgotten,
    /// A sync ended.
    Synced {
        /// With whom.
        peer: PeerId,
        /// How.
        result: SyncResult,
    },
    /// Something a peer sent was dropped.
    Rejected {
        /// Who.
        peer: PeerId,
        /// Why.
        reason: Reject,
    },
}

/// How a sync ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncResult {
    /// Both were equal.
    Same,
    /// Differences were exchanged.
    Delta,
    /// Given up; the next one is due as usual.
    Failed,
}

/// Why something was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reject {
    /// Larger than its channel allows.
    Oversized,
    /// Another schema version.
    Major,
    /// Not a message.
    Malformed,
    /// Another cluster.
    Cluster,
    /// A ref above the limit.
    RefTooHigh,
    /// A body that does not hash to its digest.
    WrongBody,
    /// A presence notice in another's name, or with a bad name.
    Presence,
    /// An answer that does not fit its question.
    Answer,
}
