//! A JWK Set document to keys (RFC 7517, RFC 7518 6, RFC 8037 2).
//!
//! Only keys that fit the pinned algorithm are kept; all others are passed over, as RFC 7517 5
//! asks, so that an issuer may publish new kinds of keys. Deliberately absent: fetching, and shared
//! secrets (`oct`): what a URL hands out is not secret.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::core::auth::{
    algorithm::{Algorithm, Family},
    key::Key,
};

/// Largest document in bytes. A key with a certificate chain needs about 6 KiB, so this is room for
/// more than [`JWKS_KEYS_MAX`] / 2 such keys and for hundreds of plain ones.
pub const JWKS_BYTES_MAX: usize = 256 * 1024;
/// Most keys in a set, usable or not. Issuers publish two to ten.
pub const JWKS_KEYS_MAX: usize = 64;
/// Longest key id in bytes, in sets and in tokens. Thumbprints have 43, UUIDs 36.
pub const KID_BYTES_MAX: usize = 256;

/// The usable keys of one document; at least one.
#[derive(Clone)]
pub struct Jwks {
    keys: Vec<(Option<String>, Key)>,
    passed_over: usize,
}

/// Why a document gives no keys. The keys in use stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JwksFault {
    /// A shared secret cannot be published.
    #[error(
        "JWT_ALG {0} uses a shared secret, which no URL can publish; unset JWT_JWKS_URL or set JWT_ALG to RS256, ES256 or EdDSA"
    )]
    Symmetric(Algorithm),
    /// Longer than [`JWKS_BYTES_MAX`].
    #[error("the key set is longer than {JWKS_BYTES_MAX} bytes; check JWT_JWKS_URL")]
    TooLong,
    /// Not JSON, or no list `keys`.
    #[error("the document is not a JWK set; check JWT_JWKS_URL")]
    NotASet,
    /// More than [`JWKS_KEYS_MAX`] keys.
    #[error("the key set has more than {JWKS_KEYS_MAX} keys; check JWT_JWKS_URL")]
    TooMany,
    /// None of the keys fits the pinned algorithm.
    #[error("no key of the set can verify {0} signatures; check JWT_ALG and JWT_JWKS_URL")]
    NoneUsable(Algorithm),
}

/// The members of a JWK that matter for verifying.
#[derive(Deserialize)]
struct Member {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

// === impl Jwks ===

impl Jwks {
    /// Reads a document of the issuer.
    ///
    /// Of several keys with the same id, the first usable one counts.
    ///
    /// # Errors
    ///
    /// The document as a whole is unusable; see [`JwksFault`].
    pub fn parse(algorithm: Algorithm, document: &[u8]) -> Result<Self, JwksFault> {
        if algorithm.is_symmetric() {
            return Err(JwksFault::Symmetric(algorithm));
        }
        if document.len() > JWKS_BYTES_MAX {
            return Err(JwksFault::TooLong);
        }
        let mut document: Map<String, Value> =
            serde_json::from_slice(document).map_err(|_| JwksFault::NotASet)?;
        let Some(Value::Array(members)) = document.remove("keys") else {
            return Err(JwksFault::NotASet);
        };
        if members.len() > JWKS_KEYS_MAX {
            return Err(JwksFault::TooMany);
        }
        let mut set = Self {
            keys: Vec::new(),
            passed_over: 0,
        };
        for member in members {
            match usable(algorithm, member) {
                Some((kid, key)) if !set.knows(kid.as_deref()) => set.keys.push((kid, key)),
                Some(_) | None => set.passed_over += 1,
            }
        }
        if set.keys.is_empty() {
            return Err(JwksFault::NoneUsable(algorithm));
        }
        Ok(set)
    }

    /// How many keys are usable; at least one.
    #[expect(clippy::len_without_is_empty, reason = "a set is never empty")]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many keys of the document were passed over: another algorithm, another use, malformed,
    /// or an id seen before.
    pub fn passed_over(&self) -> usize {
        self.passed_over
    }

    /// The key with this id.
    pub(super) fn find(&self, kid: &str) -> Option<&Key> {
        self.keys
            .iter()
            .find(|(known, _)| known.as_deref() == Some(kid))
            .map(|(_, key)| key)
    }

    /// The key, if there is only one.
    pub(super) fn sole(&self) -> Option<&Key> {
        match self.keys.as_slice() {
            [(_, key)] => Some(key),
            _ => None,
        }
    }

    /// All ids and keys, in the order of the document.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Option<&str>, &Key)> {
        self.keys.iter().map(|(kid, key)| (kid.as_deref(), key))
    }

    fn knows(&self, kid: Option<&str>) -> bool {
        kid.is_some_and(|kid| self.find(kid).is_some())
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwks({} keys)", self.keys.len())
    }
}

fn usable(algorithm: Algorithm, member: Value) -> Option<(Option<String>, Key)> {
    // serde would also take a list as the fields of a struct in order.
    let member = member
        .is_object()
        .then(|| Member::deserialize(member).ok())??;
    let for_verifying = member.usage.as_deref().is_none_or(|usage| usage == "sig")
        && member
            .key_ops
            .as_ref()
            .is_none_or(|operations| operations.iter().any(|name| name == "verify"))
        && member
            .alg
            .as_deref()
            .is_none_or(|name| name == algorithm.as_str());
    let short_id = member
        .kid
        .as_ref()
        .is_none_or(|kid| kid.len() <= KID_BYTES_MAX);
    if !for_verifying || !short_id {
        return None;
    }
    let key = key(algorithm, &member)?;
    Some((member.kid, key))
}

fn key(algorithm: Algorithm, member: &Member) -> Option<Key> {
    let number = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_ref()?).ok();
    match (
        algorithm.family(),
        member.kty.as_str(),
        member.crv.as_deref(),
    ) {
        (Family::Rsa, "RSA", _) => {
            Key::rsa(algorithm, &number(&member.n)?, &number(&member.e)?).ok()
        }
        (Family::P256, "EC", Some("P-256")) => {
            let point = [vec![4], number(&member.x)?, number(&member.y)?].concat();
            Key::p256(algorithm, &point).ok()
        }
        (Family::Ed25519, "OKP", Some("Ed25519")) => {
            Key::ed25519(algorithm, &number(&member.x)?).ok()
        }
        (Family::Hmac | Family::Rsa | Family::P256 | Family::Ed25519, _, _) => None,
    }
}

#[cfg(test)]
mod tests;
