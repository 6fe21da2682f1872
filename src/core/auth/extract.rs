//! Where tokens are in a request: headers and the query (spec: `proxying.md` 3.9, `auth.md` 6.2;
//! RFC 9110 11.4, RFC 6750 2).
//!
//! Finds candidates and judges nothing. Deliberately absent: cookies and form bodies.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, header};
use percent_encoding::percent_decode_str;

use crate::core::api::Auth;

/// Most candidates looked at in one request. A client needs one, and each may cost the check of a
/// signature: up to half a millisecond with RS256 or ES256. Later ones are ignored.
pub const CANDIDATES_MAX: usize = 8;

/// All tokens where `auth` looks for them, headers before query, at most [`CANDIDATES_MAX`].
pub fn candidates<'r>(
    auth: &Auth,
    headers: &'r HeaderMap,
    query: Option<&'r str>,
) -> Vec<Cow<'r, str>> {
    let mut found = Vec::new();
    if let Some(name) = &auth.header {
        if name == header::AUTHORIZATION.as_str() {
            let values = headers.get_all(header::AUTHORIZATION);
            found.extend(values.iter().flat_map(bearer).take(CANDIDATES_MAX));
        } else {
            let values = headers.get_all(name.as_str());
            found.extend(values.iter().filter_map(bare).take(CANDIDATES_MAX));
        }
    }
    if let (Some(name), Some(query)) = (&auth.query, query) {
        parameter(query, name, &mut found);
    }
    found
}

/// The tokens of an `authorization` value: a comma list, of which items with the scheme `Bearer`
/// (any case, any white space after it) count.
pub fn bearer(value: &HeaderValue) -> impl Iterator<Item = Cow<'_, str>> {
    value
        .as_bytes()
        .split(|byte| *byte == b',')
        .filter_map(|item| after_scheme(item.trim_ascii()))
        .filter_map(text)
}

/// The bearer tokens of all `authorization` lines, at most [`CANDIDATES_MAX`]: whose claims a
/// subscription may be inferred from.
pub fn bearer_tokens(headers: &HeaderMap) -> Vec<Cow<'_, str>> {
    let values = headers.get_all(header::AUTHORIZATION).iter();
    values.flat_map(bearer).take(CANDIDATES_MAX).collect()
}

/// The same for the checks of subscriptions and submissions, where an item without any scheme counts
/// as a token too (spec: `auth.md` 6.2). Not for proxied requests.
pub fn check_tokens(headers: &HeaderMap) -> Vec<Cow<'_, str>> {
    let items = (headers.get_all(header::AUTHORIZATION).iter())
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii);
    items
        .filter_map(|item| {
            let is_bare = !item.iter().any(u8::is_ascii_whitespace);
            after_scheme(item).or(is_bare.then_some(item))
        })
        .filter_map(text)
        .take(CANDIDATES_MAX)
        .collect()
}

/// The token of any other header: a whole line, with or without `Bearer` in front.
fn bare(value: &HeaderValue) -> Option<Cow<'_, str>> {
    let value = value.as_bytes().trim_ascii();
    text(after_scheme(value).unwrap_or(value))
}

/// What follows `Bearer` and white space.
fn after_scheme(item: &[u8]) -> Option<&[u8]> {
    let end = item.iter().position(u8::is_ascii_whitespace)?;
    let (scheme, rest) = item.split_at_checked(end)?;
    scheme
        .eq_ignore_ascii_case(b"Bearer")
        .then(|| rest.trim_ascii_start())
}

/// Tokens are ASCII, so anything that is not even UTF-8 is none.
fn text(token: &[u8]) -> Option<Cow<'_, str>> {
    let token = std::str::from_utf8(token).ok()?;
    (!token.is_empty()).then_some(Cow::Borrowed(token))
}

/// The tokens of every query parameter `name`: percent-decoded, then a comma list. A plus sign is
/// left alone; no token contains a blank.
fn parameter<'r>(query: &'r str, name: &str, found: &mut Vec<Cow<'r, str>>) {
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !percent_decode_str(key).eq(name.bytes()) {
            continue;
        }
        let room = CANDIDATES_MAX.saturating_sub(found.len());
        match percent_decode_str(value).decode_utf8() {
            Ok(Cow::Borrowed(list)) => found.extend(items(list).take(room).map(Cow::Borrowed)),
            Ok(Cow::Owned(list)) => {
                found.extend(
                    items(&list)
                        .take(room)
                        .map(|item| Cow::Owned(item.to_owned())),
                );
            }
            Err(_) => {}
        }
    }
}

/// The non-empty items of a comma list.
fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests;
