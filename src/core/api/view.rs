//! What GET shows: the stored document with defaults filled in and the server-managed members.

use serde_json::Value;

use crate::core::api::document::Document;

/// The server-managed members of a stored definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bookkeeping<'a> {
    /// Version counter.
    pub ref_number: u64,
    /// Milliseconds since the epoch of the write that made this version.
    pub timestamp_ms: u64,
    /// Name of the node that answers.
    pub node_name: &'a str,
}

/// The full document of an active definition as the management API returns it.
pub fn view(_document: &Document, _bookkeeping: &Bookkeeping<'_>) -> Value {
    todo!()
}
