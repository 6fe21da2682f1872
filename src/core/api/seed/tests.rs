//! A file is taken as a whole or not at all.

use serde_json::{Value, json};

use super::{FAULTY_ENTRIES_MAX, SEED_REF_NUMBER_MAX, Seed, SeedFaults, seeds};
use crate::core::api::validate::Surroundings;

fn entry(id: &str) -> Value {
    json!({
        "id": id, "name": id, "proxy": {"target_url": "h", "port": 80},
        "version_data": {"default": {"endpoints": [
            {"id": "e", "method": "get", "path_regex": "/x"}
        ]}}
    })
}

fn with(id: &str, member: &str, value: Value) -> Value {
    let mut entry = entry(id);
    entry[member] = value;
    entry
}

fn accept(content: Value) -> Vec<Seed> {
    seeds(&content, &Surroundings { has_key: true }).unwrap()
}

/// The text a file is refused with.
fn refuse(content: Value) -> String {
    seeds(&content, &Surroundings { has_key: true })
        .unwrap_err()
        .to_string()
}

#[test]
fn entries_come_in_the_order_of_the_file_with_upper_case_methods() {
    let seeds = accept(json!([entry("b"), entry("a")]));
    let ids: Vec<&str> = seeds.iter().map(|seed| seed.api.id.as_ref()).collect();
    assert_eq!(ids, ["b", "a"]);
    assert_eq!(seeds[0].api.endpoints[0].method, "GET");
    // The document stays as the file gives it: it is what is hashed.
    assert_eq!(Value::Object(seeds[0].document.clone()), entry("b"));
    assert_eq!((seeds[0].ref_number, seeds[0].timestamp_ms), (0, None));
    assert_eq!(seeds[0].warnings, []);
    assert!(accept(json!([])).is_empty());
}

#[test]
fn ref_number_and_timestamp_count_and_leave_the_document() {
    let mut full = entry("a");
    full["ref_number"] = json!(7);
    full["timestamp"] = json!("2022-03-01T09:08:09.123456+02:00");
    full["node_name"] = json!("n");
    full["active"] = json!(true);
    let seeds = accept(json!([
        full,
        with("b", "ref_number", json!(SEED_REF_NUMBER_MAX))
    ]));
    assert_eq!(seeds[0].ref_number, 7);
    assert_eq!(seeds[0].timestamp_ms, Some(1_646_118_489_123));
    assert_eq!(Value::Object(seeds[0].document.clone()), entry("a"));
    assert_eq!(seeds[1].ref_number, SEED_REF_NUMBER_MAX);
}

#[test]
fn an_entry_that_is_switched_off_is_served_with_a_warning() {
    let seeds = accept(json!([with("a", "active", json!(false))]));
    assert_eq!(seeds[0].warnings.len(), 1);
    assert_eq!(seeds[0].warnings[0].path, "a");
    assert!(
        seeds[0].warnings[0]
            .message
            .contains("`active` has no effect")
    );
}

#[test]
fn what_is_not_a_list_is_refused() {
    for (content, kind) in [
        (json!({}), "an object: put it in [ ]"),
        (json!("x"), "a string"),
        (json!(1), "a number"),
        (json!(true), "a boolean"),
        (json!(null), "null"),
    ] {
        assert_eq!(
            refuse(content),
            format!("the proxy config must be a list of API definitions, got {kind}")
        );
    }
}

#[test]
fn every_fault_of_every_entry_is_told_with_its_entry() {
    let text = refuse(json!([
        entry("good"),
        {},
        with("x\ny", "name", json!("")),
        5,
        {
            "id": "invalid-config", "name": "", "proxy": {"target_url": "h", "port": 80},
            "version_data": {"default": {"endpoints": [{"id": "e1", "method": 5,
                                                        "path_regex": "/x"}]}}
        }
    ]));
    let nothing = r#"{"api":[{"id":"must be string"},{"id":"must have a length of at least 1"},{"name":"must be string"},{"name":"must have a length of at least 1"},{"proxy":"must be present"},{"version_data":"must be present"}]}"#;
    let expected = [
        format!("entry 1 (no id): {nothing}"),
        r#"entry 2 (id "x\ny"): {"api":[{"id":"must not contain control characters"},{"name":"must have a length of at least 1"}]}"#.to_owned(),
        format!("entry 3 (no id): {nothing}"),
        r#"entry 4 (id "invalid-config"): {"api":[{"name":"must have a length of at least 1"}]}"#.to_owned(),
        r#"entry 4 (id "invalid-config"): {"invalid-config/e1":[{"method":"must be string"}]}"#.to_owned(),
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn an_id_may_stand_in_the_file_once() {
    let text = refuse(json!([
        entry("a"),
        entry("b"),
        entry("a"),
        with("a", "name", json!(5))
    ]));
    assert_eq!(
        text,
        "entry 2 (id \"a\"): {\"api\":[{\"id\":\"must be unique, entry 0 has it too\"}]}\n\
         entry 3 (id \"a\"): {\"api\":[{\"name\":\"must be string\"},\
         {\"id\":\"must be unique, entry 0 has it too\"}]}"
    );
}

#[test]
fn bad_bookkeeping_is_a_fault() {
    for value in [
        json!("abc"),
        json!("1"),
        json!(-1),
        json!(1.5),
        json!(true),
        json!([]),
        json!(SEED_REF_NUMBER_MAX + 1),
        json!(u64::MAX),
    ] {
        assert_eq!(
            refuse(json!([with("a", "ref_number", value.clone())])),
            "entry 0 (id \"a\"): {\"api\":[{\"ref_number\":\"must be integer, from 0 to \
             281474976710656\"}]}",
            "{value}"
        );
    }
    for value in [
        json!("x"),
        json!(""),
        json!("2022-03-01"),
        json!("2022-03-01T07:08:09"),
        json!(1_646_118_489_123_u64),
        json!(false),
        json!({}),
        json!("1969-12-31T23:59:59Z"),
    ] {
        assert_eq!(
            refuse(json!([with("a", "timestamp", value.clone())])),
            "entry 0 (id \"a\"): {\"api\":[{\"timestamp\":\"must be an RFC 3339 date-time, e.g. \
             2022-03-01T07:08:09Z\"}]}",
            "{value}"
        );
    }
    for member in ["ref_number", "timestamp"] {
        assert_eq!(accept(json!([with("a", member, json!(null))])).len(), 1);
    }
}

#[test]
fn beyond_the_limit_faulty_entries_are_only_counted() {
    let content = Value::Array(vec![json!({}); FAULTY_ENTRIES_MAX + 3]);
    let text = refuse(content.clone());
    assert_eq!(text.lines().count(), FAULTY_ENTRIES_MAX + 1);
    assert!(text.ends_with("\n3 more entries are faulty"));
    let Err(SeedFaults::Entries(faulty)) = seeds(&content, &Surroundings::default()) else {
        panic!("the file is faulty");
    };
    assert_eq!(
        (faulty.listed.len(), faulty.omitted),
        (FAULTY_ENTRIES_MAX, 3)
    );
}

#[test]
fn warnings_of_an_entry_come_with_it() {
    let content = json!([with("a", "versioned", json!(true)), entry("b")]);
    let seeds = accept(content);
    assert_eq!(seeds[0].warnings.len(), 1);
    assert!(seeds[1].warnings.is_empty());
}
