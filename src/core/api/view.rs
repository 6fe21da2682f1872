//! What GET shows: the stored document with defaults filled in and the server-managed members
//! (spec: `api-definitions.md` 1.2). Deliberately absent: `phx_ref`, which the `ETag` replaces.

#[cfg(test)]
mod tests;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use crate::core::api::{
    document::{Document, without_bookkeeping},
    token_source,
};

/// 9999-12-31T23:59:59.999Z: RFC 3339 has four digits for the year, whatever a wrong clock says.
const TIMESTAMP_MS_MAX: u64 = 253_402_300_799_999;

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
pub fn view(document: &Document, bookkeeping: &Bookkeeping<'_>) -> Value {
    let mut shown = without_bookkeeping(document.clone());
    shown.insert("auth".to_owned(), token_source::effective(document).into());
    shown.entry("auth_type").or_insert_with(|| "none".into());
    shown.entry("versioned").or_insert(Value::Bool(false));
    shown.extend([
        ("active".to_owned(), Value::Bool(true)),
        ("node_name".to_owned(), bookkeeping.node_name.into()),
        ("ref_number".to_owned(), bookkeeping.ref_number.into()),
        (
            "timestamp".to_owned(),
            rfc3339(bookkeeping.timestamp_ms).into(),
        ),
    ]);
    Value::Object(shown)
}

/// `timestamp_ms` in UTC with microseconds, the form of the original.
fn rfc3339(timestamp_ms: u64) -> String {
    i64::try_from(timestamp_ms.min(TIMESTAMP_MS_MAX))
        .ok()
        .and_then(DateTime::<Utc>::from_timestamp_millis)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Micros, true)
}
