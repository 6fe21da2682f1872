//! One token: compact JWS in, claims or the reason for its rejection out
//! (RFC 7515 5.2 and 7.1, RFC 7519 7.2, RFC 8725; spec: `auth.md` 6.1).
//!
//! Signature first, then claims: nobody learns anything about a token they cannot sign. The
//! algorithm is pinned by the keys; the header can only agree. Deliberately absent: the session
//! blacklist, which judges the returned [`Claims`].

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};

use crate::core::auth::{
    cache::SignatureCache,
    claims::{Claims, Requirements},
    jwks::KID_BYTES_MAX,
    keys::{KeySet, Verdict},
    rejection::{Rejection, TOKEN_BYTES_MAX},
};

/// The header members that matter.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    kid: Option<Text<'a>>,
    /// Extensions that must be understood (RFC 7515 4.1.11); we understand none.
    crit: Option<IgnoredAny>,
}

/// Makes serde borrow inside an `Option`.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A token cut at its dots.
struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    /// Header, dot, payload: what is signed.
    message: &'a str,
}

/// Verifies `token` at `now` (seconds since 1970).
///
/// # Errors
///
/// The first [`Rejection`] that applies.
pub fn verify(
    token: &str,
    keys: &KeySet,
    requirements: &Requirements,
    now: u64,
) -> Result<Claims, Rejection> {
    let parts = Parts::of(token)?;
    parts.check_signature(keys)?;
    Claims::read(parts.payload, requirements, now)
}

/// As [`verify`], but remembers genuine signatures if checking them is slow, that is for all
/// algorithms except HS*.
///
/// # Errors
///
/// As [`verify`].
pub fn verify_cached(
    token: &str,
    keys: &KeySet,
    requirements: &Requirements,
    now: u64,
    cache: &mut SignatureCache,
) -> Result<Claims, Rejection> {
    if keys.algorithm().is_symmetric() {
        return verify(token, keys, requirements, now);
    }
    let parts = Parts::of(token)?;
    let generation = keys.generation();
    let is_known = cache.get(token, now, generation);
    if !is_known {
        parts.check_signature(keys)?;
    }
    let claims = Claims::read(parts.payload, requirements, now)?;
    if !is_known {
        cache.insert(token, claims.expires(), generation);
    }
    Ok(claims)
}

// === impl Parts ===

impl<'a> Parts<'a> {
    fn of(token: &'a str) -> Result<Self, Rejection> {
        if token.is_empty() {
            return Err(Rejection::Empty);
        }
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Rejection::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Rejection::Forged)?;
        // A further dot would be in the payload, where it is not base64.
        let (header, payload) = message.split_once('.').ok_or(Rejection::Forged)?;
        Ok(Self {
            header,
            payload,
            signature,
            message,
        })
    }

    fn check_signature(&self, keys: &KeySet) -> Result<(), Rejection> {
        let json = URL_SAFE_NO_PAD
            .decode(self.header)
            .map_err(|_| Rejection::Forged)?;
        // serde would also take a list as the fields of a struct in order.
        if json.trim_ascii_start().first() != Some(&b'{') {
            return Err(Rejection::Forged);
        }
        let header: Header<'_> = serde_json::from_slice(&json).map_err(|_| Rejection::Forged)?;
        if header.alg != keys.algorithm().as_str() || header.crit.is_some() {
            return Err(Rejection::Forged);
        }
        let kid = header.kid.as_ref().map(|kid| kid.0.as_ref());
        match keys.judge(kid, self.message.as_bytes(), self.signature) {
            Verdict::Genuine => Ok(()),
            Verdict::Forged => Err(Rejection::Forged),
            Verdict::UnknownKid => match kid {
                Some(kid) if kid.len() <= KID_BYTES_MAX => {
                    Err(Rejection::UnknownKid(kid.to_owned()))
                }
                Some(_) | None => Err(Rejection::Forged),
            },
        }
    }
}

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod tests;
