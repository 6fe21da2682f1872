//! Port 4010, the management API (spec: `management-api.md`, names.md).
//!
//! ```text
//! GET POST        /vN/apis            apis     N = 2, 3; both are the same
//! GET PUT DELETE  /vN/apis/{id}       apis
//! POST            /vN/messages        messages an event, or several
//! POST            /vN/session-blacklist        session_blacklist
//! GET             /vN/session-blacklist/{id}   session_blacklist
//! POST            /vN/responses       responses  the answer for a client that waits
//! GET             /v3/cluster/nodes, /rounds, /conflicts, /changes/{change}, /diff/{node}   cluster
//! POST            /v3/cluster/join, /forget, /leave                                       cluster
//! GET PUT         /v3/extractors      extractors  what constraints of subscriptions can name
//! POST            /v3/probe           probe    what would the proxy do? nothing is sent
//! GET             /health[/live]      health   the process answers
//! GET             /health/ready       health   load balancers may send traffic
//! GET             /metrics            metrics
//! GET             /openapi.json       openapi
//! GET             /swagger-ui[/...]   swagger
//! ```
//!
//! HEAD is GET without the body, one trailing slash is tolerated, parameters of queries that a route
//! does not know are ignored, anything else is 404. Every answer carries what [`request_id`] adds; [`guard`] asks for the token.
//!
//! Browsers: a page of another site can make a browser on this host send requests here. There is no
//! OPTIONS, and only the answers of [`session_blacklist`] have a CORS header, so such a page can use
//! neither PUT, DELETE nor a JSON content type, nor read other answers; a form or untyped POST, which
//! needs no leave, is read ([`body`]) but can never become a definition, as `version_data` would have to
//! be an object, nor an event. It can revoke a session whose name it knows, as in the original;
//! `POST /vN/responses` needs an id that cannot be guessed. Joining, forgetting and leaving are done only
//! for bodies with a JSON content type. A page whose host name is pointed at this host later (DNS
//! rebinding) is not held by this: set `API_TOKEN`.
//!
//! May depend on `core`, `message`, `telemetry`, `http`. Deliberately absent: decisions on
//! definitions (they are the registry's) and any actor type.

pub mod apis;
pub mod body;
pub mod cluster;
pub mod extractors;
pub mod guard;
pub mod health;
mod inspect;
pub mod messages;
pub mod metrics;
pub mod openapi;
pub mod probe;
mod query;
pub mod request_id;
pub mod responses;
pub mod server;
pub mod session_blacklist;
pub mod swagger;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use actix::Recipient;
use actix_web::{
    App, Error, Route,
    body::BoxBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    guard::GuardContext,
    http::Method,
    middleware::from_fn,
    web,
};

pub use self::server::server;
use self::{
    cluster::Cluster, guard::BearerToken, metrics::Render, probe::TokenCheck, responses::Responses,
    session_blacklist::Sessions,
};
use crate::{
    http::problem::Problem,
    message::{
        extractors::GetExtractors,
        hub::Submit,
        proxy::SnapshotCell,
        registry::{GetApi, ListApis, ProposeChange},
    },
    telemetry::health::Health,
};

/// Longest wait for an actor. A change is answered once it is routed; compiling ten thousand
/// patterns takes most of a second, so ten are patient, and still below what clients wait.
pub const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What the handlers know of the node.
pub struct AdminState {
    /// Takes changes of definitions.
    pub propose: Recipient<ProposeChange>,
    /// Shows all definitions.
    pub list: Recipient<ListApis>,
    /// Shows one definition.
    pub get: Recipient<GetApi>,
    /// Shows the extractors.
    pub extractors: Recipient<GetExtractors>,
    /// Takes events; `None`: this node takes none.
    pub submit: Option<Recipient<Submit>>,
    /// Knows the other nodes.
    pub cluster: Cluster,
    /// Revokes sessions.
    pub sessions: Sessions,
    /// Answers waiting requests.
    pub responses: Responses,
    /// What the proxy routes by.
    pub snapshot: Arc<SnapshotCell>,
    /// Whether the node is ready for traffic.
    pub health: Arc<Health>,
    /// Renders the metrics; `None` if they are off (`PROMETHEUS_METRICS_ENABLED`).
    pub metrics: Option<Render>,
    /// What the proxy's token check says, for the probe.
    pub token_check: TokenCheck,
    /// Name of this node, shown in definitions.
    pub node_name: String,
    /// The token clients must present (`API_TOKEN`); `None` leaves the port open.
    pub token: Option<BearerToken>,
    /// Largest body of requests that carry a definition (`DEFINITION_BYTES_MAX`).
    pub definition_bytes_max: usize,
}

/// One line of the route table.
struct RouteLine {
    /// `None`: the handler looks at the method itself.
    method: Option<Method>,
    /// Without trailing slash.
    path: String,
    /// The handler, yet without a guard.
    route: fn() -> Route,
}

// === impl RouteLine ===

