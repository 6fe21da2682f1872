//! `POST /v2/messages` and `/v3/messages`: events are submitted (spec: `events.md` 5.3).
//!
//! May depend on `core`, `message`, `http`. Deliberately absent: a submission check and CORS; who may
//! use the port is [`guard`](super::guard)'s business, and pages of other sites cannot (see
//! [`super`]): a form's content types are none of events.

use ::http::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};

use crate::{
    core::event::{SubmissionFault, submission},
    http::{
        admin::{AdminState, ask, body, openapi::schema::ErrorBody},
        problem::{JSON, PLAIN, Problem, RETRY_AFTER_S},
    },
    message::hub::{Submit, SubmitRefusal},
};

/// Takes one event, structured or binary, or a batch of events, all or none.
#[utoipa::path(
    post, path = "/v3/messages", operation_id = "submit_event", tag = "Events",
    request_body(
        description = "A CloudEvent 1.0, 0.2 or 0.1: structured (`application/json`, `application/cloudevents+json`), binary (attributes in `ce-` headers, data in the body), or a list (`application/cloudevents-batch+json`).",
        content((Object = "application/json"), (Object = "application/cloudevents+json"), (Vec<Object> = "application/cloudevents-batch+json")),
    ),
    responses(
        (status = 202, description = "The event, or the list of events, as accepted.", body = Object),
        (status = 400, description = "What was submitted is not an event; the text tells why.", body = String, content_type = "text/plain"),
        (status = 408, description = "The body did not arrive in time.", body = ErrorBody),
        (status = 413, description = "The body is larger than 8,000,000 bytes.", body = ErrorBody),
        (status = 415, description = "The content type is missing or not supported.", body = String, content_type = "text/plain"),
        (status = 503, description = "The node does not take events now, or (`SUBMISSION_ACK=cluster`) no other node confirmed them.", body = String, content_type = "text/plain", headers(("retry-after" = String, description = "Seconds to wait."))),
    ),
)]
pub(super) async fn submit(
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::bytes(payload, body::BODY_BYTES_MAX).await?;
    let headers = headers(&request);
    let content_type = submission::content_type(&headers);
    let submission = match submission::from_http(content_type, &headers, body) {
        Ok(submission) => submission,
        Err(fault) => return Ok(malformed(&fault)),
    };
    let accepted = submission.to_json();
    if !submission.events.is_empty() {
        let events = submission.events;
        let taken = match &state.submit {
            Some(submit) => ask(submit, Submit { events }).await?,
            None => Err(SubmitRefusal::NotReady),
        };
        if let Err(refusal) = taken {
            return Ok(not_taken(refusal));
        }
    }
    Ok(HttpResponse::Accepted()
        .insert_header((header::CONTENT_TYPE, JSON))
        .body(accepted))
}

/// The headers in the form that `core` reads; actix-web has types of its own.
fn headers(request: &HttpRequest) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers() {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

fn malformed(fault: &SubmissionFault) -> HttpResponse {
    let status = StatusCode::from_u16(fault.status().as_u16()).unwrap_or(StatusCode::BAD_REQUEST);
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, PLAIN))
        .body(fault.to_string())
}

fn not_taken(refusal: SubmitRefusal) -> HttpResponse {
    if refusal == SubmitRefusal::TooLarge {
        return HttpResponse::PayloadTooLarge()
            .insert_header((header::CONTENT_TYPE, PLAIN))
            .body(refusal.to_string());
    }
    HttpResponse::ServiceUnavailable()
        .insert_header((header::CONTENT_TYPE, PLAIN))
        .insert_header((header::RETRY_AFTER, RETRY_AFTER_S))
        .body(refusal.to_string())
}
