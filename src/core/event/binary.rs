//! Binary mode: attributes in `ce-` headers, data in the body (spec: `events.md` 5.3; CloudEvents
//! HTTP protocol binding 1.0.2, 3.1). The event is composed once and is structured from then on.
//!
//! JSON values are put in as they were written, so that numbers keep their form. Deliberately
//! absent: names of our own for what a submitter may call an attribute.

use std::{borrow::Cow, collections::BTreeMap, fmt, fmt::Write};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use percent_encoding::percent_decode;

use super::{Event, EventFault, head::Version, json, submission::essence};

/// What the name of an attribute's header begins with.
const PREFIX: &str = "ce-";

/// Attributes that 0.2 does not decode: their values are strings even if they look like JSON.
const STRINGS: [&str; 6] = ["specversion", "type", "source", "id", "time", "schemaurl"];

/// Headers, besides `ce-*`, whose values an error shows. A proxy before us may have added secrets
/// that are not the client's to see.
const SHOWN: [&str; 3] = ["content-length", "content-type", "host"];

/// Why headers and body are not an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BinaryFault {
    /// There is not exactly one known version.
    #[error(
        "Your request looks like it's using the CloudEvents binary content mode, but the ce-specversion header is {0} instead of [\"0.2\"]."
    )]
    Version(Listed),
    /// Anything else.
    #[error(
        "Your request looks like it's using the CloudEvents binary content mode but can't be parsed ({reason}). Please make sure you're passing the headers according to the spec:\n\nHTTP Transport Binding for CloudEvents\nhttps://github.com/cloudevents/spec/blob/master/http-transport-binding.md\n\nRequest headers:\n{headers}\n"
    )]
    Malformed {
        /// What is wrong.
        reason: Reason,
        /// The headers, one a line.
        headers: String,
    },
}

/// What is wrong with an event in binary mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The composed event lacks something.
    #[error(transparent)]
    Event(#[from] EventFault),
    /// The body has a JSON content type only.
    #[error("{{:invalid_json, \"data\", \"{0}\"}}")]
    Data(json::Fault),
    /// A header is there twice.
    #[error("{{:ambiguous, \"{0}\", \"the header must occur once\"}}")]
    Twice(String),
    /// A header is not UTF-8.
    #[error("{{:invalid, \"{0}\", \"the header must be UTF-8\"}}")]
    NotText(String),
}

/// Header values as they are listed in an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed(Vec<String>);

/// Members of the event, values as JSON.
type Members<'a> = BTreeMap<&'a str, Cow<'a, str>>;

/// Composes the event of a request.
///
/// # Errors
/// [`BinaryFault`]
pub(super) fn event(
    content_type: &[u8],
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Event, BinaryFault> {
    let version = version(headers)?;
    let composed = attributes(version, headers).and_then(|mut members| {
        add_data(&mut members, version, content_type, body)?;
        Event::parse(composed(&members)).map_err(Reason::from)
    });
    composed.map_err(|reason| BinaryFault::Malformed {
        reason,
        headers: shown(headers),
    })
}

fn version(headers: &HeaderMap) -> Result<Version, BinaryFault> {
    let found: Vec<&HeaderValue> = headers.get_all("ce-specversion").iter().collect();
    match found.as_slice() {
        [only] if *only == "0.2" => Ok(Version::V02),
        [only] if *only == "1.0" => Ok(Version::V10),
        others => {
            let text =
                |value: &&HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            Err(BinaryFault::Version(Listed(
                others.iter().map(text).collect(),
            )))
        }
    }
}

fn attributes(version: Version, headers: &HeaderMap) -> Result<Members<'_>, Reason> {
    let mut members = Members::new();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix(PREFIX) else {
            continue;
        };
        if attribute.is_empty() || is_of_the_body(version, attribute) {
            continue;
        }
        let not_text = |_error| Reason::NotText(name.to_string());
        let value = std::str::from_utf8(value.as_bytes()).map_err(not_text)?;
        let value = match version {
            Version::V10 => {
                let text = decoded(value).ok_or_else(|| Reason::NotText(name.to_string()))?;
                Cow::Owned(quoted(&text))
            }
            Version::V01 | Version::V02 if !STRINGS.contains(&attribute) && is_json(value) => {
                Cow::Borrowed(value.trim_ascii())
            }
            Version::V01 | Version::V02 => Cow::Owned(quoted(value)),
        };
        if members.insert(attribute, value).is_some() {
            return Err(Reason::Twice(name.to_string()));
        }
    }
    Ok(members)
}

/// What the body and its content type say cannot be said by a header.
fn is_of_the_body(version: Version, attribute: &str) -> bool {
    matches!(attribute, "data" | "data_base64") || attribute == content_type_name(version)
}

const fn content_type_name(version: Version) -> &'static str {
    match version {
        Version::V10 => "datacontenttype",
        Version::V01 | Version::V02 => "contenttype",
    }
}

fn add_data<'a>(
    members: &mut Members<'a>,
    version: Version,
    content_type: &[u8],
    body: &'a [u8],
) -> Result<(), Reason> {
    let is_json = essence(content_type).as_deref() == Some("application/json");
    if !is_json || version == Version::V10 {
        let content_type = String::from_utf8_lossy(content_type);
        members.insert(content_type_name(version), quoted(&content_type).into());
    }
    if is_json {
        if !body.is_empty() {
            let data = json::utf8(body).map_err(Reason::Data)?;
            json::check(data).map_err(Reason::Data)?;
            members.insert("data", data.trim_ascii().into());
        }
        return Ok(());
    }
    match std::str::from_utf8(body) {
        Ok(text) => members.insert("data", quoted(text).into()),
        Err(_binary) => {
            let text = BASE64_STANDARD.encode(body);
            members.insert("data_base64", quoted(&text).into())
        }
    };
    Ok(())
}

fn composed(members: &Members<'_>) -> Bytes {
    let mut text = String::from("{");
    for (name, value) in members {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&quoted(name));
        text.push(':');
        text.push_str(value);
    }
    text.push('}');
    Bytes::from(text.into_bytes().into_boxed_slice())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn is_json(text: &str) -> bool {
    json::check(text).is_ok()
}

/// A header's value in 1.0: perhaps a quoted string, then percent-encoded (HTTP protocol binding
/// 1.0.2, 3.1.3.2). `None`: what was encoded is not UTF-8.
fn decoded(value: &str) -> Option<String> {
    let inner = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let unquoted = match inner {
        None => Cow::Borrowed(value),
        Some(inner) => {
            let mut text = String::with_capacity(inner.len());
            let mut characters = inner.chars();
            while let Some(character) = characters.next() {
                let meant = if character == '\\' {
                    characters.next()
                } else {
                    Some(character)
                };
                text.extend(meant);
            }
            Cow::Owned(text)
        }
    };
    let text = percent_decode(unquoted.as_bytes()).decode_utf8().ok()?;
    Some(text.into_owned())
}

/// The headers of a request, sorted, one a line.
fn shown(headers: &HeaderMap) -> String {
    let mut sorted: Vec<_> = headers.iter().collect();
    sorted.sort_by_key(|(name, _)| name.as_str());
    let mut text = String::new();
    for (name, value) in sorted {
        let is_shown = name.as_str().starts_with(PREFIX) || SHOWN.contains(&name.as_str());
        let value = if is_shown {
            String::from_utf8_lossy(value.as_bytes())
        } else {
            Cow::Borrowed("(not shown)")
        };
        // Writing to a string cannot fail.
        let _infallible = writeln!(text, "  {name}: {value}");
    }
    text
}

// === impl Listed ===

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}