impl RouteLine {
    fn new(method: Method, path: &str, route: fn() -> Route) -> Self {
        Self {
            method: Some(method),
            path: path.to_owned(),
            route,
        }
    }

    fn any_method(path: &str, route: fn() -> Route) -> Self {
        Self {
            method: None,
            path: path.to_owned(),
            route,
        }
    }

    fn guarded(&self) -> Route {
        match &self.method {
            None => (self.route)(),
            Some(method) => {
                let served = method.clone();
                (self.route)().guard(move |context: &GuardContext<'_>| {
                    let asked = &context.head().method;
                    *asked == served || (*asked == Method::HEAD && served == Method::GET)
                })
            }
        }
    }
}

/// The application, for the server and for tests.
pub fn app(
    state: web::Data<AdminState>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(state)
        .configure(register)
        .default_service(web::to(no_route))
        .wrap(from_fn(guard::check))
        // The last one is the outermost: answers of the guard are stamped too.
        .wrap(from_fn(request_id::stamp))
}

/// Every route of the port.
fn routes() -> Vec<RouteLine> {
    let mut routes = Vec::new();
    for version in ["/v2", "/v3"] {
        let all = format!("{version}/apis");
        let one = format!("{version}/apis/{{id}}");
        let messages = format!("{version}/messages");
        routes.extend([
            RouteLine::new(Method::GET, &all, || Route::new().to(apis::list)),
            RouteLine::new(Method::POST, &all, || Route::new().to(apis::create)),
            RouteLine::new(Method::GET, &one, || Route::new().to(apis::show)),
            RouteLine::new(Method::PUT, &one, || Route::new().to(apis::replace)),
            RouteLine::new(Method::DELETE, &one, || Route::new().to(apis::remove)),
            RouteLine::new(Method::POST, &messages, || {
                Route::new().to(messages::submit)
            }),
        ]);
        let all = format!("{version}/session-blacklist");
        let one = format!("{all}/{{session_id}}");
        routes.extend([
            RouteLine::new(Method::POST, &all, || {
                Route::new().to(session_blacklist::revoke)
            }),
            RouteLine::new(Method::GET, &one, || {
                Route::new().to(session_blacklist::show)
            }),
        ]);
    }
    routes.extend(cluster::routes());
    routes.extend([
        RouteLine::new(Method::GET, "/v3/extractors", || {
            Route::new().to(extractors::show)
        }),
        RouteLine::new(Method::PUT, "/v3/extractors", || {
            Route::new().to(extractors::replace)
        }),
        RouteLine::any_method("/v3/extractors", || {
            Route::new().to(extractors::not_allowed)
        }),
        RouteLine::new(Method::POST, "/v2/responses", || {
            Route::new().to(responses::create_v2)
        }),
        RouteLine::new(Method::POST, "/v3/responses", || {
            Route::new().to(responses::create)
        }),
        RouteLine::new(Method::POST, "/v3/probe", || Route::new().to(probe::probe)),
        RouteLine::new(Method::GET, "/health", || Route::new().to(health::live)),
        RouteLine::new(Method::GET, "/health/live", || {
            Route::new().to(health::live)
        }),
        RouteLine::new(Method::GET, "/health/ready", || {
            Route::new().to(health::ready)
        }),
        RouteLine::new(Method::GET, "/metrics", || {
            Route::new().to(metrics::metrics)
        }),
        RouteLine::new(Method::GET, "/openapi.json", || {
            Route::new().to(openapi::document)
        }),
        RouteLine::any_method("/swagger-ui", || Route::new().to(swagger::entrance)),
        RouteLine::any_method("/swagger-ui/{file:.+}", || Route::new().to(swagger::file)),
    ]);
    routes
}

fn register(config: &mut web::ServiceConfig) {
    let routes = routes();
    let mut paths: Vec<&str> = routes.iter().map(|line| line.path.as_str()).collect();
    paths.dedup();
    for path in paths {
        let slashed = format!("{path}/");
        let mut resource =
            web::resource([path, slashed.as_str()]).default_service(web::to(no_route));
        for line in routes.iter().filter(|line| line.path == path) {
            resource = resource.route(line.guarded());
        }
        config.service(resource);
    }
}

async fn no_route() -> Result<&'static str, Problem> {
    Err(Problem::NoRoute)
}

/// Asks an actor, and waits at most [`ANSWER_MAX`].
async fn ask<M>(recipient: &Recipient<M>, message: M) -> Result<M::Result, Problem>
where
    M: actix::Message + Send + 'static,
    M::Result: Send,
{
    ask_within(ANSWER_MAX, recipient, message).await
}

/// Asks an actor, and waits at most `longest`.
async fn ask_within<M>(
    longest: Duration,
    recipient: &Recipient<M>,
    message: M,
) -> Result<M::Result, Problem>
where
    M: actix::Message + Send + 'static,
    M::Result: Send,
{
    recipient
        .send(message)
        .timeout(longest)
        .await
        .map_err(|error| {
            log::error!("the registry does not answer: {error}");
            Problem::Unavailable
        })
}
