//! The gateway's own routes on the inbound port, below `/_rig` (spec: `management-api.md` 2.3).
//!
//! * `GET /_rig/health`: alive.
//! * `GET /_rig/health/ready`: load balancers may send traffic.
//!
//! They win over definitions; everything else below `/_rig` is proxied like any path.

use http::{Method, Response, StatusCode};

use crate::{
    http::inbound::{
        answer::Answer,
        refusal::{Marks, plain},
    },
    telemetry::health::Health,
};

/// What every system route starts with.
pub const PREFIX: &str = "/_rig/";

/// The answer, if the request is for one of the routes above.
pub fn answer(
    method: &Method,
    path: &str,
    health: &Health,
    marks: impl FnOnce() -> Marks,
) -> Option<Response<Answer>> {
    if *method != Method::GET && *method != Method::HEAD {
        return None;
    }
    match path {
        "/_rig/health" => Some(plain(StatusCode::OK, "OK", marks())),
        "/_rig/health/ready" if health.is_ready() => Some(plain(StatusCode::OK, "OK", marks())),
        "/_rig/health/ready" => Some(plain(StatusCode::SERVICE_UNAVAILABLE, "not ready", marks())),
        _ => None,
    }
}
