//! What a request's head says, and what of it cannot be used (RFC 9110, RFC 9112).
//!
//! Pure questions to a head; what is done about the answers is up to [`super::forward`].

use http::{
    HeaderMap, HeaderValue, Method, Request, Version,
    header::{CONNECTION, COOKIE, HOST, TRANSFER_ENCODING, UPGRADE},
};
use hyper::body::{Body, Incoming};

use crate::{
    core::route::{Plan, table},
    http::inbound::{activity::Activity, refusal::Refusal},
};

pub(super) fn plan<'t>(
    table: &'t table::RouteTable,
    request: &Request<Incoming>,
) -> Result<Plan<'t>, Refusal> {
    let head = table::RequestHead {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query(),
    };
    table.plan(head).map_err(|refusal| match refusal {
        table::Refusal::BadPath => Refusal::BadRequest,
        table::Refusal::NotFound => Refusal::NotFound,
        table::Refusal::MethodNotAllowed => Refusal::MethodNotAllowed,
    })
}

/// Whether a request can be understood in one way only, and is understood; gives what the client called
/// us.
pub(super) fn sound(
    request: &Request<Incoming>,
    activity: &Activity,
) -> Result<Option<HeaderValue>, Refusal> {
    let host = host(request)?;
    if activity.scan.is_ambiguous() {
        return Err(Refusal::BadRequest);
    }
    if !request.body().is_end_stream() && !is_served_coding(request.headers()) {
        return Err(Refusal::NotImplemented);
    }
    Ok(host)
}

/// What the client called us. Exactly one name is allowed, and HTTP/1.1 demands one
/// (RFC 9112, 3.2).
fn host(request: &Request<Incoming>) -> Result<Option<HeaderValue>, Refusal> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    if second.is_some() || first.is_some_and(|host| !is_host(host.as_bytes())) {
        return Err(Refusal::BadRequest);
    }
    if let Some(authority) = request.uri().authority() {
        // Without a scheme it is the form for CONNECT only (RFC 9112, 3.2.3); with user-info in it,
        // it is an attempt to confuse (RFC 9110, 4.2.4).
        if request.uri().scheme().is_none() || !is_host(authority.as_str().as_bytes()) {
            return Err(Refusal::BadRequest);
        }
        return HeaderValue::try_from(authority.as_str())
            .map(Some)
            .map_err(|_invalid| Refusal::BadRequest);
    }
    if first.is_none() && request.version() == Version::HTTP_11 {
        return Err(Refusal::BadRequest);
    }
    Ok(first.cloned())
}

fn is_host(host: &[u8]) -> bool {
    host.iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+,;=".contains(byte))
}

/// The body comes in chunks and in no further coding, which nobody would undo: the target is sent
/// chunks of the gateway's own (RFC 9112, 6.1).
fn is_served_coding(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding
            .as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

/// The answer's body comes as it is or in chunks, and in no further coding, which the client would
/// not be told of. Old servers name the former.
pub(super) fn is_undone_coding(headers: &HeaderMap) -> bool {
    headers.get_all(TRANSFER_ENCODING).iter().all(|coding| {
        let coding = coding.as_bytes().trim_ascii();
        coding.eq_ignore_ascii_case(b"chunked") || coding.eq_ignore_ascii_case(b"identity")
    })
}

/// The protocol the client wants to switch to. HTTP/2 by upgrade is not offered (RFC 9113, 3.1): it
/// would be the client's own tunnel to the target, past every route.
pub(super) fn wanted_upgrade(request: &Request<Incoming>) -> Option<HeaderValue> {
    let mut lines = request.headers().get_all(UPGRADE).iter();
    let (protocols, None) = (lines.next()?, lines.next()) else {
        return None;
    };
    let asks = request
        .headers()
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
    let offered = protocols
        .as_bytes()
        .split(|byte| *byte == b',')
        .all(is_offered);
    let bodiless = request.body().is_end_stream();
    (asks && offered && bodiless && request.version() == Version::HTTP_11)
        .then(|| protocols.clone())
}

/// `protocol`, an item of `upgrade`, is a plain name with or without a version, and not HTTP.
fn is_offered(protocol: &[u8]) -> bool {
    let name = protocol
        .split(|byte| *byte == b'/')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._+".contains(byte);
    let http = ["h2c", "h2", "http"]
        .iter()
        .any(|it| name.eq_ignore_ascii_case(it.as_bytes()));
    !name.is_empty() && name.iter().all(plain) && !http
}

/// RFC 9110, 8.6: without a body, these say so.
pub(super) fn expects_body(method: &Method) -> bool {
    *method == Method::POST || *method == Method::PUT || *method == Method::PATCH
}

/// HTTP/2 clients split cookies so that they compress well; HTTP/1.1 knows one line only (RFC 9113,
/// 8.2.3).
pub(super) fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<_> = headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    // What is joined from header text is header text.
    if let Ok(joined) = HeaderValue::try_from(crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

pub(super) fn via(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0 rig",
        Version::HTTP_2 => "2.0 rig",
        _ => "1.1 rig",
    }
}
