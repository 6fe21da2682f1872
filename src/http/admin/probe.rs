//! `POST /v3/probe`: what would the proxy do with a request? Nothing is sent (names.md).
//!
//! May depend on `core` and the routing snapshot; asks no actor. The answer comes from the same
//! table and the same token check as the proxy's, so the two cannot disagree on them. Deliberately
//! absent: what only sending can tell (name lookup, connection, the back end's answer).

use std::sync::Arc;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, uri::PathAndQuery};
use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    core::{
        api::{Auth, faults::Faults, validate::is_supported_yet},
        registry::Rejection,
        route::{Plan, RequestHead, Route, RouteTable},
    },
    http::{
        admin::{
            AdminState, body,
            openapi::schema::{ErrorBody, ErrorMap, ProbeQuestion},
        },
        problem::{Problem, json_answer, refusal_status},
    },
};

/// Longest path asked about: the longest request target that hyper, which serves the proxy, takes.
const PATH_BYTES_MAX: usize = 65_534;

/// Most header lines of a request asked about; no server takes that many.
const HEADERS_MAX: usize = 1000;

/// Key of the error map under which faults of a question are listed.
const GROUP: &str = "probe";

/// Why no token is accepted while the node joins its cluster.
const NOT_OPEN: &str = "the node does not know yet which sessions are revoked";

/// The proxy's token check: how the API is guarded, the request's headers and query string. An
/// error is the reason in the words of the proxy's log.
pub type TokenCheck =
    Arc<dyn Fn(&Auth, &HeaderMap, Option<&str>) -> Result<(), String> + Send + Sync>;

/// What the proxy would do.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProbeAnswer {
    /// Id of the API that answers; null: none does.
    api: Option<String>,
    /// Id of the endpoint that answers.
    endpoint: Option<String>,
    /// The URL asked upstream, after rewriting; null: no HTTP back end is asked.
    upstream_url: Option<String>,
    /// `none needed`, `ok`, or why the request is refused; null: no endpoint answers.
    auth: Option<String>,
    /// The other endpoints that match, in match order.
    also_matching: Vec<EndpointName>,
    /// The status the gateway answers by itself; null: the back end answers.
    status: Option<u16>,
}

/// Names an endpoint.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EndpointName {
    /// Id of the API.
    api: String,
    /// Id of the endpoint within the API.
    endpoint: String,
}

/// A request asked about. Not `Debug`: its headers may hold tokens.
struct Question {
    method: String,
    target: PathAndQuery,
    headers: HeaderMap,
}

// === impl ProbeAnswer ===

impl ProbeAnswer {
    /// The gateway answers `status` and asks nobody.
    fn by_itself(status: StatusCode, also_matching: Vec<EndpointName>) -> Self {
        Self {
            api: None,
            endpoint: None,
            upstream_url: None,
            auth: None,
            also_matching,
            status: Some(status.as_u16()),
        }
    }
}

// === impl EndpointName ===

impl EndpointName {
    fn of(route: &Route) -> Self {
        Self {
            api: route.api.id.to_string(),
            endpoint: route.endpoint().id.clone(),
        }
    }
}

// === impl Question ===

impl Question {
    /// Reads the body of a probe, or tells all that is wrong with it.
    fn read(body: &Map<String, Value>) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let mut text = |field: &'static str| match body.get(field) {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            Some(Value::String(_)) => {
                faults.push(GROUP, field, "must have a length of at least 1");
                String::new()
            }
            Some(_) | None => {
                faults.push(GROUP, field, "must be string");
                String::new()
            }
        };
        let (method, target) = (text("method"), text("path"));
        if !method.is_empty() && Method::from_bytes(method.as_bytes()).is_err() {
            faults.push(GROUP, "method", "must be a token (RFC 9110 5.6.2)");
        }
        if !target.is_empty() && !target.starts_with('/') {
            faults.push(GROUP, "path", "must start with /");
        }
        if target.len() > PATH_BYTES_MAX {
            faults.push(
                GROUP,
                "path",
                format!("must have at most {PATH_BYTES_MAX} bytes"),
            );
        }
        let headers = headers(body.get("headers"), &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let Ok(target) = PathAndQuery::try_from(target) else {
            faults.push(GROUP, "path", "must be a request target (RFC 9112 3.2)");
            return Err(faults);
        };
        Ok(Self {
            method,
            target,
            headers,
        })
    }

    fn head(&self) -> RequestHead<'_> {
        RequestHead {
            method: &self.method,
            path: self.target.path(),
            query: self.target.query(),
        }
    }
}

