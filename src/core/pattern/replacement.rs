//! A `path_replacement`, parsed once (spec: `proxying.md` 3.3 step 1).

use crate::core::pattern::Pattern;

/// A parsed `path_replacement`.
#[derive(Debug)]
pub struct Replacement {}

/// Why a `path_replacement` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplacementError {
    /// Starts with a scheme or `//`, so it would choose the target.
    #[error("must be a path")]
    NotAPath,
    /// Refers to a group that the pattern does not have, or has a malformed reference.
    #[error("must be a path")]
    BadReference,
}

impl Replacement {
    /// Parses `source`; `pattern` tells which groups exist.
    ///
    /// # Errors
    /// [`ReplacementError`]
    pub fn compile(_source: &str, _pattern: &Pattern) -> Result<Self, ReplacementError> {
        todo!()
    }
}
