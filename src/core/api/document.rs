//! The JSON of a definition as a client submitted it, free of server-managed members.

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

/// `document` without the server-managed members.
pub fn without_bookkeeping(mut document: Document) -> Document {
    document.retain(|name, _| !BOOKKEEPING.contains(&name.as_str()));
    document
}

/// `submitted` laid over `stored`, top-level members replaced whole (what PUT does).
pub fn merged(stored: &Document, submitted: Document) -> Document {
    let mut merged = stored.clone();
    merged.extend(submitted);
    merged
}
