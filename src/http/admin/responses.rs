//! `POST /v3/responses` and `/v2/responses`: the answer for a client that waits because of
//! `response_from: http_async` (spec: `management-api.md` 2.6, `proxying.md` 3.8.6).
//!
//! May depend on `core`, `message`, `http`. A body is never looked at in v3; in v2 it is a `CloudEvent`
//! that says for whom it is. Deliberately absent: whether anybody still waits. An answer that comes
//! too late is accepted and dropped, as in the original.

use std::sync::Arc;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use actix::Recipient;
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Payload},
};
use bytes::Bytes;
use serde_json::Value;

use crate::{
    core::{hub::position::NodeId, seal::SealFault},
    http::{
        admin::{
            AdminState, body,
            inspect::inspect_text,
            openapi::schema::{CloudEvent, ErrorBody, Response},
        },
        awaited::{Awaited, Delivery, LateAnswer, Place, answer::status},
        problem::{JSON, PLAIN, Problem},
    },
    message::hub::Carry,
};

/// The header with the correlation id that came with the forwarded request.
const CORRELATION: &str = "rig-correlation";

/// The header with the status for the client.
const RESPONSE_CODE: &str = "rig-response-code";

/// Largest answer, head included, for a request that waits on another node: it fits into one message
/// of 1 MiB between nodes. On the node where the request waits, the body's own limit counts.
const CARRIED_BYTES_MAX: usize = 1_000_000;

/// Who brings answers to waiting requests.
pub struct Responses {
    /// Requests that wait here.
    pub awaited: Arc<Awaited>,
    /// Brings answers to other nodes.
    pub carry: Recipient<Carry>,
}

/// Why a call is not an answer; `Display` is what the original says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error(":error")]
    Missing,
    #[error("{{:error, :not_base64}}")]
    NotBase64,
    #[error("{{:error, :invalid_term}}")]
    NotAuthentic,
    #[error("{{:error, {{:not_an_integer, {0}}}}}")]
    NotACode(String),
    #[error("{{:error, :not_a_cloud_event}}")]
    NotAnEvent,
    #[error("{{:error, {{:not_found, \"{0}\"}}}}")]
    NoAttribute(&'static str),
}

// === impl Fault ===

impl Fault {
    fn answer(&self) -> HttpResponse {
        HttpResponse::BadRequest()
            .insert_header((header::CONTENT_TYPE, PLAIN))
            .body(format!("Failed to parse request body: {self}"))
    }
}

impl From<SealFault> for Fault {
    fn from(fault: SealFault) -> Self {
        match fault {
            SealFault::NotBase64 => Self::NotBase64,
            SealFault::TooShort | SealFault::TooLong | SealFault::NotAuthentic => {
                Self::NotAuthentic
            }
        }
    }
}

/// Answers a waiting client with this call's body and, of its headers, those that are meant for it:
/// `content-*`, `cache-control`, `expires`, `etag`, `last-modified`, `location`, `link`, `set-cookie`,
/// `vary`, `retry-after`, `www-authenticate`, `access-control-*` and `x-*`.
#[utoipa::path(
    post, path = "/v3/responses", operation_id = "respond", tag = "Responses",
    params(
        ("rig-correlation" = String, Header, description = "The parameter `correlation` of the forwarded request."),
        ("rig-response-code" = u16, Header, description = "Status for the client, 200 to 599."),
    ),
    request_body(content = Response, content_type = "*/*", description = "The client's body, passed on byte for byte."),
    responses(
        (status = 202, description = "Taken. Nobody may be waiting any more.", body = String, content_type = "text/plain"),
        (status = 400, description = "A header is missing or faulty.", body = String, content_type = "text/plain"),
        (status = 413, description = "The body is too large; for a request that waits on another node the limit is 1,000,000 bytes.", body = ErrorBody),
    ),
)]
pub(super) async fn create(
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::bytes(payload, body::BODY_BYTES_MAX).await?;
    match read(&state.responses.awaited, request.headers()) {
        Ok((place, status)) => {
            let answer = LateAnswer::new(status, &modern(request.headers()), body);
            bring(&state.responses, place, answer)
        }
        Err(fault) => Ok(fault.answer()),
    }
}

