//! The OpenAPI document of the port, made from the handlers and [`schema`]
//! (spec: `management-api.md` 2.9; <https://spec.openapis.org/oas/v3.1.0>).
//!
//! May depend on utoipa. Routes that are twins (`/v2/apis` and `/v3/apis`, `/health` and
//! `/health/live`) are described once, at their handler. Deliberately absent: routes that do not
//! exist yet.

pub mod schema;

use std::sync::LazyLock;

use actix_web::{HttpResponse, http::header};
use bytes::Bytes;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        PathItem, ResponseBuilder,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::http::{admin, problem::JSON};

/// The document; it is the same for the life of the process.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
    // The document is plain data with text keys, so this cannot fail.
    Bytes::from(Described::openapi().to_json().unwrap_or_default())
});

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Reactive Interaction Gateway: API",
        description = "Manages a node of the gateway: which APIs it serves, and how it is doing."
    ),
    paths(
        admin::apis::list,
        admin::apis::create,
        admin::apis::show,
        admin::apis::replace,
        admin::apis::remove,
        admin::cluster::nodes,
        admin::cluster::rounds,
        admin::cluster::conflicts,
        admin::cluster::changes::show,
        admin::messages::submit,
        admin::session_blacklist::revoke,
        admin::session_blacklist::show,
        admin::responses::create,
        admin::responses::create_v2,
        admin::cluster::diff,
        admin::cluster::commands::join,
        admin::cluster::commands::forget,
        admin::cluster::commands::leave,
        admin::extractors::show,
        admin::extractors::replace,
        admin::probe::probe,
        admin::health::live,
        admin::health::ready,
        admin::metrics::metrics,
        document,
    ),
    modifiers(&Twins, &Token),
    security((), ("token" = []))
)]
struct Described;

/// Adds the routes that share a handler with a described one.
struct Twins;

/// Adds the bearer token, which a node may or may not ask for, and its refusal.
struct Token;

// === impl Twins ===

impl Modify for Twins {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let described: Vec<(String, PathItem)> = openapi
            .paths
            .paths
            .iter()
            .map(|(path, item)| (path.clone(), item.clone()))
            .collect();
        for (path, item) in described {
            let is_twin = |begin: &&str| path.starts_with(*begin);
            let twins = ["/v3/apis", "/v3/session-blacklist", "/v3/messages"];
            let (twin, suffix) = if twins.iter().any(is_twin) {
                (path.replacen("/v3/", "/v2/", 1), "_v2")
            } else if path == "/health" {
                ("/health/live".to_owned(), "_live")
            } else {
                continue;
            };
            openapi.paths.paths.insert(twin, renamed(item, suffix));
        }
    }
}

// === impl Token ===

impl Modify for Token {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("Needed if the node has an `API_TOKEN`."))
            .build();
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme("token", SecurityScheme::Http(scheme));
        for (path, item) in &mut openapi.paths.paths {
            if admin::guard::OPEN.contains(&path.as_str()) {
                continue;
            }
            for operation in operations(item) {
                let refused = ResponseBuilder::new()
                    .description("The bearer token is missing or wrong.")
                    .build();
                operation
                    .responses
                    .responses
                    .insert("401".to_owned(), refused.into());
            }
        }
    }
}

/// The document as JSON text.
pub fn json() -> Bytes {
    DOCUMENT.clone()
}

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi", tag = "Documentation",
    responses((status = 200, description = "The OpenAPI document.", body = Object, content_type = "application/json")),
)]
pub(super) async fn document() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, JSON))
        .body(json())
}

/// Operation ids are unique in a document.
fn renamed(mut item: PathItem, suffix: &str) -> PathItem {
    for operation in operations(&mut item) {
        if let Some(id) = &mut operation.operation_id {
            id.push_str(suffix);
        }
    }
    item
}

/// The operations of a path, for the methods this port knows.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let methods = [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.delete,
    ];
    methods.into_iter().flatten()
}
