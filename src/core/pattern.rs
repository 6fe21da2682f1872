//! A `path_regex`, compiled once and anchored at both ends (spec: `proxying.md` 3.2.2).

pub mod replacement;

pub use replacement::{Replacement, ReplacementError};

/// A compiled `path_regex`.
#[derive(Debug)]
pub struct Pattern {
    source: String,
}

/// Why a `path_regex` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(pub String);

impl Pattern {
    /// Compiles `source` for case-insensitive matching of whole normalised paths.
    ///
    /// # Errors
    /// Not a regular expression, uses look-around or back-references, or is too large.
    pub fn compile(_source: &str) -> Result<Self, PatternError> {
        todo!()
    }

    /// The `path_regex` as the definition spells it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the whole of `path` matches.
    pub fn is_match(&self, _path: &str) -> bool {
        todo!()
    }
}
