//! Headers that lie: names for another host, orders to this hop, forged origins, broken lines
//! (RFC 9110, 7.2 and 7.6.1; RFC 7239, 8; spec: `proxying.md` 3.5).

use serde_json::{Value, json};

use crate::support::{
    backend::{Backend, Seen},
    client::{Answer, Connection, Request, ask},
    definition::{api, endpoint, guarded_api},
    gateway::{Builder, Gateway},
    issuer::hs256,
    puppet::Puppet,
};

fn start(builder: Builder, backend: &Backend, more: Value) -> Gateway {
    let any = endpoint("any", "GET", "/any.*", json!({}));
    let mut api = api("a", backend.address(), &[any]);
    if let (Some(api), Value::Object(more)) = (api.as_object_mut(), more) {
        api.extend(more);
    }
    builder
        .config_json(&[api])
        .start()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// All values of `name` that the back end got.
fn values<'s>(seen: &'s Seen, name: &str) -> Vec<&'s str> {
    let of = |(other, _): &&(String, String)| other.eq_ignore_ascii_case(name);
    let lines = seen.headers.iter().filter(of);
    lines.map(|(_, value)| value.as_str()).collect()
}

/// Sends a request with `headers` in place of the usual ones; what the back end got of it.
fn sent(gateway: &Gateway, backend: &Backend, headers: &[(&str, &str)]) -> (Answer, Option<Seen>) {
    let mut request = Request::new("GET", "/any");
    request.headers.clear();
    for (name, value) in headers {
        request = request.with(name, value);
    }
    let answer = ask(gateway.inbound(), &request).expect("an answer");
    let mut seen = backend.take();
    assert!(seen.len() < 2, "{seen:?}");
    (answer, seen.pop())
}

/// A back end that builds links or chooses a tenant by `host` must not be told by the client.
#[test]
fn the_host_a_client_names_never_chooses_the_target_or_its_host_header() {
    let backend = Backend::start(0.0);
    let evil = Puppet::obliging();
    let gateway = start(Gateway::builder(), &backend, json!({}));
    let evil_host = evil.address().to_string();
    let authority = backend.address().to_string();
    for host in ["a", &evil_host, "localhost:4010", "", "a:99999", "xn--a"] {
        let (answer, seen) = sent(&gateway, &backend, &[("host", host)]);
        let seen = seen.expect("a request");
        assert_eq!(answer.status, 200, "{host}");
        assert_eq!(values(&seen, "host"), [&*authority], "{host}");
        assert_eq!(values(&seen, "x-forwarded-host"), [host], "{host}");
    }
    for hosts in [
        &["a/../b"][..],
        &["a b"],
        &["a@b"],
        &["a, b"],
        &["a\u{e9}"],
        &["a#b"],
        &["a?b"],
        &["a\\b"],
        &["<script>"],
        &["a", "a"],
        &["a", "b"],
    ] {
        let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        let (answer, seen) = sent(&gateway, &backend, &headers);
        assert_eq!((answer.status, seen.is_none()), (400, true), "{hosts:?}");
    }
    // A second host in other clothes.
    let headers = [
        ("host", "a"),
        ("x-forwarded-host", "evil"),
        ("x-host", "evil"),
        ("forwarded", "host=evil"),
    ];
    let (_, seen) = sent(&gateway, &backend, &headers);
    let seen = seen.expect("a request");
    assert_eq!(values(&seen, "x-forwarded-host"), ["a"]);
    assert!(!values(&seen, "forwarded")[0].contains("evil"), "{seen:?}");
    assert_eq!(evil.connections(), 0);
}

