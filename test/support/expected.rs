//! What has to come back and what has to arrive at the back end, as the comparison reads it.
//!
//! Starts as the recording and is changed by the deviations that apply. What the recording's README
//! masks is either left out here or turned into a [`Want`] that says what must still hold of it.

use serde_json::Value;

use crate::support::golden::{Case, Content, Origin, Ports, Saw};

/// Everything a case expects.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expected {
    /// Status code; reason phrases do not count (RFC 9112, 4).
    pub(crate) status: u16,
    /// Who answers.
    pub(crate) origin: Origin,
    /// All headers but those the origin implies; names lower-case.
    pub(crate) headers: Vec<(String, Want)>,
    /// The body.
    pub(crate) body: Body,
    /// How its end is told, where there is one.
    pub(crate) framing: Framed,
    /// The answer breaks off.
    pub(crate) cut: bool,
    /// The first byte reaches the client before the back end wrote its last.
    pub(crate) streamed: bool,
    /// The connection is closed afterwards.
    pub(crate) closes: bool,
    /// The same request may arrive twice.
    pub(crate) retried: bool,
    /// What arrives at the back end.
    pub(crate) saw: Vec<Arrival>,
}

/// A request at the back end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arrival {
    /// Request line without the protocol.
    pub(crate) line: String,
    /// All headers but `traceparent`; names lower-case.
    pub(crate) headers: Vec<(String, Want)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// What a header's value must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Want {
    /// This.
    Exactly(String),
    /// Something.
    Present,
    /// A request id: 20 to 200 bytes.
    RequestId,
    /// An entity tag `"<ref>-<16 hex digits>"`.
    Tag,
    /// The client's entries, if any, then one of ours that tells the version of the client's protocol
    /// (RFC 9110, 7.6.3).
    Via(String, String),
}

/// What the body must be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    /// These bytes.
    Bytes(Vec<u8>),
    /// This document; the string `"*"` stands for any string but the empty one.
    Json(Value),
    /// Byte for byte what the back end sent.
    Echo,
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framed {
    /// `content-length`.
    Length,
    /// `transfer-encoding: chunked`.
    Chunked,
}

// === impl Expected ===

impl Expected {
    /// What the original did.
    pub(crate) fn recorded(case: &Case, ports: Ports) -> Self {
        let recorded = &case.answer;
        let body = match (recorded.from, &recorded.body) {
            (Origin::Echo, _) => Body::Echo,
            (_, None) => Body::Bytes(Vec::new()),
            (_, Some(Content::Json(document))) => Body::Json(document.clone()),
            (_, Some(content)) => Body::Bytes(content.bytes()),
        };
        Self {
            status: recorded.status,
            origin: recorded.from,
            headers: exactly(&recorded.headers),
            body,
            framing: Framed::Length,
            cut: false,
            streamed: false,
            closes: recorded.closes,
            retried: false,
            saw: case
                .saw
                .iter()
                .map(|saw| Arrival::recorded(saw, ports))
                .collect(),
        }
    }

    /// The arrival that a change is about; made from the request if the original forwarded nothing.
    pub(crate) fn arrival(&mut self, case: &Case, ports: Ports) -> &mut Arrival {
        if self.saw.is_empty() {
            self.saw.push(Arrival::of_request(case, ports));
        }
        &mut self.saw[0]
    }

    /// Sets a header to exactly these lines.
    pub(crate) fn set(&mut self, name: &str, wants: impl IntoIterator<Item = Want>) {
        set(&mut self.headers, name, wants);
    }
}

// === impl Arrival ===

impl Arrival {
    fn recorded(saw: &Saw, ports: Ports) -> Self {
        let mut arrival = Self {
            line: saw.line.clone(),
            headers: exactly(&saw.headers),
            body: saw.body.as_ref().map(Content::bytes).unwrap_or_default(),
        };
        arrival.complete(ports);
        arrival
    }

