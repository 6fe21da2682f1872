//! The recordings, read from `golden/*.jsonl` (their form: `golden/README.md`).
//!
//! Ports and tokens are put in before parsing, so that a case reads as if it had been recorded with
//! this very back end. Deliberately absent: what *we* have to answer, that is
//! [`expected`](crate::support::expected).

pub(crate) mod stream;
#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::Value;

use crate::support::{
    client::{Payload, Request},
    golden::stream::Stream,
    token,
    wire::{Headers, header},
};

/// A recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum File {
    /// `/v3/apis`.
    Mgmt,
    /// Proxied requests.
    Proxy,
    /// Secured endpoints.
    Auth,
    /// `/v3/session-blacklist`.
    Blacklist,
    /// Submitted events.
    Events,
    /// Streams of server-sent events, and what was done while they were open.
    Sse,
}

/// What stands for the recorded ports.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    /// Of the recording back end, recorded as 7070.
    pub(crate) backend: u16,
    /// One where nobody listens, recorded as 7999.
    pub(crate) closed: u16,
}

/// One line of a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Line {
    /// A request and what came of it.
    Case(Box<Case>),
    /// A stream of events, opened before the cases that follow.
    Stream(Box<Stream>),
    /// Something done between two recorded requests.
    Step {
        /// What, in words.
        step: String,
    },
}

/// A recorded request.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// Unique within its file.
    #[serde(rename = "case")]
    pub(crate) name: String,
    /// The request.
    pub(crate) send: Send,
    /// What the original answered.
    pub(crate) answer: Recorded,
    /// What reached the back end.
    #[serde(default)]
    pub(crate) saw: Vec<Saw>,
}

/// A request to be sent.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Send {
    /// Which listener.
    pub(crate) to: Port,
    /// Method token.
    pub(crate) method: String,
    /// Request target.
    pub(crate) path: String,
    /// Without `host: localhost:14000` and without the framing the client adds.
    pub(crate) headers: Headers,
    /// The body.
    pub(crate) body: Option<Content>,
    /// No `host` header at all.
    pub(crate) no_host: bool,
    /// Protocol version if it is not 1.1.
    pub(crate) version: Option<String>,
    /// Everything as text; the other members are empty then.
    pub(crate) raw: Option<String>,
}

/// A listener of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Port {
    /// The proxy.
    #[default]
    Inbound,
    /// The management API.
    Api,
}

/// A recorded answer, without what is masked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recorded {
    /// Status code.
    pub(crate) status: u16,
    /// Who made it.
    pub(crate) from: Origin,
    /// Names lower-case.
    #[serde(default)]
    pub(crate) headers: Headers,
    /// The body.
    pub(crate) body: Option<Content>,
    /// The connection was closed after it.
    #[serde(default)]
    pub(crate) closes: bool,
}

/// Who made an answer; decides what must be in it besides the recorded members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Origin {
    /// The gateway's HTTP layer, before a handler saw the request (or after one crashed).
    Wire,
    /// The gateway.
    Gateway,
    /// The back end's echo: `content-type: application/json`, `x-backend: echo`, and its body.
    Echo,
    /// Another path of the back end.
    Target,
}

/// A request at the back end, without `host: localhost:7070`, `forwarded`, `traceparent`, the
/// original's `user-agent` and a `content-length` that fits the body.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Saw {
    /// Request line without the protocol.
    pub(crate) line: String,
    /// Names lower-case.
    #[serde(default)]
    pub(crate) headers: Headers,
    /// The body.
    pub(crate) body: Option<Content>,
}

/// A body in a form fit for a line of JSON.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Content {
    /// UTF-8.
    Text(String),
    /// A JSON document; member order and white space do not count.
    Json(Value),
    /// Bytes.
    Base64(String),
    /// A text, so many times.
    Repeat(String, usize),
    /// A beginning, a text so many times, and an end.
    Padded(String, String, usize, String),
    /// Text sent in chunks.
    Chunks(Vec<String>),
}