/// A client could have the gateway drop what it adds itself, or what a back end relies on.
#[test]
fn a_client_cannot_have_the_gateways_own_headers_dropped() {
    let backend = Backend::start(0.0);
    let transformer = json!({
        "versioned": false,
        "version_data": {"default": {
            "transform_request_headers": {"add_headers": {"x-gateway": "yes"}},
            "endpoints": [endpoint("any", "GET", "/any.*", json!({"transform_request_headers": true}))],
        }},
    });
    let gateway = start(Gateway::builder(), &backend, transformer);
    let named = "close, x-forwarded-for, X-Forwarded-Host, x-forwarded-proto, forwarded, via, \
        host, traceparent, x-request-id, x-gateway, content-length, authorization, x-client";
    let headers = [
        ("host", "a"),
        ("connection", named),
        ("authorization", "Bearer x"),
        ("x-client", "dropped as the client wishes"),
        ("x-forwarded-for", "10.9.9.9"),
        ("x-gateway", "no"),
        ("keep-alive", "timeout=1000"),
        ("proxy-authorization", "Basic cHJveHk6cGFzcw=="),
        ("proxy-connection", "keep-alive"),
        ("te", "trailers, deflate"),
        ("trailer", "x-late"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAAQAAP__"),
        ("expect", "100-continue"),
    ];
    let (answer, seen) = sent(&gateway, &backend, &headers);
    assert_eq!(answer.status, 200);
    let seen = seen.expect("a request");
    assert_eq!(values(&seen, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(values(&seen, "x-forwarded-host"), ["a"]);
    assert_eq!(values(&seen, "x-forwarded-proto"), ["http"]);
    assert_eq!(values(&seen, "host"), [backend.address().to_string()]);
    assert_eq!(values(&seen, "via"), ["1.1 rig"]);
    assert_eq!(values(&seen, "x-gateway"), ["yes"]);
    for kept in ["forwarded", "traceparent", "x-request-id"] {
        assert_eq!(values(&seen, kept).len(), 1, "{kept}");
    }
    for dropped in [
        "authorization",
        "x-client",
        "connection",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "trailer",
        "upgrade",
        "http2-settings",
        "expect",
        "transfer-encoding",
    ] {
        assert_eq!(values(&seen, dropped), [] as [&str; 0], "{dropped}");
    }
    assert_eq!(values(&seen, "te"), ["trailers"]);
}

/// A token that `connection` names is checked all the same: authorisation comes first.
#[test]
fn naming_the_token_in_connection_opens_nothing() {
    let backend = Backend::start(0.0);
    let till = endpoint("till", "GET", "/till", json!({"secured": true}));
    let gateway = Gateway::builder()
        .env("JWT_SECRET_KEY", "mysecret")
        .config_json(&[guarded_api("a", backend.address(), &[till])])
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    for (secret, status) in [("mysecret", 200), ("other", 401)] {
        let request = Request::new("GET", "/till")
            .with("connection", "authorization")
            .with(
                "authorization",
                &format!("Bearer {}", hs256(secret, json!({}))),
            );
        let answer = ask(gateway.inbound(), &request).expect("an answer");
        assert_eq!(answer.status, status, "{secret}");
    }
}

/// An HTTP/2 connection that a back end starts by upgrade would be the client's own tunnel, past
/// every route and every check.
#[test]
fn no_spelling_of_h2c_reaches_the_back_end() {
    let backend = Backend::start(0.0);
    let gateway = start(Gateway::builder(), &backend, json!({}));
    for upgrade in [
        &["h2c"][..],
        &["H2C"],
        &["h2c, websocket"],
        &["websocket, h2c"],
        &["websocket,H2c"],
        &["h2c ,x"],
        &["x", "h2c"],
        &["h2c", "websocket"],
        &["h2c/1.0"],
        &["\"h2c\""],
        &["HTTP/2.0"],
        &["http/2"],
    ] {
        let mut headers = vec![
            ("host", "a"),
            ("connection", "upgrade, http2-settings"),
            ("http2-settings", "AAMAAABkAAQAAP__"),
        ];
        headers.extend(upgrade.iter().map(|protocol| ("upgrade", *protocol)));
        let (answer, seen) = sent(&gateway, &backend, &headers);
        assert_eq!(answer.status, 200, "{upgrade:?}");
        let seen = seen.expect("a request");
        let asked = values(&seen, "upgrade").concat().to_ascii_lowercase();
        let hidden = ["h2c", "http/2"].iter().any(|it| asked.contains(it));
        assert!(!hidden, "{upgrade:?} became {asked:?}");
    }
}

/// Forged origins: only who is on `TRUSTED_PROXIES` may say for whom it speaks.
#[test]
fn where_a_request_comes_from_is_not_the_clients_to_say() {
    let backend = Backend::start(0.0);
    let forged = [
        ("host", "a"),
        ("x-forwarded-for", "10.9.9.9"),
        ("X-Forwarded-For", "10.8.8.8, 10.7.7.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-server", "evil"),
        ("x-forwarded-anything", "evil"),
        ("forwarded", "for=10.9.9.9;proto=https;host=evil"),
        ("forwarded", "for=10.6.6.6"),
    ];
    let open = start(Gateway::builder(), &backend, json!({}));
    let (_, seen) = sent(&open, &backend, &forged);
    let seen = seen.expect("a request");
    assert_eq!(values(&seen, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(values(&seen, "x-forwarded-proto"), ["http"]);
    assert_eq!(values(&seen, "x-forwarded-host"), ["a"]);
    assert_eq!(values(&seen, "forwarded"), ["for=127.0.0.1;by=127.0.0.1"]);
    for name in [
        "x-forwarded-port",
        "x-forwarded-server",
        "x-forwarded-anything",
    ] {
        assert_eq!(values(&seen, name), [] as [&str; 0], "{name}");
    }

    let elsewhere = start(
        Gateway::builder().env("TRUSTED_PROXIES", "10.0.0.0/8,::1"),
        &backend,
        json!({}),
    );
    let (_, seen) = sent(&elsewhere, &backend, &forged);
    assert_eq!(
        values(&seen.expect("a request"), "x-forwarded-for"),
        ["127.0.0.1"]
    );

    let trusting = start(
        Gateway::builder().env("TRUSTED_PROXIES", "127.0.0.0/8"),
        &backend,
        json!({}),
    );
    let (_, seen) = sent(&trusting, &backend, &forged);
    let seen = seen.expect("a request");
    assert_eq!(
        values(&seen, "x-forwarded-for").join(", "),
        "10.9.9.9, 10.8.8.8, 10.7.7.7, 127.0.0.1"
    );
    assert_eq!(values(&seen, "x-forwarded-proto"), ["https"]);
    assert_eq!(values(&seen, "x-forwarded-host"), ["evil"]);
    let forwarded = values(&seen, "forwarded").join(", ");
    assert!(forwarded.starts_with("for=10.9.9.9;"), "{forwarded}");
    assert!(
        forwarded.ends_with("for=127.0.0.1;by=127.0.0.1"),
        "{forwarded}"
    );
}

/// A line break that only appears once something is decoded would make a header of its own.
#[test]
fn an_encoded_line_break_makes_no_header() {
    let backend = Backend::start(0.0);
    let gateway = start(Gateway::builder(), &backend, json!({}));
    let mut connection = Connection::open(gateway.inbound()).expect("a connection");
    for target in [
        "/any%0d%0ax-role:%20admin",
        "/any?q=%0d%0ax-role:%20admin%0d%0a%0d%0aGET%20/any%20HTTP/1.1",
        "/any%0a%0a",
        "/any%00",
        "/any?q=%E5%98%8A%E5%98%8Dx-role:admin",
    ] {
        let request =
            Request::new("GET", target).with("x-request-id", "%0d%0ax-role:%20admin-long");
        let answer = connection.ask(&request).expect("an answer");
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.header("x-role"), None, "{target}");
        let seen = backend.take();
        assert_eq!(seen.len(), 1, "{target}: {seen:?}");
        assert_eq!(seen[0].line, format!("GET {target}"));
        assert_eq!(values(&seen[0], "x-role"), [] as [&str; 0], "{target}");
    }
    // What the gateway says itself repeats nothing that could be a line either.
    let request = Request::new("GET", "/no%0d%0ax-role:%20admin")
        .with("x-request-id", "%0d%0ax-role:%20admin-long")
        .with("origin", "https://evil.example%0d%0ax-role:%20admin");
    let answer = connection.ask(&request).expect("an answer");
    assert_eq!((answer.status, answer.header("x-role")), (404, None));
    assert_eq!(
        answer.header("x-request-id"),
        Some("%0d%0ax-role:%20admin-long")
    );
}
