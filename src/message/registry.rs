//! Words for the registry actor.

use std::{sync::Arc, time::Duration};

use actix::Message;
use serde::Serialize;
use tokio::sync::oneshot;
use utoipa::ToSchema;

use crate::core::{
    api::document::Document,
    registry::{Accepted, Change, Preconditions, Rejection},
    replica::{
        input::{Tag, Until},
        receipt::Receipt,
    },
    version::Version,
};

/// Change a definition. Answered once the change is in this node's routing snapshot.
#[derive(Debug, Message)]
#[rtype(result = "Result<Accepted, Rejection>")]
pub struct ProposeChange {
    /// What to change.
    pub change: Change,
    /// Under which conditions.
    pub preconditions: Preconditions,
}

/// Show all active definitions, ordered by id.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Current>")]
pub struct ListApis;

/// Show one active definition.
#[derive(Debug, Message)]
#[rtype(result = "Option<Current>")]
pub struct GetApi {
    /// Its id.
    pub id: String,
}

/// An active definition as this node has it.
#[derive(Debug, Clone)]
pub struct Current {
    /// Its version.
    pub version: Version,
    /// Milliseconds since the epoch of the write that made this version.
    pub timestamp_ms: u64,
    /// The document as submitted.
    pub document: Arc<Document>,
    /// Several versions of this `ref_number` are known, and the vote is not over.
    pub contested: bool,
}

/// Wait until a change has spread. `None` if the id cannot be one.
#[derive(Debug, Message)]
#[rtype(result = "Option<Receipt>")]
pub struct AwaitSpread {
    /// Its id.
    pub id: String,
    /// The accepted version.
    pub version: Version,
    /// How far.
    pub until: Until,
    /// For how long at most.
    pub timeout: Duration,
}

/// Find the version that a change id means, which has only the beginning of its digest.
#[derive(Debug, Message)]
#[rtype(result = "Found")]
pub struct FindChange {
    /// Whose change.
    pub id: String,
    /// What the change id tells of the version.
    pub tag: Tag,
}

/// What this node knows of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing: it has not arrived yet, it was lost with the node that took it, or there never was
    /// such a change.
    Unknown,
    /// It is a version of the API's current `ref_number`.
    Current {
        /// Which.
        version: Version,
        /// The vote about this `ref_number` is not over here.
        contested: bool,
    },
    /// The API has a higher `ref_number`.
    Outdated {
        /// Its version now.
        current: Version,
    },
}

/// Take no more changes and part from the cluster. Answered when nothing is left to do.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Leave;

/// The same at an operator's wish. Answered at once: `None` if there is no cluster to part from, and nothing
/// was done; else with what hears when nothing is left to do.
#[derive(Debug, Message)]
#[rtype(result = "Option<oneshot::Receiver<()>>")]
pub struct Part;

/// Show the cluster as this node sees it.
#[derive(Debug, Message)]
#[rtype(result = "ClusterView")]
pub struct ShowCluster;

/// Compare with all neighbours now, so that what [`ShowCluster`] shows is fresh. Answered when that is
/// done; whoever cannot wait so long need not.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct CompareAll;

/// Show the contested rounds.
#[derive(Debug, Message)]
#[rtype(result = "RoundsSeen")]
pub struct ShowRounds {
    /// Only those in this state, in the words of [`RoundLine::state`]; `None`: all.
    pub state: Option<String>,
    /// How many at most; the others are counted.
    pub limit: usize,
}

/// What [`ShowRounds`] shows.
#[derive(Debug)]
pub struct RoundsSeen {
    /// Whose view.
    pub view: View,
    /// The first ones by id.
    pub rounds: Vec<RoundLine>,
    /// How many more there are.
    pub left_out: usize,
}

/// Compare this node's definitions with those of another one.
#[derive(Debug, Message)]
#[rtype(result = "Result<DiffView, PeerFault>")]
pub struct DiffWith {
    /// The other node's name.
    pub node: String,
}

/// Let a member be none any more, here and everywhere.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), PeerFault>")]
pub struct Forget {
    /// Its name.
    pub node: String,
}

/// Why nothing can be done about a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerFault {
    /// No member has this name.
    Unknown,
    /// It is this node.
    Own,
    /// There is no connection with it, or it does not answer.
    Unreachable,
}

/// Show decided conflicts since a time in milliseconds since the epoch, oldest first.
#[derive(Debug, Message)]
#[rtype(result = "(View, Vec<ConflictLine>)")]
pub struct ShowConflicts {
    /// From when on.
    pub since_ms: u64,
}

/// Connect to another node.
#[derive(Debug, Message)]
#[rtype(result = "bool")]
pub struct Join {
    /// `host:port`.
    pub address: String,
}

