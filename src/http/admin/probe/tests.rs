//! What the probe tells, without a port around it.

use serde_json::{Value, json};

use super::*;
use crate::core::api::validate::{Surroundings, validate};

/// A table of three APIs: `a` answers, `b` also matches, `c` has what is special.
fn table() -> RouteTable {
    let endpoint = |id: &str, method: &str, path: &str, more: Value| {
        let mut endpoint = json!({"id": id, "method": method, "path_regex": path});
        let members = more.as_object().unwrap().clone();
        endpoint.as_object_mut().unwrap().extend(members);
        endpoint
    };
    let api = |id: &str, target_url: &str, port: u16, endpoints: Value| {
        let document = json!({
            "id": id, "name": id, "auth_type": "jwt",
            "version_data": {"default": {"endpoints": endpoints}},
            "proxy": {"target_url": target_url, "port": port},
        });
        let document = document.as_object().unwrap();
        let checked = validate(document, None, &Surroundings { has_key: true });
        Arc::new(checked.unwrap().api)
    };
    let apis = [
        api(
            "a",
            "back.example",
            80,
            json!([
                endpoint(
                    "item",
                    "GET",
                    "/items/([^/]+)",
                    json!({"path_replacement": "/i/\\1?v=1"})
                ),
                endpoint("any", "GET", "/items/.*", json!({})),
            ]),
        ),
        api(
            "b",
            "https://tls.example",
            8443,
            json!([
                endpoint("all", "GET", "/items/1", json!({})),
                endpoint("plain", "GET", "/plain/.*", json!({})),
                endpoint("locked", "GET", "/locked", json!({"secured": true})),
            ]),
        ),
        api(
            "c",
            "localhost",
            80,
            json!([
                endpoint("late", "POST", "/late", json!({"response_from": "kafka"})),
                endpoint(
                    "topic",
                    "POST",
                    "/topic",
                    json!({"target": "kafka", "topic": "t"})
                ),
                endpoint("nats", "POST", "/nats", json!({"response_from": "nats"})),
                endpoint("find", "PROPFIND", "/dav", json!({})),
            ]),
        ),
    ];
    RouteTable::build(apis, |_variable| None)
}

/// Admits whoever has `authorization: Bearer good` or `?key=good`.
fn token_check() -> TokenCheck {
    Arc::new(|auth, headers, query| {
        let header = auth.header.as_deref().and_then(|name| headers.get(name));
        let good = header.is_some_and(|value| value == "Bearer good") || query == Some("key=good");
        good.then_some(()).ok_or_else(|| "token expired".to_owned())
    })
}

fn probed(question: Value) -> Value {
    let question = Question::read(question.as_object().unwrap()).ok().unwrap();
    serde_json::to_value(answer(&table(), &question, true, &token_check())).unwrap()
}

fn faults(question: Value) -> Value {
    let faults = Question::read(question.as_object().unwrap()).err().unwrap();
    serde_json::to_value(faults).unwrap()
}

#[test]
fn a_match_names_who_answers_where_and_who_else_would() {
    let told = probed(json!({"method": "GET", "path": "/x/../items/1?full=1"}));
    let expected = json!({
        "api": "a",
        "endpoint": "item",
        "upstream_url": "http://back.example/i/1?v=1&full=1",
        "auth": "none needed",
        "also_matching": [
            {"api": "a", "endpoint": "any"},
            {"api": "b", "endpoint": "all"},
        ],
        "status": null,
    });
    assert_eq!(told, expected);
}

#[test]
fn what_is_not_rewritten_is_shown_as_received() {
    for (path, url) in [
        ("/plain/x", "https://tls.example:8443/plain/x"),
        ("/plain/x?", "https://tls.example:8443/plain/x"),
        (
            "/plain/x?a=1&a=2",
            "https://tls.example:8443/plain/x?a=1&a=2",
        ),
        (
            "/plain//evil.example/%2F",
            "https://tls.example:8443/plain//evil.example/%2F",
        ),
        ("/plain/x#fragment", "https://tls.example:8443/plain/x"),
    ] {
        let told = probed(json!({"method": "GET", "path": path, "headers": null}));
        assert_eq!(told["upstream_url"], url, "{path}");
    }
}

#[test]
fn head_is_probed_as_the_proxy_answers_it() {
    let told = probed(json!({"method": "HEAD", "path": "/items/1"}));
    assert_eq!(
        (&told["api"], &told["endpoint"]),
        (&json!("a"), &json!("item"))
    );
}

#[test]
fn what_the_gateway_answers_itself_has_a_status_and_no_url() {
    for (method, path, status) in [
        ("GET", "/none", 404),
        ("POST", "/items/1", 404),
        ("GET", "/broken/%zz", 400),
        ("PROPFIND", "/dav", 405),
    ] {
        let told = probed(json!({"method": method, "path": path}));
        assert_eq!(told["status"], status, "{method} {path}");
        for member in ["api", "endpoint", "upstream_url", "auth"] {
            assert_eq!(told[member], Value::Null, "{method} {path}: {member}");
        }
    }
}

