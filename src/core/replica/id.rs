//! Names of things: APIs, nodes as voters, peers of the transport (cluster.md, part 4).
//! Depends on `sha2`. Deliberately absent: the meaning of a peer id's bytes.

use std::{fmt, sync::Arc};

use sha2::{Digest as _, Sha256};

use super::limits::NAME_BYTES_MAX;

/// How the ids of documents begin that are no APIs but the gateway's own, such as the extractors. No
/// API may have such an id.
pub const RESERVED_PREFIX: &str = "$rig/";

/// The id of an API definition: 1 to 128 bytes, no control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiId(Arc<str>);

/// Who casts a ballot: the first half of SHA-256(cluster name, node name), so that a node keeps
/// its vote over restarts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Voter([u8; 16]);

/// The transport's name of a process; opaque here, fresh at every start.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(Arc<[u8]>);

/// Why a text cannot be the name of an API or node. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {NAME_BYTES_MAX} bytes and no control characters; shorten or clean it")]
pub struct NameFault;

// === impl ApiId ===

impl ApiId {
    /// Checks `text` and makes it an id.
    pub fn new(text: &str) -> Result<Self, NameFault> {
        if is_name(text) {
            Ok(Self(text.into()))
        } else {
            Err(NameFault)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// No API has this id: it names a document of the gateway itself.
    pub fn is_reserved(&self) -> bool {
        is_reserved(&self.0)
    }

    /// Where this id sits in the hash tree: the first 64 bits of its SHA-256.
    pub fn hashed(&self) -> u64 {
        first_u64(&Sha256::digest(self.0.as_bytes()))
    }
}

impl fmt::Debug for ApiId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Voter ===

impl Voter {
    /// The voter of node `name` in `cluster`. A zero byte parts the two, which no name contains.
    pub fn of(cluster: &str, name: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(cluster.as_bytes());
        hash.update([0]);
        hash.update(name.as_bytes());
        let mut half = [0; 16];
        for (to, from) in half.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(half)
    }

    /// A voter read from a message.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Voter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .take(3)
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// All 32 hex digits.
impl fmt::Display for Voter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

// === impl PeerId ===

impl PeerId {
    /// A peer id from the transport's bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// All bytes as hex digits.
impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.0) {
            Ok(text) if is_name(text) => f.write_str(text),
            Ok(_) | Err(_) => fmt::Display::fmt(self, f),
        }
    }
}

/// Whether `text` may name an API or a node.
pub fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Whether `text` is, as an id, kept for documents of the gateway itself.
pub fn is_reserved(text: &str) -> bool {
    text.starts_with(RESERVED_PREFIX)
}

/// The first eight bytes of a hash as a number; short input counts as zero-padded.
pub(super) fn first_u64(hash: &[u8]) -> u64 {
    hash.iter()
        .take(8)
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_free_of_control_characters() {
        let longest = "x".repeat(NAME_BYTES_MAX);
        for (text, good) in [
            ("a", true),
            ("dänisch", true),
            (longest.as_str(), true),
            ("", false),
            ("a\nb", false),
            (&format!("{longest}x"), false),
        ] {
            assert_eq!(ApiId::new(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn cluster_and_node_name_cannot_be_shifted_into_each_other() {
        assert_ne!(Voter::of("ab", "c"), Voter::of("a", "bc"));
    }
}
