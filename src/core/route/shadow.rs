//! Endpoints that no request can reach, because an earlier one of the same method takes them all.
//!
//! Told to whoever stores a definition (spec: `proxying.md` 3.2.3). What is told is so, but not all
//! of it is found: patterns are compared step by step ([`Pattern::covers`]), not proved. The HEAD
//! endpoints' precedence over GET is no shadow: GET requests still arrive.
//!
//! [`Pattern::covers`]: crate::core::pattern::Pattern::covers

#[cfg(test)]
mod tests;

use std::{fmt, ops::Range};

use crate::core::route::{Route, RouteTable};

/// Most pairs of patterns compared for one definition, so that ten thousand patterns with the same
/// prefix cost some milliseconds, not seconds. Ordinary tables need a few for each endpoint. Behind
/// the limit only endpoints with literal twins are told.
const COMPARISONS_MAX: usize = 50_000;

/// Most shadows told for one definition; a catch-all can hide every other endpoint.
const SHADOWS_MAX: usize = 100;

/// An endpoint and the one that takes all its requests. Displayed as a sentence.
#[derive(Debug, Clone, Copy)]
pub struct Shadow<'t> {
    /// The endpoint that is never reached.
    pub hidden: &'t Route,
    /// The first endpoint that takes everything it would match.
    pub by: &'t Route,
}

// === impl Shadow ===

impl fmt::Display for Shadow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |route: &Route| format!("`{}/{}`", route.api.id, route.endpoint().id);
        let (hidden, by, method) = (
            name(self.hidden),
            name(self.by),
            &self.hidden.endpoint().method,
        );
        write!(
            f,
            "{hidden} is never reached: {by} comes first and takes all its {method} requests"
        )
    }
}

/// The shadows that concern the API `id` of `table`: those over its endpoints, and those its
/// endpoints cast. In table order of the hidden endpoints.
pub fn shadows<'t>(table: &'t RouteTable, id: &str) -> Vec<Shadow<'t>> {
    let routes = table.routes();
    let start = routes.partition_point(|route| *route.api.id < *id);
    let end = start + routes[start..].partition_point(|route| *route.api.id == *id);
    let own = start..end;

    let mut candidates: Vec<usize> = own.clone().collect();
    candidates.extend(reached(table, own.clone()).filter(|route| *route >= end));
    candidates.sort_unstable();
    let mut comparisons = COMPARISONS_MAX;
    candidates
        .into_iter()
        .filter_map(|hidden| Some((hidden, caster(table, hidden, &mut comparisons)?)))
        .filter(|(hidden, by)| own.contains(hidden) || own.contains(by))
        .map(|(hidden, by)| Shadow {
            hidden: &routes[hidden],
            by: &routes[by],
        })
        .take(SHADOWS_MAX)
        .collect()
}

/// The routes that the routes `casters` could hide by their prefixes, each once.
fn reached(table: &RouteTable, casters: Range<usize>) -> impl Iterator<Item = usize> {
    let mut parts: Vec<(&str, Range<u32>)> = table.routes()[casters]
        .iter()
        .filter_map(|caster| {
            let endpoint = caster.endpoint();
            let trie = table.trie(&endpoint.method)?;
            let walk = trie.walk(endpoint.pattern.prefix());
            let part = if endpoint.pattern.is_literal() {
                trie.exact(walk)
            } else {
                trie.below(walk)
            };
            Some((endpoint.method.as_str(), part))
        })
        .collect();
    // Parts of one trie are disjoint, or one within the other; the widest of those that start
    // together comes first.
    parts.sort_unstable_by_key(|(method, part)| (*method, part.start, std::cmp::Reverse(part.end)));
    parts.dedup_by(|part, kept| part.0 == kept.0 && part.1.end <= kept.1.end);
    parts
        .into_iter()
        .filter_map(|(method, part)| Some(table.trie(method)?.routes(part)))
        .flatten()
        .map(|route| *route as usize)
}

/// The first route that takes every request of route `hidden`.
fn caster(table: &RouteTable, hidden: usize, comparisons: &mut usize) -> Option<usize> {
    let route = |at: u32| table.routes()[at as usize].endpoint();
    let (limit, endpoint) = (
        u32::try_from(hidden).ok()?,
        table.routes()[hidden].endpoint(),
    );
    let trie = table.trie(&endpoint.method)?;
    let walk = trie.walk(endpoint.pattern.prefix());
    let twin = trie.routes(trie.exact(walk)).first().copied();
    let twin = twin.filter(|twin| endpoint.pattern.is_literal() && *twin < limit);
    if *comparisons == 0 {
        return twin.map(|by| by as usize);
    }
    let open = trie.first_open(walk, twin.unwrap_or(limit), |other| {
        *comparisons = comparisons.saturating_sub(1);
        *comparisons > 0 && route(other).pattern.covers(&endpoint.pattern)
    });
    open.or(twin).map(|by| by as usize)
}
