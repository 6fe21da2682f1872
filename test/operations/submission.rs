//! Events are submitted to the inbound port (spec: `events.md` 5.1, 5.3).

use crate::support::{
    client::{Answer, Connection, Payload, Request, ask},
    gateway::{Builder, Gateway},
};

const PATH: &str = "/_rig/v1/events";
const EVENT: &str = r#"{"specversion":"0.2", "type":"a","id":1.0, "x y":[ ]}"#;

fn start(builder: Builder) -> Gateway {
    builder.start().unwrap_or_else(|error| panic!("{error}"))
}

fn submission(kind: &str, payload: Payload) -> Request {
    let mut request = Request::new("POST", PATH).with("content-type", kind);
    request.payload = payload;
    request
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body.bytes).into_owned()
}

#[test]
fn a_page_of_another_site_may_submit_with_its_token_and_attributes() {
    let gateway = start(Gateway::builder().env("CORS", "http://a.example,http://b.example"));
    let preflight = Request::new("OPTIONS", "/_rig/v1/events/")
        .with("origin", "http://b.example")
        .with("access-control-request-method", "POST")
        .with(
            "access-control-request-headers",
            "authorization, CE-Type,x-other",
        );
    let answer = ask(gateway.inbound(), &preflight).expect("an answer");
    assert_eq!(answer.status, 204);
    for (name, value) in [
        ("access-control-allow-origin", "http://b.example"),
        ("access-control-allow-methods", "POST"),
        (
            "access-control-allow-headers",
            "content-type,authorization,ce-type",
        ),
        ("vary", "origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert_eq!(answer.header("content-type"), None);
    let malformed = submission("text/plain", Payload::Bytes(b"x".to_vec()));
    let malformed = malformed.with("origin", "http://b.example");
    let answer = ask(gateway.inbound(), &malformed).expect("an answer");
    assert_eq!(answer.status, 400);
    let allowed = answer.header("access-control-allow-origin");
    assert_eq!(allowed, Some("http://b.example"));
}

#[test]
fn a_body_beyond_the_limit_is_refused_declared_or_not() {
    let gateway = start(Gateway::builder());
    let small = start(Gateway::builder().env("MAX_BODY_BYTES", "100"));
    let cases = [
        (&gateway, Payload::Bytes(vec![b' '; 8_000_001])),
        (&gateway, Payload::Chunks(vec![vec![b' '; 1_000_000]; 9])),
        (&small, Payload::Bytes(vec![b' '; 101])),
        (&small, Payload::Chunks(vec![vec![b' '; 60]; 2])),
    ];
    for (gateway, payload) in cases {
        let request = submission("application/json", payload);
        let answer = ask(gateway.inbound(), &request).expect("an answer");
        assert_eq!(
            (answer.status, text(&answer).as_str()),
            (413, "Payload too large.")
        );
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    // As long as allowed, and no event.
    let request = submission("application/json", Payload::Bytes(vec![b' '; 8_000_000]));
    let answer = ask(gateway.inbound(), &request).expect("an answer");
    assert_eq!(answer.status, 400);
}

#[test]
fn a_body_of_unclear_length_is_refused_and_the_connection_closed() {
    let gateway = start(Gateway::builder());
    let request = submission("application/json", Payload::Chunks(vec![b"{}".to_vec()]))
        .with("content-length", "2");
    let mut connection = Connection::open(gateway.inbound()).expect("a connection");
    let answers = connection.exchange(&request.to_bytes(), &["POST"]);
    assert_eq!(answers.expect("an answer")[0].status, 400);
    assert!(connection.closes_within(std::time::Duration::from_secs(5)));
}

#[test]
fn a_malformed_event_does_not_cost_the_connection() {
    let gateway = start(Gateway::builder());
    let mut connection = Connection::open(gateway.inbound()).expect("a connection");
    for payload in [
        Payload::Bytes(b"{oops".to_vec()),
        Payload::Chunks(vec![b"{".to_vec(), b"oops".to_vec()]),
        Payload::Bytes(b"[".repeat(100_000)),
        Payload::None,
    ] {
        let request = submission("application/json", payload);
        let answers = connection.exchange(&request.to_bytes(), &["POST"]);
        let answers = answers.expect("an answer");
        assert_eq!(answers[0].status, 400);
        assert_eq!(
            text(&answers[0]),
            "The request body does not look like a CloudEvent: :not_a_cloud_event"
        );
    }
}

#[test]
fn accepted_events_are_answered_byte_for_byte() {
    let gateway = start(Gateway::builder());
    let batch = format!("[{EVENT},{EVENT}]");
    let (first, second) = EVENT.split_at(20);
    let mut connection = Connection::open(gateway.inbound()).expect("a connection");
    for (kind, payload, accepted) in [
        (
            "application/json",
            Payload::Bytes(EVENT.as_bytes().to_vec()),
            EVENT,
        ),
        (
            "application/cloudevents+json",
            Payload::Chunks(vec![first.as_bytes().to_vec(), second.as_bytes().to_vec()]),
            EVENT,
        ),
        (
            "application/cloudevents-batch+json",
            Payload::Bytes(batch.clone().into_bytes()),
            &batch,
        ),
    ] {
        let request = submission(kind, payload);
        let answers = connection.exchange(&request.to_bytes(), &["POST"]);
        let answer = &answers.expect("an answer")[0];
        assert_eq!((answer.status, text(answer).as_str()), (202, accepted));
        let json = Some("application/json; charset=utf-8");
        assert_eq!(answer.header("content-type"), json);
    }
}
