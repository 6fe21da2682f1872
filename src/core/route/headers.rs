//! Which headers are dropped, set and extended on the way to a target and back
//! (spec: `proxying.md` 3.5 and 3.7; RFC 9110 7.6, RFC 7239).
//!
//! Works on head fields only; what frames a body is decided by whoever sends it.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CONNECTION, CONTENT_LENGTH, EXPECT, FORWARDED, HOST, PROXY_AUTHORIZATION, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE, VIA,
    },
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// Identifies a request in logs of all hops.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// What the gateway knows about the client's side of a request.
#[derive(Debug)]
pub struct Hop<'a> {
    /// `for=…;by=…` of this connection.
    pub forwarded: &'a HeaderValue,
    /// The peer's address as text.
    pub peer: &'a HeaderValue,
    /// The peer is on the list whose forwarding headers are kept and extended.
    pub trusted: bool,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// What the client called us: `host`, or the authority of its request target.
    pub host: Option<HeaderValue>,
    /// `1.0 rig`, `1.1 rig` or `2.0 rig`.
    pub via: &'static str,
    /// Used if the client sent none.
    pub request_id: HeaderValue,
    /// The gateway's span.
    pub traceparent: HeaderValue,
    /// The client's state, if it is kept.
    pub tracestate: Option<HeaderValue>,
    /// The upgrade to ask the target for, if the client asked for one.
    pub upgrade: Option<HeaderValue>,
}

/// What the definition knows about the target's side of a request.
#[derive(Debug)]
pub struct Aim<'a> {
    /// Value of `host`.
    pub authority: HeaderValue,
    /// Headers to set, names lower-case; empty if the endpoint does not transform.
    pub add_headers: &'a [(String, String)],
}

/// Turns the headers of a client's request into those for the target.
pub fn toward_target(headers: &mut HeaderMap, hop: Hop<'_>, aim: Aim<'_>) {
    strip_request(headers);
    headers.insert(HOST, aim.authority);
    for (name, value) in aim.add_headers {
        // Both were checked when the definition was stored.
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value.as_str()),
        ) {
            headers.insert(name, value);
        }
    }
    set_forwarding(
        headers,
        hop.forwarded,
        hop.peer,
        hop.trusted,
        hop.scheme,
        hop.host,
    );
    append(headers, VIA, HeaderValue::from_static(hop.via));
    headers.entry(X_REQUEST_ID).or_insert(hop.request_id);
    headers.insert(TRACEPARENT, hop.traceparent);
    match hop.tracestate {
        Some(state) => drop(headers.insert(TRACESTATE, state)),
        None => drop(headers.remove(TRACESTATE)),
    }
    if let Some(protocol) = hop.upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
}

/// Turns the headers of a target's answer into those for the client. `upgraded`: the answer is a
/// 101 whose `upgrade` is passed on.
pub fn toward_client(headers: &mut HeaderMap, upgraded: bool) {
    strip_named_in_connection(headers);
    for name in [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        TRANSFER_ENCODING,
        HTTP2_SETTINGS,
    ] {
        headers.remove(name);
    }
    if upgraded {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    } else {
        headers.remove(UPGRADE);
    }
}

/// Client headers that must not reach a target. Done before anything is set, so that a client
/// cannot name one of the gateway's own headers in `connection` and have it dropped.
fn strip_request(headers: &mut HeaderMap) {
    let wants_trailers = headers.remove(TE).is_some_and(|te| accepts_trailers(&te));
    strip_named_in_connection(headers);
    for name in [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        PROXY_AUTHORIZATION,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
        HTTP2_SETTINGS,
        EXPECT,
    ] {
        headers.remove(name);
    }
    if wants_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

fn accepts_trailers(te: &HeaderValue) -> bool {
    te.to_str()
        .is_ok_and(|te| te.split(',').any(|item| item.trim() == "trailers"))
}

/// RFC 9110, 7.6.1: a header named in `connection` belongs to this hop. `host` and
/// `content-length` are kept whatever is named: dropping them would change what is asked.
fn strip_named_in_connection(headers: &mut HeaderMap) {
    let plain = |value: &HeaderValue| {
        let value = value.as_bytes();
        value.eq_ignore_ascii_case(b"keep-alive") || value.eq_ignore_ascii_case(b"close")
    };
    if headers.get_all(CONNECTION).iter().all(plain) {
        return;
    }
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .filter(|name| *name != HOST && *name != CONTENT_LENGTH && *name != UPGRADE)
        .collect();
    for name in named {
        headers.remove(name);
    }
}

fn set_forwarding(
    headers: &mut HeaderMap,
    forwarded: &HeaderValue,
    peer: &HeaderValue,
    trusted: bool,
    scheme: &'static str,
    host: Option<HeaderValue>,
) {
    if !trusted {
        let claimed: Vec<HeaderName> = headers
            .keys()
            .filter(|name| name.as_str().starts_with("x-forwarded-"))
            .cloned()
            .collect();
        for name in claimed {
            headers.remove(name);
        }
        headers.insert(FORWARDED, forwarded.clone());
        headers.insert(X_FORWARDED_FOR, peer.clone());
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
        if let Some(host) = host {
            headers.insert(X_FORWARDED_HOST, host);
        }
        return;
    }
    append(headers, FORWARDED, forwarded.clone());
    append(headers, X_FORWARDED_FOR, peer.clone());
    headers
        .entry(X_FORWARDED_PROTO)
        .or_insert(HeaderValue::from_static(scheme));
    if let Some(host) = host {
        headers.entry(X_FORWARDED_HOST).or_insert(host);
    }
}

/// Adds `value` to the end of a list header, as one line.
fn append(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    if !headers.contains_key(&name) {
        headers.insert(name, value);
        return;
    }
    let mut joined = Vec::new();
    for earlier in headers.get_all(&name) {
        joined.extend_from_slice(earlier.as_bytes());
        joined.extend_from_slice(b", ");
    }
    joined.extend_from_slice(value.as_bytes());
    headers.insert(name, HeaderValue::from_bytes(&joined).unwrap_or(value));
}

#[cfg(test)]
mod tests;
