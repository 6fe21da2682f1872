//! The compiled routes of all active APIs (spec: `proxying.md` 3.2 and 3.3).
//!
//! Built anew for every change of the APIs, never changed in place. What is costly, compiling
//! patterns, happened when the definitions were checked. Deliberately absent: headers, bodies and
//! whether a target can be served.

#[cfg(test)]
pub(super) mod fixture;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::Arc};

use http::HeaderValue;

use crate::core::{
    api::{Api, Endpoint},
    path,
    route::{
        origin::Origin,
        query,
        trie::{Entry, Trie},
    },
};

/// The methods that are forwarded, spelled as they must be (spec: `proxying.md` 3.4).
const FORWARDED: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// What the table reads of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// As received; matched case-insensitively.
    pub method: &'a str,
    /// Path of the request target as received, without query.
    pub path: &'a str,
    /// Query string without `?`, if the target had a `?`. Passed on as it is: that it holds nothing
    /// a request target may not hold is up to whoever parsed the target.
    pub query: Option<&'a str>,
}

/// One endpoint of one active API, ready to be used.
#[derive(Debug)]
pub struct Route {
    /// The API.
    pub api: Arc<Api>,
    /// Index into `api.endpoints`.
    pub position: usize,
    /// Where HTTP requests go; shared by the routes of one API.
    pub origin: Arc<Origin>,
    /// The origin's `host[:port]`, ready to be sent.
    pub authority: HeaderValue,
}

/// What to do with a request.
#[derive(Debug)]
pub struct Plan<'t> {
    /// Position of `route` in the table, for side tables such as meters.
    pub index: usize,
    /// The endpoint that answers.
    pub route: &'t Route,
    /// Path and query to send, always starting with `/`; `None`: exactly as received.
    pub target: Option<String>,
}

/// Why a request is not forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The path is not usable ([`crate::core::path::BadPath`]): 400.
    #[error("malformed path")]
    BadPath,
    /// No endpoint matches: 404.
    #[error("no endpoint matches")]
    NotFound,
    /// An endpoint matches, but its method is not one that is forwarded: 405.
    #[error("the method is not forwarded")]
    MethodNotAllowed,
}

/// All routes, indexed by method and literal prefix. Immutable.
#[derive(Debug, Default)]
pub struct RouteTable {
    routes: Vec<Route>,
    /// By upper-case method, ascending.
    methods: Vec<(String, Trie)>,
}

// === impl Route ===

impl Route {
    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.api.endpoints[self.position]
    }
}

// === impl RouteTable ===

impl RouteTable {
    /// Builds the table of `apis` (any order; versioned ones are left out). Origins are resolved
    /// through `environment`.
    pub fn build(
        apis: impl IntoIterator<Item = Arc<Api>>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let mut apis: Vec<Arc<Api>> = apis.into_iter().filter(|api| !api.versioned).collect();
        apis.sort_by(|a, b| a.id.cmp(&b.id));
        let mut routes = Vec::with_capacity(apis.iter().map(|api| api.endpoints.len()).sum());
        for api in apis {
            let origin = Arc::new(Origin::resolve(&api.proxy, &environment));
            // A host that is no header text cannot be connected to either: the answer is 502.
            let authority = HeaderValue::try_from(origin.authority())
                .unwrap_or(HeaderValue::from_static("invalid"));
            routes.extend((0..api.endpoints.len()).map(|position| Route {
                api: Arc::clone(&api),
                position,
                origin: Arc::clone(&origin),
                authority: authority.clone(),
            }));
        }
        let methods = index(&routes);
        Self { routes, methods }
    }

