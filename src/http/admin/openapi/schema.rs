//! The shapes of bodies for the OpenAPI document; schema names as in the original
//! (spec: `management-api.md` 2.9, `api-definitions.md` 1.2 to 1.5).
//!
//! Depends on utoipa, and on the shapes that are serialised elsewhere. Nothing is parsed with these: documents are stored as submitted, members
//! not listed here included, and checked by `core`.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

use crate::{http::admin::cluster::receipt::ChangeReceipt, message::registry::View};

/// One back-end service. Members that are not listed are stored and returned unchanged; read-only
/// ones are ignored in requests.
#[derive(Debug, ToSchema)]
pub struct ProxyAPI {
    /// Unique key; also decides the match order. On PUT the one in the path counts.
    #[schema(min_length = 1, max_length = 128, example = "todos")]
    pub id: String,
    /// For display.
    #[schema(min_length = 1, example = "Todo list")]
    pub name: String,
    /// `jwt` lets endpoints be `secured`; anything else means no check.
    #[schema(nullable = false, default = "none", example = "jwt")]
    pub auth_type: Option<String>,
    /// Where tokens are looked for.
    #[schema(nullable = false)]
    pub auth: Option<ProxyAPIAuth>,
    /// Versions by name. Only `default` is routed.
    pub version_data: BTreeMap<String, ProxyAPIVersion>,
    /// Where the back end lives.
    pub proxy: ProxyAPIAddress,
    /// `true`: stored, but not routed.
    #[schema(nullable = false, default = false)]
    pub versioned: Option<bool>,
    /// Longest wait for a response head, in milliseconds; endpoints may override it.
    #[schema(nullable = false)]
    pub timeout_ms: Option<u64>,
    /// Largest request body; endpoints may override it.
    #[schema(nullable = false)]
    pub max_body_bytes: Option<u64>,
    /// Always `true`: deactivated definitions are not shown.
    #[schema(read_only, nullable = false)]
    pub active: Option<bool>,
    /// Counts the changes of this id.
    #[schema(read_only, nullable = false)]
    pub ref_number: Option<u64>,
    /// When this version was made.
    #[schema(read_only, nullable = false, format = DateTime)]
    pub timestamp: Option<String>,
    /// Name of the node that answers.
    #[schema(read_only, nullable = false)]
    pub node_name: Option<String>,
}

/// Definitions, ordered by id.
#[derive(Debug, ToSchema)]
pub struct ProxyAPIList(pub Vec<ProxyAPI>);

/// Where tokens are looked for. With `auth_type` `jwt` the default is the `Authorization` header.
#[derive(Debug, ToSchema)]
pub struct ProxyAPIAuth {
    /// Look into a header.
    #[schema(nullable = false, default = false)]
    pub use_header: Option<bool>,
    /// Its name.
    #[schema(nullable = false, default = "", example = "Authorization")]
    pub header_name: Option<String>,
    /// Look into the query.
    #[schema(nullable = false, default = false)]
    pub use_query: Option<bool>,
    /// Name of the parameter.
    #[schema(nullable = false, default = "")]
    pub query_name: Option<String>,
}

/// The address of a back end.
#[derive(Debug, ToSchema)]
pub struct ProxyAPIAddress {
    /// URL with scheme, host name, or (with `use_env`) the name of a variable that has one of them.
    #[schema(min_length = 1, example = "http://localhost")]
    pub target_url: String,
    /// Port; wins over one in `target_url`.
    #[schema(minimum = 1, maximum = 65535, example = 3000)]
    pub port: u16,
    /// `target_url` names an environment variable.
    #[schema(nullable = false, default = false)]
    pub use_env: Option<bool>,
}

/// One version of an API.
#[derive(Debug, ToSchema)]
pub struct ProxyAPIVersion {
    /// The endpoints in match order.
    pub endpoints: ProxyAPIEndpointArray,
    /// Needed if an endpoint asks for the transformation.
    #[schema(nullable = false)]
    pub transform_request_headers: Option<ProxyAPIHeaders>,
}

/// Headers set on forwarded requests.
#[derive(Debug, ToSchema)]
pub struct ProxyAPIHeaders {
    /// Values (strings or numbers) by name.
    #[schema(value_type = BTreeMap<String, Value>)]
    pub add_headers: BTreeMap<String, Value>,
}

/// Endpoints in match order.
#[derive(Debug, ToSchema)]
pub struct ProxyAPIEndpointArray(pub Vec<ProxyAPIEndpoint>);

