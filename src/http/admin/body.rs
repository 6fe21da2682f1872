//! Request bodies: read within a limit, decoded by content type (spec: `management-api.md` 2.1).
//!
//! May depend on actix-web and serde_json. Whatever arrives becomes a JSON object or a [`Problem`];
//! what is not an object counts as an empty one, whose faults the registry then lists. Deliberately
//! absent: files and nested names in forms. A form yields strings only, so it can never become a
//! definition, which needs a number (`port`) and an object (`version_data`).

use std::{future::poll_fn, pin::pin, time::Duration};

use actix_web::{
    HttpRequest,
    body::{BodyStream, MessageBody},
    http::header,
    web::Payload,
};
use bytes::{Bytes, BytesMut};
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use crate::http::problem::Problem;

/// Largest body where nothing smaller is configured (spec: `management-api.md` 2.1).
pub const BODY_BYTES_MAX: usize = 8_000_000;

/// How much of an oversized body is read and thrown away, so that a client that writes first and
/// reads then gets its 413 and not a reset connection. Twice the largest body anyone may send.
const DRAIN_BYTES_MAX: usize = 16 << 20;

/// Longest time a body may take: the largest one over a 2 Mbit/s line.
const BODY_MAX: Duration = Duration::from_secs(32);

/// What a content type promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `application/json`, `application/*+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// No content type, or `multipart/*`: read, but nothing in it counts.
    Ignored,
    /// Anything else.
    Unknown,
}

// === impl Kind ===

impl Kind {
    fn of(content_type: Option<&[u8]>) -> Self {
        let Some(content_type) = content_type else {
            return Self::Ignored;
        };
        let essence = content_type.split(|byte| *byte == b';').next();
        let essence = essence
            .unwrap_or_default()
            .trim_ascii()
            .to_ascii_lowercase();
        match essence.as_slice() {
            b"application/json" => Self::Json,
            b"application/x-www-form-urlencoded" => Self::Form,
            other if other.starts_with(b"application/") && other.ends_with(b"+json") => Self::Json,
            other if other.starts_with(b"multipart/") => Self::Ignored,
            _ => Self::Unknown,
        }
    }
}

/// The body of `request` as an object.
///
/// # Errors
/// [`Problem::TooLarge`] beyond `bytes_max`, [`Problem::SlowBody`], [`Problem::UnknownContentType`],
/// [`Problem::BadBody`].
pub async fn object(
    request: &HttpRequest,
    payload: Payload,
    bytes_max: usize,
) -> Result<Map<String, Value>, Problem> {
    let (kind, body) = typed(request, payload, bytes_max).await?;
    match kind {
        Kind::Json => json(&body),
        Kind::Form => form(&body),
        Kind::Ignored => Ok(Map::new()),
        Kind::Unknown => Err(Problem::UnknownContentType),
    }
}

/// The body of `request` as an object, and only from JSON: for what a form or an empty body of a
/// page of another site must not do (see [`crate::http::admin`]).
///
/// # Errors
/// As [`object`].
pub async fn json_object(
    request: &HttpRequest,
    payload: Payload,
    bytes_max: usize,
) -> Result<Map<String, Value>, Problem> {
    let (kind, body) = typed(request, payload, bytes_max).await?;
    match kind {
        Kind::Json => json(&body),
        Kind::Form | Kind::Ignored | Kind::Unknown => Err(Problem::UnknownContentType),
    }
}

/// The body byte for byte, whatever it is.
///
/// # Errors
/// [`Problem::TooLarge`] beyond `bytes_max`, [`Problem::SlowBody`], [`Problem::BadBody`] if it is cut
/// off.
pub async fn bytes(payload: Payload, bytes_max: usize) -> Result<Bytes, Problem> {
    actix_rt::time::timeout(BODY_MAX, read(payload, bytes_max))
        .await
        .map_err(|_elapsed| Problem::SlowBody)?
}

/// The text of a body that says it is JSON, not parsed yet; one without content type counts as empty.
///
/// # Errors
/// As [`bytes()`], and [`Problem::UnknownContentType`].
pub async fn json_text(
    request: &HttpRequest,
    payload: Payload,
    bytes_max: usize,
) -> Result<Bytes, Problem> {
    let (kind, body) = typed(request, payload, bytes_max).await?;
    match kind {
        Kind::Json => Ok(body),
        Kind::Ignored => Ok(Bytes::new()),
        Kind::Form | Kind::Unknown => Err(Problem::UnknownContentType),
    }
}

async fn typed(
    request: &HttpRequest,
    payload: Payload,
    bytes_max: usize,
) -> Result<(Kind, Bytes), Problem> {
    let body = bytes(payload, bytes_max).await?;
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let kind = Kind::of(content_type.map(header::HeaderValue::as_bytes));
    Ok((kind, body))
}

