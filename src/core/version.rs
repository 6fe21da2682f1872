//! Which version of a definition this is, as `ETag`s spell it (names.md: `ETag`, change id).

use std::fmt;

use minicbor::{Decode, Encode};

use crate::core::digest::Digest;

/// `ref_number` and content; equal versions are equal documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(array)]
pub struct Version {
    /// Counts the changes of one id, tombstones included.
    #[n(0)]
    pub ref_number: u64,
    /// Content address of the document.
    #[n(1)]
    pub digest: Digest,
}

// === impl Version ===

impl Version {
    /// The strong entity tag, quotes included (RFC 9110, 8.8.3).
    pub fn etag(&self) -> String {
        format!("\"{self}\"")
    }
}

/// `<ref>-<16 hex digits>`.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ref_number, self.digest.prefix())
    }
}
