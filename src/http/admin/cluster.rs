//! `/v3/cluster`: the operator's view of the cluster (cluster.md, parts 5.3 and 8; names.md:
//! cluster views, receipts).
//!
//! Every answer says whose view it is. May depend on `core`, `message`, and on `p2p` for the spelling
//! of addresses. Deliberately absent: `POST /v3/cluster/forget`. A member that was not heard for 15 s
//! is forgotten by itself, and one that is heard would be back with its next notice; what a node has
//! voted stays, by design (cluster.md, part 11, "winner's voters die").

pub mod changes;
pub mod receipt;

use std::time::Duration;

use actix::Recipient;
use actix_web::{
    HttpRequest, HttpResponse, Route,
    http::{Method, StatusCode},
    web::{Data, Payload},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    core::{api::faults::Faults, registry::Rejection},
    http::{
        admin::{
            AdminState, RouteLine, ask, ask_within, body,
            openapi::schema::{ErrorBody, ErrorMap, JoinRequest, ProxyAPIResponse},
            query,
        },
        problem::{Problem, json_answer},
    },
    message::registry::{
        AwaitSpread, ClusterView, ConflictLine, FindChange, Join, Leave, RoundLine, ShowCluster,
        ShowConflicts, ShowRounds, View,
    },
    p2p::address::Address,
};

/// Key of the error map under which faults of a join are listed.
const GROUP: &str = "join";

/// Largest body of a join or leave: an address is at most a host name of 253 bytes and a port.
const COMMAND_BYTES_MAX: usize = 4 * 1024;

/// Longest wait for the last exchange with other nodes; the replica gives up after ten seconds.
const LEAVE_MAX: Duration = Duration::from_secs(15);

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
    /// Connects to another node.
    pub join: Recipient<Join>,
    /// Parts from the cluster.
    pub leave: Recipient<Leave>,
}

/// The contested rounds as one node sees them.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoundsView {
    /// Whose view.
    view: View,
    /// The rounds, ordered by id.
    rounds: Vec<RoundLine>,
}

/// The decided conflicts as one node saw them.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConflictsView {
    /// Whose view.
    view: View,
    /// The conflicts, oldest first; at most the last 1000.
    conflicts: Vec<ConflictLine>,
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
        RouteLine::new(get, "/v3/cluster/changes/{change}", || {
            Route::new().to(changes::show)
        }),
        RouteLine::new(post.clone(), "/v3/cluster/join", || Route::new().to(join)),
        RouteLine::new(post, "/v3/cluster/leave", || Route::new().to(leave)),
    ]
}

/// Lists the members of the cluster, the answering node first.
#[utoipa::path(
    get, path = "/v3/cluster/nodes", operation_id = "list_nodes", tag = "Cluster",
    responses(
        (status = 200, description = "The members as this node sees them.", body = ClusterView),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(super) async fn nodes(state: Data<AdminState>) -> Result<HttpResponse, Problem> {
    let view = ask(&state.cluster.nodes, ShowCluster).await?;
    Ok(json_answer(StatusCode::OK, &view))
}

/// Lists the rounds of which several versions are known, until the API's next change.
#[utoipa::path(
    get, path = "/v3/cluster/rounds", operation_id = "list_rounds", tag = "Cluster",
    params(
        ("state" = Option<String>, Query, description = "`collecting`, `decided` or `conceded`: only rounds that are so far; `contested`: all, as without it."),
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
    let wanted = query::state(&request)?;
    let (view, mut rounds) = ask(&state.cluster.rounds, ShowRounds).await?;
    if let Some(wanted) = wanted {
        rounds.retain(|round| round.state == wanted);
    }
    Ok(json_answer(StatusCode::OK, &RoundsView { view, rounds }))
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

/// Connects to another node, now and whenever the connection is lost, until this process ends.
#[utoipa::path(
    post, path = "/v3/cluster/join", operation_id = "join_cluster", tag = "Cluster",
    request_body = JoinRequest,
    responses(
        (status = 202, description = "The node tries to connect; see `/v3/cluster/nodes`.", body = ProxyAPIResponse),
        (status = 400, description = "There is no such address (or, as `errors`, the body is not JSON).", body = ErrorMap),
        (status = 409, description = "This node has no cluster.", body = ProxyAPIResponse),
        (status = 413, description = "The body is too large.", body = ErrorBody),
        (status = 415, description = "The content type is not JSON.", body = ErrorBody),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(super) async fn join(
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::json_object(&request, payload, COMMAND_BYTES_MAX).await?;
    let address = address(&body).map_err(|words| {
        let mut faults = Faults::default();
        faults.push(GROUP, "address", words);
        Rejection::Invalid(faults)
    })?;
    let address = address.to_string();
    if !ask(&state.cluster.join, Join { address }).await? {
        return Err(Problem::NoCluster);
    }
    Ok(accepted())
}

/// Takes no more changes, gives what others may lack to two of them, and answers when that is done.
/// There is no way back but to start the process again; stop it after this. Requests are proxied
/// until then.
#[utoipa::path(
    post, path = "/v3/cluster/leave", operation_id = "leave_cluster", tag = "Cluster",
    request_body = Object,
    responses(
        (status = 202, description = "Nothing is left to do but to stop the process.", body = ProxyAPIResponse),
        (status = 400, description = "The body is not JSON.", body = ErrorBody),
        (status = 413, description = "The body is too large.", body = ErrorBody),
        (status = 415, description = "The content type is not JSON.", body = ErrorBody),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(super) async fn leave(
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    body::json_object(&request, payload, COMMAND_BYTES_MAX).await?;
    ask_within(LEAVE_MAX, &state.cluster.leave, Leave).await?;
    Ok(accepted())
}

fn accepted() -> HttpResponse {
    json_answer(StatusCode::ACCEPTED, &json!({"message": "ok"}))
}

/// The address in the body of a join, or what is wrong with it.
fn address(body: &Map<String, Value>) -> Result<Address, String> {
    let Some(Value::String(text)) = body.get("address") else {
        return Err("must be string".to_owned());
    };
    let address: Address = text
        .parse()
        .map_err(|error: crate::p2p::address::AddressError| error.to_string())?;
    let socket = address.socket();
    if socket.is_some_and(|socket| socket.port() == 0 || socket.ip().is_unspecified()) {
        return Err("must be where a node can be reached".to_owned());
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::address;

    fn read(body: &Value) -> Result<String, String> {
        address(body.as_object().unwrap()).map(|address| address.to_string())
    }

    #[test]
    fn a_join_needs_an_address_that_can_be_dialled() {
        for (body, expected) in [
            (json!({"address": "10.0.0.1:4020"}), "10.0.0.1:4020"),
            (json!({"address": "Seed:4020", "x": 1}), "seed:4020"),
            (json!({"address": "/ip6/::1/tcp/4020"}), "[::1]:4020"),
        ] {
            assert_eq!(read(&body).as_deref(), Ok(expected), "{body}");
        }
        for body in [
            json!({}),
            json!({"address": null}),
            json!({"address": 4020}),
            json!({"address": ""}),
            json!({"address": "seed"}),
            json!({"address": "http://seed:4020"}),
            json!({"address": "seed:0"}),
            json!({"address": "127.0.0.1:0"}),
            json!({"address": "0.0.0.0:4020"}),
            json!({"address": "[::]:4020"}),
        ] {
            assert!(read(&body).is_err(), "{body}");
        }
    }
}
