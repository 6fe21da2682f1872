//! The start-up definitions (`PROXY_CONFIG_FILE`): a JSON list, checked as a whole
//! (spec: `api-definitions.md` 1.9).
//!
//! A gateway that starts with half of its file would answer 404 for the other half, so one fault
//! refuses all; and every fault is told, so that one look mends the file. Deliberately absent:
//! reading the file, and comparing its timestamps with a clock (cluster.md, part 4.1).

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt};

use chrono::DateTime;
use serde::Serialize;
use serde_json::Value;

use crate::core::api::{
    API_ID_BYTES_MAX, Api,
    document::{self, Document},
    faults::{API_GROUP, Faults, Warning},
    validate::{Checked, Surroundings, validate_value},
};

/// Highest `ref_number` a file may carry (cluster.md, part 6), so that no later write overflows.
pub const SEED_REF_NUMBER_MAX: u64 = 1 << 48;

/// Most faulty entries that are listed; the rest is counted. Generated files can be wrong in every
/// entry, and the list goes to a terminal.
pub const FAULTY_ENTRIES_MAX: usize = 100;

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

/// Why a file is refused. The text names every fault of every entry: a line per entry and fault
/// group, `entry <index> (id "<id>"): <error map of the group>`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeedFaults {
    /// The content is not a list, but this.
    #[error("the proxy config must be a list of API definitions, got {0}")]
    NotAList(&'static str),
    /// At least one entry is faulty.
    #[error("{0}")]
    Entries(FaultyEntries),
}

/// The faulty entries of a file, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultyEntries {
    /// At most [`FAULTY_ENTRIES_MAX`].
    pub listed: Vec<FaultyEntry>,
    /// How many more there are.
    pub omitted: usize,
}

/// What is wrong with one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultyEntry {
    /// Position in the file, from 0.
    pub entry: usize,
    /// The entry's `id`, if it is text; at most [`API_ID_BYTES_MAX`] characters of it.
    pub id: Option<String>,
    /// Never empty.
    pub faults: Faults,
}

/// Checks the decoded content of the file.
///
/// # Errors
/// Not a list, or at least one entry is faulty.
pub fn seeds(content: &Value, surroundings: &Surroundings) -> Result<Vec<Seed>, SeedFaults> {
    let entries = content
        .as_array()
        .ok_or_else(|| SeedFaults::NotAList(kind(content)))?;
    let mut first_with_id = BTreeMap::new();
    let mut seeds = Vec::with_capacity(entries.len());
    let mut faulty = FaultyEntries {
        listed: Vec::new(),
        omitted: 0,
    };
    for (index, entry) in entries.iter().enumerate() {
        let mut twin = None;
        if let Some(id) = entry.get("id").and_then(Value::as_str) {
            let first = *first_with_id.entry(id).or_insert(index);
            twin = (first != index).then_some(first);
        }
        match seed(entry, twin, surroundings) {
            Ok(seed) => seeds.push(seed),
            Err(_) if faulty.listed.len() == FAULTY_ENTRIES_MAX => faulty.omitted += 1,
            Err(faults) => faulty.listed.push(FaultyEntry {
                entry: index,
                id: id(entry),
                faults,
            }),
        }
    }
    if faulty.listed.is_empty() {
        Ok(seeds)
    } else {
        Err(SeedFaults::Entries(faulty))
    }
}

// === impl FaultyEntries ===

impl fmt::Display for FaultyEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for entry in &self.listed {
            write!(f, "{separator}{entry}")?;
            separator = "\n";
        }
        match self.omitted {
            0 => Ok(()),
            omitted => write!(f, "{separator}{omitted} more entries are faulty"),
        }
    }
}

// === impl FaultyEntry ===

impl fmt::Display for FaultyEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for map in self.faults.by_group() {
            // JSON and `{:?}` escape control characters, so no id can forge a line.
            let map = serde_json::to_string(&map).map_err(|_| fmt::Error)?;
            match &self.id {
                Some(id) => write!(f, "{separator}entry {} (id {id:?}): {map}", self.entry)?,
                None => write!(f, "{separator}entry {} (no id): {map}", self.entry)?,
            }
            separator = "\n";
        }
        Ok(())
    }
}

fn id(entry: &Value) -> Option<String> {
    Some(
        entry
            .get("id")?
            .as_str()?
            .chars()
            .take(API_ID_BYTES_MAX)
            .collect(),
    )
}

/// Checks one entry; `twin` is an earlier entry with the same id.
fn seed(entry: &Value, twin: Option<usize>, surroundings: &Surroundings) -> Result<Seed, Faults> {
    let checked = validate_value(entry, None, surroundings);
    let (checked, mut faults) = match checked {
        Ok(checked) => (Some(checked), Faults::default()),
        Err(faults) => (None, faults),
    };
    if let Some(twin) = twin {
        faults.push(
            API_GROUP,
            "id",
            format!("must be unique, entry {twin} has it too"),
        );
    }
    let ref_number = ref_number(entry.get("ref_number"));
    if ref_number.is_none() {
        let message = format!("must be integer, from 0 to {SEED_REF_NUMBER_MAX}");
        faults.push(API_GROUP, "ref_number", message);
    }
    let timestamp_ms = timestamp_ms(entry.get("timestamp"));
    if timestamp_ms.is_err() {
        let message = "must be an RFC 3339 date-time, e.g. 2022-03-01T07:08:09Z";
        faults.push(API_GROUP, "timestamp", message);
    }
    match (checked, ref_number, timestamp_ms) {
        (Some(Checked { api, mut warnings }), Some(ref_number), Ok(timestamp_ms))
            if faults.is_empty() =>
        {
            warnings.extend(inactive(entry, &api));
            let document = document::from_value(entry.clone());
            Ok(Seed {
                document,
                api,
                ref_number,
                timestamp_ms,
                warnings,
            })
        }
        _ => Err(faults),
    }
}

/// `active` is the server's: who switched an API off in the file must not find it on unnoticed.
fn inactive(entry: &Value, api: &Api) -> Option<Warning> {
    (entry.get("active") == Some(&Value::Bool(false))).then(|| Warning {
        path: api.id.to_string(),
        message: "`active` has no effect in a file, the API is served: remove the entry instead"
            .to_owned(),
    })
}

/// Absent is 0.
fn ref_number(value: Option<&Value>) -> Option<u64> {
    match value {
        None | Some(Value::Null) => Some(0),
        Some(value) => value
            .as_u64()
            .filter(|number| *number <= SEED_REF_NUMBER_MAX),
    }
}

/// Not before 1970, as stamps count from there.
fn timestamp_ms(value: Option<&Value>) -> Result<Option<u64>, NotATimestamp> {
    let text = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value.as_str().ok_or(NotATimestamp)?,
    };
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| NotATimestamp)?;
    u64::try_from(time.timestamp_millis())
        .map(Some)
        .map_err(|_| NotATimestamp)
}

struct NotATimestamp;

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object: put it in [ ]",
    }
}
