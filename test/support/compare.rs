//! Compares what came back and what arrived with what is expected, and says every difference.
//!
//! Masked as the recordings' README says: `date`, `server`, request and trace ids, the default
//! `cache-control`, the order of headers, chunk boundaries, the order of JSON members. A masked
//! header must still be there and well-formed where the spec demands it (`proxying.md` 3.12).

mod json;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::support::{
    backend::Seen,
    client::Answer,
    expected::{Arrival, Body, Expected, Framed, Want},
    golden::{Case, Origin, Port},
    wire::{Framing, header},
};

/// Headers of an answer that are compared by rule, or not at all, unless a case expects a value.
const MASKED: [&str; 9] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "server",
    "traceparent",
    "transfer-encoding",
    "x-request-id",
    // The change id of writes (names.md); the original has none.
    "x-rig-change",
];
/// What the original sends where a handler says nothing.
const CACHE_CONTROL: &str = "max-age=0, private, must-revalidate";

/// What came back.
#[derive(Debug)]
pub(crate) struct Got {
    /// The answers, or why there is none.
    pub(crate) answers: Result<Vec<Answer>, String>,
    /// The connection was closed afterwards; only looked at if that is expected.
    pub(crate) closed: bool,
}

/// Every difference, one line each; empty if there is none.
pub(crate) fn compare(case: &Case, expected: &Expected, got: &Got, seen: &[Seen]) -> Vec<String> {
    let mut differences = Differences(Vec::new());
    match &got.answers {
        Ok(answers) => {
            for (index, answer) in answers.iter().enumerate() {
                differences.of_answer(case, expected, answer, seen.get(index));
            }
        }
        // A connection cut before the head left is cut off, too.
        Err(_) if expected.cut => {}
        Err(error) => differences.add("answer", &format!("status {}", expected.status), error),
    }
    if expected.closes && !got.closed {
        differences.add("connection", "closed", "open");
    }
    let twice = expected.retried && seen.len() == 2 * expected.saw.len();
    if !twice {
        differences.equal("requests at the back end", &expected.saw.len(), &seen.len());
    }
    let again = if twice { expected.saw.as_slice() } else { &[] };
    for (wanted, seen) in expected.saw.iter().chain(again).zip(seen) {
        differences.of_arrival(case, wanted, seen);
    }
    differences.0
}

/// Collects differences.
struct Differences(Vec<String>);

// === impl Differences ===

impl Differences {
    fn add(&mut self, what: &str, wanted: &str, got: &str) {
        self.0.push(format!(
            "{what}: expected {}, got {}",
            cut(wanted),
            cut(got)
        ));
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, wanted: &T, got: &T) {
        if wanted != got {
            self.add(what, &format!("{wanted:?}"), &format!("{got:?}"));
        }
    }

    fn of_answer(
        &mut self,
        case: &Case,
        expected: &Expected,
        answer: &Answer,
        seen: Option<&Seen>,
    ) {
        self.equal("status", &expected.status, &answer.status);
        if expected.status != answer.status {
            // Another answer altogether: its headers would only be noise.
            return self.of_body(case, expected, answer, seen);
        }
        self.equal("body complete", &!expected.cut, &answer.body.complete);
        self.of_framing(case, expected, answer, seen);
        self.of_body(case, expected, answer, seen);
        let mut wanted = expected.headers.clone();
        if expected.origin == Origin::Echo {
            for (name, value) in [("content-type", "application/json"), ("x-backend", "echo")] {
                wanted.push((name.to_owned(), Want::Exactly(value.to_owned())));
            }
        }
        let kept = |(name, value): &&(String, String)| {
            let masked = MASKED.contains(&name.as_str())
                || (name == "cache-control" && value == CACHE_CONTROL);
            !masked || wanted.iter().any(|(wanted, _)| wanted == name)
        };
        let headers = lower(&answer.headers);
        let headers: Vec<_> = headers.iter().filter(kept).cloned().collect();
        self.of_headers("header", &wanted, &by_name(&headers, None));
        self.of_masked(case, expected, answer);
        if expected.streamed {
            let last = seen.and_then(|seen| seen.finished.get().copied());
            let streamed = answer
                .body
                .first_byte_at
                .zip(last)
                .is_some_and(|(a, b)| a < b);
            self.equal("first byte before the last was sent", &true, &streamed);
        }
    }

