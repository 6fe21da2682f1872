//! What the original let through and then failed on with every request
//! (spec: `api-definitions.md` 1.8, "things that are not validated").

use serde_json::{Value, json};

use super::{check, endpoint_with, error_map, good, refuse, refuse_endpoint};

#[test]
fn a_path_regex_has_to_compile() {
    for path_regex in ["/a(", "/[", "*", "/a{2,1}", "(?P<x", "/a\\"] {
        refuse_endpoint(
            &endpoint_with(json!({"path_regex": path_regex, "path_replacement": "/\\1"})),
            r#"{"path_regex":"must be a valid regular expression"}"#,
        );
    }
}

#[test]
fn a_path_regex_of_another_dialect_is_refused_with_a_reason() {
    let endless = "a".repeat(1_000_000);
    for path_regex in [
        "/(?=look)",
        "/(?<!behind)x",
        "/(a)\\1",
        "/\\w{1000}{1000}",
        &endless,
    ] {
        let text = error_map(&endpoint_with(json!({"path_regex": path_regex})));
        let start = r#"{"x/a":[{"path_regex":"must be a valid regular expression: "#;
        assert!(text.starts_with(start) && text.len() < 1000, "{text}");
    }
}

#[test]
fn targets_and_sources_of_answers_are_known_words_in_any_letter_case() {
    for unknown in ["ftp", "nowhere", " http", "kafka,nats"] {
        refuse_endpoint(
            &endpoint_with(json!({"target": unknown, "response_from": unknown, "topic": "t"})),
            r#"{"target":"must be one of [\"http\",\"kafka\",\"kinesis\",\"nats\"]"},{"response_from":"must be one of [\"http\",\"http_async\",\"kafka\",\"kinesis\",\"nats\"]"}"#,
        );
    }
    for known in ["HTTP", "Kafka", "kinesis", "NATS"] {
        check(&endpoint_with(
            json!({"target": known, "response_from": known, "topic": "t"}),
        ));
    }
    check(&endpoint_with(json!({"response_from": "HTTP_Async"})));
}

#[test]
fn a_path_replacement_is_a_path_with_known_references() {
    for replacement in [
        "http://other/x",
        "//other/x",
        "/x/\\2",
        "/x/\\g{nobody}",
        "/x/\\q",
    ] {
        refuse_endpoint(
            &endpoint_with(json!({"path_regex": "/a/(.*)", "path_replacement": replacement})),
            r#"{"path_replacement":"must be a path"}"#,
        );
    }
    for replacement in [
        "/x/\\1",
        "/w\\0",
        "rel/\\1",
        "/q?fixed=1&id=\\1",
        "/a/../b/./\\1",
    ] {
        check(&endpoint_with(
            json!({"path_regex": "/a/(.*)", "path_replacement": replacement}),
        ));
    }
}

