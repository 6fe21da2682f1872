//! The wire's error map and the log's lines.

use serde_json::{Value, json};

use super::{FAULTS_MAX, Faults};

fn wire(faults: &Faults) -> String {
    serde_json::to_string(faults).unwrap()
}

#[test]
fn the_error_map_keeps_the_order_of_the_rules() {
    let mut faults = Faults::default();
    faults.push("x", "header_name", "must be present");
    faults.push("api", "name", "must be string");
    faults.push("api", "name", "must have a length of at least 1");
    assert_eq!(
        wire(&faults),
        r#"{"x":[{"header_name":"must be present"}],"api":[{"name":"must be string"},{"name":"must have a length of at least 1"}]}"#
    );
}

#[test]
fn entries_of_equal_groups_are_concatenated() {
    let mut faults = Faults::default();
    faults.push("x/a", "method", "must be string");
    faults.push("x/b", "method", "must be string");
    faults.push("x/a", "topic", "must be present");
    let expected = json!({
        "x/a": [{"method": "must be string"}, {"topic": "must be present"}],
        "x/b": [{"method": "must be string"}]
    });
    assert_eq!(serde_json::to_value(&faults).unwrap(), expected);
    let maps: Vec<String> = faults
        .by_group()
        .map(|map| serde_json::to_string(&map).unwrap())
        .collect();
    assert_eq!(
        maps,
        [
            r#"{"x/a":[{"method":"must be string"},{"topic":"must be present"}]}"#,
            r#"{"x/b":[{"method":"must be string"}]}"#
        ]
    );
}

#[test]
fn nothing_wrong_is_an_empty_map_and_no_line() {
    let faults = Faults::default();
    assert!(faults.is_empty());
    assert_eq!(wire(&faults), "{}");
    assert_eq!(faults.to_string(), "");
}

#[test]
fn a_log_line_per_fault_that_no_id_can_forge() {
    let mut faults = Faults::default();
    faults.push("x/a\nerror: \u{1b}[31m", "method", "must be string");
    faults.push("api", "name", "must be string");
    assert_eq!(
        faults.to_string(),
        "x/a\\nerror: \\u{1b}[31m: method must be string\napi: name must be string"
    );
    assert_eq!(faults.iter().count(), 2);
    assert_eq!(
        faults.iter().last(),
        Some(("api", "name", "must be string"))
    );
}

#[test]
fn beyond_the_limit_faults_are_only_counted() {
    let mut faults = Faults::default();
    for _ in 0..FAULTS_MAX + 7 {
        faults.push("x/", "id", "must be string");
    }
    assert_eq!(faults.iter().count(), FAULTS_MAX);
    assert_eq!(faults.omitted(), 7);
    let map: Value = serde_json::to_value(&faults).unwrap();
    assert_eq!(map["x/"].as_array().unwrap().len(), FAULTS_MAX);
    assert_eq!(map["api"], json!([{"faults": "7 more are not listed"}]));
    assert!(
        faults
            .to_string()
            .ends_with("\napi: 7 more faults are not listed")
    );
}