/// `text` with the recorded back end's port replaced.
pub(crate) fn filled(text: &str, ports: Ports) -> String {
    text.replace("7070", &ports.backend.to_string())
        .replace("7999", &ports.closed.to_string())
}

/// The same with tokens signed now.
fn signed(text: &str, ports: Ports) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    filled(&token::fill(text, now), ports)
}

// === impl File ===

impl File {
    /// All files.
    pub(crate) const ALL: [Self; 6] = [
        Self::Mgmt,
        Self::Proxy,
        Self::Auth,
        Self::Blacklist,
        Self::Events,
        Self::Sse,
    ];

    /// Reads the file with `ports` put in and tokens signed now.
    ///
    /// # Panics
    /// A line is malformed; names it.
    pub(crate) fn lines(self, ports: Ports) -> Vec<Line> {
        let text = match self {
            Self::Mgmt => include_str!("../golden/mgmt.jsonl"),
            Self::Proxy => include_str!("../golden/proxy.jsonl"),
            Self::Auth => include_str!("../golden/auth.jsonl"),
            Self::Blacklist => include_str!("../golden/blacklist.jsonl"),
            Self::Events => include_str!("../golden/events.jsonl"),
            Self::Sse => include_str!("../golden/sse.jsonl"),
        };
        let read = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:.200}"))
        };
        signed(text, ports).lines().map(read).collect()
    }

    /// Only the cases, streams as the requests that opened them.
    pub(crate) fn cases(self, ports: Ports) -> Vec<Case> {
        let case = |line| match line {
            Line::Case(case) => Some(*case),
            Line::Stream(stream) => Some(stream.case()),
            Line::Step { .. } => None,
        };
        self.lines(ports).into_iter().filter_map(case).collect()
    }

    /// The API definitions that were stored when the file was recorded.
    pub(crate) fn definitions(self, ports: Ports) -> Vec<Value> {
        let text = signed(include_str!("../golden/apis.json"), ports);
        let mut files: Value = serde_json::from_str(&text).expect("JSON");
        let file = match self {
            Self::Mgmt | Self::Blacklist | Self::Events | Self::Sse => return Vec::new(),
            Self::Proxy => "proxy",
            Self::Auth => "auth",
        };
        serde_json::from_value(files[file].take()).expect("a list of definitions")
    }
}

// === impl Send ===

impl Send {
    /// The request as the client sends it.
    pub(crate) fn request(&self) -> Request {
        let mut headers = self.headers.clone();
        if !self.no_host && header(&headers, "host").is_none() {
            headers.insert(0, ("host".to_owned(), self.host().to_owned()));
        }
        Request {
            method: self.method.clone(),
            target: self.path.clone(),
            version: self.version.clone().unwrap_or_else(|| "1.1".to_owned()),
            headers,
            payload: self.body.as_ref().map_or(Payload::None, Content::payload),
        }
    }

    /// Value of the `host` header.
    pub(crate) fn host(&self) -> &str {
        header(&self.headers, "host").unwrap_or("localhost:14000")
    }
}

// === impl Content ===

impl Content {
    /// Its bytes.
    ///
    /// # Panics
    /// Malformed base64.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Json(value) => value.to_string().into_bytes(),
            Self::Base64(text) => BASE64_STANDARD.decode(text).expect("base64"),
            Self::Repeat(text, times) => text.repeat(*times).into_bytes(),
            Self::Padded(first, text, times, last) => [first.as_str(), &text.repeat(*times), last]
                .concat()
                .into_bytes(),
            Self::Chunks(chunks) => chunks.concat().into_bytes(),
        }
    }

    fn payload(&self) -> Payload {
        match self {
            Self::Chunks(chunks) => Payload::Chunks(
                chunks
                    .iter()
                    .map(|chunk| chunk.clone().into_bytes())
                    .collect(),
            ),
            Self::Text(_)
            | Self::Json(_)
            | Self::Base64(_)
            | Self::Repeat(..)
            | Self::Padded(..) => Payload::Bytes(self.bytes()),
        }
    }
}
