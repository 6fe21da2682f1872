//! The start-up definitions (`PROXY_CONFIG_FILE`): from a file or the value itself to checked seeds
//! (spec: `api-definitions.md` 1.9).
//!
//! What a definition must be is decided in `core::api::seed`; here are only the places, and the sizes.

use std::path::Path;

use serde_json::Value;

use crate::{
    config::{
        faults::shown,
        files::{Files, places},
    },
    core::api::{
        seed::{Seed, seeds},
        validate::Surroundings,
    },
};

/// Longest definition file: 100,000 APIs, the soft limit of a cluster, of 2.5 KiB each.
pub const SEED_FILE_BYTES_MAX: u64 = 256 << 20;

/// What there is to start with.
#[derive(Debug)]
pub struct Loaded {
    /// The checked definitions, in the order of the file.
    pub seeds: Vec<Seed>,
    /// When their file was last changed, in milliseconds since the epoch; `None` if they were given
    /// inline, or nobody knows. It is the age of definitions that do not tell their own, so that an old
    /// file does not become new by a restart (cluster.md, part 13).
    pub modified_ms: Option<u64>,
}

/// Why there are no definitions to start with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeedFault {
    /// The value is neither a file with JSON nor JSON; the text names every attempt.
    #[error("neither a readable JSON file nor JSON:\n{0}")]
    Undecodable(String),
    /// Definitions are larger than the limit; a line for each.
    #[error("{0}")]
    TooLarge(String),
    /// The definitions are faulty; a line for each fault.
    #[error("{0}")]
    Faulty(String),
}

/// The checked definitions of `value`, a path or JSON.
///
/// # Errors
/// [`SeedFault`], with all faults of all definitions.
pub fn load(
    value: &str,
    definition_bytes_max: usize,
    files: &dyn Files,
    surroundings: &Surroundings,
) -> Result<Loaded, SeedFault> {
    let (content, modified_ms) = decode(value, files)?;
    check_sizes(&content, definition_bytes_max)?;
    let seeds =
        seeds(&content, surroundings).map_err(|faults| SeedFault::Faulty(faults.to_string()))?;
    Ok(Loaded { seeds, modified_ms })
}

/// The JSON that `value` names or is, and the time its file was changed: the path as given, else below the data directories, else the
/// value itself. A file that exists ends the search for files, so that a broken one is never
/// silently replaced by another.
fn decode(value: &str, files: &dyn Files) -> Result<(Value, Option<u64>), SeedFault> {
    let mut attempts = Vec::new();
    for place in places(files, value) {
        if !files.exists(&place) {
            attempts.push(format!("file {}: does not exist", shown_path(&place)));
            continue;
        }
        // Before the content: a change in between makes it look older, never newer than it is.
        let modified_ms = files.modified(&place);
        match decode_file(&place, files) {
            Ok(content) => return Ok((content, modified_ms)),
            Err(reason) => attempts.push(format!("file {}: {reason}", shown_path(&place))),
        }
        break;
    }
    match serde_json::from_str(value) {
        Ok(content) => Ok((content, None)),
        Err(error) => {
            attempts.push(format!("JSON {}: {error}", shown(value)));
            Err(SeedFault::Undecodable(attempts.join("\n")))
        }
    }
}

fn decode_file(place: &Path, files: &dyn Files) -> Result<Value, String> {
    let bytes = files
        .read(place, SEED_FILE_BYTES_MAX)
        .map_err(|error| format!("cannot be read: {error}"))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("is not JSON: {error}"))
}

fn shown_path(place: &Path) -> String {
    shown(&place.to_string_lossy())
}

/// The same limit as at the management API's door, so that a node never holds what it could not have
/// been sent.
fn check_sizes(content: &Value, definition_bytes_max: usize) -> Result<(), SeedFault> {
    let entries = content.as_array().map_or(&[][..], Vec::as_slice);
    let mut faults = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let bytes = entry.to_string().len();
        if bytes > definition_bytes_max {
            let id = entry
                .get("id")
                .and_then(Value::as_str)
                .map(shown)
                .unwrap_or_default();
            faults.push(format!(
                "entry {index} {id} has {bytes} bytes, more than the {definition_bytes_max} of \
                 DEFINITION_BYTES_MAX"
            ));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(SeedFault::TooLarge(faults.join("\n")))
    }
}
