//! `/v2/apis` and `/v3/apis`: create, read, replace and remove definitions
//! (spec: `management-api.md` 2.4, names.md `ETag` and preconditions; RFC 9110 13).
//!
//! May depend on `core`, `message`, `http`. Deliberately absent: any judgement of a definition. The
//! registry decides; this room translates.

mod written;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName},
    },
    web::{Data, Payload},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

use self::written::Written;
use crate::{
    core::{
        api::view::{Bookkeeping, view},
        registry::{Change, Preconditions, Rejection, change::Tags},
        version::Version,
    },
    http::{
        admin::{
            AdminState, ask, body,
            cluster::receipt::ReceiptAnswer,
            openapi::schema::{ErrorBody, ErrorMap, ProxyAPI, ProxyAPIList, ProxyAPIResponse},
            query::{self, Patience, TIMEOUT_OF_WRITES},
        },
        problem::{Problem, json_answer},
    },
    message::registry::{Current, GetApi, ListApis, ProposeChange},
};

/// Tells which change an accepted write was: `<id>@<ref>-<16 hex digits>`, id percent-encoded.
pub const X_RIG_CHANGE: HeaderName = HeaderName::from_static("x-rig-change");

/// Tells whether a vote about the shown definition is going on: `settled` or `contested`.
pub const X_RIG_ROUND: HeaderName = HeaderName::from_static("x-rig-round");

/// All that is not unreserved (RFC 3986 2.3) is escaped in an id that stands in a path or header.
pub(super) const ID_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Lists all active definitions, ordered by id.
#[utoipa::path(
    get, path = "/v3/apis", operation_id = "list_apis", tag = "APIs",
    responses(
        (status = 200, description = "All active definitions, ordered by id.", body = ProxyAPIList),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody, headers(("retry-after" = String, description = "Seconds to wait."))),
    ),
)]
pub(super) async fn list(state: Data<AdminState>) -> Result<HttpResponse, Problem> {
    let all = ask(&state.list, ListApis).await?;
    let all: Vec<Value> = all.iter().map(|api| shown(api, &state)).collect();
    Ok(json_answer(StatusCode::OK, &all))
}