/// Answers a waiting client with a `CloudEvent`, status 200.
#[utoipa::path(
    post, path = "/v2/responses", operation_id = "respond_v2", tag = "Responses",
    request_body(content = CloudEvent, description = "The client's body, with a member `rig` that holds the `correlation` of the forwarded request."),
    responses(
        (status = 202, description = "Taken. Nobody may be waiting any more.", body = String, content_type = "text/plain"),
        (status = 400, description = "Not a CloudEvent, or not for anybody.", body = String, content_type = "text/plain"),
        (status = 413, description = "The body is too large.", body = ErrorBody),
        (status = 415, description = "The content type is not JSON.", body = ErrorBody),
    ),
)]
pub(super) async fn create_v2(
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::json_text(&request, payload, body::BODY_BYTES_MAX).await?;
    match read_event(&state.responses.awaited, &body)? {
        Ok(place) => {
            let mut headers = HeaderMap::new();
            headers.insert(::http::header::CONTENT_TYPE, HeaderValue::from_static(JSON));
            let answer = LateAnswer::new(::http::StatusCode::OK, &headers, body);
            bring(&state.responses, place, answer)
        }
        Err(fault) => Ok(fault.answer()),
    }
}

fn bring(responses: &Responses, place: Place, answer: LateAnswer) -> Result<HttpResponse, Problem> {
    match responses.awaited.deliver(place, answer) {
        Delivery::Delivered => {}
        Delivery::TooLate => log::debug!("an asynchronous answer came too late"),
        Delivery::Elsewhere { bytes, .. } if bytes.len() > CARRIED_BYTES_MAX => {
            return Err(Problem::TooLarge);
        }
        Delivery::Elsewhere { node, bytes } => responses.carry.do_send(Carry {
            to: NodeId::new(node),
            desk: None,
            bytes: bytes.into(),
        }),
    }
    Ok(HttpResponse::Accepted().body("message sent to correlated reverse proxy request"))
}

fn read(
    awaited: &Awaited,
    headers: &header::HeaderMap,
) -> Result<(Place, ::http::StatusCode), Fault> {
    let correlation = value(headers, CORRELATION).ok_or(Fault::Missing)?;
    let code = value(headers, RESPONSE_CODE).ok_or(Fault::Missing)?;
    let place = awaited.place(&correlation)?;
    // Digits only: what else parses as a number is not what anybody writes.
    let number = crate::http::admin::query::digits(&code).and_then(|code| code.parse().ok());
    let status = number
        .and_then(status)
        .ok_or_else(|| Fault::NotACode(inspect_text(&code)))?;
    Ok((place, status))
}

/// Malformed JSON is the framework's 400, as on all routes.
fn read_event(awaited: &Awaited, body: &Bytes) -> Result<Result<Place, Fault>, Problem> {
    if body.is_empty() {
        return Ok(Err(Fault::NotAnEvent));
    }
    let event: Value = serde_json::from_slice(body).map_err(|_malformed| Problem::BadBody)?;
    let version = |name: &str| event.get(name).and_then(Value::as_str);
    let (kind, id) = match (version("specversion"), version("cloudEventsVersion")) {
        (Some("1.0" | "0.2"), _) => ("type", "id"),
        (_, Some("0.1")) => ("eventType", "eventID"),
        _ => return Ok(Err(Fault::NotAnEvent)),
    };
    for name in [kind, id] {
        if matches!(event.get(name), None | Some(Value::Null)) {
            return Ok(Err(Fault::NoAttribute(name)));
        }
    }
    let correlation = event.pointer("/rig/correlation").and_then(Value::as_str);
    let place = correlation
        .ok_or(Fault::Missing)
        .and_then(|correlation| Ok(awaited.place(correlation)?));
    Ok(place)
}

/// All values of a header, joined as servers do; `None` if it is not there.
fn value(headers: &header::HeaderMap, name: &str) -> Option<String> {
    let values: Vec<_> = (headers.get_all(name))
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// The headers in the types of the data plane, which has a newer version of them.
fn modern(headers: &header::HeaderMap) -> HeaderMap {
    let lines = headers.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    let mut modern = HeaderMap::new();
    for (name, value) in lines {
        modern.append(name, value);
    }
    modern
}
