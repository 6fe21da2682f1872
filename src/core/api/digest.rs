//! The content address of a definition (cluster.md, part 4.1; RFC 8785).
//!
//! Two nodes that hold the same definition must compute the same digest, so it is taken of the
//! document as submitted: before defaults, without members that differ from node to node.
//! RFC 8785 reads numbers as doubles; integers beyond 2^53 that round to the same double therefore
//! share a digest.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::core::{
    api::document::{BOOKKEEPING, Document},
    digest::Body,
};

/// The canonical form of `document`: RFC 8785, server-managed members left out. Its SHA-256 is the
/// definition's digest.
pub fn canonical(document: &Document) -> Body {
    let submitted: BTreeMap<&String, &Value> = document
        .iter()
        .filter(|(name, _)| !BOOKKEEPING.contains(&name.as_str()))
        .collect();
    // Names are text and JSON numbers finite, so there always is a canonical form. Were there
    // none, the plain text would still keep different documents apart.
    serde_json_canonicalizer::to_vec(&submitted)
        .unwrap_or_else(|_| format!("{submitted:?}").into_bytes())
        .into()
}
