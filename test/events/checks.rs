//! `SUBSCRIPTION_CHECK` and `SUBMISSION_CHECK` on every transport; without a clear yes it is no
//! (spec: `events.md` 5.3 and 5.7).

use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};

use crate::support::{
    backend::ClosedPort,
    client::{Answer, Payload, Request, ask},
    event_stream::{EventStream, PATH},
    frontend::{builder, run, token, types},
    gateway::Gateway,
    puppet::{Arrived, Puppet},
    websocket::WebSocket,
};

const POLLING: &str = "/_rig/v1/connection/longpolling";

/// A service that answers with the status it is told, and remembers what it was asked.
struct Service {
    puppet: Puppet,
    status: Arc<Mutex<u16>>,
    asked: Arc<Mutex<Vec<Arrived>>>,
}

// === impl Service ===

impl Service {
    fn start(status: u16) -> Self {
        let (status, asked) = (
            Arc::new(Mutex::new(status)),
            Arc::<Mutex<Vec<Arrived>>>::default(),
        );
        let (told, remembered) = (Arc::clone(&status), Arc::clone(&asked));
        let puppet = Puppet::start(move |arrived, stream| {
            let mut asked = remembered.lock().unwrap_or_else(PoisonError::into_inner);
            asked.push(arrived.clone());
            let status = *told.lock().unwrap_or_else(PoisonError::into_inner);
            let answer =
                format!("HTTP/1.1 {status} x\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes())
        });
        Self {
            puppet,
            status,
            asked,
        }
    }

    fn url(&self) -> String {
        format!("http://{}/CheckMe?x=Y", self.puppet.address())
    }

    fn says(&self, status: u16) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    /// What it was asked since.
    fn asked(&self) -> Vec<Arrived> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *asked)
    }
}

fn get(gateway: &Gateway, target: &str) -> Answer {
    ask(gateway.inbound(), &Request::new("GET", target)).expect("an answer")
}

fn submit(gateway: &Gateway, headers: &[(&str, &str)]) -> (u16, String) {
    let event = json!({"specversion": "0.2", "type": "t", "id": "1"});
    sent(
        gateway,
        Request::json("POST", "/_rig/v1/events", &event),
        headers,
    )
}

/// Submits a batch without events.
fn submit_none(gateway: &Gateway, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = Request::new("POST", "/_rig/v1/events")
        .with("content-type", "application/cloudevents-batch+json");
    request.payload = Payload::Bytes(b"[]".to_vec());
    sent(gateway, request, headers)
}

fn sent(gateway: &Gateway, mut request: Request, headers: &[(&str, &str)]) -> (u16, String) {
    for (name, value) in headers {
        request = request.with(name, value);
    }
    let answer = ask(gateway.inbound(), &request).expect("an answer");
    (
        answer.status,
        String::from_utf8_lossy(&answer.body.bytes).into_owned(),
    )
}

