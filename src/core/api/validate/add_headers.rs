//! `transform_request_headers.add_headers`: what endpoints that ask for it set on forwarded
//! requests (spec: `proxying.md` 3.5.3). Only judged if an endpoint asks.

use std::{borrow::Cow, collections::BTreeMap};

use http::{HeaderName, HeaderValue};
use serde_json::{Map, Number, Value};

/// Headers that belong to one connection or frame a message (RFC 9110, 7.6.1; RFC 9112, 6): set by
/// hand they would break the connection to the back end, or let a body be taken for a request.
const RESERVED: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Largest integer that all JSON software reads alike, and that digests tell from its neighbours
/// (RFC 8785, 3.2.2.3).
const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Most messages about `add_headers`: every endpoint that asks gets them all.
const MESSAGES_MAX: usize = 16;

/// Names to values: names lower-case, unique, in order.
pub(super) type AddHeaders = Vec<(String, String)>;

/// What the endpoints that ask get: headers, or the messages about `add_headers`.
pub(super) type Verdict = Result<AddHeaders, Vec<Cow<'static, str>>>;

/// Judges the `add_headers` of a version.
pub(super) fn check(version: Option<&Map<String, Value>>) -> Verdict {
    let headers = version
        .and_then(|version| version.get("transform_request_headers"))
        .and_then(|transform| transform.get("add_headers"))
        .and_then(Value::as_object)
        .ok_or_else(not_a_map)?;
    let mut set = BTreeMap::new();
    let mut messages = Vec::new();
    for (name, value) in headers {
        match header(name, value) {
            // Of names that differ in case only, the last one counts.
            Ok((name, value)) => {
                set.insert(name, value);
            }
            Err(message) => messages.push(message),
        }
    }
    messages.dedup();
    messages.truncate(MESSAGES_MAX);
    if messages.is_empty() {
        Ok(set.into_iter().collect())
    } else {
        Err(messages)
    }
}

fn not_a_map() -> Vec<Cow<'static, str>> {
    vec![Cow::Borrowed("must be map")]
}

fn header(name: &str, value: &Value) -> Result<(String, String), Cow<'static, str>> {
    let Ok(parsed) = HeaderName::try_from(name) else {
        return Err(format!("must have header names, not {name:?}").into());
    };
    let name = parsed.as_str();
    if RESERVED.contains(&name) {
        return Err(format!("must not set {name}").into());
    }
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => decimal(number)
            .ok_or_else(|| format!("must give {name} as a string: the number is too large"))?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Err(Cow::Borrowed("must be map"));
        }
    };
    match HeaderValue::from_bytes(text.as_bytes()) {
        Ok(_) => Ok((name.to_owned(), text)),
        Err(_) => Err(format!("must give {name} a value without control characters").into()),
    }
}

/// The text of a number, in the form that digests see: spellings with one digest are one header.
fn decimal(number: &Number) -> Option<String> {
    let is_exact = match (number.as_u64(), number.as_i64()) {
        (Some(whole), _) => whole <= INTEGER_MAX,
        (None, Some(whole)) => whole.unsigned_abs() <= INTEGER_MAX,
        (None, None) => true,
    };
    is_exact
        .then(|| serde_json_canonicalizer::to_string(number).ok())
        .flatten()
}
