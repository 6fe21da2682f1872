//! `/v2/session-blacklist` and `/v3/session-blacklist`: revoke a session, and ask whether one is
//! revoked (spec: `management-api.md` 2.7, `auth.md` 6.4).
//!
//! May depend on `core`, `message`, `http`. Revoking asks the hub, which tells the other nodes; looking
//! reads what requests read. Deliberately absent: removal and listing, as in the original.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix::Recipient;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};
use percent_encoding::utf8_percent_encode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    core::session::Name,
    http::{
        admin::{
            ANSWER_MAX, AdminState,
            apis::{ID_ESCAPES, path_text},
            ask_within, body,
            inspect::inspect,
            openapi::schema::{ErrorBody, ErrorMap, SessionBlacklistRequest},
            query::{self, TIMEOUT_OF_WRITES},
        },
        problem::{JSON, Problem, json_answer},
    },
    message::{
        hub::{Revoke, Revoked},
        session::SessionCell,
    },
};

/// Who answers about sessions.
pub struct Sessions {
    /// Revokes a session on all nodes.
    pub revoke: Recipient<Revoke>,
    /// What requests know of revoked sessions.
    pub revoked: Arc<SessionCell>,
}

/// Which nodes know of a revocation. Without `wait` the object is empty.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionBlacklistResponse {
    /// Nodes that have confirmed, the answering one included.
    confirmed: Vec<String>,
    /// Members of the cluster that have not confirmed in time. They learn of the revocation when they
    /// are heard again.
    missing: Vec<String>,
}

/// A request to revoke a session.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    /// As received.
    session_id: String,
    session: Name,
    validity_s: u64,
}

// === impl Wanted ===

impl Wanted {
    /// Reads a body; the first fault counts.
    fn read(body: &Map<String, Value>) -> Result<Self, String> {
        let value = body
            .get("sessionId")
            .ok_or("Missing value for \"sessionId\"")?;
        let session_id = value.as_str().unwrap_or_default();
        let session = Name::new(session_id)
            .ok_or_else(|| format!("Expected non-empty string, got {}", inspect(value)))?;
        let validity = body
            .get("validityInSeconds")
            .ok_or("Missing value for \"validityInSeconds\"")?;
        Ok(Self {
            session_id: session_id.to_owned(),
            session,
            validity_s: seconds(validity)?,
        })
    }
}

/// A number above zero, rounded up to whole seconds; one beyond all range means for ever.
fn seconds(value: &Value) -> Result<u64, String> {
    let positive = |shown: String| Err(format!("Expected a positive number, got {shown}"));
    match value {
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            (Some(seconds), _) if seconds > 0 => Ok(seconds),
            (None, Some(seconds)) if seconds > 0.0 => Ok(whole(seconds)),
            _ => positive(number.to_string()),
        },
        Value::String(text) if text.is_empty() => positive(inspect(value)),
        Value::String(text) => {
            let (is_negative, digits) = match text.as_bytes() {
                [b'-', ..] => (true, text.trim_start_matches('-')),
                [b'+', ..] => (false, text.trim_start_matches('+')),
                _ => (false, text.as_str()),
            };
            let signs = text.len() - digits.len();
            let Some(digits) = query::digits(digits).filter(|_digits| signs <= 1) else {
                return Err(format!("Expected a number, got {}", inspect(value)));
            };
            let seconds = digits.parse().unwrap_or(u64::MAX);
            match (is_negative, seconds) {
                (_, 0) => positive("0".to_owned()),
                (true, seconds) => positive(format!("-{seconds}")),
                (false, seconds) => Ok(seconds),
            }
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            positive(inspect(value))
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, which is what is meant; the number is positive"
)]
fn whole(seconds: f64) -> u64 {
    seconds.ceil() as u64
}

