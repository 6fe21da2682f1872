//! `/health`, `/health/live`, `/health/ready` (spec: `management-api.md` 2.3, names.md).
//!
//! May depend on `telemetry`. Deliberately absent: checks of dependencies. A back end that is down
//! is no reason to restart the gateway or to take it out of a load balancer.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web,
};

use crate::{
    http::{admin::AdminState, problem::PLAIN},
    telemetry::health::Phase,
};

/// The process answers: 200 `OK`, whatever else is going on.
#[utoipa::path(
    get, path = "/health", operation_id = "health", tag = "Health",
    responses((status = 200, description = "The process answers.", body = String, content_type = "text/plain", example = "OK")),
)]
pub(super) async fn live() -> HttpResponse {
    text(StatusCode::OK, "OK")
}

/// Load balancers may send traffic: 200 `OK`, else 503 with the reason in one line.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "ready", tag = "Health",
    responses(
        (status = 200, description = "Traffic is welcome.", body = String, content_type = "text/plain", example = "OK"),
        (status = 503, description = "It is not; the body says why.", body = String, content_type = "text/plain"),
    ),
)]
pub(super) async fn ready(state: web::Data<AdminState>) -> HttpResponse {
    match reason(state.health.phase()) {
        None => text(StatusCode::OK, "OK"),
        Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}

/// Why a node in `phase` wants no traffic.
const fn reason(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Starting => {
            Some("starting: the definitions, or what other nodes have, are not all here yet")
        }
        Phase::Ready => None,
        Phase::Left => Some("left: the node has left its cluster and is to be stopped"),
        Phase::Draining => Some("draining: the node is shutting down"),
        Phase::Broken => Some("broken: a part of the node died, the process is about to end"),
    }
}

fn text(status: StatusCode, body: &'static str) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, PLAIN))
        .body(body)
}
