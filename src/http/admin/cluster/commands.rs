//! `POST /v3/cluster/join`, `/leave`, `/forget`: what operators do about nodes (issue 3; names.md).
//!
//! They change no definition, and are done only for bodies with a JSON content type, which a page of
//! another site cannot send. May depend on `core`, `message`, and on `p2p` for the spelling of
//! addresses. Deliberately absent: a way back after a leave.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::{
    http::{
        admin::{
            AdminState, ask, body,
            openapi::schema::{ErrorBody, ErrorMap, ForgetRequest, JoinRequest, ProxyAPIResponse},
        },
        problem::{Problem, json_answer},
    },
    message::registry::{Forget, Join, Part, ShowCluster, View},
    p2p::address::Address,
    telemetry::health::Phase,
};

/// Keys of the error map under which faults of a join and of a forgetting are listed.
const JOIN: &str = "join";
const FORGET: &str = "forget";

/// Largest body of a command: an address is at most a host name of 253 bytes and a port.
const COMMAND_BYTES_MAX: usize = 4 * 1024;

/// Longest wait for the last exchange with other nodes; the replica gives up after ten seconds.
const LEAVE_MAX: Duration = Duration::from_secs(15);

/// A command about nodes was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommandAccepted {
    /// `ok`.
    message: &'static str,
    /// Whose answer it is; absent if the node is too busy to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    view: Option<View>,
}

/// Connects to another node, now and whenever the connection is lost, until this process ends.
#[utoipa::path(
    post, path = "/v3/cluster/join", operation_id = "join_cluster", tag = "Cluster",
    request_body = JoinRequest,
    responses(
        (status = 202, description = "The node tries to connect; see `/v3/cluster/nodes`.", body = CommandAccepted),
        (status = 400, description = "There is no such address (or, as `errors`, the body is not JSON).", body = ErrorMap),
        (status = 409, description = "This node has no cluster.", body = ProxyAPIResponse),
        (status = 413, description = "The body is too large.", body = ErrorBody),
        (status = 415, description = "The content type is not JSON.", body = ErrorBody),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(in crate::http::admin) async fn join(
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::json_object(&request, payload, COMMAND_BYTES_MAX).await?;
    let address = address(&body).map_err(|words| Problem::invalid(JOIN, "address", words))?;
    let address = address.to_string();
    if !ask(&state.cluster.join, Join { address }).await? {
        return Err(Problem::NoCluster);
    }
    Ok(accepted(&state).await)
}

/// Takes no more changes, gives what others may lack to two of them, and parts from them: it is no member
/// any more, and is alone. Answers when that is done. There is no way back but to start the process
/// again; stop it after this. Requests are proxied until then, but `/health/ready` says 503.
#[utoipa::path(
    post, path = "/v3/cluster/leave", operation_id = "leave_cluster", tag = "Cluster",
    request_body = Object,
    responses(
        (status = 202, description = "Nothing is left to do but to stop the process.", body = CommandAccepted),
        (status = 400, description = "The body is not JSON.", body = ErrorBody),
        (status = 409, description = "This node has no cluster.", body = ProxyAPIResponse),
        (status = 413, description = "The body is too large.", body = ErrorBody),
        (status = 415, description = "The content type is not JSON.", body = ErrorBody),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(in crate::http::admin) async fn leave(
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    body::json_object(&request, payload, COMMAND_BYTES_MAX).await?;
    let left = ask(&state.cluster.leave, Part)
        .await?
        .ok_or(Problem::NoCluster)?;
    // It hears of no change from now on, so load balancers should look elsewhere.
    state.health.advance(Phase::Left);
    match timeout(LEAVE_MAX, left).await {
        Ok(Ok(())) => Ok(accepted(&state).await),
        Ok(Err(_)) | Err(_) => Err(Problem::Unavailable),
    }
}

/// Lets a member be none any more, on all nodes: one that is gone for good but still listed. A node that
/// lives is back at once; stop it first.
#[utoipa::path(
    post, path = "/v3/cluster/forget", operation_id = "forget_node", tag = "Cluster",
    request_body = ForgetRequest,
    responses(
        (status = 202, description = "It is no member here, and all others are told.", body = CommandAccepted),
        (status = 400, description = "There is no such name (or, as `errors`, the body is not JSON).", body = ErrorMap),
        (status = 404, description = "No member has this name.", body = ProxyAPIResponse),
        (status = 409, description = "It is this node, which can leave but not be forgotten by itself.", body = ProxyAPIResponse),
        (status = 413, description = "The body is too large.", body = ErrorBody),
        (status = 415, description = "The content type is not JSON.", body = ErrorBody),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(in crate::http::admin) async fn forget(
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::json_object(&request, payload, COMMAND_BYTES_MAX).await?;
    let Some(Value::String(node)) = body.get("node") else {
        return Err(Problem::invalid(FORGET, "node", "must be string"));
    };
    let node = node.clone();
    let forgotten = ask(&state.cluster.forget, Forget { node: node.clone() }).await?;
    forgotten.map_err(|fault| Problem::Node(fault, node))?;
    Ok(accepted(&state).await)
}

/// Done, and whose word it is: the view from here as it is now.
async fn accepted(state: &AdminState) -> HttpResponse {
    let seen = ask(&state.cluster.nodes, ShowCluster).await;
    let accepted = CommandAccepted {
        message: "ok",
        // A view that cannot be had does not undo what was done.
        view: seen.ok().map(|seen| seen.view),
    };
    json_answer(StatusCode::ACCEPTED, &accepted)
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
