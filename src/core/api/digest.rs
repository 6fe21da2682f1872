//! The content address of a definition (cluster.md, part 4.1).

use crate::core::api::document::Document;

/// SHA-256 of a definition's canonical form (RFC 8785), or of a fixed text for "deleted".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `document`, server-managed members left out.
    pub fn of(_document: &Document) -> Self {
        todo!()
    }

    /// The canonical form that is hashed: RFC 8785, server-managed members left out.
    pub fn canonical(_document: &Document) -> Vec<u8> {
        todo!()
    }

    /// The digest of bytes made by [`Digest::canonical`].
    pub fn of_canonical(_canonical: &[u8]) -> Self {
        todo!()
    }

    /// The digest of every deleted definition.
    pub fn deleted() -> Self {
        todo!()
    }

    /// The first 16 hex digits, as `ETag`s and change ids show it.
    pub fn prefix(&self) -> String {
        todo!()
    }
}
