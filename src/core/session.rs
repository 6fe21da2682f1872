//! Sessions: which one a token belongs to, and which ones are revoked (spec: `auth.md` 6.3 to 6.5;
//! RFC 6901).
//!
//! A session is a name found in the claims. [`blacklist::Blacklist`] is the replicated set of revoked
//! names. Deliberately absent: which connections belong to a session (the desks know), and sending
//! anything to other nodes.

pub mod blacklist;
pub mod bucket;

#[cfg(test)]
mod tests;

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::core::{
    auth::{claims::Claims, rejection::Rejection},
    digest::Digest,
};

/// Longest name that is kept as it is, in bytes. Session ids are UUIDs or hashes, so this is ample; a
/// longer name is replaced by its digest, so that every name can be revoked and the memory for all of
/// them stays bounded.
pub const NAME_BYTES_MAX: usize = 256;

/// Most steps of `JWT_SESSION_FIELD`.
const POINTER_BYTES_MAX: usize = 1024;

/// The name of a session: 1 to [`NAME_BYTES_MAX`] bytes. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// Where a token's session is in its claims: `JWT_SESSION_FIELD`, a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field(String);

/// `JWT_SESSION_FIELD` is not a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a JSON pointer (RFC 6901), that is begin with /, with ~ only in ~0 and ~1, for example /jti"
)]
pub struct FieldFault;

/// What the claims say about the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The session.
    Session(Name),
    /// The field is not there.
    Absent,
    /// The field holds neither a non-empty string nor a number: no session, worth a warning.
    Unusable,
}

// === impl Name ===

impl Name {
    /// The name `text`; `None` if it is empty.
    pub fn new(text: &str) -> Option<Self> {
        match text.len() {
            0 => None,
            1..=NAME_BYTES_MAX => Some(Self(Arc::from(text))),
            _ => Some(Self(Arc::from(format!(
                "sha256:{}",
                Digest::of(text.as_bytes())
            )))),
        }
    }

    /// The text, or what stands for it if it is too long.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::new(text),
            Value::Number(number) => Self::new(&number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

// === impl Field ===

impl Field {
    /// Reads a JSON pointer. The empty one means the claims as a whole, which are no name.
    ///
    /// # Errors
    /// [`FieldFault`]
    pub fn parse(text: &str) -> Result<Self, FieldFault> {
        let escapes_are_whole = text
            .split('~')
            .skip(1)
            .all(|rest| rest.starts_with(['0', '1']));
        let fits = text.starts_with('/') && text.len() <= POINTER_BYTES_MAX;
        if fits && escapes_are_whole {
            return Ok(Self(text.to_owned()));
        }
        Err(FieldFault)
    }

    /// The pointer.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_jti(&self) -> bool {
        self.0 == "/jti"
    }

    /// Looks the session up in `claims` (see [`of`]).
    pub fn find(&self, claims: &Map<String, Value>) -> Found {
        match pointed(claims, &self.0) {
            None => Found::Absent,
            Some(value) => Name::of_value(value).map_or(Found::Unusable, Found::Session),
        }
    }
}

impl Default for Field {
    /// `/jti`.
    fn default() -> Self {
        Self("/jti".to_owned())
    }
}

/// The session of `claims`, and what to say if there is none.
///
/// # Errors
/// [`Rejection::Unreadable`] if the claims are malformed beyond their lifetime.
pub fn of(claims: &Claims, field: &Field) -> Result<Found, Rejection> {
    Ok(field.find(&claims.value()?))
}

/// The names under which a token can be revoked: what `field` points at and, always, `jti`.
///
/// # Errors
/// [`Rejection::Unreadable`] if the claims are malformed beyond their lifetime.
pub fn revocable(claims: &Claims, field: &Field) -> Result<[Option<Name>; 2], Rejection> {
    /// The one claim that nearly all gateways look at.
    #[derive(Deserialize)]
    struct Id {
        #[serde(default)]
        jti: Value,
    }

    if field.is_jti() {
        let id: Id = claims.read_as()?;
        return Ok([Name::of_value(&id.jti), None]);
    }
    let claims = claims.value()?;
    let jti = claims.get("jti").and_then(Name::of_value);
    let session = match field.find(&claims) {
        Found::Session(name) => Some(name),
        Found::Absent | Found::Unusable => None,
    };
    Ok([jti, session])
}

/// [`Value::pointer`] on an object that is not wrapped in a [`Value`].
fn pointed<'c>(claims: &'c Map<String, Value>, pointer: &str) -> Option<&'c Value> {
    let first = pointer.strip_prefix('/')?;
    let end = first.find('/').unwrap_or(first.len());
    let (first, rest) = first.split_at_checked(end)?;
    let name = first.replace("~1", "/").replace("~0", "~");
    claims.get(&name)?.pointer(rest)
}
