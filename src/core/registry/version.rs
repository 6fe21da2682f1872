//! Which version of a definition this is, as `ETag`s spell it (names.md: `ETag`, change id).

use std::fmt;

use crate::core::api::digest::Digest;

/// `ref_number` and content; equal versions are equal documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Counts the changes of one id, tombstones included.
    pub ref_number: u64,
    /// Content address of the document.
    pub digest: Digest,
}

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
