//! The gateway without fault: gives and forwards exactly what is expected of a case.

use std::{sync::Arc, time::Instant};

use crate::support::{
    backend::Seen,
    client::Answer,
    compare::{CACHE_CONTROL, Got},
    expected::{Body, Expected, Framed, Want},
    golden::{Case, Origin, Port},
    wire::{self, Framing, Headers, header},
};

/// A request id that is long enough.
const REQUEST_ID: &str = "0123456789abcdef0123456789abcdef";

/// What a gateway without fault gives and forwards.
pub(super) fn perfect(case: &Case, expected: &Expected) -> (Got, Vec<Seen>) {
    let seen: Vec<_> = expected
        .saw
        .iter()
        .map(|arrival| {
            let mut headers = values(&arrival.headers);
            headers.push(("traceparent".to_owned(), trace(case)));
            let framed = |name| header(&headers, name).is_some();
            if !arrival.body.is_empty() && !framed("content-length") && !framed("transfer-encoding")
            {
                headers.push(("Content-Length".to_owned(), arrival.body.len().to_string()));
            }
            let finished = Arc::default();
            Seen {
                line: arrival.line.clone(),
                headers,
                body: wire::Body {
                    bytes: arrival.body.clone(),
                    complete: true,
                    first_byte_at: None,
                },
                answer: b"echo".to_vec(),
                finished,
            }
        })
        .collect();
    let answer = answer(case, expected, &seen);
    for seen in &seen {
        seen.finished.get_or_init(Instant::now);
    }
    let count = if case.send.raw.is_some() {
        seen.len()
    } else {
        1
    };
    (
        Got {
            answers: Ok(vec![answer; count]),
            closed: expected.closes,
        },
        seen,
    )
}

fn answer(case: &Case, expected: &Expected, seen: &[Seen]) -> Answer {
    let mut headers = values(&expected.headers);
    let mut add = |name: &str, value: &str| headers.push((name.to_owned(), value.to_owned()));
    for name in ["date", "server"] {
        if !expected.headers.iter().any(|(known, _)| known == name) {
            add(name, "something");
        }
    }
    match expected.origin {
        Origin::Gateway => {
            add("X-Request-Id", REQUEST_ID);
            add("cache-control", CACHE_CONTROL);
            if case.send.to == Port::Inbound {
                add("traceparent", &trace(case));
            }
        }
        Origin::Echo => {
            add("content-type", "application/json");
            add("x-backend", "echo");
        }
        Origin::Wire | Origin::Target => {}
    }
    let bodiless = case.send.method == "HEAD" || matches!(expected.status, 204 | 304);
    let bytes = match &expected.body {
        Body::Bytes(bytes) => bytes.clone(),
        Body::Json(document) => document.to_string().into_bytes(),
        Body::Echo => seen[0].answer.clone(),
    };
    if expected.origin == Origin::Echo && bodiless {
        headers.push(("content-length".to_owned(), bytes.len().to_string()));
    }
    let framing = match (bodiless, expected.framing) {
        (true, _) => Framing::None,
        (false, Framed::Length) => Framing::Length(bytes.len() as u64),
        (false, Framed::Chunked) => Framing::Chunked,
    };
    let bytes = if bodiless { Vec::new() } else { bytes };
    let first_byte_at = Some(Instant::now());
    let body = wire::Body {
        bytes,
        complete: !expected.cut,
        first_byte_at,
    };
    Answer {
        status: expected.status,
        headers,
        framing,
        body,
    }
}

fn trace(case: &Case) -> String {
    let given = header(&case.send.headers, "traceparent");
    let given = given.unwrap_or("00-0123456789abcdef0123456789abcdef-x-01");
    format!(
        "{}-fedcba9876543210-{}",
        &given[..35],
        &given[given.len() - 2..]
    )
}

fn values(headers: &[(String, Want)]) -> Headers {
    let value = |want: &Want| match want {
        Want::Exactly(value) => value.clone(),
        Want::Present => "x".to_owned(),
        Want::RequestId => REQUEST_ID.to_owned(),
        Want::Tag => "\"3-0123456789abcdef\"".to_owned(),
        Want::Via(given, version) if given.is_empty() => format!("{version} rig"),
        Want::Via(given, version) => format!("{given}, {version} rig"),
    };
    headers
        .iter()
        .map(|(name, want)| (name.clone(), value(want)))
        .collect()
}
