//! `POST` and `OPTIONS /_rig/v1/events`: events are submitted (spec: `events.md` 5.3).
//!
//! A submission waits for the hub, the one that holds the cluster's subscriptions: 202 is only said
//! when the hub has taken the events. Deliberately absent: what an event is
//! ([`crate::core::event`]) and who may submit one ([`super::checks`]).

use std::{rc::Rc, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_REQUEST_HEADERS,
        CONTENT_TYPE, ORIGIN, RETRY_AFTER,
    },
};
use hyper::body::{Body, Incoming};

use crate::{
    core::{
        event::{Event, SubmissionFault, submission},
        route::headers::X_REQUEST_ID,
    },
    http::inbound::{
        answer::Answer,
        connection::Client,
        events::whole::whole,
        refusal::{JSON, Marks, Refusal, plain},
        span::Span,
    },
    message::hub::{Submit, SubmitRefusal},
};

/// The path, without the slash that may follow.
const PATH: &str = "/_rig/v1/events";

/// Largest body if `MAX_BODY_BYTES` allows more: an event is held in memory, here and on its way.
/// As on the management port.
pub const BODY_BYTES_MAX: u64 = 8_000_000;

/// Longest wait for the hub: it answers at once, or, if the cluster has to confirm, after two
/// seconds at most. Beyond this it is overloaded.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The content type of an event that came in binary mode, as the submission check sees it.
const CLOUD_EVENT: HeaderValue =
    HeaderValue::from_static("application/cloudevents+json; charset=utf-8");

/// `retry-after` of a 503, in seconds: as long as a restart takes.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("1");

/// Headers a browser may always send; `ce-*` on request.
const HEADERS_ALLOWED: &str = "content-type,authorization";

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Take events.
    Submit,
    /// May a browser's page submit events?
    Preflight,
}

/// Why events are not taken.
#[derive(Debug, PartialEq, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Request(#[from] Refusal),
    #[error(transparent)]
    Malformed(#[from] SubmissionFault),
    /// The service that decides may read another attribute than the gateway does.
    #[error("Bad event: an attribute is there more than once.")]
    Ambiguous,
    #[error("Submission denied.")]
    Denied,
    #[error(transparent)]
    NotTaken(#[from] SubmitRefusal),
}

// === impl Asked ===

impl Asked {
    /// What a request is for, if it is for this route.
    pub fn of(method: &Method, path: &str) -> Option<Self> {
        if path.strip_suffix('/').unwrap_or(path) != PATH {
            return None;
        }
        match *method {
            Method::POST => Some(Self::Submit),
            Method::OPTIONS => Some(Self::Preflight),
            _ => None,
        }
    }
}

/// The answer to a request for this route.
pub async fn answer(
    client: &Rc<Client>,
    request: Request<Incoming>,
    span: &Span,
    asked: Asked,
) -> Response<Answer> {
    let cors = &client.worker.shared.settings.cors;
    let origin = request.headers().get(ORIGIN).cloned();
    let marks = span.marks_for(request.headers().get(X_REQUEST_ID));
    let mut response = match asked {
        Asked::Preflight => preflight(request.headers(), marks),
        Asked::Submit => {
            let has_body = !request.body().is_end_stream();
            match exchange(client, request).await {
                Ok(accepted) => {
                    let mut response = plain(StatusCode::ACCEPTED, accepted, marks);
                    let json = HeaderValue::from_static(JSON);
                    response.headers_mut().insert(CONTENT_TYPE, json);
                    response
                }
                Err(failure) => {
                    if has_body && matches!(failure, Failure::Request(_)) {
                        client.activity.leave_unread();
                        // See `forward::handle`: hyper looks at the dropped body first.
                        tokio::task::yield_now().await;
                    }
                    failure.answer(marks, client)
                }
            }
        }
    };
    cors.allow_origin(response.headers_mut(), origin.as_ref());
    response
}

/// Reads, checks and submits the events of a request. What is accepted is shown as JSON.
async fn exchange(client: &Client, request: Request<Incoming>) -> Result<Bytes, Failure> {
    let (head, body) = request.into_parts();
    let body = whole(client, &head, body, BODY_BYTES_MAX).await?;
    let content_type = submission::content_type(&head.headers);
    let submission = submission::from_http(content_type, &head.headers, body.clone())?;
    let accepted = submission.to_json();
    if !client.worker.shared.events.gate.is_open() {
        return Err(SubmitRefusal::NotReady.into());
    }
    // In binary mode the service gets the event as JSON, too.
    let is_as_received = submission.is_batch || accepted == body;
    let content_type = (!is_as_received).then_some(CLOUD_EVENT);
    let checks = &client.worker.checks;
    let is_ambiguous = |event: &Arc<Event>| event.is_ambiguous;
    if checks.has_submission_service() && submission.events.iter().any(is_ambiguous) {
        return Err(Failure::Ambiguous);
    }
    if !checks
        .submission(&head.headers, accepted.clone(), content_type)
        .await
    {
        return Err(Failure::Denied);
    }
    // Only now: who may not submit learns nothing from an empty batch either.
    if submission.events.is_empty() {
        return Ok(accepted);
    }
    let events = submission.events;
    let submit = &client.worker.shared.events.hub.submit;
    match tokio::time::timeout(ANSWER_MAX, submit.send(Submit { events })).await {
        Ok(Ok(taken)) => taken?,
        Ok(Err(error)) => {
            log::error!("the hub does not answer: {error}");
            return Err(SubmitRefusal::NotReady.into());
        }
        Err(_elapsed) => {
            log::error!("the hub does not answer in time");
            return Err(SubmitRefusal::Overloaded.into());
        }
    }
    Ok(accepted)
}

fn preflight(headers: &HeaderMap, marks: Marks) -> Response<Answer> {
    let mut response = plain(StatusCode::NO_CONTENT, "", marks);
    let answer = response.headers_mut();
    answer.remove(CONTENT_TYPE);
    answer.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("POST"),
    );
    answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed_headers(headers));
    response
}

