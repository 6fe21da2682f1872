//! The signature algorithms `JWT_ALG` may name (spec: `auth.md` 6.1; RFC 7518 3.1, RFC 8037 3.1).
//!
//! Exactly one is pinned at start; a token never chooses. Deliberately absent: `none`, and every
//! algorithm no issuer of ours uses. May depend on jsonwebtoken only.

use std::{fmt, str::FromStr};

use jsonwebtoken::Algorithm as Library;
use thiserror::Error;

/// The one algorithm tokens must be signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

/// What kind of key an algorithm needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// A secret both sides know.
    Hmac,
    /// An RSA public key.
    Rsa,
    /// A point on P-256.
    P256,
    /// An Ed25519 public key.
    Ed25519,
}

/// `JWT_ALG` names something else; the gateway does not start.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "JWT_ALG is {0:?}, which is not supported; use one of HS256, HS384, HS512, RS256, RS384, RS512, ES256, EdDSA"
)]
pub struct UnknownAlgorithm(pub String);

// === impl Algorithm ===

impl Algorithm {
    /// All algorithms, in the order error messages list them.
    pub const ALL: [Self; 8] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Es256,
        Self::EdDsa,
    ];

    /// The name in token headers and key sets (case-sensitive there, RFC 7515 4.1.1).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The kind of key it needs.
    pub const fn family(self) -> Family {
        match self {
            Self::Hs256 | Self::Hs384 | Self::Hs512 => Family::Hmac,
            Self::Rs256 | Self::Rs384 | Self::Rs512 => Family::Rsa,
            Self::Es256 => Family::P256,
            Self::EdDsa => Family::Ed25519,
        }
    }

    /// Signer and verifier hold the same secret. Such keys are never taken from a URL.
    pub const fn is_symmetric(self) -> bool {
        matches!(self.family(), Family::Hmac)
    }

    /// The same algorithm in the library's words.
    pub(super) const fn library(self) -> Library {
        match self {
            Self::Hs256 => Library::HS256,
            Self::Hs384 => Library::HS384,
            Self::Hs512 => Library::HS512,
            Self::Rs256 => Library::RS256,
            Self::Rs384 => Library::RS384,
            Self::Rs512 => Library::RS512,
            Self::Es256 => Library::ES256,
            Self::EdDsa => Library::EdDSA,
        }
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Reads the value of `JWT_ALG`; upper and lower case are the same.
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownAlgorithm(name.to_owned()))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Family ===

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hmac => "a secret",
            Self::Rsa => "an RSA key",
            Self::P256 => "an elliptic-curve key on P-256",
            Self::Ed25519 => "an Ed25519 key",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_in_any_case() {
        for algorithm in Algorithm::ALL {
            let name = algorithm.as_str();
            assert_eq!(name.parse(), Ok(algorithm));
            assert_eq!(name.to_lowercase().parse(), Ok(algorithm));
            assert_eq!(name.to_uppercase().parse(), Ok(algorithm));
        }
    }

    #[test]
    fn any_other_name_is_refused_and_the_message_lists_the_supported_ones() {
        for name in ["", "none", "PS256", "ES384", "HS256 ", "HS2566", "A128KW"] {
            let error = name.parse::<Algorithm>().unwrap_err();
            assert_eq!(error, UnknownAlgorithm(name.to_owned()));
            let text = error.to_string();
            assert!(text.starts_with("JWT_ALG is "), "{text}");
            for algorithm in Algorithm::ALL {
                assert!(text.contains(algorithm.as_str()), "{text}");
            }
        }
    }
}
