//! Asynchronous answers: the target accepts with 202, the answer comes by another way
//! (spec: `proxying.md` 3.8.1).
//!
//! Deliberately absent: who may answer; whoever has the correlation id.

use std::{pin::pin, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::BodyExt;

use crate::{
    core::{
        api::{Endpoint, ResponseFrom, Target},
        route::query,
    },
    http::{
        awaited::{LateAnswer, Waiting},
        inbound::{
            answer::Answer,
            refusal::{Cors, Marks, Refusal, plain},
        },
    },
};

/// The parameter that tells the target under which id it has to answer.
const CORRELATION: &str = "correlation";

/// How much of a 202's body is read so that the target's connection can be used again; it says "ok".
const DISCARDED_BYTES_MAX: usize = 64 * 1024;

/// The same in time.
const DISCARD_MAX: Duration = Duration::from_secs(1);

/// Whether a 202 of this endpoint's target means that the answer comes later.
pub fn is_awaited(endpoint: &Endpoint) -> bool {
    match endpoint.target {
        Target::Http => match endpoint.response_from {
            ResponseFrom::HttpAsync => true,
            ResponseFrom::Http
            | ResponseFrom::Kafka
            | ResponseFrom::Kinesis
            | ResponseFrom::Nats => false,
        },
        Target::Kafka | Target::Kinesis | Target::Nats => false,
    }
}

/// `target` (path and query) with the correlation id in place of whatever the client said it was.
pub fn with_correlation(target: &str, id: &str) -> String {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    format!("{path}?{}", query::set(query, CORRELATION, id))
}

/// Waits for the answer; the target has just accepted with `accepted`.
///
/// # Errors
/// [`Refusal::AnswerTimeout`] after `timeout`.
pub async fn wait(
    mut waiting: Box<Waiting>,
    accepted: Response<Answer>,
    timeout: Duration,
) -> Result<Box<LateAnswer>, Refusal> {
    actix_rt::spawn(discard(accepted));
    let answer = tokio::time::timeout(timeout, waiting.answer()).await;
    let answer = answer.ok().flatten().ok_or(Refusal::AnswerTimeout)?;
    Ok(Box::new(answer))
}

/// The answer as the client gets it: what its maker said, else what the gateway says by itself.
pub fn respond(
    late: LateAnswer,
    marks: Marks,
    tracestate: Option<HeaderValue>,
    cors: &Cors,
    origin: Option<&HeaderValue>,
) -> Response<Answer> {
    let mut response = plain(late.status, "", marks);
    let headers = response.headers_mut();
    headers.remove(http::header::CONTENT_TYPE);
    if let Some(tracestate) = tracestate {
        headers.insert("tracestate", tracestate);
    }
    cors.apply(headers, origin, "content-type");
    // Names that repeat come one after the other, so only the first one replaces.
    for name in late.headers.keys() {
        headers.remove(name);
    }
    for (name, value) in &late.headers {
        headers.append(name.clone(), value.clone());
    }
    let has_body = !matches!(
        late.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    *response.body_mut() = Answer::complete(if has_body { late.body } else { Bytes::new() });
    response
}

async fn discard(accepted: Response<Answer>) {
    let mut body = pin!(accepted.into_body());
    let mut seen = 0_usize;
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            seen = seen.saturating_add(frame.data_ref().map_or(0, Bytes::len));
            if seen > DISCARDED_BYTES_MAX {
                break;
            }
        }
    };
    // Too much or too slow: the connection is closed.
    drop(tokio::time::timeout(DISCARD_MAX, read).await);
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn the_id_replaces_the_clients_own() {
        for (target, expected) in [
            ("/p", "/p?correlation=id="),
            ("/p?", "/p?correlation=id="),
            ("/p?a=1&b", "/p?a=1&b&correlation=id="),
            ("/p?correlation=forged&a=1", "/p?a=1&correlation=id="),
            ("/p?a=?", "/p?a=?&correlation=id="),
        ] {
            assert_eq!(with_correlation(target, "id="), expected);
        }
    }

    #[test]
    fn what_the_answer_says_goes_before_what_the_gateway_says() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "image/png"),
            ("cache-control", "max-age=9"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let late = LateAnswer::new(StatusCode::OK, &headers, Bytes::from_static(b"png"));
        let marks = Marks {
            request_id: HeaderValue::from_static("id"),
            traceparent: HeaderValue::from_static("trace"),
        };
        let response = respond(late, marks, None, &Cors::new("*"), None);
        let got = response.headers();
        for (name, values) in [
            ("content-type", &["image/png"][..]),
            ("cache-control", &["max-age=9"]),
            ("set-cookie", &["a=1", "b=2"]),
            ("x-request-id", &["id"]),
            ("traceparent", &["trace"]),
            ("access-control-allow-origin", &["*"]),
            ("access-control-allow-methods", &["*"]),
            ("access-control-allow-headers", &["content-type"]),
        ] {
            let found: Vec<_> = got.get_all(name).iter().collect();
            assert_eq!(found, values, "{name}");
        }
    }
}
