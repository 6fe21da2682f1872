//! An asynchronous answer: which headers of the back end's call become the client's, and its form
//! between nodes (spec: `management-api.md` 2.6, `proxying.md` 3.8.6).
//!
//! May depend on `http` and minicbor. Deliberately absent: where it goes.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use minicbor::{Decode, Encode};

/// Headers that are passed on besides the ones [`is_passed_on`] knows by their beginning.
const PASSED_ON: [HeaderName; 10] = [
    header::CACHE_CONTROL,
    header::EXPIRES,
    header::ETAG,
    header::LAST_MODIFIED,
    header::LOCATION,
    header::LINK,
    header::SET_COOKIE,
    header::VARY,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
];

/// What a waiting client gets. Not `Debug` in full: the body is nobody's business.
#[derive(Clone, PartialEq, Eq)]
pub struct LateAnswer {
    /// 200 to 599.
    pub status: StatusCode,
    /// Only headers that are passed on.
    pub headers: HeaderMap,
    /// Byte for byte.
    pub body: Bytes,
}

/// The form between nodes. Members can be added at the end.
#[derive(Encode, Decode)]
struct Frame<'a> {
    #[n(0)]
    number: u64,
    #[n(1)]
    status: u16,
    #[b(2)]
    headers: Vec<Line<'a>>,
    #[cbor(b(3), with = "minicbor::bytes")]
    body: &'a [u8],
}

#[derive(Encode, Decode)]
struct Line<'a> {
    #[b(0)]
    name: &'a str,
    #[cbor(b(1), with = "minicbor::bytes")]
    value: &'a [u8],
}

// === impl LateAnswer ===

impl LateAnswer {
    /// The answer that a call with `headers` and `body` is.
    pub fn new(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Self {
        let mut kept = HeaderMap::new();
        for (name, value) in headers {
            if is_passed_on(name) {
                kept.append(name.clone(), value.clone());
            }
        }
        Self {
            status,
            headers: kept,
            body,
        }
    }

    /// For another node's request `number`.
    pub(super) fn encode(&self, number: u64) -> Vec<u8> {
        let lines = self.headers.iter().map(|(name, value)| Line {
            name: name.as_str(),
            value: value.as_bytes(),
        });
        let frame = Frame {
            number,
            status: self.status.as_u16(),
            headers: lines.collect(),
            body: &self.body,
        };
        // Writing to memory cannot fail.
        minicbor::to_vec(frame).unwrap_or_default()
    }

    /// What [`encode`](Self::encode) wrote. The rules are applied again: what is set in front of
    /// clients is this node's responsibility.
    pub(super) fn decode(bytes: &[u8]) -> Option<(u64, Self)> {
        let frame: Frame<'_> = minicbor::decode(bytes).ok()?;
        let mut headers = HeaderMap::new();
        for line in &frame.headers {
            let name = HeaderName::from_bytes(line.name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_bytes(line.value).ok()?);
        }
        let status = status(frame.status)?;
        let body = Bytes::copy_from_slice(frame.body);
        Some((frame.number, Self::new(status, &headers, body)))
    }
}

impl std::fmt::Debug for LateAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LateAnswer({}, {} bytes)", self.status, self.body.len())
    }
}

/// A status that an answer may have: 200 to 599.
pub fn status(code: u16) -> Option<StatusCode> {
    (200..=599)
        .contains(&code)
        .then(|| StatusCode::from_u16(code).ok())
        .flatten()
}

/// Whether a header of the back end's call becomes one of the client's answer. Everything else is
/// about the call itself, and some of it is secret.
fn is_passed_on(name: &HeaderName) -> bool {
    let text = name.as_str();
    if text.starts_with("content-") {
        return *name != header::CONTENT_LENGTH;
    }
    if text.starts_with("x-") {
        return !text.starts_with("x-forwarded-") && text != "x-real-ip" && text != "x-request-id";
    }
    text.starts_with("access-control-") && !text.starts_with("access-control-request-")
        || PASSED_ON.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let mut map = HeaderMap::new();
        map.extend(lines.clone());
        map.clear();
        for (name, value) in lines {
            map.append(name, value);
        }
        map
    }

    fn answer() -> LateAnswer {
        let headers = map(&[
            ("content-type", "text/plain"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ]);
        let body = Bytes::from_static(b"\x00\xffbytes");
        LateAnswer::new(StatusCode::CREATED, &headers, body)
    }

    #[test]
    fn only_headers_that_are_meant_for_the_client_are_passed_on() {
        for (name, passed) in [
            ("content-type", true),
            ("content-encoding", true),
            ("content-disposition", true),
            ("content-length", false),
            ("cache-control", true),
            ("expires", true),
            ("etag", true),
            ("last-modified", true),
            ("location", true),
            ("link", true),
            ("set-cookie", true),
            ("vary", true),
            ("retry-after", true),
            ("www-authenticate", true),
            ("access-control-allow-origin", true),
            ("access-control-request-method", false),
            ("x-anything", true),
            ("x-forwarded-for", false),
            ("x-forwarded-proto", false),
            ("x-real-ip", false),
            ("x-request-id", false),
            ("host", false),
            ("user-agent", false),
            ("accept", false),
            ("authorization", false),
            ("cookie", false),
            ("connection", false),
            ("transfer-encoding", false),
            ("upgrade", false),
            ("rig-correlation", false),
            ("rig-response-code", false),
            ("traceparent", false),
            ("forwarded", false),
            ("date", false),
            ("server", false),
        ] {
            let one = HeaderName::from_static(name);
            assert_eq!(is_passed_on(&one), passed, "{name}");
        }
    }

    #[test]
    fn an_answer_arrives_on_another_node_as_it_was() {
        assert_eq!(LateAnswer::decode(&answer().encode(7)), Some((7, answer())));
        let cookies = answer().headers.get_all("set-cookie").iter().count();
        assert_eq!(cookies, 2);
    }

    #[test]
    fn what_is_cut_off_or_altered_is_refused_or_harmless() {
        let bytes = answer().encode(7);
        for end in 0..bytes.len() {
            assert_eq!(LateAnswer::decode(&bytes[..end]), None, "{end}");
        }
        let mut forged = answer();
        forged
            .headers
            .append("connection", HeaderValue::from_static("close"));
        let (_number, decoded) = LateAnswer::decode(&forged.encode(7)).unwrap();
        assert_eq!(decoded, answer());
    }

    #[test]
    fn statuses_from_200_to_599_are_passed_on() {
        for (code, passed) in [
            (199, false),
            (200, true),
            (299, true),
            (599, true),
            (600, false),
            (0, false),
        ] {
            assert_eq!(status(code).is_some(), passed, "{code}");
        }
    }
}