/// Maps a method and a path pattern to a target.
#[derive(Debug, ToSchema)]
pub struct ProxyAPIEndpoint {
    /// Label in faults, warnings and logs.
    #[schema(min_length = 1, example = "get-todo")]
    pub id: String,
    /// Request method, letter case does not matter.
    #[schema(min_length = 1, example = "GET")]
    pub method: String,
    /// Regular expression for the whole path, letter case does not matter.
    #[schema(min_length = 1, example = "/todos/([^/]+)")]
    pub path_regex: String,
    /// Path to ask for instead, with references such as `\1` to groups of `path_regex`.
    #[schema(nullable = false, example = "/items/\\1")]
    pub path_replacement: Option<String>,
    /// Only requests with a valid token pass; needs `auth_type` `jwt`.
    #[schema(nullable = false, default = false)]
    pub secured: Option<bool>,
    /// Set the version's `add_headers`.
    #[schema(nullable = false, default = false)]
    pub transform_request_headers: Option<bool>,
    /// What carries the request: `http`, `kafka`, `kinesis` or `nats`.
    #[schema(nullable = false, default = "http")]
    pub target: Option<String>,
    /// Topic, stream or subject of a broker.
    #[schema(nullable = false)]
    pub topic: Option<String>,
    /// Avro subject of a Kafka topic.
    #[schema(nullable = false)]
    pub schema: Option<String>,
    /// What carries the answer: `http`, `http_async`, `kafka`, `kinesis` or `nats`.
    #[schema(nullable = false, default = "http")]
    pub response_from: Option<String>,
    /// Longest wait for the response head, in milliseconds.
    #[schema(nullable = false)]
    pub timeout_ms: Option<u64>,
    /// Largest request body.
    #[schema(nullable = false)]
    pub max_body_bytes: Option<u64>,
}

/// What happened to a definition.
#[derive(Debug, ToSchema)]
pub struct ProxyAPIResponse {
    /// `ok`, or why not.
    #[schema(example = "ok")]
    pub message: String,
    /// What is accepted but will hardly do what was meant; only if there is something.
    #[schema(nullable = false)]
    pub warnings: Option<Vec<ProxyAPIWarning>>,
    /// How far the change has spread; only if it was waited for.
    #[schema(nullable = false)]
    pub receipt: Option<ChangeReceipt>,
    /// Whose receipt it is; only with a receipt.
    #[schema(nullable = false)]
    pub view: Option<View>,
}

/// Something odd about a definition.
#[derive(Debug, ToSchema)]
pub struct ProxyAPIWarning {
    /// Where: `<api id>` or `<api id>/<endpoint id>`.
    pub path: String,
    /// What, and what to do about it.
    pub message: String,
}

/// All faults of a document: lists of one-entry objects (field to message) by place: `api`,
/// `<api id>`, `<api id>/<endpoint id>` or `probe`.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"api": [{"name": "must be string"}]}))]
pub struct ErrorMap(pub BTreeMap<String, Vec<BTreeMap<String, String>>>);

/// Why a request was not understood.
#[derive(Debug, ToSchema)]
pub struct ErrorBody {
    /// The one member.
    pub errors: ErrorDetail,
}

/// One line about what is wrong.
#[derive(Debug, ToSchema)]
pub struct ErrorDetail {
    /// The line.
    #[schema(example = "Bad request")]
    pub detail: String,
}

/// Another node.
#[derive(Debug, ToSchema)]
pub struct JoinRequest {
    /// `host:port`, or a multiaddress of a TCP port.
    #[schema(min_length = 1, example = "gateway-2.example.org:4020")]
    pub address: String,
}

/// A session to revoke.
#[derive(Debug, ToSchema)]
pub struct SessionBlacklistRequest {
    /// The session's name: what tokens have at `JWT_SESSION_FIELD`, or their `jti`.
    #[schema(
        rename = "sessionId",
        min_length = 1,
        example = "a8f5f167-f44f-4964-9d1c-4ac8b6b3b2b1"
    )]
    pub session_id: String,
    /// For how long, in seconds: as long as the session's tokens live. Rounded up; a numeric string
    /// is taken too.
    #[schema(rename = "validityInSeconds", exclusive_minimum = 0, example = 3600)]
    pub validity_in_seconds: f64,
}

/// The body of an asynchronous answer: anything at all.
#[derive(Debug, ToSchema)]
#[schema(value_type = Object, example = json!({"result": 42}))]
pub struct Response(pub Value);

/// An event (CloudEvents 0.1, 0.2 or 1.0).
#[derive(Debug, ToSchema)]
pub struct CloudEvent {
    /// `1.0` or `0.2`; in 0.1 the members are `cloudEventsVersion`, `eventType` and `eventID`.
    #[schema(example = "0.2")]
    pub specversion: String,
    /// What happened.
    #[schema(rename = "type", min_length = 1, example = "com.example.answer")]
    pub event_type: String,
    /// Unique for its source.
    #[schema(min_length = 1)]
    pub id: String,
    /// Who says so; required in 1.0.
    #[schema(nullable = false)]
    pub source: Option<String>,
    /// The gateway's own member: `correlation` says which waiting request an answer is for.
    #[schema(nullable = false, value_type = Option<Object>, example = json!({"correlation": "..."}))]
    pub rig: Option<Value>,
    /// What the event is about.
    #[schema(nullable = false)]
    pub data: Option<Value>,
}

/// A member that is gone.
#[derive(Debug, ToSchema)]
pub struct ForgetRequest {
    /// Its name.
    #[schema(min_length = 1, max_length = 128, example = "gateway-2")]
    pub node: String,
}

/// A request to ask about.
#[derive(Debug, ToSchema)]
pub struct ProbeQuestion {
    /// Request method, letter case does not matter.
    #[schema(min_length = 1, example = "GET")]
    pub method: String,
    /// Path as a client would send it, with or without query.
    #[schema(
        min_length = 1,
        max_length = 65534,
        pattern = "^/",
        example = "/todos/1?full=1"
    )]
    pub path: String,
    /// Header values (strings or lists of strings) by name.
    #[schema(nullable = false, value_type = Option<BTreeMap<String, Value>>)]
    pub headers: Option<BTreeMap<String, Value>>,
}
