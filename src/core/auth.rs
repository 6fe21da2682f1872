//! Token verification: may this request pass a secured endpoint? (spec: `auth.md` 6.1 and 6.2,
//! `proxying.md` 3.9; RFC 7515, 7517, 7519, 8725).
//!
//! [`keys::KeySet`] is built at start and after each fetch of published keys; [`token::verify`]
//! judges one token, [`authenticate`] one request. The clock is an argument. Rooms, each needing
//! only those named before it: `algorithm`, `pem`, `key`, `container`, `jwks`, `keys`, `cache`,
//! `rejection`, `claims`, `token`, `extract`. Deliberately absent: fetching
//! keys; sessions and the blacklist ([`crate::core::session`]), which callers of [`authenticate`] add.

pub mod algorithm;
pub mod cache;
pub mod claims;
mod container;
pub mod extract;
pub mod jwks;
pub mod key;
pub mod keys;
pub mod pem;
pub mod rejection;
pub mod token;

#[cfg(test)]
pub(in crate::core) mod fixture;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use http::HeaderMap;
use thiserror::Error;

use crate::core::{
    api::Auth,
    auth::{claims::Claims, rejection::Rejection},
};

/// Why a request may not pass. All of them are the same answer to the client.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// The definition names no place for tokens; such an endpoint is closed, never open.
    #[error("the API names no header and no query parameter for tokens")]
    NoSource,
    /// The request carries no token where one is looked for.
    #[error("no token in the request")]
    NoToken,
    /// No token is valid. The reason of the last one, unless one has an unknown key, which the
    /// shell has to hear about.
    #[error("could not decode JWT: {0}")]
    Rejected(Rejection),
}

/// Decides whether a request passes a secured endpoint: it does if `verify` accepts one of its
/// tokens, and the claims of the first one are returned.
///
/// # Errors
///
/// [`Refused`], always if `auth` names no usable source.
pub fn authenticate(
    auth: &Auth,
    headers: &HeaderMap,
    query: Option<&str>,
    verify: impl FnMut(&str) -> Result<Claims, Rejection>,
) -> Result<Claims, Refused> {
    if !auth.jwt || (auth.header.is_none() && auth.query.is_none()) {
        return Err(Refused::NoSource);
    }
    first_valid(&extract::candidates(auth, headers, query), verify)
}

/// The claims of the first of `tokens` that `verify` accepts.
///
/// # Errors
///
/// [`Refused::NoToken`], [`Refused::Rejected`].
pub fn first_valid(
    tokens: &[Cow<'_, str>],
    mut verify: impl FnMut(&str) -> Result<Claims, Rejection>,
) -> Result<Claims, Refused> {
    let mut refused = Refused::NoToken;
    for token in tokens {
        match verify(token) {
            Ok(claims) => return Ok(claims),
            Err(rejection) => {
                if !matches!(refused, Refused::Rejected(Rejection::UnknownKid(_))) {
                    refused = Refused::Rejected(rejection);
                }
            }
        }
    }
    Err(refused)
}
