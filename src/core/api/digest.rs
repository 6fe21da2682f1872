//! The content address of a definition (cluster.md, part 4.1; RFC 8785).
//!
//! Two nodes that hold the same definition must compute the same digest, so it is taken of the
//! document as submitted: before defaults, without members that differ from node to node.
//! RFC 8785 reads numbers as doubles; integers beyond 2^53 that round to the same double therefore
//! share a digest.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::core::api::document::{BOOKKEEPING, Document};

/// What is hashed for "deleted": all deletes of one `ref_number` are the same version.
const DELETED: &[u8] = b"rig/deleted/1";

/// Bytes of a digest that [`Digest::prefix`] shows, two hex digits each.
const PREFIX_BYTES: usize = 8;

/// SHA-256 of a definition's canonical form (RFC 8785), or of a fixed text for "deleted".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

// === impl Digest ===

impl Digest {
    /// The digest of `document`, server-managed members left out.
    pub fn of(document: &Document) -> Self {
        Self::of_canonical(&Self::canonical(document))
    }

    /// The canonical form that is hashed: RFC 8785, server-managed members left out.
    pub fn canonical(document: &Document) -> Vec<u8> {
        let submitted: BTreeMap<&String, &Value> = document
            .iter()
            .filter(|(name, _)| !BOOKKEEPING.contains(&name.as_str()))
            .collect();
        // Names are text and JSON numbers finite, so there always is a canonical form. Were there
        // none, the plain text would still keep different documents apart.
        serde_json_canonicalizer::to_vec(&submitted)
            .unwrap_or_else(|_| format!("{submitted:?}").into_bytes())
    }

    /// The digest of bytes made by [`Digest::canonical`].
    pub fn of_canonical(canonical: &[u8]) -> Self {
        Self(Sha256::digest(canonical).into())
    }

    /// The digest of every deleted definition.
    pub fn deleted() -> Self {
        Self(Sha256::digest(DELETED).into())
    }

    /// A digest that came over the wire. Whoever takes it for that of a body must compare.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 16 hex digits, as `ETag`s and change ids show it.
    pub fn prefix(&self) -> String {
        hex(self.0.iter().take(PREFIX_BYTES))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(self.0.iter()))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

fn hex<'a>(bytes: impl Iterator<Item = &'a u8>) -> String {
    bytes.map(|byte| format!("{byte:02x}")).collect()
}
