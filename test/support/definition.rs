//! Definitions, as short as they can be.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::{
    client::{Request, ask},
    gateway::Gateway,
};

/// An API whose target is `backend`.
pub(crate) fn api(id: &str, backend: SocketAddr, endpoints: &[Value]) -> Value {
    json!({
        "id": id,
        "name": id,
        "version_data": {"default": {"endpoints": endpoints}},
        "proxy": {"target_url": backend.ip().to_string(), "port": backend.port()},
    })
}

/// The same, with tokens looked for in the `authorization` header.
pub(crate) fn guarded_api(id: &str, backend: SocketAddr, endpoints: &[Value]) -> Value {
    let mut api = api(id, backend, endpoints);
    api["auth_type"] = json!("jwt");
    api["auth"] = json!({"use_header": true, "header_name": "authorization"});
    api
}

/// An endpoint; `more` holds further members.
pub(crate) fn endpoint(id: &str, method: &str, path_regex: &str, more: Value) -> Value {
    let mut endpoint = json!({"id": id, "method": method, "path_regex": path_regex});
    if let (Some(all), Value::Object(more)) = (endpoint.as_object_mut(), more) {
        all.extend(more);
    }
    endpoint
}

/// Stores a new definition.
///
/// # Panics
/// It is refused.
pub(crate) fn post(gateway: &Gateway, definition: &Value) {
    let request = Request::json("POST", "/v3/apis", definition);
    let answer = ask(gateway.api(), &request).expect("an answer");
    assert_eq!(answer.status, 201, "{}", answer.json());
}