#[test]
fn a_port_is_from_1_to_65535() {
    for port in [
        json!(0),
        json!(-1),
        json!(65536),
        json!(1e3),
        json!(80.5),
        json!("80"),
        json!(null),
        json!(u64::MAX),
        json!([80]),
    ] {
        let mut document = good();
        document["proxy"]["port"] = port;
        refuse(&document, r#"{"api":[{"port":"must be integer"}]}"#);
    }
    for port in [1, 65535] {
        let mut document = good();
        document["proxy"]["port"] = json!(port);
        assert_eq!(check(&document).api.proxy.port, port);
    }
}

#[test]
fn a_target_url_is_a_host_or_a_url_unless_it_names_a_variable() {
    let refused = [
        "http://user:pw@h",
        "h?a=b",
        "http://h#f",
        "a b",
        "/",
        "ftp://h",
        "h\n",
        "//h",
    ];
    for target_url in refused {
        let mut document = good();
        document["proxy"]["target_url"] = json!(target_url);
        refuse(
            &document,
            r#"{"api":[{"target_url":"must be a host or a URL"}]}"#,
        );
        document["proxy"]["use_env"] = json!(true);
        assert_eq!(check(&document).api.proxy.target_url, target_url);
    }
}

#[test]
fn a_header_source_that_is_on_has_a_header_name() {
    let mut document = good();
    document["auth_type"] = json!("jwt");
    document["auth"] = json!({"use_header": true, "header_name": "my token"});
    refuse(
        &document,
        r#"{"x":[{"header_name":"must be a header name"}]}"#,
    );
    document["auth"] = json!({"use_header": false, "header_name": "my token", "use_query": true, "query_name": "q"});
    check(&document);
}

/// [`good`] with `add_headers` that its endpoint asks for.
fn transforming(add_headers: &Value) -> Value {
    let mut document = endpoint_with(json!({"transform_request_headers": true}));
    document["version_data"]["default"]["transform_request_headers"] =
        json!({"add_headers": add_headers});
    document
}

#[test]
fn an_endpoint_that_asks_for_headers_needs_them() {
    let asking = endpoint_with(json!({"transform_request_headers": true}));
    refuse_endpoint(&asking, r#"{"add_headers":"must be map"}"#);
    for transform in [
        json!(null),
        json!({}),
        json!("x"),
        json!([]),
        json!({"add_headers": null}),
    ] {
        let mut document = asking.clone();
        document["version_data"]["default"]["transform_request_headers"] = transform;
        refuse_endpoint(&document, r#"{"add_headers":"must be map"}"#);
    }
    for value in [json!(null), json!(true), json!({}), json!(["v"])] {
        refuse_endpoint(
            &transforming(&json!({"a": value, "b": value})),
            r#"{"add_headers":"must be map"}"#,
        );
    }
    check(&transforming(&json!({})));
}

#[test]
fn headers_that_nobody_asks_for_are_not_judged() {
    let mut document = transforming(&json!({"connection": {}}));
    document["version_data"]["default"]["endpoints"][0]["transform_request_headers"] = json!(false);
    assert!(check(&document).api.add_headers.is_empty());
}

#[test]
fn headers_that_frame_messages_or_rule_connections_are_refused() {
    for name in [
        "Content-Length",
        "transfer-encoding",
        "Connection",
        "upgrade",
        "te",
        "trailer",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "expect",
        "http2-settings",
    ] {
        refuse_endpoint(
            &transforming(&json!({ name: "x" })),
            &format!(
                r#"{{"add_headers":"must not set {}"}}"#,
                name.to_ascii_lowercase()
            ),
        );
    }
}

#[test]
fn header_names_and_values_can_be_sent() {
    for (name, message) in [
        ("", r#"must have header names, not \"\""#),
        ("a b", r#"must have header names, not \"a b\""#),
        ("a\r\nb", r#"must have header names, not \"a\\r\\nb\""#),
        ("a:", r#"must have header names, not \"a:\""#),
        ("\u{e9}", "must have header names, not \\\"\u{e9}\\\""),
    ] {
        refuse_endpoint(
            &transforming(&json!({ name: "x" })),
            &format!(r#"{{"add_headers":"{message}"}}"#),
        );
    }
    for value in ["a\r\nb: c", "a\u{0}", "\u{7f}"] {
        refuse_endpoint(
            &transforming(&json!({"X-A": value})),
            r#"{"add_headers":"must give x-a a value without control characters"}"#,
        );
    }
    // RFC 8785 digests cannot tell it from 2^53.
    for number in [
        json!(9_007_199_254_740_993_u64),
        json!(-9_007_199_254_740_993_i64),
    ] {
        refuse_endpoint(
            &transforming(&json!({"n": number})),
            r#"{"add_headers":"must give n as a string: the number is too large"}"#,
        );
    }
}

#[test]
fn every_asking_endpoint_is_told() {
    let mut document = transforming(&json!({"te": "x", "a b": "x"}));
    let endpoints = document["version_data"]["default"]["endpoints"]
        .as_array_mut()
        .unwrap();
    let mut second = endpoints[0].clone();
    second["id"] = json!("b");
    endpoints.push(second);
    let entries = r#"[{"add_headers":"must have header names, not \"a b\""},{"add_headers":"must not set te"}]"#;
    refuse(
        &document,
        &format!(r#"{{"x/a":{entries},"x/b":{entries}}}"#),
    );
}