/// Every transport refuses to subscribe with this query.
fn denied(gateway: &Gateway, query: &str) {
    for path in [PATH, POLLING] {
        let answer = get(gateway, &format!("{path}?{query}"));
        let text = String::from_utf8_lossy(&answer.body.bytes).into_owned();
        assert_eq!(
            (answer.status, text.as_str()),
            (403, "Subscription denied (not authorized).")
        );
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    WebSocket::open(gateway.inbound(), query).closes(1008, "Bad request.");
}

/// Every transport lets in with this query.
fn allowed(gateway: &Gateway, query: &str) {
    EventStream::open(gateway.inbound(), query).welcome();
    WebSocket::open(gateway.inbound(), query).welcome();
    assert_eq!(get(gateway, &format!("{POLLING}?{query}")).json(), "ok");
}

#[test]
fn a_valid_token_is_enough_to_subscribe_and_needed() {
    let gateway = run(builder().env("SUBSCRIPTION_CHECK", "JWT_validation"));
    let some = types(&["a"]);
    let jwt = token(json!({}));
    denied(&gateway, &some);
    denied(&gateway, "subscriptions=%5B%5D");
    allowed(&gateway, "");
    allowed(&gateway, "subscriptions=");
    allowed(&gateway, &format!("{some}&jwt={jwt}"));
    let mut stream = EventStream::open(gateway.inbound(), "");
    let (connection, _) = stream.welcome();
    let list = json!([{"eventType": "a"}]);
    let bearer = format!("bearer {jwt}");
    let mixed = format!("Basic abc, {jwt}");
    for (authorization, status) in [
        ("", 403),
        ("Bearer abc", 403),
        ("Basic abc", 403),
        (bearer.as_str(), 204),
        (mixed.as_str(), 204),
        (jwt.as_str(), 204),
    ] {
        let headers = [("authorization", authorization)];
        let answer = gateway.subscribe_with(&connection, &list, &headers);
        assert_eq!(answer.status, status, "{authorization}");
        if status == 403 {
            assert_eq!(answer.body.bytes, b"Subscription denied.");
        }
    }
}

#[test]
fn a_service_decides_about_subscriptions() {
    let service = Service::start(200);
    let gateway = run(builder().env("SUBSCRIPTION_CHECK", &service.url()));
    let some = types(&["a"]);
    let jwt = token(json!({}));
    allowed(&gateway, "");
    assert!(service.asked().is_empty(), "nobody asked for anything");
    allowed(&gateway, &format!("{some}&jwt={jwt}"));
    let asked = service.asked();
    assert_eq!(asked.len(), 3);
    for question in asked {
        assert_eq!(question.head.start, "POST /CheckMe?x=Y HTTP/1.1");
        let header = |name| question.head.header(name);
        assert_eq!(
            header("content-type"),
            Some("application/json; charset=utf-8")
        );
        assert_eq!(
            header("authorization"),
            Some(format!("Bearer {jwt}").as_str())
        );
        let body: Value = serde_json::from_slice(&question.body.bytes).expect("JSON");
        assert_eq!(body["subscriptions"][0]["eventType"], "a");
    }
    let mut stream = EventStream::open(gateway.inbound(), "");
    let (connection, _) = stream.welcome();
    let list = json!([{"eventType": "b"}]);
    let headers = [("authorization", "Basic a"), ("authorization", "Basic b")];
    assert_eq!(
        gateway.subscribe_with(&connection, &list, &headers).status,
        204
    );
    let asked = service.asked();
    assert_eq!(
        asked[0].head.header("authorization"),
        Some("Basic a, Basic b")
    );
    assert_eq!(
        asked[0].head.header("content-type"),
        Some("application/json")
    );
    assert_eq!(
        asked[0].body.bytes,
        json!({"subscriptions": list}).to_string().into_bytes()
    );
    // The service may read the other spelling.
    for entry in [
        json!({"eventType": "harmless", "event_type": "secret"}),
        json!({"eventType": "b", "oneOf": [{"a": 1}], "one_of": []}),
    ] {
        let answer = gateway.subscribe_with(&connection, &json!([entry]), &headers);
        assert_eq!(answer.status, 400, "{entry}");
    }
    assert!(service.asked().is_empty());
    for status in [401, 403, 302, 404, 500] {
        service.says(status);
        denied(&gateway, &some);
        assert_eq!(gateway.subscribe_with(&connection, &list, &[]).status, 403);
        assert_eq!(
            service.asked().len(),
            4,
            "{status}: asked once each, redirects not followed"
        );
    }
}

#[test]
fn a_service_that_is_not_there_denies() {
    let closed = ClosedPort::reserve();
    let url = format!("http://127.0.0.1:{}/", closed.port());
    let settings = builder()
        .env("SUBSCRIPTION_CHECK", &url)
        .env("SUBMISSION_CHECK", &url);
    let gateway = run(settings);
    denied(&gateway, &types(&["a"]));
    assert_eq!(
        submit(&gateway, &[]),
        (403, "Submission denied.".to_owned())
    );
    let broken = Puppet::start(|_, stream| stream.write_all(b"no HTTP\r\n\r\n"));
    let url = format!("http://{}/", broken.address());
    let gateway = run(builder().env("SUBSCRIPTION_CHECK", &url));
    denied(&gateway, &types(&["a"]));
}

#[test]
fn a_valid_token_is_enough_to_submit_and_needed_on_the_inbound_port_only() {
    let gateway = run(builder().env("SUBMISSION_CHECK", "jwt_validation"));
    let denied = (403, "Submission denied.".to_owned());
    let bearer = format!("Bearer {}", token(json!({"jti": "s"})));
    assert_eq!(submit(&gateway, &[]), denied);
    assert_eq!(submit(&gateway, &[("authorization", "Bearer abc")]), denied);
    assert_eq!(submit(&gateway, &[("authorization", &bearer)]).0, 202);
    gateway.submit("t", "no check here");
    gateway.revoke("s");
    assert_eq!(submit(&gateway, &[("authorization", &bearer)]), denied);
    // What is no event is told so first.
    let request = Request::json("POST", "/_rig/v1/events", &json!({}));
    assert_eq!(
        ask(gateway.inbound(), &request).expect("an answer").status,
        400
    );
}

#[test]
fn a_service_decides_about_submissions() {
    let service = Service::start(204);
    let gateway = run(builder().env("SUBMISSION_CHECK", &service.url()));
    assert_eq!(submit(&gateway, &[("authorization", "Basic x")]).0, 202);
    let asked = service.asked();
    assert_eq!(asked[0].head.header("authorization"), Some("Basic x"));
    let body: Value = serde_json::from_slice(&asked[0].body.bytes).expect("JSON");
    assert_eq!(body, json!({"specversion": "0.2", "type": "t", "id": "1"}));
    // In binary mode the service gets the event as JSON.
    let binary = Request::json("POST", "/_rig/v1/events", &json!({"a": 1}))
        .with("ce-specversion", "0.2")
        .with("ce-type", "t")
        .with("ce-id", "7");
    assert_eq!(
        ask(gateway.inbound(), &binary).expect("an answer").status,
        202
    );
    let body: Value = serde_json::from_slice(&service.asked()[0].body.bytes).expect("JSON");
    assert_eq!(body["id"], "7");
    assert_eq!(body["data"], json!({"a": 1}));
    // The service may take the last member, the gateway takes the first.
    let twice = r#"{"specversion":"0.2","type":"secret","id":"8","type":"harmless"}"#;
    for body in [twice.to_owned(), format!("[{twice}]")] {
        let kind = if body.starts_with('[') { "-batch" } else { "" };
        let kind = format!("application/cloudevents{kind}+json");
        let mut request = Request::new("POST", "/_rig/v1/events").with("content-type", &kind);
        request.payload = Payload::Bytes(body.clone().into_bytes());
        let answer = ask(gateway.inbound(), &request).expect("an answer");
        assert_eq!(answer.status, 400, "{body}");
    }
    assert!(service.asked().is_empty());
    for status in [401, 403, 302, 500] {
        service.says(status);
        assert_eq!(
            submit(&gateway, &[]),
            (403, "Submission denied.".to_owned())
        );
    }
}

#[test]
fn a_batch_without_events_is_accepted_from_whom_one_with_events_would_be() {
    let denied = (403, "Submission denied.".to_owned());
    let accepted = (202, "[]".to_owned());
    let gateway = run(builder().env("SUBMISSION_CHECK", "jwt_validation"));
    let bearer = format!("Bearer {}", token(json!({})));
    assert_eq!(submit_none(&gateway, &[]), denied);
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(submit_none(&gateway, &headers), accepted);

    let service = Service::start(200);
    let gateway = run(builder().env("SUBMISSION_CHECK", &service.url()));
    assert_eq!(submit_none(&gateway, &[]), accepted);
    let asked = service.asked();
    assert_eq!(asked.len(), 1, "the service decides about this, too");
    assert_eq!(asked[0].body.bytes, b"[]");
    service.says(403);
    assert_eq!(submit_none(&gateway, &[]), denied);
}