    /// Who made the answer decides what must be in it.
    fn of_masked(&mut self, case: &Case, expected: &Expected, answer: &Answer) {
        let mut needed = |name: &str, wanted: &str, fine: fn(&str) -> bool| {
            let got = answer.header(name).unwrap_or("none");
            if !fine(got) {
                self.add(&format!("header {name}"), wanted, got);
            }
        };
        if expected.origin != Origin::Wire {
            needed("date", "a date", |value| value != "none");
            needed("server", "a name", |value| value != "none");
        }
        if expected.origin == Origin::Gateway {
            needed("x-request-id", "20 to 200 bytes", |value| {
                Want::RequestId.accepts(value)
            });
        }
        match (expected.origin, case.send.to) {
            (Origin::Gateway, Port::Inbound) => {
                let got = answer.header("traceparent").unwrap_or("none");
                self.of_trace(case, "header traceparent", got);
            }
            // Answers of targets carry the target's headers only.
            (Origin::Echo | Origin::Target, _) => {
                needed("traceparent", "none", |value| value == "none");
            }
            (Origin::Gateway | Origin::Wire, _) => {}
        }
    }

    /// A valid trace context; with the client's trace id and flags if it sent one.
    fn of_trace(&mut self, case: &Case, what: &str, got: &str) {
        let parts = |text: &str| {
            let parts: Vec<_> = text.split('-').map(str::to_owned).collect();
            let hex = |part: &String| part.bytes().all(|byte| byte.is_ascii_hexdigit());
            let lengths: Vec<_> = parts.iter().map(String::len).collect();
            (lengths == [2, 32, 16, 2] && parts.iter().all(hex)).then_some(parts)
        };
        let Some(got_parts) = parts(got) else {
            return self.add(what, "00-<trace>-<span>-<flags>", got);
        };
        let given = header(&case.send.headers, "traceparent").and_then(parts);
        let (trace, flags) = match &given {
            Some(given) => (&given[1], given[3].as_str()),
            None => (&got_parts[1], "01"),
        };
        let own_span = given.as_ref().is_none_or(|given| given[2] != got_parts[2]);
        if got_parts[0] != "00" || &got_parts[1] != trace || got_parts[3] != flags || !own_span {
            self.add(what, &format!("00-{trace}-<own span>-{flags}"), got);
        }
    }

    fn of_framing(
        &mut self,
        case: &Case,
        expected: &Expected,
        answer: &Answer,
        seen: Option<&Seen>,
    ) {
        if case.send.method == "HEAD" || matches!(expected.status, 204 | 304) {
            let length = answer.header("content-length");
            self.equal(
                "transfer-encoding",
                &None,
                &answer.header("transfer-encoding"),
            );
            if expected.status != 200 {
                self.equal("content-length", &None, &length);
            } else if let (Origin::Echo, Some(seen)) = (expected.origin, seen) {
                self.equal(
                    "content-length",
                    &Some(&*seen.answer.len().to_string()),
                    &length,
                );
            }
            return;
        }
        let framed = match answer.framing {
            Framing::Length(_) => Some(Framed::Length),
            Framing::Chunked => Some(Framed::Chunked),
            Framing::None | Framing::Close => None,
        };
        self.equal("framing", &Some(expected.framing), &framed);
    }

