//! The request log, and what must never be in any log (spec: `proxying.md` 3.10,
//! `observability.md` 9.1).

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    backend::ClosedPort,
    client::{Connection, Payload, Request, ask},
    definition::{api, endpoint, guarded_api},
    gateway::{Builder, Gateway},
    issuer::hs256,
    puppet::Puppet,
};

const SOON: Duration = Duration::from_secs(5);

/// Lines of the request log.
fn calls(gateway: &Gateway) -> Vec<Value> {
    let is_call = |line: &Value| line["metadata"]["module"] == "rig::request";
    gateway.log_lines().into_iter().filter(is_call).collect()
}

fn start(builder: Builder, definitions: &[Value]) -> Gateway {
    builder
        .config_json(definitions)
        .start()
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_request_is_logged_as_one_line_with_its_endpoint_and_its_outcome() {
    let backend = Puppet::obliging();
    let list = endpoint("list", "GET", "/shop/([a-z]+)", json!({}));
    let builder = Gateway::builder().env("REQUEST_LOG", "console");
    let gateway = start(builder, &[api("shop", backend.address(), &[list])]);
    for target in ["/shop/hats?size=7", "/nowhere?token=hunter2"] {
        ask(gateway.inbound(), &Request::new("GET", target)).expect("an answer");
    }
    gateway.await_log("CALL: ", 2, SOON);
    let calls = calls(&gateway);
    assert_eq!(
        calls[0]["message"],
        "CALL: [list] GET /shop/([a-z]+) => 127.0.0.1"
    );
    let facts = &calls[0]["metadata"];
    for (name, value) in [
        ("path", json!("/shop/hats")),
        ("status", json!(200)),
        ("outcome", json!("ok")),
        ("bytes", json!(2)),
        ("cut_off", json!(false)),
        ("upstream", json!(backend.address().to_string())),
    ] {
        assert_eq!(facts[name], value, "{name}");
    }
    assert!(facts["duration_us"].as_u64().is_some_and(|time| time > 0));
    assert_eq!(calls[1]["message"], "CALL: [N/A] GET N/A => N/A");
    let facts = &calls[1]["metadata"];
    assert_eq!(
        (&facts["path"], &facts["status"]),
        (&json!("/nowhere"), &json!(404))
    );
    assert!(!gateway.log().contains("size=7") && !gateway.log().contains("hunter2"));
}

#[test]
fn without_the_setting_no_request_is_logged() {
    let backend = Puppet::obliging();
    let any = endpoint("any", "GET", "/any", json!({}));
    let gateway = start(Gateway::builder(), &[api("a", backend.address(), &[any])]);
    ask(gateway.inbound(), &Request::new("GET", "/any")).expect("an answer");
    // The next line is only written once the answer is over, so a line would be there by now.
    gateway.signal("HUP");
    gateway.await_log("SIGHUP", 1, SOON);
    assert_eq!(calls(&gateway), [] as [Value; 0]);
}

/// What must not be in any log, each sent in a place of its own.
const SECRETS: [&str; 12] = [
    "secret-in-query",
    "secret-in-bearer",
    "secret-in-basic",
    "secret-in-cookie",
    "secret-in-body",
    "secret-in-header",
    "secret-in-bad-head",
    "secret-in-bad-line",
    "secret-in-admin-token",
    "secret-in-definition",
    "secret-in-fragment",
    "secret-in-userinfo",
];

#[test]
fn no_token_cookie_query_or_body_is_in_any_log_line_even_at_debug() {
    let (backend, closed) = (Puppet::obliging(), ClosedPort::reserve());
    let open = endpoint("open", "POST", "/open", json!({}));
    let gone = endpoint("gone", "POST", "/gone", json!({}));
    let secured = endpoint("secured", "POST", "/secured", json!({"secured": true}));
    let gone_at = ([127, 0, 0, 1], closed.port()).into();
    let builder = Gateway::builder()
        .env("API_TOKEN", "secret-in-admin-token-right")
        .env("JWT_SECRET_KEY", "secret-in-key")
        .env("LOG_LEVEL", "debug")
        .env("REQUEST_LOG", "console");
    let definitions = [
        api("a", backend.address(), &[open]),
        api("g", gone_at, &[gone]),
        guarded_api("s", backend.address(), &[secured]),
    ];
    let gateway = start(builder, &definitions);
    let genuine = hs256("secret-in-key", json!({"sub": "secret-in-bearer"}));
    for path in [
        "/open",
        "/gone",
        "/secured",
        "/nowhere",
        "/_rig/health",
        "/%zz",
    ] {
        for token in ["secret-in-bearer", &genuine, "e30.e30.secret-in-bearer"] {
            let mut request = Request::new("POST", &format!("{path}?t=secret-in-query"))
                .with(
                    "authorization",
                    &format!("Bearer {token}, Basic secret-in-basic"),
                )
                .with("cookie", "session=secret-in-cookie")
                .with("x-key", "secret-in-header");
            request.payload = Payload::Bytes(b"secret-in-body".to_vec());
            ask(gateway.inbound(), &request).expect("an answer");
        }
    }
    for raw in [
        "GET /open?secret-in-query HTTP/1.1\r\nhost: a\r\nbad header: secret-in-bad-head\r\n\r\n",
        "GET /open secret-in-bad-line HTTP/1.1\r\nhost: a\r\n\r\n",
        "POST /open HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nsecret-in-body",
        "GET http://u:secret-in-userinfo@a/open#secret-in-fragment HTTP/1.1\r\nhost: a\r\n\r\n",
    ] {
        let mut connection = Connection::open(gateway.inbound()).expect("a connection");
        connection.send(raw.as_bytes()).expect("sent");
        connection.receive("GET").expect("an answer");
    }
    for token in ["secret-in-admin-token-wrong", "secret-in-admin-token-right"] {
        for body in [
            json!({"id": "secret-in-definition"}),
            json!(["secret-in-definition"]),
        ] {
            let request = Request::json("POST", "/v3/apis?t=secret-in-query", &body)
                .with("authorization", &format!("Bearer {token}"));
            ask(gateway.api(), &request).expect("an answer");
        }
    }
    gateway.await_log("CALL: ", 15, SOON);
    let log = gateway.log();
    for secret in SECRETS.into_iter().chain(["secret-in-key", &genuine]) {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}
