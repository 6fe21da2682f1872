//! `GET /metrics` (spec: `management-api.md` 2.8): the Prometheus text format, whatever `accept`
//! says. What is measured lives in `telemetry`; this room only hands it out.

use std::sync::Arc;

use actix_web::{HttpResponse, http::header, web};

use crate::http::{admin::AdminState, problem::Problem};

/// Media type of the text format
/// (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
const TEXT_FORMAT: &str = "text/plain; version=0.0.4";

/// Renders all metrics of the process.
pub type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// All metrics of this node; 404 if metrics are off.
#[utoipa::path(
    get, path = "/metrics", operation_id = "metrics", tag = "Metrics",
    responses(
        (status = 200, description = "The metrics of this node.", body = String, content_type = "text/plain"),
        (status = 404, description = "Metrics are off (`PROMETHEUS_METRICS_ENABLED`).", body = crate::http::admin::openapi::schema::ErrorBody, content_type = "application/json"),
    ),
)]
pub(super) async fn metrics(state: web::Data<AdminState>) -> Result<HttpResponse, Problem> {
    let render = state.metrics.as_ref().ok_or(Problem::NoRoute)?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, TEXT_FORMAT))
        .body(render()))
}
