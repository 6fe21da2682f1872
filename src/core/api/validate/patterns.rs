//! The compiled patterns of a definition: one per distinct source, taken over from the previous
//! version where it is the same. Compiling ten thousand patterns takes the better part of a second;
//! a PUT that changes one of them must not.

use std::{collections::HashMap, sync::Arc};

use crate::core::{
    api::Api,
    pattern::{Pattern, PatternError, Replacement, ReplacementError},
};

/// Compiles on demand, and only what nobody compiled before.
#[derive(Debug, Default)]
pub(super) struct Patterns<'a> {
    compiled: HashMap<&'a str, Arc<Pattern>>,
    replacements: HashMap<(&'a str, &'a str), Arc<Replacement>>,
}

// === impl Patterns ===

impl<'a> Patterns<'a> {
    pub(super) fn of(previous: Option<&'a Api>) -> Self {
        let endpoints = previous
            .map(|api| api.endpoints.as_slice())
            .unwrap_or_default();
        Self {
            compiled: endpoints
                .iter()
                .map(|endpoint| (endpoint.pattern.source(), Arc::clone(&endpoint.pattern)))
                .collect(),
            replacements: HashMap::new(),
        }
    }

    /// The pattern of `path_regex`.
    pub(super) fn pattern(&mut self, path_regex: &'a str) -> Result<Arc<Pattern>, PatternError> {
        if let Some(pattern) = self.compiled.get(path_regex) {
            return Ok(Arc::clone(pattern));
        }
        let pattern = Arc::new(Pattern::compile(path_regex)?);
        self.compiled.insert(path_regex, Arc::clone(&pattern));
        Ok(pattern)
    }

    /// The replacement `path_replacement` of what `pattern`, compiled from `path_regex`, matched.
    pub(super) fn replacement(
        &mut self,
        path_replacement: &'a str,
        path_regex: &'a str,
        pattern: &Pattern,
    ) -> Result<Arc<Replacement>, ReplacementError> {
        if let Some(replacement) = self.replacements.get(&(path_regex, path_replacement)) {
            return Ok(Arc::clone(replacement));
        }
        let replacement = Arc::new(Replacement::compile(path_replacement, pattern)?);
        self.replacements
            .insert((path_regex, path_replacement), Arc::clone(&replacement));
        Ok(replacement)
    }
}
