//! `/v3/cluster`: the operator's view of the cluster (cluster.md, parts 5.3 and 8; names.md:
//! cluster views, receipts).
//!
//! Every answer says whose view it is. May depend on `core` and `message`. What an operator can do about
//! nodes is in `commands`.

pub mod changes;
pub mod commands;
pub mod receipt;

use std::time::Duration;

use actix::Recipient;
use actix_web::{
    HttpRequest, HttpResponse, Route,
    http::{Method, StatusCode},
    web::Data,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    http::{
        admin::{
            AdminState, RouteLine,
            apis::path_text,
            ask, ask_within,
            openapi::schema::{ErrorBody, ErrorMap, ProxyAPIResponse},
            query,
        },
        problem::{Problem, json_answer},
    },
    message::registry::{
        AwaitSpread, ClusterView, CompareAll, ConflictLine, DiffView, DiffWith, FindChange, Forget,
        Join, Part, RoundLine, RoundsSeen, ShowCluster, ShowConflicts, ShowRounds, View,
    },
};

/// How long the list of nodes waits for a comparison with the neighbours, which takes milliseconds;
/// whoever has not answered by then is shown as of its last notice.
const COMPARE_MAX: Duration = Duration::from_secs(1);

/// Longest wait for another node's answers, of which two are needed; the replica gives up after ten
/// seconds each.
const DIFF_MAX: Duration = Duration::from_secs(25);

/// Who answers about the cluster.
pub struct Cluster {
    /// Shows the members.
    pub nodes: Recipient<ShowCluster>,
    /// Shows contested rounds.
    pub rounds: Recipient<ShowRounds>,
    /// Shows decided conflicts.
    pub conflicts: Recipient<ShowConflicts>,
    /// Finds the version a change id means.
    pub find: Recipient<FindChange>,
    /// Waits until a change has spread.
    pub spread: Recipient<AwaitSpread>,
    /// Compares with all neighbours.
    pub compare: Recipient<CompareAll>,
    /// Compares with one node.
    pub diff: Recipient<DiffWith>,
    /// Connects to another node.
    pub join: Recipient<Join>,
    /// Lets a member be none any more.
    pub forget: Recipient<Forget>,
    /// Parts from the cluster.
    pub leave: Recipient<Part>,
}

/// The contested rounds as one node sees them.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoundsView {
    /// Whose view.
    pub view: View,
    /// The rounds, ordered by id.
    pub rounds: Vec<RoundLine>,
    /// How many more there are than `limit` lets be shown.
    pub left_out: usize,
}

/// The decided conflicts as one node saw them.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConflictsView {
    /// Whose view.
    pub view: View,
    /// The conflicts, oldest first; at most the last 1000.
    pub conflicts: Vec<ConflictLine>,
}

/// The routes of this room.
pub(super) fn routes() -> Vec<RouteLine> {
    let (get, post) = (Method::GET, Method::POST);
    vec![
        RouteLine::new(get.clone(), "/v3/cluster/nodes", || Route::new().to(nodes)),
        RouteLine::new(get.clone(), "/v3/cluster/rounds", || {
            Route::new().to(rounds)
        }),
        RouteLine::new(get.clone(), "/v3/cluster/conflicts", || {
            Route::new().to(conflicts)
        }),
        RouteLine::new(get.clone(), "/v3/cluster/diff/{node}", || {
            Route::new().to(diff)
        }),
        RouteLine::new(get, "/v3/cluster/changes/{change}", || {
            Route::new().to(changes::show)
        }),
        RouteLine::new(post.clone(), "/v3/cluster/join", || {
            Route::new().to(commands::join)
        }),
        RouteLine::new(post.clone(), "/v3/cluster/forget", || {
            Route::new().to(commands::forget)
        }),
        RouteLine::new(post, "/v3/cluster/leave", || {
            Route::new().to(commands::leave)
        }),
    ]
}

/// Lists the members of the cluster, the answering node first. It compares with those it has a connection
/// with before, for a second at most.
#[utoipa::path(
    get, path = "/v3/cluster/nodes", operation_id = "list_nodes", tag = "Cluster",
    responses(
        (status = 200, description = "The members as this node sees them.", body = ClusterView),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(super) async fn nodes(state: Data<AdminState>) -> Result<HttpResponse, Problem> {
    // Whether it was in time or not: what is known is shown.
    drop(ask_within(COMPARE_MAX, &state.cluster.compare, CompareAll).await);
    let view = ask(&state.cluster.nodes, ShowCluster).await?;
    Ok(json_answer(StatusCode::OK, &view))
}

/// Lists the rounds of which several versions are known, until the API's next change.
#[utoipa::path(
    get, path = "/v3/cluster/rounds", operation_id = "list_rounds", tag = "Cluster",
    params(
        ("state" = Option<String>, Query, description = "`collecting`, `decided` or `conceded`: only rounds that are so far; `contested`: all, as without it."),
        ("limit" = Option<usize>, Query, description = "How many at most, 1 to 10000; default 1000. The others are counted in `left_out`."),
    ),
    responses(
        (status = 200, description = "The rounds as this node sees them.", body = RoundsView),
        (status = 400, description = "The query is faulty.", body = ErrorMap),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(super) async fn rounds(
    state: Data<AdminState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let query::Selection {
        state: wanted,
        limit,
    } = query::selection(&request)?;
    let show = ShowRounds {
        state: wanted,
        limit,
    };
    let RoundsSeen {
        view,
        rounds,
        left_out,
    } = ask(&state.cluster.rounds, show).await?;
    let seen = RoundsView {
        view,
        rounds,
        left_out,
    };
    Ok(json_answer(StatusCode::OK, &seen))
}

/// Lists the conflicts this node saw decided, oldest first.
#[utoipa::path(
    get, path = "/v3/cluster/conflicts", operation_id = "list_conflicts", tag = "Cluster",
    params(
        ("since" = Option<String>, Query, description = "Only conflicts decided at or after this time: milliseconds since the epoch, or as in RFC 3339."),
    ),
    responses(
        (status = 200, description = "The conflicts as this node saw them.", body = ConflictsView),
        (status = 400, description = "The query is faulty.", body = ErrorMap),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(super) async fn conflicts(
    state: Data<AdminState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let since_ms = query::since(&request)?;
    let (view, conflicts) = ask(&state.cluster.conflicts, ShowConflicts { since_ms }).await?;
    Ok(json_answer(
        StatusCode::OK,
        &ConflictsView { view, conflicts },
    ))
}

/// Tells which definitions another node has otherwise, tombstones included. Nothing is taken over.
#[utoipa::path(
    get, path = "/v3/cluster/diff/{node}", operation_id = "diff_node", tag = "Cluster",
    params(("node" = String, Path, description = "Name of a member.")),
    responses(
        (status = 200, description = "What differs; nothing if both are in sync.", body = DiffView),
        (status = 400, description = "The path is not UTF-8.", body = ErrorBody),
        (status = 404, description = "No member has this name.", body = ProxyAPIResponse),
        (status = 409, description = "It is this node.", body = ProxyAPIResponse),
        (status = 503, description = "One of the two nodes cannot answer now.", body = ProxyAPIResponse),
    ),
)]
pub(super) async fn diff(
    state: Data<AdminState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let node = path_text(&request)?;
    let with = DiffWith { node: node.clone() };
    let diff = ask_within(DIFF_MAX, &state.cluster.diff, with).await?;
    let diff = diff.map_err(|fault| Problem::Node(fault, node))?;
    Ok(json_answer(StatusCode::OK, &diff))
}