#[test]
fn targets_that_are_not_supported_yet_are_503_and_nothing_is_called() {
    for (path, status, url) in [
        ("/late", json!(503), Value::Null),
        ("/topic", json!(503), Value::Null),
        ("/nats", Value::Null, json!("http://localhost/nats")),
    ] {
        let told = probed(json!({"method": "POST", "path": path}));
        assert_eq!(
            (&told["status"], &told["upstream_url"]),
            (&status, &url),
            "{path}"
        );
        assert_eq!(told["api"], "c", "{path}");
    }
}

#[test]
fn the_token_check_is_told_what_the_request_carries() {
    for (headers, query, auth, status) in [
        (json!({}), "", "token expired", json!(401)),
        (
            json!({"authorization": "Bearer bad"}),
            "",
            "token expired",
            json!(401),
        ),
        (
            json!({"Authorization": "Bearer good"}),
            "",
            "ok",
            Value::Null,
        ),
        (
            json!({"AUTHORIZATION": ["Bearer good"]}),
            "",
            "ok",
            Value::Null,
        ),
        (json!({}), "?key=good", "ok", Value::Null),
    ] {
        let path = format!("/locked{query}");
        let told = probed(json!({"method": "GET", "path": path, "headers": headers}));
        assert_eq!(
            (&told["auth"], &told["status"]),
            (&json!(auth), &status),
            "{headers}"
        );
        assert_eq!(told["endpoint"], "locked");
    }
}

#[test]
fn the_gateways_own_paths_are_known() {
    for (method, path, ready, status) in [
        ("GET", "/_rig/health", false, Some(StatusCode::OK)),
        ("HEAD", "/_rig/health/ready?x", true, Some(StatusCode::OK)),
        (
            "GET",
            "/_rig/health/ready",
            false,
            Some(StatusCode::SERVICE_UNAVAILABLE),
        ),
        ("TRACE", "/", true, Some(StatusCode::NOT_IMPLEMENTED)),
        ("CONNECT", "/", true, Some(StatusCode::NOT_IMPLEMENTED)),
        ("POST", "/_rig/health", true, None),
        ("get", "/_rig/health", true, None),
        ("GET", "/_rig/health/", true, Some(StatusCode::OK)),
        ("GET", "/_rig/health/ready/", true, Some(StatusCode::OK)),
        ("GET", "/_rig/health//", true, None),
        ("GET", "/_rig/other", true, None),
    ] {
        let question = json!({"method": method, "path": path});
        let question = Question::read(question.as_object().unwrap()).ok().unwrap();
        assert_eq!(own_answer(&question, ready), status, "{method} {path}");
    }
}

#[test]
fn every_fault_of_a_question_is_told_by_field() {
    let expected = json!({"probe": [{"method": "must be string"}, {"path": "must be string"}]});
    assert_eq!(faults(json!({})), expected);
    assert_eq!(faults(json!({"method": 1, "path": ["/"]})), expected);
    let long = format!("/{}", "x".repeat(PATH_BYTES_MAX));
    for (method, path, headers, field) in [
        ("", "/", json!({}), "method"),
        ("GET /", "/", json!({}), "method"),
        ("GET", "", json!({}), "path"),
        ("GET", "items", json!({}), "path"),
        ("GET", "http://h/", json!({}), "path"),
        ("GET", "/a b", json!({}), "path"),
        ("GET", "/a?\u{7}", json!({}), "path"),
        ("GET", &long, json!({}), "path"),
        ("GET", "/", json!([]), "headers"),
        ("GET", "/", json!("x: y"), "headers"),
        ("GET", "/", json!({"bad name": "x"}), "headers"),
        ("GET", "/", json!({"x": "a\r\nb: c"}), "headers"),
        ("GET", "/", json!({"x": 1}), "headers"),
        ("GET", "/", json!({"x": ["a", null]}), "headers"),
    ] {
        let told = faults(json!({"method": method, "path": path, "headers": headers}));
        let entries = told["probe"].as_array().unwrap();
        assert_eq!(entries.len(), 1, "{told}");
        assert!(entries[0].get(field).is_some(), "{told}");
    }
}

#[test]
fn more_headers_than_a_request_can_have_are_refused() {
    let too_many = vec!["v"; HEADERS_MAX + 1];
    let told = faults(json!({"method": "GET", "path": "/", "headers": {"x": too_many}}));
    let expected = json!({"probe": [{"headers": "must have at most 1000 values"}]});
    assert_eq!(told, expected);
}

#[test]
fn a_secured_endpoint_is_503_until_it_is_known_which_sessions_are_revoked() {
    let asked = |path: &str| {
        let question =
            json!({"method": "GET", "path": path, "headers": {"authorization": "Bearer good"}});
        let question = Question::read(question.as_object().unwrap()).unwrap();
        serde_json::to_value(answer(&table(), &question, false, &token_check())).unwrap()
    };
    let closed = asked("/locked");
    assert_eq!(
        (&closed["status"], &closed["auth"]),
        (&json!(503), &json!(NOT_OPEN))
    );
    assert_eq!(asked("/items/1")["auth"], "none needed");
}
