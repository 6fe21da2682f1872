//! Answers that come later, by a call of their own (spec: `proxying.md` 3.8.1, `management-api.md` 2.6).

use serde_json::json;

use crate::support::{
    client::{Answer, Payload, Request, ask},
    definition::{api, endpoint},
    gateway::Gateway,
    peer::Peer,
    target::Target,
};

/// A gateway in front of `target` with an endpoint whose answers come later.
fn gateway(target: &Target) -> Gateway {
    let late = json!({"response_from": "http_async"});
    let api = api(
        "late",
        target.address(),
        &[
            endpoint("post", "POST", "/late", late.clone()),
            endpoint("get", "GET", "/late", late),
        ],
    );
    let builder = Gateway::builder().env("WORKERS", "1");
    builder.config_json(&[api]).start().expect("a gateway")
}

/// The correlation id of the request that `peer` has read the beginning of.
fn correlation(start: &str) -> &str {
    let query = start
        .strip_prefix("POST /late?")
        .or(start.strip_prefix("GET /late?"))
        .and_then(|rest| rest.strip_suffix(" HTTP/1.1"));
    let (others, id) = query
        .and_then(|query| query.rsplit_once("correlation="))
        .unwrap_or_else(|| panic!("no correlation in {start}"));
    assert_eq!(others, "a=1&");
    id
}

/// Answers the request with this id.
fn respond(gateway: &Gateway, id: &str, code: &str, body: &[u8]) -> Answer {
    let mut call = Request::new("POST", "/v3/responses")
        .with("rig-correlation", id)
        .with("rig-response-code", code)
        .with("content-type", "image/png")
        .with("set-cookie", "a=1")
        .with("set-cookie", "b=2")
        .with("authorization", "Bearer of-the-back-end");
    call.payload = Payload::Bytes(body.to_vec());
    ask(gateway.api(), &call).expect("an answer")
}

const ASKED: &str =
    "POST /late?correlation=forged&a=1 HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi";
const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\nx-secret: 1\r\n\r\nok";

#[test]
fn an_accepted_request_waits_and_gets_the_answer_byte_for_byte() {
    let target = Target::start();
    let gateway = gateway(&target);
    let mut client = Peer::connect(gateway.inbound());
    client.say(ASKED);
    let mut peer = target.accept();
    let start = peer.head().start;
    let id = correlation(&start);
    peer.hears("hi");
    peer.say(ACCEPTED);
    let taken = respond(&gateway, id, "299", b"\x89PNG\xff");
    assert_eq!(taken.status, 202);
    assert_eq!(
        taken.body.bytes,
        b"message sent to correlated reverse proxy request"
    );
    let answer = client.answer("POST");
    assert_eq!(
        (answer.status, &*answer.body.bytes),
        (299, &b"\x89PNG\xff"[..])
    );
    for (name, value) in [
        ("content-type", Some("image/png")),
        ("content-length", Some("5")),
        ("access-control-allow-origin", Some("*")),
        ("access-control-allow-methods", Some("*")),
        ("access-control-allow-headers", Some("content-type")),
        ("cache-control", Some("max-age=0, private, must-revalidate")),
        ("authorization", None),
        ("x-secret", None),
        ("rig-correlation", None),
        ("rig-response-code", None),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    for name in ["x-request-id", "traceparent"] {
        assert!(answer.header(name).is_some(), "{name}");
    }
    let cookies = answer
        .headers
        .iter()
        .filter(|(name, _value)| name == "set-cookie");
    assert_eq!(cookies.count(), 2);

    // Both connections are in order, and an answer too many changes nothing.
    assert_eq!(respond(&gateway, id, "200", b"again").status, 202);
    client.say("GET /late?a=1 HTTP/1.1\r\nhost: a\r\n\r\n");
    let start = peer.head().start;
    assert_ne!(correlation(&start), id);
    peer.say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno");
    assert_eq!(client.answer("GET").body.bytes, b"no");
    assert!(target.has_no_other_connection());
}

#[test]
fn an_answer_may_come_before_the_request_is_accepted_and_without_body() {
    let target = Target::start();
    let gateway = gateway(&target);
    let mut client = Peer::connect(gateway.inbound());
    client.say(ASKED);
    let mut peer = target.accept();
    let start = peer.head().start;
    assert_eq!(
        respond(&gateway, correlation(&start), "204", b"").status,
        202
    );
    peer.say(ACCEPTED);
    let answer = client.answer("POST");
    assert_eq!((answer.status, &*answer.body.bytes), (204, &b""[..]));
}

#[test]
fn an_answer_that_does_not_come_is_a_504_and_counted_as_such() {
    let target = Target::start();
    let gateway = gateway(&target);
    let mut client = Peer::connect(gateway.inbound());
    client.say(ASKED);
    let mut peer = target.accept();
    let start = peer.head().start;
    peer.say(ACCEPTED);
    let answer = client.answer("POST");
    assert_eq!((answer.status, &*answer.body.bytes), (504, &b""[..]));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("content-type")
    );
    assert_eq!(answer.header("content-type"), None);
    assert_eq!(
        respond(&gateway, correlation(&start), "200", b"late").status,
        202
    );
    let metrics = ask(gateway.api(), &Request::new("GET", "/metrics")).expect("metrics");
    let metrics = String::from_utf8_lossy(&metrics.body.bytes).into_owned();
    for part in [
        "status=\"response_timeout\",target=\"http\"} 1",
        "rig_proxy_awaited_answers 0",
    ] {
        assert!(metrics.contains(part), "{part} in {metrics}");
    }
}
