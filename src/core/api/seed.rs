//! The start-up definitions (`PROXY_CONFIG_FILE`): a JSON list, checked as a whole
//! (spec: `api-definitions.md` 1.9).

use crate::core::api::{Api, document::Document, faults::Warning, validate::Surroundings};

/// Highest `ref_number` a file may carry (cluster.md, part 6), so that no later write overflows.
pub const SEED_REF_NUMBER_MAX: u64 = 1 << 48;

/// One entry of the file.
#[derive(Debug)]
pub struct Seed {
    /// The entry without server-managed members.
    pub document: Document,
    /// Its model.
    pub api: Api,
    /// The entry's `ref_number`, or 0.
    pub ref_number: u64,
    /// The entry's `timestamp` in milliseconds since the epoch, if it has one.
    pub timestamp_ms: Option<u64>,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
}

/// Why a file is refused: every fault of every entry, each with the entry it belongs to.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SeedFaults(pub String);

/// Checks the decoded content of the file.
///
/// # Errors
/// Not a list, or at least one entry is faulty; the text has a line per fault.
pub fn seeds(
    _content: &serde_json::Value,
    _surroundings: &Surroundings,
) -> Result<Vec<Seed>, SeedFaults> {
    todo!()
}