/// Shows one active definition.
#[utoipa::path(
    get, path = "/v3/apis/{id}", operation_id = "get_api", tag = "APIs",
    params(
        ("id" = String, Path, description = "The API's id, percent-encoded."),
        ("if-none-match" = Option<String>, Header, description = "Entity tags the client has already."),
    ),
    responses(
        (status = 200, description = "The definition.", body = ProxyAPI, headers(
            ("etag" = String, description = "Version of the definition."),
            ("x-rig-round" = String, description = "`contested` while nodes vote about this version, else `settled`."),
        )),
        (status = 304, description = "The client has this version already."),
        (status = 400, description = "The id is not UTF-8.", body = ErrorBody),
        (status = 404, description = "No active definition has this id.", body = ProxyAPIResponse),
        (status = 412, description = "`If-Match` names another version.", body = ProxyAPIResponse),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(super) async fn show(
    state: Data<AdminState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id = path_text(&request)?;
    let api = ask(&state.get, GetApi { id: id.clone() }).await?;
    let Some(api) = api else {
        return Err(Rejection::NotFound(id).into());
    };
    let shown = || json_answer(StatusCode::OK, &shown(&api, &state));
    read(&request, &id, &api.version, api.contested, shown)
}

/// The answer to a read of one document, if the client does not have it already.
pub(super) fn read(
    request: &HttpRequest,
    id: &str,
    version: &Version,
    contested: bool,
    shown: impl FnOnce() -> HttpResponse,
) -> Result<HttpResponse, Problem> {
    let Preconditions {
        if_match,
        if_none_match,
    } = preconditions(request.headers());
    let unwanted = Preconditions {
        if_match,
        if_none_match: None,
    };
    if !unwanted.hold(Some(version)) {
        return Err(Rejection::Stale(id.to_owned()).into());
    }
    let unseen = Preconditions {
        if_match: None,
        if_none_match,
    };
    let mut response = if unseen.hold(Some(version)) {
        shown()
    } else {
        HttpResponse::NotModified().finish()
    };
    insert(&mut response, header::ETAG, &version.etag());
    let round = if contested { "contested" } else { "settled" };
    insert(&mut response, X_RIG_ROUND, round);
    Ok(response)
}

/// Adds a definition. The id must be new, or deactivated.
#[utoipa::path(
    post, path = "/v3/apis", operation_id = "create_api", tag = "APIs",
    params(
        ("wait" = Option<String>, Query, description = "Answer when `all` members, this number of nodes, or (`settled`) every vote about it agrees."),
        ("timeout" = Option<f64>, Query, description = "Seconds to wait at most, up to 60. Default: 5."),
    ),
    request_body = ProxyAPI,
    responses(
        (status = 201, description = "Stored and routed on this node.", body = ProxyAPIResponse, headers(
            ("location" = String, description = "Where the definition can be read."),
            ("etag" = String, description = "Version of the definition."),
            ("x-rig-change" = String, description = "Id of the change."),
        )),
        (status = 202, description = "With `wait`: stored and routed on this node, but not yet as far as asked.", body = ReceiptAnswer),
        (status = 400, description = "The definition or the query is faulty (or, as `errors`, the body is not JSON).", body = ErrorMap),
        (status = 409, description = "An active definition has this id; or, with `wait`, the change was made and another took its place.", body = ProxyAPIResponse),
        (status = 412, description = "A precondition failed.", body = ProxyAPIResponse),
        (status = 413, description = "The definition is too large (`DEFINITION_BYTES_MAX`).", body = ErrorBody),
        (status = 415, description = "The content type is not JSON.", body = ErrorBody),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(super) async fn create(
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let document = body::object(&request, payload, state.definition_bytes_max).await?;
    let patience = query::patience(&request, TIMEOUT_OF_WRITES)?;
    let change = Change::Create(document);
    write(&state, &request, change, patience, StatusCode::CREATED).await
}

/// Replaces an active definition. The request is checked by itself, so `name`, `proxy` and
/// `version_data` are always needed; top-level members it does not have are kept.
#[utoipa::path(
    put, path = "/v3/apis/{id}", operation_id = "update_api", tag = "APIs",
    params(
        ("id" = String, Path, description = "The API's id, percent-encoded; wins over an id in the body."),
        ("if-match" = Option<String>, Header, description = "Entity tags; the change is made only if the current version is one of them."),
        ("if-none-match" = Option<String>, Header, description = "Entity tags; the change is made only if the current version is none of them."),
        ("wait" = Option<String>, Query, description = "Answer when `all` members, this number of nodes, or (`settled`) every vote about it agrees."),
        ("timeout" = Option<f64>, Query, description = "Seconds to wait at most, up to 60. Default: 5."),
    ),
    request_body = ProxyAPI,
    responses(
        (status = 200, description = "Stored and routed on this node.", body = ProxyAPIResponse, headers(
            ("etag" = String, description = "Version of the definition."),
            ("x-rig-change" = String, description = "Id of the change."),
        )),
        (status = 202, description = "With `wait`: stored and routed on this node, but not yet as far as asked.", body = ReceiptAnswer),
        (status = 400, description = "The definition or the query is faulty (or, as `errors`, the body is not JSON).", body = ErrorMap),
        (status = 404, description = "No active definition has this id.", body = ProxyAPIResponse),
        (status = 409, description = "With `wait`: the change was made and another took its place.", body = ProxyAPIResponse),
        (status = 412, description = "A precondition failed.", body = ProxyAPIResponse),
        (status = 413, description = "The definition is too large (`DEFINITION_BYTES_MAX`).", body = ErrorBody),
        (status = 415, description = "The content type is not JSON.", body = ErrorBody),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(super) async fn replace(
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let id = path_text(&request)?;
    let document = body::object(&request, payload, state.definition_bytes_max).await?;
    let patience = query::patience(&request, TIMEOUT_OF_WRITES)?;
    let change = Change::Replace { id, document };
    write(&state, &request, change, patience, StatusCode::OK).await
}

/// Deactivates a definition. Its id can be used again.
#[utoipa::path(
    delete, path = "/v3/apis/{id}", operation_id = "delete_api", tag = "APIs",
    params(
        ("id" = String, Path, description = "The API's id, percent-encoded."),
        ("if-match" = Option<String>, Header, description = "Entity tags; the change is made only if the current version is one of them."),
        ("wait" = Option<String>, Query, description = "Answer when `all` members, this number of nodes, or (`settled`) every vote about it agrees."),
        ("timeout" = Option<f64>, Query, description = "Seconds to wait at most, up to 60. Default: 5."),
    ),
    responses(
        (status = 200, description = "With `wait`: no longer routed, as far as asked.", body = ReceiptAnswer),
        (status = 202, description = "With `wait`: no longer routed on this node, but not yet as far as asked.", body = ReceiptAnswer),
        (status = 204, description = "No longer routed on this node.", headers(("x-rig-change" = String, description = "Id of the change."))),
        (status = 400, description = "The id is not UTF-8, or the request has a body that cannot be read, or (as a map of faults) the query is faulty.", body = ErrorBody),
        (status = 404, description = "No active definition has this id.", body = ProxyAPIResponse),
        (status = 409, description = "With `wait`: the change was made and another took its place.", body = ProxyAPIResponse),
        (status = 412, description = "A precondition failed.", body = ProxyAPIResponse),
        (status = 503, description = "The node cannot answer now.", body = ErrorBody),
    ),
)]
pub(super) async fn remove(
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let id = path_text(&request)?;
    // The original reads the body of every method but GET, so a broken one is refused here too.
    body::object(&request, payload, state.definition_bytes_max).await?;
    let patience = query::patience(&request, TIMEOUT_OF_WRITES)?;
    let change = Change::Delete { id };
    write(&state, &request, change, patience, StatusCode::NO_CONTENT).await
}

/// Makes a change, and answers it with `status`; a 201 tells where the new definition is.
pub(super) async fn write(
    state: &AdminState,
    request: &HttpRequest,
    change: Change,
    patience: Patience,
    status: StatusCode,
) -> Result<HttpResponse, Problem> {
    let preconditions = preconditions(request.headers());
    let message = ProposeChange {
        change,
        preconditions,
    };
    let accepted = ask(&state.propose, message).await??;
    let version = if request.path().starts_with("/v2/") {
        "v2"
    } else {
        "v3"
    };
    let location = || format!("/{version}/apis/{}", escaped(&accepted.id));
    let written = Written {
        status,
        location: (status == StatusCode::CREATED).then(location),
        accepted,
    };
    Ok(written.answer(state, patience).await)
}

fn shown(api: &Current, state: &AdminState) -> Value {
    let bookkeeping = Bookkeeping {
        ref_number: api.version.ref_number,
        timestamp_ms: api.timestamp_ms,
        node_name: &state.node_name,
    };
    view(&api.document, &bookkeeping)
}

/// `id` as it stands in paths and headers.
pub(super) fn escaped(id: &str) -> String {
    utf8_percent_encode(id, ID_ESCAPES).to_string()
}

/// Values made of escaped ids and versions are always valid; anything else would be left out.
fn insert(response: &mut HttpResponse, name: HeaderName, value: &str) {
    if let Ok(value) = header::HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// What the path ends with. Decoded here and not by the router, which would replace what is not UTF-8.
pub(super) fn path_text(request: &HttpRequest) -> Result<String, Problem> {
    let path = request.path();
    let path = path.strip_suffix('/').unwrap_or(path);
    let segment = path.rsplit('/').next().unwrap_or_default();
    let id = percent_decode_str(segment).decode_utf8();
    id.map(std::borrow::Cow::into_owned)
        .map_err(|_not_utf8| Problem::BadId)
}

fn preconditions(headers: &HeaderMap) -> Preconditions {
    let weakly = |tags| match tags {
        Tags::Any => Tags::Any,
        Tags::OneOf(tags) => Tags::OneOf(tags.iter().map(|tag| opaque(tag)).collect()),
    };
    Preconditions {
        if_match: tags(headers, &header::IF_MATCH),
        // Compared weakly (RFC 9110 13.1.2), so a `W/` in front makes no difference.
        if_none_match: tags(headers, &header::IF_NONE_MATCH).map(weakly),
    }
}

fn opaque(tag: &str) -> String {
    tag.strip_prefix("W/").unwrap_or(tag).to_owned()
}

/// The tags of all lines of a header. A line that is not ASCII counts as a tag that matches nothing,
/// so that such an `If-Match` refuses the change.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Option<Tags> {
    let lines: Vec<&str> = headers
        .get_all(name)
        .map(|line| line.to_str().unwrap_or_default())
        .collect();
    (!lines.is_empty()).then(|| Tags::parse(&lines.join(",")))
}
