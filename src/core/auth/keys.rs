//! The keys in force: the one of `JWT_SECRET_KEY`, those of `JWT_JWKS_URL`, or both.
//!
//! A value that never changes: a refreshed key set makes a new [`KeySet`], which the shell
//! publishes as a snapshot. Deliberately absent: fetching and its schedule
//! (spec: `auth.md` 6.1, `config.md` 8.4; RFC 7515 4.1.4).

use sha2::{Digest, Sha256};

use crate::core::auth::{
    algorithm::Algorithm,
    container,
    jwks::{Jwks, JwksFault},
    key::{Key, KeyFault},
};

/// Which keys are in force; changes if and only if they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation(u64);

/// The pinned algorithm and the keys that may have signed a token.
#[derive(Debug, Clone)]
pub struct KeySet {
    algorithm: Algorithm,
    /// From `JWT_SECRET_KEY`; `None` if that is empty.
    fixed: Option<Key>,
    published: Published,
    generation: Generation,
}

/// State of the keys of `JWT_JWKS_URL`.
#[derive(Debug, Clone)]
enum Published {
    /// No such URL: the `kid` of a token means nothing.
    Off,
    /// The URL has not answered yet: every `kid` is unknown.
    Awaited,
    /// The last good answer.
    Known(Jwks),
}

/// What a signature turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Made by a key in force.
    Genuine,
    /// Not made by the key it should be made by.
    Forged,
    /// The token names a key we do not have; a refresh may bring it.
    UnknownKid,
}

// === impl KeySet ===

impl KeySet {
    /// Keys at start. Without `secret` (or with an empty one), and until [`Self::with_published`],
    /// every token is rejected.
    ///
    /// # Errors
    ///
    /// `secret` is no key of the algorithm; see [`KeyFault`].
    pub fn new(algorithm: Algorithm, secret: Option<&str>) -> Result<Self, KeyFault> {
        let fixed = secret
            .filter(|secret| !secret.is_empty())
            .map(|secret| container::read(algorithm, secret))
            .transpose()?;
        Ok(Self {
            algorithm,
            fixed,
            published: Published::Off,
            generation: Generation(0),
        }
        .numbered())
    }

    /// The same keys, with those of `JWT_JWKS_URL` still to come: tokens that name a key are
    /// unknown, not forged.
    ///
    /// # Errors
    ///
    /// The algorithm uses a shared secret.
    pub fn awaiting_published(mut self) -> Result<Self, JwksFault> {
        if self.algorithm.is_symmetric() {
            return Err(JwksFault::Symmetric(self.algorithm));
        }
        self.published = Published::Awaited;
        Ok(self.numbered())
    }

    /// The same fixed key, with `jwks` (parsed for the same algorithm) in place of the published
    /// keys so far.
    #[must_use]
    pub fn with_published(&self, jwks: Jwks) -> Self {
        Self {
            algorithm: self.algorithm,
            fixed: self.fixed.clone(),
            published: Published::Known(jwks),
            generation: self.generation,
        }
        .numbered()
    }

    /// The pinned algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// There is no key at all: every token is rejected. Worth one warning at start, unless keys are
    /// awaited.
    pub fn is_empty(&self) -> bool {
        self.fixed.is_none() && !matches!(self.published, Published::Known(_))
    }

    /// Which keys these are.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Judges a signature (base64url) of `message`, made by the key `kid` if the token names one.
    ///
    /// With published keys, a known `kid` decides alone; the fixed key stands in for unknown and
    /// missing ones; a missing one is also fine if a single key is published.
    pub(super) fn judge(&self, kid: Option<&str>, message: &[u8], signature: &str) -> Verdict {
        let genuine = |key: Option<&Key>| key.is_some_and(|key| key.verifies(message, signature));
        let verdict = |genuine: bool, otherwise| {
            if genuine { Verdict::Genuine } else { otherwise }
        };
        let fixed = self.fixed.as_ref();
        match (&self.published, kid) {
            (Published::Off, _) | (Published::Awaited, None) => {
                verdict(genuine(fixed), Verdict::Forged)
            }
            (Published::Awaited, Some(_)) => verdict(genuine(fixed), Verdict::UnknownKid),
            (Published::Known(jwks), Some(kid)) => match jwks.find(kid) {
                Some(key) => verdict(genuine(Some(key)), Verdict::Forged),
                None => verdict(genuine(fixed), Verdict::UnknownKid),
            },
            (Published::Known(jwks), None) => {
                verdict(genuine(fixed.or_else(|| jwks.sole())), Verdict::Forged)
            }
        }
    }

    /// Takes the number from the keys themselves, so that a refresh without change keeps what was
    /// remembered under it. 64 bits of SHA-256 do not repeat by chance, and whoever chooses keys
    /// can sign anyway. A shared secret gets no number: nothing is remembered for it, and a number
    /// would let its holder test guesses.
    fn numbered(mut self) -> Self {
        let mut digest = Sha256::new();
        if !self.algorithm.is_symmetric() {
            if let Some(key) = &self.fixed {
                key.digest(&mut digest);
            }
            if let Published::Known(jwks) = &self.published {
                for (kid, key) in jwks.iter() {
                    let kid = kid.unwrap_or_default();
                    digest.update([0xff]);
                    digest.update(kid.len().to_be_bytes());
                    digest.update(kid);
                    key.digest(&mut digest);
                }
            }
        }
        let number = digest.finalize().into_iter().take(8);
        self.generation = Generation(number.fold(0, |sum, byte| sum << 8 | u64::from(byte)));
        self
    }
}

#[cfg(test)]
mod tests;
