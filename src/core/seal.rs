//! Sealed tokens: opaque texts that only nodes with the same secret can make or read, for connection
//! tokens and correlation ids (spec: `proxying.md` 3.8.5, `events.md` 5.5; RFC 8439,
//! draft-irtf-cfrg-xchacha-03).
//!
//! `base64url(nonce ‖ ciphertext ‖ tag)` with padding, under XChaCha20-Poly1305. Every purpose has a
//! key of its own, so a connection token can never be used as a correlation id. The nonce is the
//! caller's: 24 random bytes, long enough that repeating one by chance need not be thought of.
//! Deliberately absent: randomness, lifetimes (a token counts as long as what it names lives).

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 24;

/// Bytes of the authentication tag.
const TAG_BYTES: usize = 16;

/// Longest token, in bytes: what is sealed are a few numbers and at most a position of the cluster, and
/// browsers keep cookies of up to 4,096 bytes only.
pub const TOKEN_BYTES_MAX: usize = 3_072;

/// Keeps keys of this scheme apart from all others made of the same secret.
const SCHEME: &[u8] = b"rig/seal/1";

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Names a connection (SSE, WebSocket, long polling).
    Connection,
    /// Names a request that waits for an asynchronous answer.
    Correlation,
}

/// Seals and opens tokens of one purpose.
#[derive(Clone)]
pub struct Key {
    cipher: XChaCha20Poly1305,
    purpose: Purpose,
}

/// Why a text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealFault {
    /// Not base64url with its padding.
    #[error("the token is not base64url")]
    NotBase64,
    /// Fewer bytes than a nonce and a tag.
    #[error("the token is too short")]
    TooShort,
    /// Longer than [`TOKEN_BYTES_MAX`].
    #[error("the token is longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// Altered, made for another purpose, or sealed with another secret.
    #[error("the token is not authentic")]
    NotAuthentic,
}

// === impl Purpose ===

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Connection => b"connection",
            Self::Correlation => b"correlation",
        }
    }
}

// === impl Key ===

impl Key {
    /// The key for `purpose` under `secret`, which all nodes of a cluster share. It has to be hard
    /// to guess by itself: it is hashed once, not stretched.
    pub fn derive(secret: &[u8], purpose: Purpose) -> Self {
        let mut hash = Sha256::new();
        // Fixed lengths in front of free text: no two inputs are the same bytes.
        hash.update(SCHEME);
        hash.update(Sha256::digest(purpose.label()));
        hash.update(secret);
        Self {
            cipher: XChaCha20Poly1305::new(&hash.finalize()),
            purpose,
        }
    }

    /// Seals `plain`. `nonce` must never be used twice: draw it from a generator fit for
    /// cryptography. `None` only beyond the length that fits into a token.
    pub fn seal(&self, plain: &[u8], nonce: [u8; NONCE_BYTES]) -> Option<String> {
        let payload = Payload {
            msg: plain,
            aad: self.purpose.label(),
        };
        let sealed = self.cipher.encrypt(XNonce::from_slice(&nonce), payload);
        let text = URL_SAFE.encode([&nonce[..], &sealed.ok()?].concat());
        (text.len() <= TOKEN_BYTES_MAX).then_some(text)
    }

    /// What was sealed as `token`.
    ///
    /// # Errors
    /// [`SealFault`]
    pub fn open(&self, token: &str) -> Result<Vec<u8>, SealFault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(SealFault::TooLong);
        }
        let bytes = URL_SAFE
            .decode(token)
            .map_err(|_malformed| SealFault::NotBase64)?;
        let (nonce, sealed) = bytes
            .split_at_checked(NONCE_BYTES)
            .filter(|(_nonce, sealed)| sealed.len() >= TAG_BYTES)
            .ok_or(SealFault::TooShort)?;
        let payload = Payload {
            msg: sealed,
            aad: self.purpose.label(),
        };
        self.cipher
            .decrypt(XNonce::from_slice(nonce), payload)
            .map_err(|_forged| SealFault::NotAuthentic)
    }
}

/// Shows nothing of the key.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.purpose)
    }
}

#[cfg(test)]
mod tests;