async fn read(payload: Payload, bytes_max: usize) -> Result<Bytes, Problem> {
    let mut stream = pin!(BodyStream::new(payload));
    let mut body = BytesMut::new();
    let mut seen = 0_usize;
    while let Some(chunk) = poll_fn(|context| stream.as_mut().poll_next(context)).await {
        let chunk = chunk.map_err(|_cut_off| Problem::BadBody)?;
        seen = seen.saturating_add(chunk.len());
        if seen <= bytes_max {
            body.extend_from_slice(&chunk);
        } else {
            body.clear();
        }
        if seen > DRAIN_BYTES_MAX.max(bytes_max) {
            break;
        }
    }
    if seen > bytes_max {
        return Err(Problem::TooLarge);
    }
    Ok(body.freeze())
}

/// An empty body counts as an empty object; of repeated names the last one counts; nesting deeper
/// than serde_json's 128 levels is refused.
fn json(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Ok(Map::new()),
        Err(_) => Err(Problem::BadBody),
    }
}

fn form(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    body.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut sides = pair.splitn(2, |byte| *byte == b'=');
            let name = form_text(sides.next().unwrap_or_default())?;
            let value = form_text(sides.next().unwrap_or_default())?;
            Ok((name, Value::String(value)))
        })
        .collect()
}

fn form_text(encoded: &[u8]) -> Result<String, Problem> {
    let malformed = encoded.iter().enumerate().any(|(at, byte)| {
        let digits = encoded.get(at + 1..at + 3);
        *byte == b'%' && !digits.is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    });
    if malformed {
        return Err(Problem::BadBody);
    }
    let spaced: Vec<u8> = encoded
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    let decoded = percent_decode(&spaced).collect::<Vec<u8>>();
    String::from_utf8(decoded).map_err(|_not_utf8| Problem::BadBody)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Kind, form, json};
    use crate::http::problem::Problem;

    #[test]
    fn the_content_type_decides_how_a_body_is_read() {
        let cases: [(Option<&[u8]>, Kind); 15] = [
            (None, Kind::Ignored),
            (Some(b"application/json"), Kind::Json),
            (Some(b"application/json; charset=utf-8"), Kind::Json),
            (Some(b"Application/JSON;charset=utf-8"), Kind::Json),
            (Some(b"application/vnd.api+json"), Kind::Json),
            (Some(b"application/x-www-form-urlencoded"), Kind::Form),
            (Some(b"multipart/form-data; boundary=x"), Kind::Ignored),
            (Some(b"text/plain"), Kind::Unknown),
            (Some(b"text/json"), Kind::Unknown),
            (Some(b"text/x+json"), Kind::Unknown),
            (Some(b"application/jsonx"), Kind::Unknown),
            (Some(b"application/xml"), Kind::Unknown),
            (Some(b""), Kind::Unknown),
            (Some(b"json"), Kind::Unknown),
            (Some(b"\xff\xfe"), Kind::Unknown),
        ];
        for (content_type, kind) in cases {
            assert_eq!(Kind::of(content_type), kind, "{content_type:?}");
        }
    }

    #[test]
    fn json_becomes_an_object_or_is_refused() {
        let deep = "[".repeat(100_000);
        let cases: [(&[u8], Result<Value, Problem>); 15] = [
            (b"", Ok(json!({}))),
            (b"{}", Ok(json!({}))),
            (b" {\"a\": [1]} ", Ok(json!({"a": [1]}))),
            (b"{\"a\": 1, \"a\": 2}", Ok(json!({"a": 2}))),
            (b"[{\"id\": \"y\"}]", Ok(json!({}))),
            (b"\"abc\"", Ok(json!({}))),
            (b"null", Ok(json!({}))),
            (b"7", Ok(json!({}))),
            (b"{not json", Err(Problem::BadBody)),
            (b"{", Err(Problem::BadBody)),
            (b"{} {}", Err(Problem::BadBody)),
            (b"   ", Err(Problem::BadBody)),
            (b"{\"a\": \"\xff\"}", Err(Problem::BadBody)),
            (b"{\"a\": 1e999}", Err(Problem::BadBody)),
            (deep.as_bytes(), Err(Problem::BadBody)),
        ];
        for (body, expected) in cases {
            let shown = String::from_utf8_lossy(body.get(..20).unwrap_or(body)).into_owned();
            assert_eq!(json(body).map(Value::Object), expected, "{shown}");
        }
    }

    #[test]
    fn a_form_becomes_strings_or_is_refused() {
        let cases: [(&[u8], Result<Value, Problem>); 9] = [
            (b"", Ok(json!({}))),
            (b"id=form&name=a", Ok(json!({"id": "form", "name": "a"}))),
            (b"id=1&id=2&&x", Ok(json!({"id": "2", "x": ""}))),
            (b"a+b=c%20d%26=e", Ok(json!({"a b": "c d&=e"}))),
            (
                b"version_data[default]=x",
                Ok(json!({"version_data[default]": "x"})),
            ),
            (b"a=%zz", Err(Problem::BadBody)),
            (b"a=%4", Err(Problem::BadBody)),
            (b"%=a", Err(Problem::BadBody)),
            (b"a=%ff", Err(Problem::BadBody)),
        ];
        for (body, expected) in cases {
            assert_eq!(form(body).map(Value::Object), expected, "{body:?}");
        }
    }
}