/// Tells what the proxy would do with a request.
#[utoipa::path(
    post, path = "/v3/probe", operation_id = "probe", tag = "Probe",
    request_body = ProbeQuestion,
    responses(
        (status = 200, description = "What the proxy would do.", body = ProbeAnswer),
        (status = 400, description = "The question is faulty (or, as `errors`, the body is not JSON).", body = ErrorMap),
        (status = 413, description = "The body is too large.", body = ErrorBody),
        (status = 415, description = "The content type is not JSON.", body = ErrorBody),
    ),
)]
pub(super) async fn probe(
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::object(&request, payload, body::BODY_BYTES_MAX).await?;
    let question = Question::read(&body).map_err(Rejection::Invalid)?;
    let answer = match own_answer(&question, state.health.is_ready()) {
        Some(status) => ProbeAnswer::by_itself(status, Vec::new()),
        None => {
            let snapshot = state.snapshot.load();
            let is_open = state.sessions.revoked.is_complete();
            answer(&snapshot.table, &question, is_open, &state.token_check)
        }
    };
    Ok(json_answer(StatusCode::OK, &answer))
}

/// What port 4000 answers without looking at definitions.
fn own_answer(question: &Question, ready: bool) -> Option<StatusCode> {
    let path = question.target.path();
    let path = path.strip_suffix('/').unwrap_or(path);
    match (question.method.as_str(), path) {
        ("TRACE" | "CONNECT", _) => Some(StatusCode::NOT_IMPLEMENTED),
        ("GET" | "HEAD", "/_rig/health") => Some(StatusCode::OK),
        ("GET" | "HEAD", "/_rig/health/ready") if ready => Some(StatusCode::OK),
        ("GET" | "HEAD", "/_rig/health/ready") => Some(StatusCode::SERVICE_UNAVAILABLE),
        _ => None,
    }
}

/// `is_open`: tokens can be judged.
fn answer(
    table: &RouteTable,
    question: &Question,
    is_open: bool,
    token_check: &TokenCheck,
) -> ProbeAnswer {
    let plan = table.plan(question.head());
    let chosen = plan.as_ref().ok().map(|plan| plan.index);
    let also_matching = table
        .matches(question.head())
        .into_iter()
        .filter(|index| Some(*index) != chosen)
        .filter_map(|index| table.routes().get(index))
        .map(EndpointName::of)
        .collect();
    let plan = match plan {
        Ok(plan) => plan,
        Err(refusal) => return ProbeAnswer::by_itself(refusal_status(refusal), also_matching),
    };
    let endpoint = plan.route.endpoint();
    let verdict = endpoint.secured.then(|| {
        if !is_open {
            return Err(NOT_OPEN.to_owned());
        }
        token_check(
            &plan.route.api.auth,
            &question.headers,
            question.target.query(),
        )
    });
    let called = is_supported_yet(endpoint.target, endpoint.response_from);
    let status = match &verdict {
        Some(Err(_)) if !is_open => Some(StatusCode::SERVICE_UNAVAILABLE),
        Some(Err(_)) => Some(StatusCode::UNAUTHORIZED),
        Some(Ok(())) | None if !called => Some(StatusCode::SERVICE_UNAVAILABLE),
        Some(Ok(())) | None => None,
    };
    let name = EndpointName::of(plan.route);
    ProbeAnswer {
        api: Some(name.api),
        endpoint: Some(name.endpoint),
        upstream_url: called.then(|| upstream_url(&plan, question)),
        auth: Some(match verdict {
            None => "none needed".to_owned(),
            Some(Ok(())) => "ok".to_owned(),
            Some(Err(reason)) => reason,
        }),
        also_matching,
        status: status.map(|status| status.as_u16()),
    }
}

fn upstream_url(plan: &Plan<'_>, question: &Question) -> String {
    let origin = &plan.route.origin;
    let scheme = if origin.https { "https" } else { "http" };
    let authority = origin.authority();
    let received = question.target.as_str();
    let target = plan.target.as_deref().unwrap_or(received);
    format!("{scheme}://{authority}{target}")
}

/// `{"name": "value"}` or `{"name": ["value", "value"]}`.
fn headers(field: Option<&Value>, faults: &mut Faults) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let fields = match field {
        None | Some(Value::Null) => return headers,
        Some(Value::Object(fields)) => fields,
        Some(_) => {
            faults.push(GROUP, "headers", "must be map");
            return headers;
        }
    };
    for (name, value) in fields {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            faults.push(GROUP, "headers", format!("{name:?} is not a header name"));
            continue;
        };
        for value in values {
            let value = value.as_str().map(HeaderValue::from_str);
            let Some(Ok(value)) = value else {
                faults.push(GROUP, "headers", format!("{name:?} must be a header value"));
                continue;
            };
            if headers.len() == HEADERS_MAX {
                faults.push(
                    GROUP,
                    "headers",
                    format!("must have at most {HEADERS_MAX} values"),
                );
                return headers;
            }
            headers.append(&header, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests;
