//! Settings that are a JSON document: a file with it, or the JSON itself (spec: `config.md` 8.2,
//! `api-definitions.md` 1.9).
//!
//! Deliberately absent: what a document must hold.

use std::path::Path;

use serde_json::Value;

use crate::config::{
    faults::shown,
    files::{Files, places},
};

/// A decoded document.
#[derive(Debug)]
pub struct Document {
    /// What it holds.
    pub content: Value,
    /// When its file was last changed, in milliseconds since the epoch; `None` if it was given
    /// inline, or nobody knows.
    pub modified_ms: Option<u64>,
}

/// There is no document; the text names every attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("neither a readable JSON file nor JSON:\n{0}")]
pub struct Undecodable(pub String);

/// The JSON that `value` names or is: the path as given, else below the data directories, else the
/// value itself. A file that exists ends the search for files, so that a broken one is never
/// silently replaced by another; one of more than `bytes_max` is broken.
///
/// # Errors
/// There is neither.
pub fn decode(value: &str, bytes_max: u64, files: &dyn Files) -> Result<Document, Undecodable> {
    let mut attempts = Vec::new();
    for place in places(files, value) {
        if !files.exists(&place) {
            attempts.push(format!("file {}: does not exist", shown_path(&place)));
            continue;
        }
        // Before the content: a change in between makes it look older, never newer than it is.
        let modified_ms = files.modified(&place);
        match decode_file(&place, bytes_max, files) {
            Ok(content) => {
                return Ok(Document {
                    content,
                    modified_ms,
                });
            }
            Err(reason) => attempts.push(format!("file {}: {reason}", shown_path(&place))),
        }
        break;
    }
    match serde_json::from_str(value) {
        Ok(content) => Ok(Document {
            content,
            modified_ms: None,
        }),
        Err(error) => {
            attempts.push(format!("JSON {}: {error}", shown(value)));
            Err(Undecodable(attempts.join("\n")))
        }
    }
}

fn decode_file(place: &Path, bytes_max: u64, files: &dyn Files) -> Result<Value, String> {
    let bytes = files
        .read(place, bytes_max)
        .map_err(|error| format!("cannot be read: {error}"))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("is not JSON: {error}"))
}

fn shown_path(place: &Path) -> String {
    shown(&place.to_string_lossy())
}
