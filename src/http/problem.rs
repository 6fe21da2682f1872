//! The only place that knows which status and body a refusal has on the management API
//! (spec: `management-api.md` 2.1 and 2.4).
//!
//! May depend on `core` and actix-web. Deliberately absent: details of what went wrong inside. A
//! client learns what it can change; the log has the rest.

use std::borrow::Cow;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde::Serialize;
use serde_json::json;

use crate::{
    core::{
        api::faults::Faults,
        registry::{Rejection, extractors},
        route::Refusal,
    },
    message::registry::PeerFault,
};

/// Content type of every JSON answer.
pub const JSON: &str = "application/json; charset=utf-8";
/// Content type of every plain answer.
pub const PLAIN: &str = "text/plain; charset=utf-8";

/// When a client may try again after a 503, in seconds: as long as a restart takes.
pub const RETRY_AFTER_S: &str = "1";

/// What the management API answers instead of what was asked for. Nothing was changed, except
/// after [`Problem::Unavailable`], where a change may still come through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The body is not what its content type promises, or did not arrive whole: 400.
    #[error("the body cannot be read; send a JSON object")]
    BadBody,
    /// The path has an id that is not text: 400.
    #[error("the id in the path is not UTF-8")]
    BadId,
    /// The bearer token is missing or wrong: 401.
    #[error("the request needs the bearer token of API_TOKEN")]
    Unauthorized,
    /// No such route or method: 404.
    #[error("there is no such route")]
    NoRoute,
    /// This node knows no such change: 404.
    #[error("no change {0} is known here; it may not have arrived yet, or is lost")]
    UnknownChange(String),
    /// Other nodes cannot be spoken to: 409.
    #[error(
        "this node has no cluster; set CLUSTER_LISTEN, CLUSTER_PEERS or DISCOVERY_TYPE and start it again"
    )]
    NoCluster,
    /// Nothing can be done about this node: 404, 409, 503.
    #[error("{}", node_words(*.0, .1))]
    Node(PeerFault, String),
    /// The body did not arrive in time: 408.
    #[error("the body did not arrive in time")]
    SlowBody,
    /// The body is too large: 413.
    #[error("the body is too large")]
    TooLarge,
    /// The body has a content type that cannot be read: 415.
    #[error("the content type cannot be read; send application/json")]
    UnknownContentType,
    /// The part of the node that should answer does not, or not in time: 503.
    #[error("the registry does not answer")]
    Unavailable,
    /// The registry refuses the change, or has no such definition.
    #[error(transparent)]
    Refused(#[from] Rejection),
}

// === impl Problem ===

impl Problem {
    /// 400 with an error map that has one fault.
    pub fn invalid(group: &str, field: &'static str, words: impl Into<Cow<'static, str>>) -> Self {
        let mut faults = Faults::default();
        faults.push(group, field, words);
        Rejection::Invalid(faults).into()
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::BadBody | Self::BadId => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NoRoute | Self::UnknownChange(_) => StatusCode::NOT_FOUND,
            Self::NoCluster => StatusCode::CONFLICT,
            Self::Node(fault, _) => match fault {
                PeerFault::Unknown => StatusCode::NOT_FOUND,
                PeerFault::Own => StatusCode::CONFLICT,
                PeerFault::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
            },
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused(rejection) => match rejection {
                Rejection::Invalid(_) => StatusCode::BAD_REQUEST,
                Rejection::NotFound(_) => StatusCode::NOT_FOUND,
                Rejection::Exists(_) => StatusCode::CONFLICT,
                Rejection::Stale(_) => StatusCode::PRECONDITION_FAILED,
                Rejection::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                Rejection::Exhausted(_) => StatusCode::CONFLICT,
                Rejection::Unavailable | Rejection::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            },
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        match self {
            Self::BadBody
            | Self::BadId
            | Self::SlowBody
            | Self::TooLarge
            | Self::UnknownContentType
            | Self::Refused(Rejection::TooLarge { .. }) => detail(status, "Bad request"),
            Self::Unauthorized => {
                let mut response = detail(status, "Unauthorized");
                response.headers_mut().insert(
                    header::WWW_AUTHENTICATE,
                    header::HeaderValue::from_static("Bearer"),
                );
                response
            }
            Self::NoRoute => detail(status, "Not found"),
            Self::UnknownChange(_) | Self::NoCluster | Self::Node(..) => {
                message(status, &self.to_string())
            }
            Self::Unavailable | Self::Refused(Rejection::Unavailable | Rejection::NotReady) => {
                let mut response = detail(status, "Service unavailable");
                response.headers_mut().insert(
                    header::RETRY_AFTER,
                    header::HeaderValue::from_static(RETRY_AFTER_S),
                );
                response
            }
            Self::Refused(Rejection::Invalid(faults)) => json_answer(status, faults),
            // The grammar slip is part of the wire format.
            Self::Refused(Rejection::NotFound(id)) => {
                message(status, &format!("API with id={id} doesn't exists."))
            }
            Self::Refused(rejection @ Rejection::Exhausted(_)) => {
                message(status, &rejection.to_string())
            }
            Self::Refused(Rejection::Exists(id)) => {
                message(status, &format!("API with id={id} already exists."))
            }
            Self::Refused(Rejection::Stale(id)) if id == extractors::ID => {
                message(status, "The extractors were changed.")
            }
            Self::Refused(Rejection::Stale(id)) => {
                message(status, &format!("API with id={id} was changed."))
            }
        }
    }
}