/// Whose view an answer about the cluster is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct View {
    /// Name of the node that answers.
    pub node: String,
    /// Members it sees, itself included.
    pub members: usize,
    /// Its root signature; equal on nodes that are in sync.
    pub root: String,
}

/// The members as one node sees them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ClusterView {
    /// Whose view.
    pub view: View,
    /// All members, the answering node first.
    pub nodes: Vec<NodeLine>,
    /// How the answering node is connected.
    pub network: NetworkLine,
}

/// How the answering node is connected.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NetworkLine {
    /// The cluster port: `none` (no cluster), `opening`, `open`, `failed` (it is tried again) or
    /// `left`.
    pub port: String,
    /// Why the port failed; only then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub problem: Option<String>,
    /// Addresses with which a connection was refused, here or by the other end, in the last three
    /// minutes; at most 64, the latest last.
    pub refused: Vec<RefusedLine>,
}

/// A refused connection.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RefusedLine {
    /// The other end, without its port.
    pub address: String,
    /// `handshake` (another secret or cluster name, or no node), `allow_list`, `limit`, `banned` or
    /// `protocol`.
    pub reason: String,
    /// Milliseconds since it was told; at most once a minute.
    pub last_seen_ms: u64,
}

/// What is not the same on two nodes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DiffView {
    /// Whose view.
    pub view: View,
    /// The other node.
    pub node: String,
    /// APIs that are not the same, by id; at most 1000.
    pub differences: Vec<DifferenceLine>,
    /// How many more there are.
    pub left_out: usize,
}

/// An API that is not the same on two nodes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DifferenceLine {
    /// The API.
    pub id: String,
    /// On the answering node; `null`: unknown.
    pub here: Option<SideLine>,
    /// On the other one.
    pub there: Option<SideLine>,
}

/// One side of a difference.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SideLine {
    /// Its `ref_number`.
    pub ref_number: u64,
    /// First 16 hex digits of its digest, or `deleted`.
    pub digest: String,
    /// `active`, `deleted`, or `contested`: several versions of this number are known there.
    pub state: String,
}

/// One member.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NodeLine {
    /// Its stable name.
    pub name: String,
    /// Whose ballots are its ballots.
    pub voter: String,
    /// Its name in the transport, new with every start.
    pub peer: String,
    /// When its process started, by the cluster's clock. Text, as it is too large for numbers of JSON.
    pub incarnation: String,
    /// It has been in a calm cluster once.
    pub established: bool,
    /// Its software's version.
    pub software: String,
    /// Definitions it knows, tombstones included.
    pub apis: u64,
    /// Its root signature.
    pub root: String,
    /// Same root as the answering node: by a comparison for this answer where there is a connection,
    /// else by its last notice.
    pub in_sync: bool,
    /// Its clock minus the answering node's, in milliseconds.
    pub clock_offset_ms: i64,
    /// Milliseconds since it was last heard.
    pub last_seen_ms: u64,
}

/// One contested round.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RoundLine {
    /// The API.
    pub id: String,
    /// The contested `ref_number`.
    pub ref_number: u64,
    /// `collecting`, `decided` or `conceded`.
    pub state: String,
    /// The versions.
    pub candidates: Vec<CandidateLine>,
    /// Members whose ballot is missing.
    pub missing: Vec<String>,
    /// Milliseconds since the answering node learned of it.
    pub open_ms: u64,
    /// Milliseconds since its last change.
    pub unchanged_ms: u64,
}

/// One version of a contested round.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CandidateLine {
    /// First 16 hex digits of its digest, or `deleted`.
    pub digest: String,
    /// Its age: milliseconds since the epoch.
    pub timestamp_ms: u64,
    /// Number of ballots.
    pub votes: usize,
    /// Who cast them, by name where it is known.
    pub voters: Vec<String>,
    /// The answering node serves it.
    pub served_here: bool,
    /// It wins as things are.
    pub winner: bool,
}

/// One decided conflict.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConflictLine {
    /// When the answering node saw it decided, milliseconds since the epoch.
    pub time_ms: u64,
    /// The API.
    pub id: String,
    /// The contested `ref_number`.
    pub ref_number: u64,
    /// The version that is served.
    pub winner: String,
    /// The others.
    pub losers: Vec<String>,
    /// `ref`, `votes`, `timestamp` or `tie`.
    pub decided_by: String,
    /// Ballots by version.
    pub votes: std::collections::BTreeMap<String, usize>,
    /// A client of the answering node wrote a loser.
    pub own_client_lost: bool,
    /// Milliseconds from learning of the conflict to its decision.
    pub duration_ms: u64,
}
