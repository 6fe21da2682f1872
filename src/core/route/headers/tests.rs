use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::try_from(*name).unwrap(),
                HeaderValue::try_from(*value).unwrap(),
            )
        })
        .collect()
}

fn forwarded_to_target(lines: &[(&str, &str)], trusted: bool) -> HeaderMap {
    sent(lines, trusted, &[], None)
}

fn sent(
    lines: &[(&str, &str)],
    trusted: bool,
    add: &[(&str, &str)],
    upgrade: Option<&'static str>,
) -> HeaderMap {
    let mut headers = headers(lines);
    let add: Vec<_> = add
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    let hop = Hop {
        forwarded: &HeaderValue::from_static("for=192.0.2.1;by=127.0.0.1"),
        peer: &HeaderValue::from_static("192.0.2.1"),
        trusted,
        scheme: "http",
        host: Some(HeaderValue::from_static("gateway.example")),
        via: "1.1 rig",
        request_id: HeaderValue::from_static("generated"),
        traceparent: HeaderValue::from_static("00-span"),
        tracestate: None,
        upgrade: upgrade.map(HeaderValue::from_static),
    };
    let aim = Aim {
        authority: HeaderValue::from_static("target:81"),
        add_headers: &add,
    };
    toward_target(&mut headers, hop, aim);
    headers
}

fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers
        .get_all(name)
        .iter()
        .map(|v| v.to_str().unwrap().to_owned())
        .collect()
}

#[test]
fn hop_by_hop_headers_and_those_named_in_connection_stay_here() {
    let sent = forwarded_to_target(
        &[
            ("connection", "keep-alive, X-Foo"),
            ("x-foo", "1"),
            ("keep-alive", "timeout=3"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authorization", "Basic abc"),
            ("te", "gzip"),
            ("trailer", "x-t"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAA"),
            ("expect", "100-continue"),
            ("authorization", "Bearer abc"),
        ],
        false,
    );
    for gone in [
        "connection",
        "x-foo",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
        "expect",
    ] {
        assert!(!sent.contains_key(gone), "{gone} was forwarded");
    }
    assert_eq!(values(&sent, "authorization"), ["Bearer abc"]);
}

#[test]
fn te_trailers_is_kept() {
    let sent = forwarded_to_target(&[("te", "gzip, trailers")], false);
    assert_eq!(values(&sent, "te"), ["trailers"]);
}

#[test]
fn a_client_cannot_drop_what_the_gateway_sets() {
    let sent = sent(
        &[
            ("connection", "x-forwarded-for, host, content-length, x-set"),
            ("host", "h"),
        ],
        false,
        &[("x-set", "1")],
        None,
    );
    assert_eq!(values(&sent, "x-forwarded-for"), ["192.0.2.1"]);
    assert_eq!(values(&sent, "host"), ["target:81"]);
    assert_eq!(values(&sent, "x-set"), ["1"]);
}

#[test]
fn forwarding_claims_of_an_untrusted_peer_are_replaced() {
    let sent = forwarded_to_target(
        &[
            ("forwarded", "for=9.9.9.9"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-prefix", "/admin"),
        ],
        false,
    );
    assert_eq!(values(&sent, "forwarded"), ["for=192.0.2.1;by=127.0.0.1"]);
    assert_eq!(values(&sent, "x-forwarded-for"), ["192.0.2.1"]);
    assert_eq!(values(&sent, "x-forwarded-host"), ["gateway.example"]);
    assert_eq!(values(&sent, "x-forwarded-proto"), ["http"]);
    assert!(!sent.contains_key("x-forwarded-prefix"));
}

#[test]
fn forwarding_headers_of_a_trusted_peer_are_extended() {
    let sent = forwarded_to_target(
        &[
            ("forwarded", "for=9.9.9.9"),
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-for", "5.6.7.8"),
            ("x-forwarded-proto", "https"),
            ("via", "1.0 other"),
        ],
        true,
    );
    assert_eq!(
        values(&sent, "forwarded"),
        ["for=9.9.9.9, for=192.0.2.1;by=127.0.0.1"]
    );
    assert_eq!(
        values(&sent, "x-forwarded-for"),
        ["1.2.3.4, 5.6.7.8, 192.0.2.1"]
    );
    assert_eq!(values(&sent, "x-forwarded-proto"), ["https"]);
    assert_eq!(values(&sent, "x-forwarded-host"), ["gateway.example"]);
    assert_eq!(values(&sent, "via"), ["1.0 other, 1.1 rig"]);
}

#[test]
fn configured_headers_replace_the_clients_and_may_set_host() {
    let sent = sent(
        &[("john", "old"), ("host", "h")],
        false,
        &[("john", "doe"), ("host", "changed.example")],
        None,
    );
    assert_eq!(values(&sent, "john"), ["doe"]);
    assert_eq!(values(&sent, "host"), ["changed.example"]);
}

#[test]
fn a_request_id_is_kept_and_trace_headers_are_replaced() {
    let sent = forwarded_to_target(
        &[
            ("x-request-id", "tooshort"),
            ("traceparent", "x"),
            ("tracestate", "a=1"),
        ],
        false,
    );
    assert_eq!(values(&sent, "x-request-id"), ["tooshort"]);
    assert_eq!(values(&sent, "traceparent"), ["00-span"]);
    assert!(!sent.contains_key("tracestate"));
    assert_eq!(
        values(&forwarded_to_target(&[], false), "x-request-id"),
        ["generated"]
    );
}

#[test]
fn an_upgrade_is_asked_of_the_target() {
    let sent = sent(
        &[("connection", "Upgrade"), ("upgrade", "websocket")],
        false,
        &[],
        Some("websocket"),
    );
    assert_eq!(values(&sent, "connection"), ["upgrade"]);
    assert_eq!(values(&sent, "upgrade"), ["websocket"]);
}

#[test]
fn answers_lose_hop_by_hop_headers_and_keep_the_order_of_duplicates() {
    let mut answer = headers(&[
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ]);
    toward_client(&mut answer, false);
    assert_eq!(
        answer.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
        ["set-cookie"]
    );
    assert_eq!(values(&answer, "set-cookie"), ["a=1", "b=2"]);
}
