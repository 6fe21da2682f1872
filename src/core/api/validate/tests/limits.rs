//! Bounds of what a definition may hold, and of what is said about it.

use serde_json::{Value, json};

use super::{WITH_KEY, check, endpoint_with, good, good_with, model, refuse, refuse_endpoint};
use crate::core::api::{
    API_ID_BYTES_MAX,
    faults::FAULTS_MAX,
    validate::{validate_value, warnings::WARNINGS_MAX},
};

#[test]
fn an_id_has_at_most_128_bytes() {
    let longest = "\u{fc}".repeat(API_ID_BYTES_MAX / 2);
    assert_eq!(model(&good_with("id", json!(longest))).id.as_ref(), longest);
    for id in [format!("{longest}a"), "a".repeat(129)] {
        refuse(
            &good_with("id", json!(id)),
            r#"{"api":[{"id":"must have a length of at most 128 bytes"}]}"#,
        );
    }
}

#[test]
fn an_id_has_no_control_characters() {
    for id in ["a\nb", "\u{0}", "a\u{7f}", "\u{85}"] {
        refuse(
            &good_with("id", json!(id)),
            r#"{"api":[{"id":"must not contain control characters"}]}"#,
        );
    }
    for id in ["a/b \u{fc}", " ", "\u{1f980}", "a@1-2"] {
        check(&good_with("id", json!(id)));
    }
}

#[test]
fn an_endless_id_is_cut_where_it_is_repeated() {
    let mut document = good_with("id", json!("\u{fc}".repeat(10_000)));
    document["version_data"]["default"]["endpoints"] = json!([{"id": "a"}]);
    let faults = validate_value(&document, None, &WITH_KEY).unwrap_err();
    let longest = faults.iter().map(|(group, _, _)| group.len()).max();
    assert_eq!(longest, Some(API_ID_BYTES_MAX + "/a".len()));
}

#[test]
fn time_limits_are_milliseconds_up_to_an_hour() {
    for value in [
        json!(0),
        json!(-1),
        json!(3_600_001),
        json!(1.5),
        json!("5000"),
        json!(true),
        json!([]),
        json!(5e3),
    ] {
        refuse(
            &good_with("timeout_ms", value.clone()),
            r#"{"api":[{"timeout_ms":"must be integer"}]}"#,
        );
        refuse_endpoint(
            &endpoint_with(json!({"timeout_ms": value})),
            r#"{"timeout_ms":"must be integer"}"#,
        );
    }
}

#[test]
fn body_limits_are_bytes_and_may_be_zero() {
    for value in [json!(-1), json!(0.5), json!("1"), json!(false), json!({})] {
        refuse(
            &good_with("max_body_bytes", value.clone()),
            r#"{"api":[{"max_body_bytes":"must be integer"}]}"#,
        );
        refuse_endpoint(
            &endpoint_with(json!({"max_body_bytes": value})),
            r#"{"max_body_bytes":"must be integer"}"#,
        );
    }
    let api = model(&endpoint_with(json!({"max_body_bytes": 0})));
    assert_eq!(api.endpoints[0].body_bytes_max, Some(0));
}

#[test]
fn a_definition_that_is_wrong_all_over_gets_a_bounded_answer() {
    let mut document = good();
    document["version_data"]["default"]["endpoints"] = Value::Array(vec![json!({}); 5000]);
    let faults = validate_value(&document, None, &WITH_KEY).unwrap_err();
    assert_eq!(faults.iter().count(), FAULTS_MAX);
    assert_eq!(faults.omitted(), 5000 * 6 - FAULTS_MAX);
}

#[test]
fn a_definition_that_is_odd_all_over_gets_a_bounded_answer() {
    let endpoints: Vec<Value> = (0..WARNINGS_MAX + 5)
        .map(|n| {
            json!({"id": n.to_string(), "method": "GET", "path_regex": "/a", "target": "kafka",
                   "topic": "t"})
        })
        .collect();
    let mut document = good();
    document["version_data"]["default"]["endpoints"] = json!(endpoints);
    let warnings = check(&document).warnings;
    assert_eq!(warnings.len(), WARNINGS_MAX + 1);
    let last = warnings.last().unwrap();
    assert_eq!(
        (last.path.as_str(), last.message.as_str()),
        ("x", "5 more warnings are not listed")
    );
}

#[test]
fn headers_that_are_all_wrong_do_not_multiply() {
    let mut document = endpoint_with(json!({"transform_request_headers": true}));
    let headers: serde_json::Map<String, Value> = (0..1000)
        .map(|n| (format!("bad name {n}"), json!("x")))
        .collect();
    document["version_data"]["default"]["transform_request_headers"] =
        json!({"add_headers": headers});
    let faults = validate_value(&document, None, &WITH_KEY).unwrap_err();
    assert_eq!((faults.iter().count(), faults.omitted()), (16, 0));
}