/// Revokes a session: tokens that carry its name are refused on all nodes, and its connections end.
#[utoipa::path(
    post, path = "/v3/session-blacklist", operation_id = "revoke_session", tag = "Sessions",
    params(
        ("wait" = Option<String>, Query, description = "`all`: answer only when all members of the cluster have confirmed, or after `timeout`."),
        ("timeout" = Option<f64>, Query, description = "Longest wait in seconds, 5 if not given, at most 60."),
    ),
    request_body = SessionBlacklistRequest,
    responses(
        (status = 201, description = "The session is revoked here, and the other nodes are being told.", body = SessionBlacklistResponse, headers(("location" = String, description = "Where to ask about it."))),
        (status = 400, description = "The body or the query is faulty; plain text about the first fault of the body, an error map about the query.", body = ErrorMap),
        (status = 413, description = "The body is too large.", body = ErrorBody),
        (status = 415, description = "The content type cannot be read.", body = ErrorBody),
        (status = 503, description = "The node cannot answer now, or its blacklist is full.", body = ErrorBody),
    ),
)]
pub(super) async fn revoke(
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let wait = query::wait_for_all(&request, TIMEOUT_OF_WRITES)?;
    let body = body::object(&request, payload, body::BODY_BYTES_MAX).await?;
    let wanted = match Wanted::read(&body) {
        Ok(wanted) => wanted,
        Err(fault) => return Ok(faulty(fault)),
    };
    let message = Revoke {
        session: wanted.session,
        until_s: now().saturating_add(wanted.validity_s),
        wait_ms: wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
    };
    let patience = ANSWER_MAX + wait.unwrap_or(Duration::ZERO);
    let revoked = ask_within(patience, &state.sessions.revoke, message)
        .await?
        .map_err(|full| {
            log::error!("{full}");
            Problem::Unavailable
        })?;
    let path = request.path();
    let path = path.strip_suffix('/').unwrap_or(path);
    let segment = utf8_percent_encode(&wanted.session_id, ID_ESCAPES);
    let mut answer = HttpResponse::Created();
    answer
        .insert_header((header::CONTENT_TYPE, JSON))
        .insert_header((header::LOCATION, format!("{path}/{segment}")))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    Ok(match wait {
        None => answer.json(Map::new()),
        Some(_) => answer.json(SessionBlacklistResponse::from(revoked)),
    })
}

/// Tells whether a session is revoked.
#[utoipa::path(
    get, path = "/v3/session-blacklist/{session_id}", operation_id = "show_session", tag = "Sessions",
    params(("session_id" = String, Path, description = "The session's name, percent-encoded.")),
    responses(
        (status = 200, description = "It is revoked.", body = Object),
        (status = 404, description = "It is not, or not any more (plain text)."),
    ),
)]
pub(super) async fn show(
    state: Data<AdminState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let session = Name::new(&path_text(&request)?);
    let is_revoked = session.is_some_and(|name| state.sessions.revoked.is_revoked(&name, now()));
    if is_revoked {
        return Ok(json_answer(StatusCode::OK, &Map::new()));
    }
    Ok(HttpResponse::NotFound().body("Not found."))
}

impl From<Revoked> for SessionBlacklistResponse {
    fn from(revoked: Revoked) -> Self {
        Self {
            confirmed: revoked.confirmed,
            missing: revoked.missing,
        }
    }
}

fn faulty(fault: String) -> HttpResponse {
    HttpResponse::BadRequest()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .body(fault)
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Wanted;

    fn read(body: &serde_json::Value) -> Result<u64, String> {
        Wanted::read(body.as_object().unwrap()).map(|wanted| wanted.validity_s)
    }

    #[test]
    fn the_first_fault_of_a_body_is_told() {
        for (body, fault) in [
            (
                json!({"validityInSeconds": 0}),
                "Missing value for \"sessionId\"",
            ),
            (
                json!({"sessionId": ""}),
                "Expected non-empty string, got \"\"",
            ),
            (
                json!({"sessionId": ["s"]}),
                "Expected non-empty string, got [\"s\"]",
            ),
            (
                json!({"sessionId": "s"}),
                "Missing value for \"validityInSeconds\"",
            ),
        ] {
            assert_eq!(read(&body), Err(fault.to_owned()), "{body}");
        }
    }

    #[test]
    fn a_validity_is_a_positive_number_rounded_up() {
        let positive = |shown: &str| Err(format!("Expected a positive number, got {shown}"));
        let number = |shown: &str| Err(format!("Expected a number, got {shown}"));
        for (value, expected) in [
            (json!(1), Ok(1)),
            (json!(1_000_000_000_000_u64), Ok(1_000_000_000_000)),
            (json!(60.5), Ok(61)),
            (json!(60.0), Ok(60)),
            (json!(1e-9), Ok(1)),
            (json!(1e300), Ok(u64::MAX)),
            (json!("30"), Ok(30)),
            (json!("+30"), Ok(30)),
            (json!("99999999999999999999999"), Ok(u64::MAX)),
            (json!(0), positive("0")),
            (json!(0.0), positive("0.0")),
            (json!(-1), positive("-1")),
            (json!(-0.5), positive("-0.5")),
            (json!("0"), positive("0")),
            (json!("-0"), positive("0")),
            (json!("-3"), positive("-3")),
            (json!(""), positive("\"\"")),
            (json!(null), positive("nil")),
            (json!(true), positive("true")),
            (json!({"a": 1}), positive("%{\"a\" => 1}")),
            (json!("12x"), number("\"12x\"")),
            (json!("1.5"), number("\"1.5\"")),
            (json!("abc"), number("\"abc\"")),
            (json!(" 1"), number("\" 1\"")),
            (json!("--1"), number("\"--1\"")),
            (json!("-"), number("\"-\"")),
        ] {
            let body = json!({"sessionId": "s", "validityInSeconds": value});
            assert_eq!(read(&body), expected, "{value}");
        }
    }
}