    /// All routes in match order: API id, then list position.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Decides what to do with `head`. The first match in table order wins; HEAD falls back to GET.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn plan(&self, head: RequestHead<'_>) -> Result<Plan<'_>, Refusal> {
        let path = path::normalise(head.path).map_err(|_| Refusal::BadPath)?;
        let mut tries = self.tries(head.method);
        let index = tries
            .find_map(|trie| self.first(trie, &path))
            .ok_or(Refusal::NotFound)?;
        if !FORWARDED.contains(&head.method) {
            return Err(Refusal::MethodNotAllowed);
        }
        let route = &self.routes[index];
        let target = target(route.endpoint(), head, &path)?;
        Ok(Plan {
            index,
            route,
            target,
        })
    }

    /// Every route that matches, for the probe, first the one that [`plan`](Self::plan) takes: in
    /// table order, but for HEAD the HEAD endpoints before the GET endpoints. Empty for an unusable
    /// path.
    pub fn matches(&self, head: RequestHead<'_>) -> Vec<usize> {
        let Ok(path) = path::normalise(head.path) else {
            return Vec::new();
        };
        let mut all = Vec::new();
        for trie in self.tries(head.method) {
            let walk = trie.walk(&path);
            let open = trie.open(walk).flatten().copied();
            let mut found: Vec<usize> = trie
                .routes(trie.exact(walk))
                .iter()
                .copied()
                .chain(open.filter(|&route| self.is_match(route, &path)))
                .map(|route| route as usize)
                .collect();
            found.sort_unstable();
            all.append(&mut found);
        }
        all
    }

    /// The indexes for `method`, in order of precedence.
    fn tries(&self, method: &str) -> impl Iterator<Item = &Trie> {
        let fallback = method.eq_ignore_ascii_case("HEAD").then_some("GET");
        [method]
            .into_iter()
            .chain(fallback)
            .filter_map(|method| self.trie(method))
    }

    /// The index of the endpoints for `method`, ignoring case.
    pub(super) fn trie(&self, method: &str) -> Option<&Trie> {
        let method = || method.bytes().map(|byte| byte.to_ascii_uppercase());
        let at = (self.methods).binary_search_by(|(known, _)| known.bytes().cmp(method()));
        at.ok().map(|at| &self.methods[at].1)
    }

    /// The first route of `trie` that matches `path`.
    fn first(&self, trie: &Trie, path: &str) -> Option<usize> {
        let walk = trie.walk(path);
        let exact = trie.routes(trie.exact(walk)).first().copied();
        let limit = exact.unwrap_or(u32::MAX);
        let open = trie.first_open(walk, limit, |route| self.is_match(route, path));
        open.or(exact).map(|route| route as usize)
    }

    fn is_match(&self, route: u32, path: &str) -> bool {
        self.routes[route as usize]
            .endpoint()
            .pattern
            .is_match(path)
    }
}

/// One trie for each method that some endpoint has.
fn index(routes: &[Route]) -> Vec<(String, Trie)> {
    let mut entries: Vec<(&str, Entry<'_>)> = (0..)
        .zip(routes)
        .map(|(route, it)| {
            let Endpoint {
                method, pattern, ..
            } = it.endpoint();
            let (prefix, open) = (pattern.prefix().as_bytes(), !pattern.is_literal());
            (
                method.as_str(),
                Entry {
                    prefix,
                    open,
                    route,
                },
            )
        })
        .collect();
    entries.sort_unstable();
    entries
        .chunk_by(|a, b| a.0 == b.0)
        .map(|group| {
            let entries: Vec<Entry<'_>> = group.iter().map(|(_, entry)| *entry).collect();
            (group[0].0.to_owned(), Trie::build(&entries))
        })
        .collect()
}

/// What to send, or `None` if that is what came in. `path` is the normalised path of `head`, which
/// `endpoint` matches.
fn target(
    endpoint: &Endpoint,
    head: RequestHead<'_>,
    path: &str,
) -> Result<Option<String>, Refusal> {
    let Some(replacement) = &endpoint.replacement else {
        if path == head.path && head.query != Some("") {
            return Ok(None);
        }
        let mut target = String::with_capacity(path.len() + 1 + head.query.map_or(0, str::len));
        target.push_str(path);
        query::append(&mut target, "", head.query);
        return Ok(Some(target));
    };
    // Both refusals are out of reach: the path matched, and what groups hold is well-formed.
    let expansion = (replacement.expand(&endpoint.pattern, path)).ok_or(Refusal::NotFound)?;
    let mut target = match path::normalise(&expansion.path).map_err(|_| Refusal::BadPath)? {
        Cow::Owned(path) => path,
        Cow::Borrowed(_) => expansion.path,
    };
    query::append(&mut target, &expansion.query, head.query);
    Ok(Some(target))
}