/// What a page may send: it cannot know all attributes of its events, so what it asks for is allowed
/// if it is one.
fn allowed_headers(headers: &HeaderMap) -> HeaderValue {
    let asked = headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
    let attributes = asked
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| {
            let is_attribute = name.starts_with("ce-");
            is_attribute && name.parse::<http::HeaderName>().is_ok()
        });
    let mut allowed = HEADERS_ALLOWED.to_owned();
    for attribute in attributes {
        allowed.push(',');
        allowed.push_str(&attribute);
    }
    HeaderValue::try_from(allowed).unwrap_or(HeaderValue::from_static(HEADERS_ALLOWED))
}

// === impl Failure ===

impl Failure {
    fn answer(&self, marks: Marks, client: &Client) -> Response<Answer> {
        let cors = &client.worker.shared.settings.cors;
        let status = match self {
            Self::Request(refusal) => return refusal.answer(marks, cors, None),
            Self::Malformed(fault) => fault.status(),
            Self::Ambiguous => StatusCode::BAD_REQUEST,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::NotTaken(SubmitRefusal::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotTaken(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let mut response = plain(status, self.to_string(), marks);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_S);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_route_takes_post_and_options_with_or_without_a_slash() {
        for (method, path, asked) in [
            (Method::POST, "/_rig/v1/events", Some(Asked::Submit)),
            (Method::POST, "/_rig/v1/events/", Some(Asked::Submit)),
            (Method::OPTIONS, "/_rig/v1/events", Some(Asked::Preflight)),
            (Method::GET, "/_rig/v1/events", None),
            (Method::POST, "/_rig/v1/events//", None),
            (Method::POST, "/_rig/v1/eventsx", None),
            (Method::POST, "/x/_rig/v1/events", None),
        ] {
            assert_eq!(Asked::of(&method, path), asked, "{method} {path}");
        }
    }

    #[test]
    fn a_page_may_send_the_attributes_it_asks_for_and_nothing_else() {
        let mut headers = HeaderMap::new();
        assert_eq!(allowed_headers(&headers), "content-type,authorization");
        for asked in ["Ce-Id, ce-type,x-secret", "ce-a b, ce-x\u{7f}", "ce-source"] {
            if let Ok(asked) = HeaderValue::from_str(asked) {
                headers.append(ACCESS_CONTROL_REQUEST_HEADERS, asked);
            }
        }
        assert_eq!(
            allowed_headers(&headers),
            "content-type,authorization,ce-id,ce-type,ce-source"
        );
    }
}
