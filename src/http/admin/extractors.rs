//! `/v3/extractors`: read and replace the extractors of all nodes (spec: `events.md` 5.8; issue 4).
//!
//! May depend on `core`, `message`, and on how definitions are answered ([`super::apis`]): the document is
//! agreed on like one. Deliberately absent: DELETE, as there always are extractors; `{}` knows no field.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    core::{
        api::faults::Faults,
        registry::{Change, Rejection, extractors::ID},
        subscription::extractors::{DOCUMENT_BYTES_MAX, Extractors, fault::ExtractorFaults},
    },
    http::{
        admin::{
            AdminState, apis, ask, body,
            cluster::receipt::ReceiptAnswer,
            openapi::schema::{ErrorBody, ErrorMap, ProxyAPIResponse},
            query::{self, TIMEOUT_OF_WRITES},
        },
        problem::{Problem, json_answer},
    },
    message::extractors::GetExtractors,
};

/// Key of the error map under which faults of the document are listed.
const GROUP: &str = "extractors";

/// Where a fault is that belongs to the document as a whole; others have a JSON pointer, which begins
/// with `/`.
const WHOLE: &str = "document";

/// The fields that constraints of subscriptions can name: field by name by event type.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "a shape for the OpenAPI document")]
pub struct ExtractorConfig(BTreeMap<String, BTreeMap<String, ExtractorField>>);

/// A field of events of one type. Members that are not listed are stored and returned unchanged.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "a shape for the OpenAPI document")]
pub struct ExtractorField {
    /// Unique among the fields of an event type.
    #[schema(maximum = 9_007_199_254_740_991_u64, example = 0)]
    stable_field_index: u64,
    /// Where the field is in an event.
    event: ExtractorPointer,
    /// The claim of a token that subscribes to events with its value; needs not be there.
    #[schema(nullable = false)]
    jwt: Option<ExtractorPointer>,
}

/// A place in a JSON document.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "a shape for the OpenAPI document")]
pub struct ExtractorPointer {
    /// RFC 6901.
    #[schema(example = "/data/customer")]
    json_pointer: String,
}

/// Shows the extractors in force; `{}` if nobody has set any.
#[utoipa::path(
    get, path = "/v3/extractors", operation_id = "get_extractors", tag = "Extractors",
    params(
        ("if-none-match" = Option<String>, Header, description = "Entity tags the client has already."),
    ),
    responses(
        (status = 200, description = "The document.", body = ExtractorConfig, headers(
            ("etag" = String, description = "Version of the document."),
            ("x-rig-round" = String, description = "`contested` while nodes vote about this version, else `settled`."),
        )),
        (status = 304, description = "The client has this version already."),
        (status = 412, description = "`If-Match` names another version.", body = ProxyAPIResponse),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(super) async fn show(
    state: Data<AdminState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let current = ask(&state.extractors, GetExtractors).await?;
    let shown = || json_answer(StatusCode::OK, current.extractors.document());
    apis::read(&request, ID, &current.version, current.contested, shown)
}

/// Replaces the extractors on all nodes. The whole document counts; nothing of the one before is kept.
#[utoipa::path(
    put, path = "/v3/extractors", operation_id = "update_extractors", tag = "Extractors",
    params(
        ("if-match" = Option<String>, Header, description = "Entity tags; the change is made only if the current version is one of them."),
        ("if-none-match" = Option<String>, Header, description = "Entity tags; the change is made only if the current version is none of them."),
        ("wait" = Option<String>, Query, description = "Answer when `all` members, this number of nodes, or (`settled`) every vote about it agrees."),
        ("timeout" = Option<f64>, Query, description = "Seconds to wait at most, up to 60. Default: 5."),
    ),
    request_body = ExtractorConfig,
    responses(
        (status = 200, description = "Stored, and in force on this node.", body = ProxyAPIResponse, headers(
            ("etag" = String, description = "Version of the document."),
            ("x-rig-change" = String, description = "Id of the change."),
        )),
        (status = 202, description = "With `wait`: in force on this node, but not yet as far as asked.", body = ReceiptAnswer),
        (status = 400, description = "The document or the query is faulty (or, as `errors`, the body is not UTF-8). Fields are JSON pointers.", body = ErrorMap),
        (status = 409, description = "With `wait`: the change was made and another took its place.", body = ReceiptAnswer),
        (status = 412, description = "A precondition failed.", body = ProxyAPIResponse),
        (status = 413, description = "The document is too large (1 MiB, or `DEFINITION_BYTES_MAX` if that is less).", body = ErrorBody),
        (status = 415, description = "The content type is not JSON.", body = ErrorBody),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(super) async fn replace(
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let bytes_max = DOCUMENT_BYTES_MAX.min(state.definition_bytes_max);
    let text = body::json_text(&request, payload, bytes_max).await?;
    let text = std::str::from_utf8(&text).map_err(|_not_utf8| Problem::BadBody)?;
    let extractors = Extractors::parse(text).map_err(|faults| invalid(&faults))?;
    let patience = query::patience(&request, TIMEOUT_OF_WRITES)?;
    let change = Change::Extractors(extractors.into());
    apis::write(&state, &request, change, patience, StatusCode::OK).await
}

/// There is no other method.
pub(super) async fn not_allowed() -> HttpResponse {
    let body = json!({"errors": {"detail": "Method not allowed"}});
    let mut response = json_answer(StatusCode::METHOD_NOT_ALLOWED, &body);
    let methods = header::HeaderValue::from_static("GET, HEAD, PUT");
    response.headers_mut().insert(header::ALLOW, methods);
    response
}

fn invalid(faults: &ExtractorFaults) -> Problem {
    let mut listed = Faults::default();
    for fault in faults.iter() {
        let place = match fault.pointer.as_str() {
            "" => WHOLE.to_owned(),
            pointer => pointer.to_owned(),
        };
        listed.push(GROUP, place, fault.reason.to_string());
    }
    if faults.omitted() > 0 {
        let more = format!("has {} more faults, which are not listed", faults.omitted());
        listed.push(GROUP, WHOLE, more);
    }
    Rejection::Invalid(listed).into()
}
