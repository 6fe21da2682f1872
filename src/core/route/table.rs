//! The compiled routes of all active APIs.

use std::sync::Arc;

use crate::core::{
    api::{Api, Endpoint},
    route::origin::Origin,
};

/// What the table reads of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// As received; matched case-insensitively.
    pub method: &'a str,
    /// Path of the request target as received, without query.
    pub path: &'a str,
    /// Query string without `?`, if the target had a `?`.
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
}

impl Route {
    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.api.endpoints[self.position]
    }
}

impl RouteTable {
    /// Builds the table of `apis` (any order; versioned ones are left out). Origins are resolved
    /// through `environment`.
    pub fn build(
        _apis: impl IntoIterator<Item = Arc<Api>>,
        _environment: impl Fn(&str) -> Option<String>,
    ) -> Self {
        todo!()
    }

    /// All routes in match order: API id, then list position.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Decides what to do with `head`. The first match in table order wins; HEAD falls back to GET.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn plan(&self, _head: RequestHead<'_>) -> Result<Plan<'_>, Refusal> {
        todo!()
    }

    /// Every route that matches, in table order, for the probe; empty for an unusable path.
    pub fn matches(&self, _head: RequestHead<'_>) -> Vec<usize> {
        todo!()
    }
}
