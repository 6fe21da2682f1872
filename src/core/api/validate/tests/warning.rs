//! What is accepted, but not without a word.

use serde_json::{Value, json};

use super::{WITH_KEY, check, endpoint_with, good, good_with};
use crate::core::api::{
    ResponseFrom, Target,
    validate::{Surroundings, is_supported_yet, validate_value},
};

/// The warnings about `document` as `path: message`.
fn warnings(document: &Value) -> Vec<String> {
    check(document)
        .warnings
        .iter()
        .map(|warning| format!("{}: {}", warning.path, warning.message))
        .collect()
}

#[track_caller]
fn warns(document: &Value, path: &str, part: &str) {
    let warnings = warnings(document);
    let [warning] = warnings.as_slice() else {
        panic!("one warning: {warnings:?}")
    };
    assert!(
        warning.starts_with(&format!("{path}: ")) && warning.contains(part),
        "{warning}"
    );
}

#[test]
fn a_plain_definition_has_no_warnings() {
    assert_eq!(check(&good()).warnings, []);
}

#[test]
fn what_a_target_url_says_in_vain_is_told() {
    for (target_url, part) in [
        ("http://svc:81/base", Some("port 81 and path /base")),
        ("http://svc:81", Some("port 81 of")),
        ("svc:81", Some("port 81 of")),
        ("svc/base/", Some("path /base/ of")),
        ("http://svc:7070", None),
        ("https://svc/", None),
    ] {
        let mut document = good();
        document["proxy"]["target_url"] = json!(target_url);
        match part {
            Some(part) => warns(&document, "x", part),
            None => assert_eq!(check(&document).warnings, [], "{target_url}"),
        }
        document["proxy"]["use_env"] = json!(true);
        assert_eq!(check(&document).warnings, [], "{target_url}");
    }
}

#[test]
fn an_api_that_routes_nothing_is_told() {
    warns(
        &good_with("versioned", json!(true)),
        "x",
        "`versioned` is true",
    );
    warns(
        &good_with("version_data", json!({"v1": {"endpoints": []}})),
        "x",
        "no version `default`",
    );
}

#[test]
fn a_lock_without_key_is_told_once() {
    let mut document = endpoint_with(json!({"secured": true}));
    document["auth_type"] = json!("jwt");
    let endpoints = document["version_data"]["default"]["endpoints"]
        .as_array_mut()
        .unwrap();
    endpoints.push(json!({"id": "b", "method": "GET", "path_regex": "/b", "secured": true}));
    assert_eq!(check(&document).warnings, []);
    let without_key = Surroundings { has_key: false };
    let checked = validate_value(&document, None, &without_key).unwrap();
    assert_eq!(checked.warnings.len(), 1);
    assert!(checked.warnings[0].message.contains(
        "every request will be answered 401 until JWT_SECRET_KEY or JWT_JWKS_URL is set"
    ));
    // Nothing is secured, nothing to tell.
    assert_eq!(
        validate_value(&good(), None, &without_key)
            .unwrap()
            .warnings,
        []
    );
}

#[test]
fn repeated_endpoint_ids_are_told_once_each() {
    let endpoints: Vec<Value> = ["a", "b", "a", "c", "a", "c"]
        .iter()
        .map(|id| json!({"id": id, "method": "GET", "path_regex": "/p"}))
        .collect();
    let document = good_with("version_data", json!({"default": {"endpoints": endpoints}}));
    let paths: Vec<String> = check(&document)
        .warnings
        .into_iter()
        .map(|warning| warning.path)
        .collect();
    assert_eq!(paths, ["x/a", "x/c"]);
}

#[test]
fn pairs_that_never_answer_are_told() {
    // The cells of proxying.md 3.8 that are not what the column says.
    let told = |target, source| match target {
        Target::Http => matches!(source, ResponseFrom::Kinesis | ResponseFrom::Nats),
        Target::Kafka => !matches!(source, ResponseFrom::Http | ResponseFrom::Kafka),
        Target::Kinesis => source != ResponseFrom::Http,
        Target::Nats => !matches!(source, ResponseFrom::Http | ResponseFrom::Nats),
    };
    for target in Target::ALL {
        for source in ResponseFrom::ALL {
            let document = endpoint_with(json!({
                "target": target.as_str(), "response_from": source.as_str(), "topic": "t"
            }));
            let warnings = warnings(&document);
            let expected = format!("x/a: response_from {source} never answers for target {target}");
            let found = warnings
                .iter()
                .any(|warning| warning.starts_with(&expected));
            assert_eq!(
                found,
                told(target, source),
                "{target} {source}: {warnings:?}"
            );
        }
    }
}

#[test]
fn what_is_not_built_yet_is_told() {
    for target in Target::ALL {
        for source in ResponseFrom::ALL {
            let document = endpoint_with(json!({
                "target": target.as_str(), "response_from": source.as_str(), "topic": "t"
            }));
            let warnings = warnings(&document);
            let found = warnings.iter().any(|warning| {
                warning.ends_with(" answers 503 until this gateway version supports it")
            });
            assert_eq!(
                found,
                !is_supported_yet(target, source),
                "{target} {source}"
            );
        }
    }
    warns(
        &endpoint_with(json!({"target": "kafka", "topic": "t"})),
        "x/a",
        "target kafka",
    );
    warns(
        &endpoint_with(json!({"response_from": "kafka"})),
        "x/a",
        "response_from kafka",
    );
    assert!(is_supported_yet(Target::Http, ResponseFrom::Http));
    assert!(is_supported_yet(Target::Http, ResponseFrom::HttpAsync));
}

#[test]
fn warnings_serialise_as_path_and_message() {
    let checked = validate_value(&good_with("versioned", json!(true)), None, &WITH_KEY).unwrap();
    let value = serde_json::to_value(&checked.warnings).unwrap();
    assert_eq!(value[0]["path"], "x");
    assert!(value[0]["message"].is_string());
    assert_eq!(value[0].as_object().unwrap().len(), 2);
}
