//! What the model holds of a definition without faults.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{WITH_KEY, endpoint_with, good, good_with, model};
use crate::core::api::{
    Address, Api, Auth, ResponseFrom, Target,
    validate::{validate, validate_value},
};

#[test]
fn the_sample_of_the_specification_becomes_a_model() {
    let api = model(&json!({
        "id": "shop", "name": "Shop back end", "auth_type": "jwt",
        "auth": {"use_header": true, "header_name": "Authorization", "use_query": false,
                 "query_name": ""},
        "versioned": false,
        "version_data": {"default": {
            "transform_request_headers": {"add_headers": {"x-via-gateway": "1"}},
            "endpoints": [
                {"id": "login", "path_regex": "/login", "method": "POST", "secured": false},
                {"id": "item", "path_regex": "/shops/([^/]+)/items/([^/]+)",
                 "path_replacement": "/items/\\2/of/\\1", "method": "GET", "secured": true,
                 "transform_request_headers": true},
                {"id": "order", "path_regex": "/orders", "method": "POST", "target": "kafka",
                 "topic": "orders", "schema": "orders-value", "response_from": "kafka"}
            ]}},
        "proxy": {"use_env": true, "target_url": "SHOP_HOST", "port": 8080}
    }));
    assert_eq!(
        (api.id.as_ref(), api.name.as_str()),
        ("shop", "Shop back end")
    );
    assert!(!api.versioned);
    let header = Some("authorization".to_owned());
    assert_eq!(
        api.auth,
        Auth {
            jwt: true,
            header,
            query: None
        }
    );
    let target_url = "SHOP_HOST".to_owned();
    assert_eq!(
        api.proxy,
        Address {
            target_url,
            port: 8080,
            use_env: true
        }
    );
    assert_eq!(
        *api.add_headers,
        [("x-via-gateway".to_owned(), "1".to_owned())]
    );

    let [login, item, order] = api.endpoints.as_slice() else {
        panic!("{api:?}")
    };
    assert!(!login.secured && !login.transform && login.replacement.is_none());
    assert_eq!(
        (login.target, login.response_from),
        (Target::Http, ResponseFrom::Http)
    );
    assert_eq!(
        (login.timeout, login.body_bytes_max, &login.topic),
        (None, None, &None)
    );
    assert!(item.secured && item.transform && item.replacement.is_some());
    assert_eq!(item.pattern.source(), "/shops/([^/]+)/items/([^/]+)");
    assert_eq!(
        (order.target, order.response_from),
        (Target::Kafka, ResponseFrom::Kafka)
    );
    assert_eq!(order.topic.as_deref(), Some("orders"));
}

#[test]
fn methods_are_upper_case() {
    let api = model(&endpoint_with(json!({"method": "pRopFind"})));
    assert_eq!(api.endpoints[0].method, "PROPFIND");
}

#[test]
fn everything_but_null_and_false_makes_an_api_versioned() {
    for (versioned, expected) in [
        (json!(null), false),
        (json!(false), false),
        (json!(true), true),
        (json!("no"), true),
        (json!(0), true),
    ] {
        assert_eq!(
            model(&good_with("versioned", versioned)).versioned,
            expected
        );
    }
}

#[test]
fn only_version_default_is_routed() {
    let endpoint = json!({"id": "v", "method": "GET", "path_regex": "/v"});
    let mut document = good();
    document["version_data"]["v1"] = json!({"endpoints": [endpoint, {}, 5]});
    assert_eq!(model(&document).endpoints.len(), 1);
    let api = model(&good_with(
        "version_data",
        json!({"v1": {"endpoints": [endpoint]}}),
    ));
    assert!(api.endpoints.is_empty());
}

#[test]
fn limits_of_an_endpoint_beat_those_of_its_api() {
    let mut document = good_with("timeout_ms", json!(2000));
    document["max_body_bytes"] = json!(10);
    let endpoint = model(&document).endpoints.remove(0);
    assert_eq!(endpoint.timeout, Some(Duration::from_secs(2)));
    assert_eq!(endpoint.body_bytes_max, Some(10));
    document["version_data"]["default"]["endpoints"][0]["timeout_ms"] = json!(3_600_000);
    document["version_data"]["default"]["endpoints"][0]["max_body_bytes"] = json!(null);
    let endpoint = model(&document).endpoints.remove(0);
    assert_eq!(endpoint.timeout, Some(Duration::from_secs(3600)));
    assert_eq!(endpoint.body_bytes_max, Some(10));
}

#[test]
fn headers_to_add_are_lower_case_and_numbers_are_text() {
    let mut document = endpoint_with(json!({"transform_request_headers": true}));
    document["version_data"]["default"]["transform_request_headers"] = json!({"add_headers": {
        "X-Upper": "Up", "host": "changed.example", "a": 5, "b": -1.5, "c": 2.0, "d": "\u{fc}",
        "X-Twice": "capital", "x-twice": "small", "e": ""
    }});
    let headers: Vec<(String, String)> = model(&document).add_headers.to_vec();
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        headers,
        [
            ("a", "5"),
            ("b", "-1.5"),
            ("c", "2"),
            ("d", "\u{fc}"),
            ("e", ""),
            ("host", "changed.example"),
            ("x-twice", "small"),
            ("x-upper", "Up"),
        ]
    );
}

#[test]
fn unknown_members_are_let_through() {
    let mut document = endpoint_with(json!({"type": "http", "foo": [1]}));
    document["custom"] = json!({"a": 1});
    assert_eq!(model(&document).endpoints.len(), 1);
}

fn endpoints(paths: &[&str]) -> Value {
    let endpoints: Vec<Value> = paths
        .iter()
        .map(|path| {
            json!({"id": path, "method": "GET", "path_regex": path, "path_replacement": "/r"})
        })
        .collect();
    good_with("version_data", json!({"default": {"endpoints": endpoints}}))
}

fn replace(previous: &Api, document: &Value) -> Api {
    validate_value(document, Some(previous), &WITH_KEY)
        .unwrap()
        .api
}

#[test]
fn patterns_of_the_previous_version_are_taken_over() {
    let previous = model(&endpoints(&["/a", "/b", "/c"]));
    let next = replace(&previous, &endpoints(&["/c", "/new", "/a"]));
    assert!(Arc::ptr_eq(
        &next.endpoints[0].pattern,
        &previous.endpoints[2].pattern
    ));
    assert!(Arc::ptr_eq(
        &next.endpoints[2].pattern,
        &previous.endpoints[0].pattern
    ));
    assert_eq!(next.endpoints[1].pattern.source(), "/new");
}

#[test]
fn equal_patterns_of_one_definition_are_compiled_once() {
    let api = model(&endpoints(&["/a", "/b", "/a"]));
    assert!(Arc::ptr_eq(
        &api.endpoints[0].pattern,
        &api.endpoints[2].pattern
    ));
    let replacement = |position: usize| api.endpoints[position].replacement.clone().unwrap();
    assert!(Arc::ptr_eq(&replacement(0), &replacement(2)));
    // The same text means something else behind another pattern.
    assert!(!Arc::ptr_eq(&replacement(0), &replacement(1)));
}

#[test]
fn members_of_the_server_have_no_say() {
    let mut document = good();
    for name in crate::core::api::document::BOOKKEEPING {
        document[name] = json!({"what": "ever"});
    }
    assert!(validate(document.as_object().unwrap(), None, &WITH_KEY).is_ok());
}
