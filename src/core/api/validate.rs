//! Document → [`Api`], or *all* faults (spec: `api-definitions.md` 1.8).

use crate::core::api::{
    Api,
    document::Document,
    faults::{Faults, Warning},
};

/// What validation needs to know of the node, to warn of what cannot work here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Surroundings {
    /// A key for verifying tokens is configured (`JWT_SECRET_KEY` or `JWT_JWKS_URL`).
    pub has_key: bool,
}

/// A definition that may be stored.
#[derive(Debug)]
pub struct Checked {
    /// The model.
    pub api: Api,
    /// What is odd about this definition by itself; shadowing is judged over all APIs elsewhere.
    pub warnings: Vec<Warning>,
}

/// Checks `document` and builds its model. Patterns that `previous` (the version being replaced)
/// already compiled are reused.
///
/// # Errors
/// All faults at once, in the order of the spec's rules.
pub fn validate(
    _document: &Document,
    _previous: Option<&Api>,
    _surroundings: &Surroundings,
) -> Result<Checked, Faults> {
    todo!()
}
