//! Which tokens had a genuine signature: a bounded memory for algorithms whose check is slow.
//!
//! It remembers signatures, not decisions: lifetime and required claims are checked on every
//! request. It holds a digest of each token, never a token or a claim. One cache belongs to one
//! thread; deliberately absent are locks and forged tokens, so an attacker cannot push entries out.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::core::auth::keys::Generation;

/// Most tokens remembered. 80 bytes each, so a third of a megabyte a thread; beyond as many active
/// tokens, some are verified again.
pub const CACHED_TOKENS_MAX: usize = 4096;

/// Tokens whose signature was genuine, in two halves: when the young half is full it becomes the
/// old one, and what the old one held and nobody asked for is forgotten.
#[derive(Default)]
pub struct SignatureCache {
    young: BTreeMap<Fingerprint, Entry>,
    old: BTreeMap<Fingerprint, Entry>,
}

/// SHA-256 of a whole token. Two tokens with the same one cannot be made.
type Fingerprint = [u8; 32];

#[derive(Clone, Copy)]
struct Entry {
    /// The keys the signature was checked with.
    generation: Generation,
    /// The token's `exp`; from this second on the entry is dead.
    expires: u64,
}

// === impl SignatureCache ===

impl SignatureCache {
    /// A cache that knows no token.
    pub fn new() -> Self {
        Self::default()
    }

    /// `token` was found genuine with the keys of `generation`, and has not expired at `now`
    /// (seconds since 1970).
    pub fn get(&mut self, token: &str, now: u64, generation: Generation) -> bool {
        let fingerprint = fingerprint(token);
        let (entry, is_old) = match self.young.get(&fingerprint) {
            Some(entry) => (*entry, false),
            None => match self.old.remove(&fingerprint) {
                Some(entry) => (entry, true),
                None => return false,
            },
        };
        if entry.generation != generation || entry.expires <= now {
            self.young.remove(&fingerprint);
            return false;
        }
        if is_old {
            self.put(fingerprint, entry);
        }
        true
    }

    /// Remembers that `token` is genuine under the keys of `generation`, until `expires`.
    pub fn insert(&mut self, token: &str, expires: u64, generation: Generation) {
        let entry = Entry {
            generation,
            expires,
        };
        self.put(fingerprint(token), entry);
    }

    /// How many tokens are remembered; at most [`CACHED_TOKENS_MAX`].
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    fn put(&mut self, fingerprint: Fingerprint, entry: Entry) {
        if self.young.len() >= CACHED_TOKENS_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(fingerprint, entry);
    }
}

fn fingerprint(token: &str) -> Fingerprint {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests;