/// An answer with a JSON body.
pub fn json_answer(status: StatusCode, body: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, JSON))
        .json(body)
}

/// The status with which the proxy answers a request by itself (spec: `proxying.md` 3.12).
pub const fn refusal_status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::BadPath => StatusCode::BAD_REQUEST,
        Refusal::NotFound => StatusCode::NOT_FOUND,
        Refusal::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
    }
}

fn node_words(fault: PeerFault, node: &str) -> String {
    match fault {
        PeerFault::Unknown => format!("no member is named {node}; see /v3/cluster/nodes"),
        PeerFault::Own => format!("{node} is the node that was asked; ask or name another one"),
        PeerFault::Unreachable => {
            format!(
                "there is no connection with {node}, or it does not answer; ask again, or another node"
            )
        }
    }
}

fn detail(status: StatusCode, text: &str) -> HttpResponse {
    json_answer(status, &json!({"errors": {"detail": text}}))
}

fn message(status: StatusCode, text: &str) -> HttpResponse {
    json_answer(status, &json!({"message": text}))
}

#[cfg(test)]
mod tests {
    use actix_web::{ResponseError, body::MessageBody};

    use super::{Problem, RETRY_AFTER_S};
    use crate::{
        core::{api::faults::Faults, registry::Rejection},
        message::registry::PeerFault,
    };

    #[test]
    fn every_problem_has_its_status_and_words() {
        let id = || "a\"b".to_owned();
        let mut faults = Faults::default();
        faults.push("api", "name", "must be string");
        let bad_request = r#"{"errors":{"detail":"Bad request"}}"#;
        let unavailable = r#"{"errors":{"detail":"Service unavailable"}}"#;
        let cases = [
            (Problem::BadBody, 400, bad_request),
            (Problem::BadId, 400, bad_request),
            (
                Problem::Unauthorized,
                401,
                r#"{"errors":{"detail":"Unauthorized"}}"#,
            ),
            (
                Problem::NoRoute,
                404,
                r#"{"errors":{"detail":"Not found"}}"#,
            ),
            (Problem::SlowBody, 408, bad_request),
            (Problem::TooLarge, 413, bad_request),
            (Problem::UnknownContentType, 415, bad_request),
            (Problem::Unavailable, 503, unavailable),
            (
                Rejection::Invalid(faults).into(),
                400,
                r#"{"api":[{"name":"must be string"}]}"#,
            ),
            (
                Rejection::NotFound(id()).into(),
                404,
                r#"{"message":"API with id=a\"b doesn't exists."}"#,
            ),
            (
                Rejection::Exists(id()).into(),
                409,
                r#"{"message":"API with id=a\"b already exists."}"#,
            ),
            (
                Rejection::Stale(id()).into(),
                412,
                r#"{"message":"API with id=a\"b was changed."}"#,
            ),
            (
                Rejection::TooLarge { bytes: 2, max: 1 }.into(),
                413,
                bad_request,
            ),
            (Rejection::Unavailable.into(), 503, unavailable),
            (Rejection::NotReady.into(), 503, unavailable),
        ];
        for (problem, status, words) in cases {
            let response = problem.error_response();
            assert_eq!(response.status().as_u16(), status, "{problem:?}");
            let retry = response.headers().get("retry-after").cloned();
            assert_eq!(
                retry.is_some_and(|after| after == RETRY_AFTER_S),
                status == 503
            );
            let body = response.into_body().try_into_bytes().ok().unwrap();
            assert_eq!(body, words, "{problem:?}");
        }
    }

    #[test]
    fn problems_of_the_cluster_say_what_to_do() {
        for (problem, status, words) in [
            (Problem::UnknownChange("a@1-b".to_owned()), 404, "a@1-b"),
            (Problem::NoCluster, 409, "set CLUSTER_LISTEN"),
            (
                Problem::Node(PeerFault::Unknown, "b".to_owned()),
                404,
                "no member is named b",
            ),
            (
                Problem::Node(PeerFault::Own, "b".to_owned()),
                409,
                "b is the node",
            ),
            (
                Problem::Node(PeerFault::Unreachable, "b".to_owned()),
                503,
                "no connection with b",
            ),
        ] {
            let response = problem.error_response();
            assert_eq!(response.status().as_u16(), status, "{problem:?}");
            let body = response.into_body().try_into_bytes().ok().unwrap();
            let body = std::str::from_utf8(&body).unwrap();
            assert!(body.starts_with("{\"message\":\""), "{body}");
            assert!(body.contains(words), "{body}");
        }
    }
}
