//! Ways around the routes: paths and targets that lead elsewhere for another reader
//! (spec: `proxying.md` 3.2.2 and 3.3; RFC 3986, 5.2.4).
//!
//! A second back end, which no definition names, stands for every other host. What has to hold: it
//! is never connected to, and what reaches the right one is the path that was matched and
//! authorised.

use std::net::SocketAddr;

use serde_json::json;

use crate::support::{
    backend::Backend,
    client::{Connection, Request, ask},
    definition::{api, endpoint, guarded_api, post},
    gateway::Gateway,
    puppet::Puppet,
};

/// What the back end saw of `GET target`: the request line, or the gateway's refusal.
fn seen(gateway: &Gateway, backend: &Backend, target: &str) -> Result<String, u16> {
    let mut connection = Connection::open(gateway.inbound()).expect("a connection");
    let answer = connection
        .ask(&Request::new("GET", target))
        .expect("an answer");
    let mut seen = backend.take();
    match (answer.status, seen.pop()) {
        (200, Some(request)) if seen.is_empty() => Ok(request.line),
        (status, None) => Err(status),
        (status, last) => panic!("{target}: {status}, {last:?}, {seen:?}"),
    }
}

/// A gateway with an open `/public/...` and a closed `/secret/...`, as they are often set up, and
/// the replacements that an attacker would wish for.
fn start(backend: SocketAddr) -> Gateway {
    let secured = json!({"secured": true});
    let closed = [endpoint("secret", "GET", "/secret/.*", secured)];
    let open = [
        endpoint("public", "GET", "/public/.*", json!({})),
        endpoint("slashes", "GET", "//.*", json!({})),
        endpoint(
            "whole",
            "GET",
            "/whole/(.*)",
            json!({"path_replacement": "\\1"}),
        ),
        endpoint(
            "under",
            "GET",
            "/under/(.*)",
            json!({"path_replacement": "/in/\\1"}),
        ),
        endpoint(
            "glued",
            "GET",
            "/glued/(.*)",
            json!({"path_replacement": "/in\\1"}),
        ),
        endpoint(
            "query",
            "GET",
            "/query/(.*)",
            json!({"path_replacement": "/q?id=\\1"}),
        ),
    ];
    Gateway::builder()
        .env("JWT_SECRET_KEY", "mysecret")
        .config_json(&[guarded_api("a", backend, &closed), api("b", backend, &open)])
        .start()
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_path_is_matched_authorised_and_forwarded_under_one_spelling() {
    let backend = Backend::start(0.0);
    let gateway = start(backend.address());
    for (target, expected) in [
        ("/public/a", Ok("/public/a")),
        ("/secret/a", Err(401)),
        // The pattern of the open endpoint must not open what its dots lead to.
        ("/public/../secret/a", Err(401)),
        ("/public/%2e%2e/secret/a", Err(401)),
        ("/public/.%2E/secret/a", Err(401)),
        ("/public/x/../../secret/a", Err(401)),
        ("/public/./../secret/./a", Err(401)),
        ("/public/../../../../secret/a", Err(401)),
        // Escapes of letters hide nothing.
        ("/%73ecret/a", Err(401)),
        ("/SECRET/a", Err(401)),
        ("/public/../%73%65cret/a", Err(401)),
        // And the closed endpoint is not left by dots either.
        ("/secret/../public/a", Ok("/public/a")),
        // An encoded slash is data: it is passed on encoded, and never becomes structure here.
        ("/public/..%2fsecret/a", Ok("/public/..%2fsecret/a")),
        ("/public/..%2Fsecret", Ok("/public/..%2Fsecret")),
        ("/public%2f..%2fsecret/a", Err(404)),
        ("/public/%2e%2e%2fsecret/a", Ok("/public/..%2fsecret/a")),
        ("/public/..%5csecret/a", Ok("/public/..%5csecret/a")),
        // So is a double encoding, which is decoded once by nobody.
        ("/public/%252e%252e/secret", Ok("/public/%252e%252e/secret")),
        ("/public/..;/secret/a", Ok("/public/..;/secret/a")),
        // A path of two slashes is a path.
        ("//evil.example/a", Ok("//evil.example/a")),
        ("//evil.example/../../secret/a", Err(401)),
        ("/.//evil.example/a", Ok("//evil.example/a")),
        ("/..//evil.example/a", Ok("//evil.example/a")),
        // What no reader agrees on is refused.
        ("/public/%zz", Err(400)),
        ("/public/%", Err(400)),
        ("/public/\u{fc}", Err(400)),
        ("*", Err(400)),
        ("public/a", Err(400)),
        ("?a", Err(400)),
    ] {
        let expected = expected.map(|path: &str| format!("GET {path}"));
        assert_eq!(seen(&gateway, &backend, target), expected, "{target}");
    }
}

/// A target and what comes of it: a path for the back end, or a status.
type Case = (String, Result<String, u16>);

/// The target as an authority, in every form a URL parser may find one.
fn foreign_targets(host: SocketAddr) -> Vec<Case> {
    vec![
        (format!("//{host}/a"), Ok(format!("//{host}/a"))),
        (format!("///{host}/a"), Ok(format!("///{host}/a"))),
        (
            format!("http://{host}/public/a"),
            Ok("/public/a".to_owned()),
        ),
        (format!("http://{host}/secret/a"), Err(401)),
        (format!("http://{host}/public/../secret/a"), Err(401)),
        (
            format!("http://{host}//{host}/a"),
            Ok(format!("//{host}/a")),
        ),
        (format!("http://{host}"), Err(404)),
        (format!("http://user:pass@{host}/public/a"), Err(400)),
        (format!("@{host}/public/a"), Err(400)),
        (
            format!("/public/@{host}/a"),
            Ok(format!("/public/@{host}/a")),
        ),
        (format!("/public/a@{host}"), Ok(format!("/public/a@{host}"))),
        (
            format!("/public/\\{host}\\a"),
            Ok(format!("/public/\\{host}\\a")),
        ),
        (format!("\\\\{host}\\public"), Err(400)),
        (format!("/\\{host}/public/a"), Err(404)),
        (format!("{host}"), Err(400)),
    ]
}

/// Captures that look like a target of their own.
fn hostile_captures(host: SocketAddr) -> Vec<Case> {
    vec![
        (format!("/whole//{host}/a"), Ok(format!("/{host}/a"))),
        (format!("/whole///{host}/a"), Ok(format!("//{host}/a"))),
        (
            format!("/whole/http://{host}/a"),
            Ok(format!("/http://{host}/a")),
        ),
        (
            format!("/whole/%2f%2f{host}/a"),
            Ok(format!("/%2f%2f{host}/a")),
        ),
        (format!("/whole/@{host}/a"), Ok(format!("/@{host}/a"))),
        (format!("/whole/\\\\{host}/a"), Ok(format!("/\\\\{host}/a"))),
        ("/whole/".to_owned(), Ok("/".to_owned())),
        (format!("/under//{host}/a"), Ok(format!("/in//{host}/a"))),
        (
            "/under/..%2f..%2fsecret".to_owned(),
            Ok("/in/..%2f..%2fsecret".to_owned()),
        ),
        (format!("/glued/@{host}/a"), Ok(format!("/in@{host}/a"))),
        (
            format!("/glued/:80@{host}/a"),
            Ok(format!("/in:80@{host}/a")),
        ),
        // A capture cannot add a parameter to the query it is put into, nor begin another line.
        (
            "/query/1&admin=1".to_owned(),
            Ok("/q?id=1%26admin=1".to_owned()),
        ),
        (
            "/query/1%26admin=1".to_owned(),
            Ok("/q?id=1%26admin=1".to_owned()),
        ),
        (
            "/query/1%0d%0ax-role:%20admin".to_owned(),
            Ok("/q?id=1%0d%0ax-role:%20admin".to_owned()),
        ),
    ]
}

#[test]
fn no_request_leaves_for_another_host_than_the_definitions() {
    let backend = Backend::start(0.0);
    let evil = Puppet::obliging();
    let gateway = start(backend.address());
    let cases = [foreign_targets, hostile_captures].map(|cases| cases(evil.address()));
    for (target, expected) in cases.into_iter().flatten() {
        let expected = expected.map(|path| format!("GET {path}"));
        assert_eq!(seen(&gateway, &backend, &target), expected, "{target}");
    }
    assert_eq!(evil.connections(), 0);
}

/// The original took a replacement that is a URL for the target.
#[test]
fn a_definition_cannot_be_made_to_send_requests_elsewhere_by_its_replacement() {
    let backend = Backend::start(0.0);
    let evil = Puppet::obliging();
    let gateway = Gateway::builder()
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    for replacement in [
        format!("http://{}/a", evil.address()),
        format!("//{}/a", evil.address()),
        format!("HTTP://{}/\\1", evil.address()),
    ] {
        let more = json!({"path_replacement": replacement});
        let definition = api(
            "x",
            backend.address(),
            &[endpoint("e", "GET", "/e/(.*)", more)],
        );
        let request = Request::json("POST", "/v3/apis", &definition);
        let answer = ask(gateway.api(), &request).expect("an answer");
        assert_eq!(answer.status, 400, "{replacement}");
        assert!(
            answer.json().to_string().contains("must be a path"),
            "{replacement}"
        );
    }
    let more = json!({"path_replacement": "in/\\1"});
    post(
        &gateway,
        &api(
            "x",
            backend.address(),
            &[endpoint("e", "GET", "/e/(.*)", more)],
        ),
    );
    let target = format!(
        "/e/x?url=http://{}/&next=//{}",
        evil.address(),
        evil.address()
    );
    let line = format!(
        "GET /in/x?url=http://{}/&next=//{}",
        evil.address(),
        evil.address()
    );
    assert_eq!(seen(&gateway, &backend, &target), Ok(line));
    assert_eq!(evil.connections(), 0);
}
