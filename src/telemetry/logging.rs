//! Log lines: their three shapes, and the start of the logger (spec: `observability.md` 9.1).
//!
//! [`line()`] is a pure function of an entry and a time, so the shapes are tested without a logger.
//! Metadata are the key-values of the `log` macros (`log::info!(request_id = id; "...")`).
//! Deliberately absent: files, rotation, syslog. Lines go to standard output, one write per line;
//! whoever runs the process collects them.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt::Write as _, io::Write as _};

use chrono::{DateTime, SecondsFormat, Utc};
use log::{Level, LevelFilter, Record, kv};
use serde::Serialize;
use serde_json::{Map, Value};

/// Longest message in bytes that is written whole; a path may fill a whole request head, and a log
/// collector commonly splits lines at 16 KiB.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024;

/// Key of the metadata that names a request; Google Cloud groups lines by it.
const REQUEST_ID: &str = "request_id";

/// The members of a [`GclLine`] that metadata may not use.
const GCL_MEMBERS: [&str; 5] = [
    "time",
    "severity",
    "message",
    "logging.googleapis.com/sourceLocation",
    "logging.googleapis.com/operation",
];

/// The shape of a line (`LOG_FMT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `HH:MM:SS.mmm key=value [level] message`, UTC; the word `erlang` means the same.
    #[default]
    Text,
    /// An object with `time`, `severity`, `message` and `metadata`.
    Json,
    /// The structured logging of Google Cloud.
    Gcl,
}

/// What a line is made of.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// How serious it is.
    pub level: Level,
    /// The text, of any length; cut at [`MESSAGE_BYTES_MAX`] when written.
    pub message: String,
    /// The module that speaks.
    pub module: &'a str,
    /// Its source file.
    pub file: Option<&'a str>,
    /// The line in that file.
    pub line: Option<u32>,
    /// Key-values in the order given.
    pub metadata: Vec<(String, Value)>,
}

/// A line of [`Format::Json`].
#[derive(Serialize)]
struct JsonLine<'a> {
    time: String,
    severity: &'static str,
    message: Cow<'a, str>,
    metadata: Map<String, Value>,
}

/// A line of [`Format::Gcl`].
#[derive(Serialize)]
struct GclLine<'a> {
    time: String,
    severity: &'static str,
    message: Cow<'a, str>,
    #[serde(rename = "logging.googleapis.com/sourceLocation")]
    source_location: SourceLocation<'a>,
    #[serde(
        rename = "logging.googleapis.com/operation",
        skip_serializing_if = "Option::is_none"
    )]
    operation: Option<Operation>,
    #[serde(flatten)]
    metadata: Map<String, Value>,
}

#[derive(Serialize)]
struct SourceLocation<'a> {
    file: Option<&'a str>,
    line: Option<u32>,
    function: &'a str,
}

#[derive(Serialize)]
struct Operation {
    id: Value,
}

/// Gathers the key-values of a record.
struct Metadata(Vec<(String, Value)>);

// === impl Format ===

impl Format {
    /// The words of `LOG_FMT`.
    pub const WORDS: [&'static str; 4] = ["text", "erlang", "json", "gcl"];

    /// The format a (lower-case) word of [`Format::WORDS`] stands for.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "text" | "erlang" => Some(Self::Text),
            "json" => Some(Self::Json),
            "gcl" => Some(Self::Gcl),
            _ => None,
        }
    }
}

// === impl Entry ===

impl<'a> Entry<'a> {
    /// The entry a record of the `log` crate describes.
    pub fn of(record: &Record<'a>) -> Self {
        let mut metadata = Metadata(Vec::new());
        // Our visitor never fails, and a source that does has lost only its own metadata.
        let _ = record.key_values().visit(&mut metadata);
        Self {
            level: record.level(),
            message: record.args().to_string(),
            module: record.target(),
            file: record.file(),
            line: record.line(),
            metadata: metadata.0,
        }
    }

    fn message(&self) -> Cow<'_, str> {
        if self.message.len() <= MESSAGE_BYTES_MAX {
            return Cow::Borrowed(&self.message);
        }
        let boundary = |at: &usize| self.message.is_char_boundary(*at);
        let end = (0..=MESSAGE_BYTES_MAX).rfind(boundary).unwrap_or(0);
        Cow::Owned(format!("{}...", &self.message[..end]))
    }
}

// === impl Metadata ===

