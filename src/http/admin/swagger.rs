//! `/swagger-ui`: the documentation as a page (spec: `management-api.md` 2.9).
//!
//! May depend on utoipa-swagger-ui, whose files are part of the binary. The page loads nothing from
//! elsewhere, and a content security policy has the browser see to that.

use std::sync::{Arc, LazyLock};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
};
use serde_json::json;
use utoipa_swagger_ui::Config;

use crate::http::{
    admin::openapi,
    problem::{JSON, PLAIN, json_answer},
};

/// The document below `/swagger-ui`, where the original has it.
const DOCUMENT: &str = "rig_api_swagger.json";

/// Own files only; inline styles and data images are what the page draws its icons with.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data:; \
    style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// `none`: no badge from an online validator.
static CONFIG: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from(DOCUMENT).validator_url("none")));

/// `/swagger-ui`: on to the page.
pub(super) async fn entrance(request: HttpRequest) -> HttpResponse {
    if !reads(&request) {
        return not_allowed();
    }
    HttpResponse::Found()
        .insert_header((header::LOCATION, "/swagger-ui/index.html"))
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .body("Redirecting")
}

/// A file of the page, or the document.
pub(super) async fn file(request: HttpRequest) -> HttpResponse {
    if !reads(&request) {
        return not_allowed();
    }
    let name = request.match_info().get("file").unwrap_or_default();
    if name == DOCUMENT {
        return HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, JSON))
            .body(openapi::json());
    }
    match utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)) {
        Ok(Some(file)) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, with_charset(file.content_type)))
            .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
            .body(file.bytes.into_owned()),
        Ok(None) => not_found(&request),
        Err(error) => {
            log::warn!("the documentation page has no file {name:?}: {error}");
            not_found(&request)
        }
    }
}

fn reads(request: &HttpRequest) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

fn with_charset(content_type: String) -> String {
    if content_type.starts_with("text/") {
        format!("{content_type}; charset=utf-8")
    } else {
        content_type
    }
}

fn not_found(request: &HttpRequest) -> HttpResponse {
    let accept = request.headers().get(header::ACCEPT);
    if accept.is_some_and(|accept| accept == "application/json") {
        return json_answer(StatusCode::NOT_FOUND, &json!({"Error": "not found"}));
    }
    HttpResponse::NotFound()
        .insert_header((header::CONTENT_TYPE, PLAIN))
        .body("not found")
}

fn not_allowed() -> HttpResponse {
    HttpResponse::MethodNotAllowed()
        .insert_header((header::CONTENT_TYPE, PLAIN))
        .insert_header((header::ALLOW, "GET, HEAD"))
        .body("method not allowed")
}