    /// The request as it would be forwarded untouched.
    fn of_request(case: &Case, ports: Ports) -> Self {
        let mut headers = exactly(&case.send.headers);
        headers.retain(|(name, _)| name != "host");
        let mut arrival = Self {
            line: format!("{} {}", case.send.method, case.send.path),
            headers,
            body: case
                .send
                .body
                .as_ref()
                .map(Content::bytes)
                .unwrap_or_default(),
        };
        arrival.complete(ports);
        arrival
    }

    /// Sets a header to exactly these lines.
    pub(crate) fn set(&mut self, name: &str, wants: impl IntoIterator<Item = Want>) {
        set(&mut self.headers, name, wants);
    }

    /// Adds what the recordings leave out because it is nearly always the same.
    fn complete(&mut self, ports: Ports) {
        let host = format!("localhost:{}", ports.backend);
        for (name, value) in [
            ("host", host.as_str()),
            ("forwarded", "for=127.0.0.1;by=127.0.0.1"),
        ] {
            if !self.headers.iter().any(|(known, _)| known == name) {
                self.set(name, [Want::Exactly(value.to_owned())]);
            }
        }
    }
}

// === impl Want ===

impl Want {
    /// `value` is what is wanted.
    pub(crate) fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Exactly(wanted) => value == wanted,
            Self::Present => !value.is_empty(),
            Self::RequestId => (20..=200).contains(&value.len()),
            Self::Tag => {
                let tag = value
                    .strip_prefix('"')
                    .and_then(|value| value.strip_suffix('"'));
                tag.and_then(|tag| tag.split_once('-'))
                    .is_some_and(|(number, digest)| {
                        number.parse::<u64>().is_ok()
                            && digest.len() == 16
                            && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
                    })
            }
            Self::Via(given, version) => value
                .strip_prefix(given.as_str())
                .map(|ours| ours.trim_start_matches([',', ' ']))
                .and_then(|ours| ours.strip_prefix(version.as_str()))
                .is_some_and(|name| name.starts_with(' ') && !name.contains(',')),
        }
    }
}

fn exactly(headers: &[(String, String)]) -> Vec<(String, Want)> {
    headers
        .iter()
        .map(|(name, value)| {
            (
                name.to_ascii_lowercase(),
                Want::Exactly(value.trim().to_owned()),
            )
        })
        .collect()
}

fn set(headers: &mut Vec<(String, Want)>, name: &str, wants: impl IntoIterator<Item = Want>) {
    headers.retain(|(known, _)| known != name);
    headers.extend(wants.into_iter().map(|want| (name.to_owned(), want)));
}

#[cfg(test)]
mod tests {
    use super::Want;

    #[test]
    fn wants_accept_what_they_say_and_nothing_else() {
        let via = |given: &str| Want::Via(given.to_owned(), "1.1".to_owned());
        for (want, value, accepted) in [
            (Want::Exactly("a".to_owned()), "a", true),
            (Want::Exactly("a".to_owned()), "A", false),
            (Want::Present, "x", true),
            (Want::Present, "", false),
            (Want::RequestId, "01234567890123456789", true),
            (Want::RequestId, "0123456789", false),
            (Want::Tag, "\"12-0123456789abcdef\"", true),
            (Want::Tag, "12-0123456789abcdef", false),
            (Want::Tag, "\"12-0123456789abcde\"", false),
            (Want::Tag, "\"x-0123456789abcdef\"", false),
            (via(""), "1.1 rig", true),
            (via(""), "1.0 rig", false),
            (via(""), "1.0 other, 1.1 rig", false),
            (via("1.1 other"), "1.1 other, 1.1 rig", true),
            (via("1.1 other"), "1.1 other", false),
            (via("1.1 other"), "1.1 rig", false),
        ] {
            assert_eq!(want.accepts(value), accepted, "{want:?} {value}");
        }
    }
}
