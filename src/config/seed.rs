//! The start-up definitions (`PROXY_CONFIG_FILE`): from a file or the value itself to checked seeds
//! (spec: `api-definitions.md` 1.9).
//!
//! What a definition must be is decided in `core::api::seed`; here are only the places, and the sizes.

use serde_json::Value;

use crate::{
    config::{
        document::{Document, Undecodable, decode},
        faults::shown,
        files::Files,
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
    /// The value is neither a file with JSON nor JSON.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
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
    let Document {
        content,
        modified_ms,
    } = decode(value, SEED_FILE_BYTES_MAX, files)?;
    check_sizes(&content, definition_bytes_max)?;
    let seeds =
        seeds(&content, surroundings).map_err(|faults| SeedFault::Faulty(faults.to_string()))?;
    Ok(Loaded { seeds, modified_ms })
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