impl<'kvs> kv::VisitSource<'kvs> for Metadata {
    fn visit_pair(&mut self, key: kv::Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        let value = if let Some(yes) = value.to_bool() {
            Value::from(yes)
        } else if let Some(number) = value.to_u64() {
            Value::from(number)
        } else if let Some(number) = value.to_i64() {
            Value::from(number)
        } else if let Some(number) = value.to_f64().and_then(serde_json::Number::from_f64) {
            Value::from(number)
        } else {
            Value::from(value.to_string())
        };
        self.0.push((key.as_str().to_owned(), value));
        Ok(())
    }
}

/// Starts logging for the process. A later call changes nothing: the first gateway of a process
/// decides, which matters only in tests.
///
/// `level` holds for our own modules. Libraries never say more than warnings: at `debug` some of
/// them would print headers, and with them tokens.
pub fn start(level: LevelFilter, format: Format) {
    let _ = env_logger::Builder::new()
        .filter_level(level.min(LevelFilter::Warn))
        .filter_module("rig", level)
        // All crates of this name: they warn of single messages, so a peer could fill the log. What
        // matters of it is counted, and told by our own network part.
        .filter_module("libp2p", level.min(LevelFilter::Error))
        .target(env_logger::Target::Stdout)
        .format(move |buffer, record| {
            let mut line = line(format, &Entry::of(record), Utc::now());
            line.push('\n');
            buffer.write_all(line.as_bytes())
        })
        .try_init();
}

/// The line for `entry`, without its line break. It never contains one: control characters are
/// escaped, so that what a client sends cannot forge a line.
pub fn line(format: Format, entry: &Entry<'_>, time: DateTime<Utc>) -> String {
    match format {
        Format::Text => text(entry, time),
        Format::Json => written(&json(entry, time)),
        Format::Gcl => written(&gcl(entry, time)),
    }
}

fn text(entry: &Entry<'_>, time: DateTime<Utc>) -> String {
    let mut line = time.format("%H:%M:%S%.3f ").to_string();
    push_pair(&mut line, "module", entry.module);
    for (key, value) in &entry.metadata {
        match value {
            Value::String(text) => push_pair(&mut line, key, text),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => push_pair(&mut line, key, &value.to_string()),
        }
    }
    let _ = write!(line, "[{}] ", severity(entry.level));
    push_escaped(&mut line, &entry.message());
    line
}

/// Appends `key=value `; a value that could be mistaken for something else is quoted.
fn push_pair(line: &mut String, key: &str, value: &str) {
    push_escaped(line, key);
    let plain = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
    if !value.is_empty() && value.chars().all(plain) {
        let _ = write!(line, "={value} ");
    } else {
        let _ = write!(line, "={value:?} ");
    }
}

fn push_escaped(line: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
}

fn json<'a>(entry: &'a Entry<'a>, time: DateTime<Utc>) -> JsonLine<'a> {
    let mut metadata = Map::new();
    metadata.insert("module".to_owned(), Value::from(entry.module));
    metadata.extend(entry.metadata.iter().cloned());
    JsonLine {
        time: iso_8601(time),
        severity: severity(entry.level),
        message: entry.message(),
        metadata,
    }
}

fn gcl<'a>(entry: &'a Entry<'a>, time: DateTime<Utc>) -> GclLine<'a> {
    let mut metadata: Map<String, Value> = entry.metadata.iter().cloned().collect();
    let operation = metadata.get(REQUEST_ID).cloned().map(|id| Operation { id });
    // Metadata stand beside the line's own members and must not be taken for them.
    metadata.retain(|key, _| !GCL_MEMBERS.contains(&key.as_str()));
    GclLine {
        time: iso_8601(time),
        severity: severity_gcl(entry.level),
        message: entry.message(),
        source_location: SourceLocation {
            file: entry.file,
            line: entry.line,
            function: entry.module,
        },
        operation,
        metadata,
    }
}

/// The text of a line; these shapes cannot fail to serialise, and an empty line is better than none.
fn written(line: &impl Serialize) -> String {
    serde_json::to_string(line).unwrap_or_default()
}

fn iso_8601(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

const fn severity(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug | Level::Trace => "debug",
    }
}

const fn severity_gcl(level: Level) -> &'static str {
    match level {
        Level::Error => "ERROR",
        Level::Warn => "WARNING",
        Level::Info => "INFO",
        Level::Debug | Level::Trace => "DEBUG",
    }
}
