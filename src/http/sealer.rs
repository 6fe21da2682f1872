//! Seals and opens tokens with the cluster's secret: the shell around [`crate::core::seal`] that
//! draws the nonces.
//!
//! May depend on `core` and on the random numbers of rustls' crypto provider. Deliberately absent:
//! what is sealed.

use rustls::crypto::ring;

use crate::core::seal::{Key, NONCE_BYTES, Purpose, SealFault};

/// The secret of tokens.
pub struct Secret(Vec<u8>);

/// Seals and opens tokens of one purpose.
#[derive(Debug, Clone)]
pub struct Sealer(Key);

/// The system has no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomness;

// === impl Secret ===

impl Secret {
    /// The cluster's secret (`NODE_COOKIE`): tokens are good on every node that has it.
    pub fn shared(cookie: &[u8]) -> Self {
        Self(cookie.to_vec())
    }

    /// A secret of this process: tokens are good here, until the process ends.
    ///
    /// # Errors
    /// [`NoRandomness`]
    pub fn own() -> Result<Self, NoRandomness> {
        Ok(Self(random::<32>()?.to_vec()))
    }
}

// === impl Sealer ===

impl Sealer {
    /// Tokens for `purpose` under `secret`.
    pub fn new(secret: &Secret, purpose: Purpose) -> Self {
        Self(Key::derive(&secret.0, purpose))
    }

    /// A new token for `plain`; a different one each time.
    ///
    /// # Errors
    /// [`NoRandomness`]; also for a `plain` of thousands of bytes, which nobody seals.
    pub fn seal(&self, plain: &[u8]) -> Result<String, NoRandomness> {
        let nonce = random::<NONCE_BYTES>()?;
        self.0.seal(plain, nonce).ok_or(NoRandomness)
    }

    /// What was sealed as `token`.
    ///
    /// # Errors
    /// [`SealFault`]
    pub fn open(&self, token: &str) -> Result<Vec<u8>, SealFault> {
        self.0.open(token)
    }
}

/// Random bytes, fit for cryptography.
///
/// # Errors
/// [`NoRandomness`]
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_failed| NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_with_one_cookie_read_each_others_tokens_and_no_two_tokens_are_the_same() {
        let node = |cookie| Sealer::new(&Secret::shared(cookie), Purpose::Connection);
        let (one, two, stranger) = (node(b"a cookie"), node(b"a cookie"), node(b"another"));
        let token = one.seal(b"7").unwrap();
        assert_eq!(two.open(&token), Ok(b"7".to_vec()));
        assert_eq!(stranger.open(&token), Err(SealFault::NotAuthentic));
        assert_ne!(one.seal(b"7").unwrap(), token);
    }

    #[test]
    fn without_a_cookie_every_process_is_a_stranger() {
        let node = || Sealer::new(&Secret::own().unwrap(), Purpose::Connection);
        let token = node().seal(b"7").unwrap();
        assert_eq!(node().open(&token), Err(SealFault::NotAuthentic));
    }
}
