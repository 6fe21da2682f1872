//! The JSON of a definition as a client submitted it, free of server-managed members.
//!
//! What is stored, gossiped and hashed is this, never the model: unknown members survive, and a
//! newer version of this software may read more out of it (cluster.md, part 4.1). Deliberately
//! absent: defaults, which [`super::view`] and [`super::validate`] apply when they read.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

/// A definition as submitted: every member of the client, none of ours.
pub type Document = Map<String, Value>;

/// Members the server manages; dropped from what clients send (spec: `api-definitions.md` 1.2).
pub const BOOKKEEPING: [&str; 6] = [
    "active",
    "node_name",
    "phx_ref",
    "phx_ref_prev",
    "ref_number",
    "timestamp",
];

/// The document in a request body; anything but an object counts as `{}` (spec:
/// `management-api.md` 2.1), so that validation names what is missing.
pub fn from_value(value: Value) -> Document {
    match value {
        Value::Object(document) => without_bookkeeping(document),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Document::new()
        }
    }
}

/// `document` without the server-managed members.
pub fn without_bookkeeping(mut document: Document) -> Document {
    document.retain(|name, _| !BOOKKEEPING.contains(&name.as_str()));
    document
}

/// `document` under the id of the request's path, which beats an `id` in the body.
pub fn with_id(mut document: Document, id: &str) -> Document {
    document.insert("id".to_owned(), Value::String(id.to_owned()));
    document
}

/// `submitted` laid over `stored`, top-level members replaced whole (what PUT does).
pub fn merged(stored: &Document, submitted: Document) -> Document {
    let mut merged = stored.clone();
    merged.extend(submitted);
    merged
}
