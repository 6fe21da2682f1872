//! `PUT .../subscriptions`: all its answers (spec: `events.md` 5.7).

use serde_json::json;

use crate::support::{
    client::{Payload, Request, ask},
    event_stream::EventStream,
    frontend::{path, start, token, types},
    gateway::Gateway,
    peer::Peer,
};

/// A PUT with this body, and its answer's status and text.
fn put(gateway: &Gateway, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let mut request = Request::new("PUT", path);
    for (name, value) in headers {
        request = request.with(name, value);
    }
    request.payload = Payload::Bytes(body.as_bytes().to_vec());
    let answer = ask(gateway.inbound(), &request).expect("an answer");
    let origin = answer.header("access-control-allow-origin");
    assert_eq!(origin, Some("*"), "{request:?}");
    (
        answer.status,
        String::from_utf8_lossy(&answer.body.bytes).into_owned(),
    )
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn every_fault_has_its_answer_and_changes_nothing() {
    let gateway = start();
    let mut stream = EventStream::open(gateway.inbound(), &types(&["greeting"]));
    let (token, _) = stream.welcome();
    let path = path("sse", &token);
    let none = r#"{"subscriptions":[]}"#;
    let bearer = ("authorization", "Bearer abc");
    let fault = "cannot accept subscription request: could not parse given subscriptions: invalid \
                 subscription: ";
    let not_json = "Expected JSON encoded body.";
    let no_field = "Expected field \"subscriptions\" is not present.";
    type Case<'c> = (&'c [(&'c str, &'c str)], &'c str, u16, &'c str);
    let cases: [Case<'_>; 20] = [
        (&[JSON, ("accept", "application/*")], none, 406, ""),
        (&[JSON, ("accept", "text/html")], none, 406, ""),
        (&[], none, 400, not_json),
        (&[("content-type", "text/plain")], none, 400, not_json),
        (&[("content-type", "@")], none, 400, not_json),
        (&[JSON], "{", 400, not_json),
        (&[JSON], "", 400, not_json),
        (&[JSON], "\u{fffd}", 400, not_json),
        (&[JSON], "{}", 400, no_field),
        (&[JSON], "[]", 400, no_field),
        (&[JSON], "\"x\"", 400, no_field),
        (&[JSON], "null", 400, no_field),
        (
            &[JSON],
            r#"{"subscriptions":null}"#,
            400,
            "cannot accept subscription request: ",
        ),
        (
            &[JSON],
            r#"{"subscriptions":{}}"#,
            400,
            "cannot accept subscription request: ",
        ),
        (&[JSON], r#"{"subscriptions":["x"]}"#, 400, "not a map"),
        (
            &[JSON],
            r#"{"subscriptions":[{"eventType":"a"},{}]}"#,
            400,
            "event-type not found",
        ),
        (
            &[JSON],
            r#"{"subscriptions":[{"eventType":5}]}"#,
            400,
            "event-type empty",
        ),
        (
            &[JSON],
            r#"{"subscriptions":[{"eventType":"a","oneOf":[{"":1}]}]}"#,
            400,
            "conjunctive clauses expected to be a map with nonempty strings as keys",
        ),
        (
            &[JSON],
            r#"{"subscriptions":[{"eventType":"a","oneOf":[{"b":1}]}]}"#,
            400,
            "constraint on unknown field",
        ),
        (
            &[JSON, bearer],
            none,
            400,
            "cannot accept subscription request: invalid authorization header: could not decode \
             JWT: Invalid signature",
        ),
    ];
    for (headers, body, status, text) in cases {
        let (got, answer) = put(&gateway, &path, headers, body);
        assert_eq!(got, status, "{headers:?} {body}: {answer}");
        let prefixed = format!("{fault}{text}");
        let begins = answer.starts_with(text) || answer.starts_with(&prefixed);
        assert!(begins, "{headers:?} {body}: {answer}");
    }
    gateway.submit("greeting", "still");
    stream.hears("still");
}

#[test]
fn unusable_tokens_are_told_from_connections_that_are_gone() {
    let gateway = start();
    let none = r#"{"subscriptions":[]}"#;
    for token in ["abc$", "YWJj", &"A".repeat(88), "%00"] {
        let (status, text) = put(&gateway, &path("sse", token), &[JSON], none);
        assert_eq!(
            (status, text.as_str()),
            (400, "Invalid connection token."),
            "{token}"
        );
    }
    let mut stream = EventStream::open(gateway.inbound(), "");
    let (token, _) = stream.welcome();
    let mut tampered = token.clone();
    let first = if token.starts_with('A') { "B" } else { "A" };
    tampered.replace_range(..1, first);
    let (status, _) = put(&gateway, &path("sse", &tampered), &[JSON], none);
    assert_eq!(status, 400);
    drop(stream);
    gateway.until_open("sse", 0);
    // Its place is taken by another connection.
    let mut other = EventStream::open(gateway.inbound(), "");
    other.welcome();
    let (status, text) = put(&gateway, &path("sse", &token), &[JSON], none);
    assert_eq!(
        (status, text.as_str()),
        (410, "Connection no longer exists.")
    );
}

#[test]
fn the_transport_in_the_path_does_not_matter_and_old_tokens_stay_good() {
    let gateway = start();
    let mut stream = EventStream::open(gateway.inbound(), "");
    let (token, _) = stream.welcome();
    for (number, kind) in ["sse", "ws", "longpolling"].into_iter().enumerate() {
        for slash in ["", "/"] {
            let list = json!({"subscriptions": [{"event_type": kind, "constraints": []}]});
            let path = format!("{}{slash}", path(kind, &token));
            let headers = [
                ("content-type", "application/json; charset=utf-8"),
                ("accept", "*/*"),
                ("authorization", "Basic abc"),
            ];
            let (status, text) = put(&gateway, &path, &headers, &list.to_string());
            assert_eq!((status, text.as_str()), (204, ""), "{path}");
            let set = stream.event("rig.subscriptions_set");
            assert_eq!(set["data"], json!([{"eventType": kind, "oneOf": []}]));
        }
        gateway.submit(kind, &number.to_string());
        stream.hears(&number.to_string());
    }
    let wrong = path("tcp", &token);
    let answer = ask(gateway.inbound(), &Request::new("PUT", &wrong)).expect("an answer");
    assert_eq!(answer.status, 404);
}

#[test]
fn preflights_and_unreadable_accept_headers() {
    let gateway = start();
    let mut stream = EventStream::open(gateway.inbound(), "");
    let (token, _) = stream.welcome();
    let path = path("sse", &token);
    let answer = ask(gateway.inbound(), &Request::new("OPTIONS", &path)).expect("an answer");
    assert_eq!(answer.status, 204);
    for (name, value) in [
        ("access-control-allow-methods", "PUT"),
        ("access-control-allow-headers", "content-type,authorization"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let none = r#"{"subscriptions":[]}"#;
    for accept in ["", "x", ";;", "application/json;q=0.5, text/html"] {
        let (status, text) = put(&gateway, &path, &[JSON, ("accept", accept)], none);
        assert_eq!(status, 204, "{accept}: {text}");
    }
}

#[test]
fn a_body_too_large_is_refused_and_duplicates_are_shown_but_delivered_once() {
    let gateway = start();
    let mut stream = EventStream::open(gateway.inbound(), "");
    let (connection, _) = stream.welcome();
    let path = path("sse", &connection);
    let large = format!(r#"{{"subscriptions":[{}]}}"#, " ".repeat(300_000));
    let (status, text) = put(&gateway, &path, &[JSON], &large);
    assert_eq!(status, 413, "{text}");
    let twice = json!([{"eventType": "a"}, {"eventType": "a"}, {"eventType": "a.*"}]);
    let bearer = format!("bearer {}", token(json!({})));
    let answer = gateway.subscribe_with(&connection, &twice, &[("authorization", &bearer)]);
    assert_eq!(answer.status, 204);
    let set = stream.event("rig.subscriptions_set");
    assert_eq!(set["data"].as_array().map(Vec::len), Some(3));
    gateway.submit("a", "1");
    gateway.submit("a.b", "2");
    gateway.submit("ab", "not for it");
    gateway.submit("a", "3");
    for id in ["1", "2", "3"] {
        stream.hears(id);
    }
}

#[test]
fn a_request_that_can_be_understood_in_two_ways_is_refused() {
    let gateway = start();
    let mut stream = EventStream::open(gateway.inbound(), "");
    let (token, _) = stream.welcome();
    let put = format!("PUT {} HTTP/1.1\r\n", path("sse", &token));
    let body = r#"{"subscriptions":[]}"#;
    let chunked = format!("14\r\n{body}\r\n0\r\n\r\n");
    for (lines, status) in [
        (
            "host: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n",
            400,
        ),
        ("host: a\r\nhost: b\r\ntransfer-encoding: chunked\r\n", 400),
        ("transfer-encoding: chunked\r\n", 400),
        ("host: a\r\ntransfer-encoding: gzip, chunked\r\n", 501),
        ("host: a\r\ntransfer-encoding: chunked\r\n", 204),
    ] {
        let mut peer = Peer::connect(gateway.inbound());
        peer.say(format!(
            "{put}content-type: application/json\r\n{lines}\r\n{chunked}"
        ));
        peer.status(status);
    }
    let mut peer = Peer::connect(gateway.inbound());
    peer.say("GET /_rig/v1/connection/sse HTTP/1.1\r\n\r\n");
    peer.status(400);
}
