//! Content addresses: the SHA-256 of a definition's canonical bytes (cluster.md, part 4.1).
//! Depends on `sha2`. Deliberately absent: how a document is brought into canonical form; this
//! room only sees the finished bytes.

use std::{fmt, sync::Arc};

use sha2::{Digest as _, Sha256};

/// SHA-256 of a definition's canonical form, or [`Digest::DELETED`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The canonical bytes of one definition; cheap to clone, never changed.
#[derive(Clone, PartialEq, Eq)]
pub struct Body(Arc<[u8]>);

/// What one version of an API consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The API does not exist in this version.
    Deleted,
    /// The API is defined by these bytes.
    Defined(Body),
}

// === impl Digest ===

impl Digest {
    /// The digest of every deleted definition: SHA-256 of `rig/deleted/1`.
    pub const DELETED: Self = Self([
        0x83, 0xe4, 0x24, 0xd2, 0xc6, 0x23, 0x95, 0x03, 0x55, 0x14, 0x6a, 0x03, 0xb4, 0x39, 0x0c,
        0xf0, 0x5b, 0x74, 0x39, 0xc5, 0x9a, 0x9e, 0xf6, 0xa4, 0x55, 0xcc, 0x3a, 0xc7, 0xca, 0xec,
        0x61, 0x92,
    ]);

    /// A digest that was computed elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this stands for a deleted API.
    pub fn is_deleted(&self) -> bool {
        *self == Self::DELETED
    }

    /// The first 16 hex digits, as `ETag`s and change ids show them.
    pub fn prefix(&self) -> String {
        self.0
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// All 64 hex digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_deleted() {
            return f.write_str("deleted");
        }
        self.0
            .iter()
            .take(4)
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

// === impl Body ===

impl Body {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The digest of the bytes; hashes them.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Definitions may hold secrets of an operator, so only their size is shown.
        write!(f, "{} bytes", self.0.len())
    }
}

// === impl Content ===

impl Content {
    /// The digest of this version.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Deleted => Digest::DELETED,
            Self::Defined(body) => body.digest(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deleted_digest_is_the_hash_of_its_name() {
        assert_eq!(Digest::DELETED, Digest::of(b"rig/deleted/1"));
    }

    #[test]
    fn a_prefix_has_sixteen_hex_digits() {
        assert_eq!(Digest::DELETED.prefix(), "83e424d2c6239503");
    }
}
