//! Where an API's tokens are looked for: the JWT rule (spec: `api-definitions.md` 1.5).
//!
//! One place for both readers, so that the `auth` that GET shows is the one that is enforced.
//! Deliberately absent: reading tokens out of requests and verifying them.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::core::api::{Auth, document::Document};

/// The header that carries tokens unless the definition names another one.
const HEADER_DEFAULT: &str = "Authorization";

/// Whether `document` turns token checks on; any other `auth_type` means no check.
pub(super) fn is_jwt(document: &Document) -> bool {
    document.get("auth_type").and_then(Value::as_str) == Some("jwt")
}

/// The `auth` of `document` with what is missing filled in.
///
/// Without `auth`: everything off. A given `auth` keeps its members as they are, except that an
/// API with `auth_type` `"jwt"` always has a token source: the header, unless the definition says
/// both `use_header: false` and `use_query: true`.
pub(super) fn effective(document: &Document) -> Map<String, Value> {
    let mut auth = match document.get("auth") {
        Some(Value::Object(auth)) => auth.clone(),
        _ => all_off(),
    };
    if is_jwt(document) {
        let header_off = is(&auth, "use_header", false) && is(&auth, "use_query", true);
        if !header_off {
            auth.insert("use_header".to_owned(), Value::Bool(true));
        }
        let name = auth.get("header_name");
        if name.is_none() || (!header_off && text(name).is_none()) {
            auth.insert("header_name".to_owned(), HEADER_DEFAULT.into());
        }
    }
    auth
}

/// What the model keeps of [`effective`]. Meaningful for documents without faults.
pub(super) fn resolve(document: &Document) -> Auth {
    if !is_jwt(document) {
        return Auth::default();
    }
    let auth = effective(document);
    let source = |switch, name| {
        is(&auth, switch, true)
            .then(|| text(auth.get(name)))
            .flatten()
    };
    Auth {
        jwt: true,
        header: source("use_header", "header_name").map(str::to_ascii_lowercase),
        query: source("use_query", "query_name").map(str::to_owned),
    }
}

fn all_off() -> Map<String, Value> {
    Map::from_iter([
        ("use_header".to_owned(), Value::Bool(false)),
        ("header_name".to_owned(), "".into()),
        ("use_query".to_owned(), Value::Bool(false)),
        ("query_name".to_owned(), "".into()),
    ])
}

fn is(auth: &Map<String, Value>, member: &str, wanted: bool) -> bool {
    auth.get(member).and_then(Value::as_bool) == Some(wanted)
}

fn text(value: Option<&Value>) -> Option<&str> {
    value
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}
