//! The request path that matching, authorisation and forwarding all use
//! (spec: `proxying.md` 3.2.2; RFC 3986 5.2.4 and 6.2.2).

use std::borrow::Cow;

/// The path cannot be used: a byte outside printable ASCII, or a broken percent escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path has a raw non-ASCII byte or a malformed percent escape")]
pub struct BadPath;

/// `raw` with dot segments (also as `%2e`) removed and escapes of unreserved characters decoded;
/// double slashes and every other escape stay as received. Borrowed if nothing changed.
///
/// # Errors
/// [`BadPath`]
pub fn normalise(_raw: &str) -> Result<Cow<'_, str>, BadPath> {
    todo!()
}
