//! The gateway's own routes on the inbound port, below `/_rig` (spec: `management-api.md` 2.3).
//!
//! * `GET /_rig/health`: alive.
//! * `GET /_rig/health/ready`: load balancers may send traffic.
//!
//! One trailing slash is tolerated (spec: `events.md` 5.1). They win over definitions; everything else
//! below `/_rig` is proxied like any path.

use http::{Method, Response, StatusCode};

use crate::{
    http::inbound::{
        answer::Answer,
        refusal::{Marks, plain},
    },
    telemetry::health::Health,
};

/// What every system route starts with.
pub const PREFIX: &str = "/_rig/";

/// The answer, if the request is for one of the routes above.
pub fn answer(
    method: &Method,
    path: &str,
    health: &Health,
    marks: impl FnOnce() -> Marks,
) -> Option<Response<Answer>> {
    if *method != Method::GET && *method != Method::HEAD {
        return None;
    }
    match path.strip_suffix('/').unwrap_or(path) {
        "/_rig/health" => Some(plain(StatusCode::OK, "OK", marks())),
        "/_rig/health/ready" if health.is_ready() => Some(plain(StatusCode::OK, "OK", marks())),
        "/_rig/health/ready" => Some(plain(StatusCode::SERVICE_UNAVAILABLE, "not ready", marks())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::{http::inbound::span::Span, telemetry::health::Phase};

    fn status(health: &Health, method: &Method, path: &str) -> Option<u16> {
        let headers = HeaderMap::new();
        let marks = || Span::of(&headers).marks(&headers);
        answer(method, path, health, marks).map(|response| response.status().as_u16())
    }

    #[test]
    fn health_is_told_with_or_without_a_slash() {
        let (first, second) = (Health::default(), Health::default());
        second.advance(Phase::Ready);
        for (path, starting, ready) in [
            ("/_rig/health", Some(200), Some(200)),
            ("/_rig/health/", Some(200), Some(200)),
            ("/_rig/health/ready", Some(503), Some(200)),
            ("/_rig/health/ready/", Some(503), Some(200)),
            ("/_rig/health//", None, None),
            ("/_rig/health/ready//", None, None),
            ("/_rig/healthy", None, None),
            ("/_rig/", None, None),
        ] {
            for method in [Method::GET, Method::HEAD] {
                assert_eq!(status(&first, &method, path), starting, "{method} {path}");
                assert_eq!(status(&second, &method, path), ready, "{method} {path}");
            }
            assert_eq!(status(&second, &Method::POST, path), None, "{path}");
        }
    }
}
