//! Token verification: may this request pass a secured endpoint? (spec: `auth.md` 6.1 and 6.2,
//! `proxying.md` 3.9; RFC 7515, 7517, 7519, 8725).
//!
//! [`keys::KeySet`] is built at start and after each fetch of published keys; [`token::verify`]
//! judges one token, [`authenticate`] one request. The clock is an argument. Rooms, each needing
//! only those named before it: `algorithm`, `pem`, `key`, `container`, `jwks`, `keys`, `cache`,
//! `rejection`, `claims`, `token`, `extract`. Deliberately absent: fetching keys, sessions and the blacklist.

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
mod fixture;
#[cfg(test)]
mod tests;

use http::HeaderMap;
use thiserror::Error;

use crate::core::{
    api::Auth,
    auth::{
        cache::SignatureCache,
        claims::{Claims, Requirements},
        keys::KeySet,
        rejection::Rejection,
    },
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

/// Decides whether a request passes a secured endpoint: it does if one of its tokens is valid at
/// `now` (seconds since 1970), and the claims of the first valid one are returned.
///
/// # Errors
///
/// [`Refused`], always if `auth` names no usable source.
pub fn authenticate(
    auth: &Auth,
    headers: &HeaderMap,
    query: Option<&str>,
    keys: &KeySet,
    requirements: &Requirements,
    now: u64,
    cache: &mut SignatureCache,
) -> Result<Claims, Refused> {
    if !auth.jwt || (auth.header.is_none() && auth.query.is_none()) {
        return Err(Refused::NoSource);
    }
    let mut refused = Refused::NoToken;
    for token in extract::candidates(auth, headers, query) {
        match token::verify_cached(&token, keys, requirements, now, cache) {
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