    fn of_body(&mut self, case: &Case, expected: &Expected, answer: &Answer, seen: Option<&Seen>) {
        let got = &answer.body.bytes;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let wanted = match &expected.body {
            Body::Json(wanted) => {
                let document = serde_json::from_slice(got).unwrap_or_default();
                if !json::same(wanted, &json::without_warnings(&document)) {
                    self.add("body", &wanted.to_string(), &text(got));
                }
                return;
            }
            Body::Echo if case.send.method == "HEAD" => Vec::new(),
            Body::Echo => seen.map(|seen| seen.answer.clone()).unwrap_or_default(),
            Body::Bytes(bytes) => bytes.clone(),
        };
        let fine = match expected.cut {
            true => wanted.starts_with(got),
            false => &wanted == got,
        };
        if !fine {
            self.add("body", &text(&wanted), &text(got));
        }
    }

    fn of_headers(
        &mut self,
        what: &str,
        wanted: &[(String, Want)],
        got: &BTreeMap<String, Vec<String>>,
    ) {
        let mut wants: BTreeMap<&str, Vec<&Want>> = BTreeMap::new();
        for (name, want) in wanted {
            wants.entry(name).or_default().push(want);
        }
        for (name, wants) in &wants {
            let values = got.get(*name).map(Vec::as_slice).unwrap_or_default();
            let fine = wants.len() == values.len()
                && wants
                    .iter()
                    .zip(values)
                    .all(|(want, value)| want.accepts(value));
            if !fine {
                self.add(
                    &format!("{what} {name}"),
                    &format!("{wants:?}"),
                    &format!("{values:?}"),
                );
            }
        }
        for (name, values) in got {
            if !wants.contains_key(name.as_str()) {
                self.add(&format!("{what} {name}"), "none", &format!("{values:?}"));
            }
        }
    }

    fn of_arrival(&mut self, case: &Case, wanted: &Arrival, seen: &Seen) {
        self.equal("back end's request line", &wanted.line, &seen.line);
        self.equal("back end's body complete", &true, &seen.body.complete);
        if wanted.body != seen.body.bytes {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            self.add(
                "back end's body",
                &text(&wanted.body),
                &text(&seen.body.bytes),
            );
        }
        self.of_trace(
            case,
            "back end's traceparent",
            seen.header("traceparent").unwrap_or("none"),
        );
        let framed =
            |(name, _): &(String, Want)| name == "content-length" || name == "transfer-encoding";
        let mut headers = wanted.headers.clone();
        if !wanted.body.is_empty() && !headers.iter().any(framed) {
            let length = wanted.body.len().to_string();
            headers.push(("content-length".to_owned(), Want::Exactly(length)));
        }
        let got: Vec<_> = lower(&seen.headers)
            .into_iter()
            .filter(|(name, _)| !["connection", "traceparent"].contains(&name.as_str()))
            .collect();
        // Lines of one name mean the same as one line (RFC 9110, 5.3; cookies: RFC 6265, 5.4).
        self.of_headers(
            "back end's header",
            &joined(&headers),
            &by_name(&got, Some(", ")),
        );
    }
}

fn lower(headers: &[(String, String)]) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .collect()
}

/// Values by name, in wire order; joined with `separator` if there is one.
fn by_name(headers: &[(String, String)], separator: Option<&str>) -> BTreeMap<String, Vec<String>> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        values.entry(name.clone()).or_default().push(value.clone());
    }
    if let Some(separator) = separator {
        for (name, values) in &mut values {
            *values = vec![values.join(if name == "cookie" { "; " } else { separator })];
        }
    }
    values
}

/// Expected lines of one name as one line.
fn joined(headers: &[(String, Want)]) -> Vec<(String, Want)> {
    let mut lines: Vec<(String, Want)> = Vec::new();
    for (name, want) in headers {
        match (lines.iter_mut().find(|(known, _)| known == name), want) {
            (Some((_, Want::Exactly(line))), Want::Exactly(value)) => {
                line.push_str(if name == "cookie" { "; " } else { ", " });
                line.push_str(value);
            }
            _ => lines.push((name.clone(), want.clone())),
        }
    }
    lines
}

/// A text short enough to read.
fn cut(text: &str) -> String {
    /// Enough for the longest error map.
    const CHARACTERS_MAX: usize = 700;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((at, _)) => format!("{}... ({} bytes)", &text[..at], text.len()),
        None => text.to_owned(),
    }
}
