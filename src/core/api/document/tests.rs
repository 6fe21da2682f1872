//! What survives of a submitted document.

use serde_json::{Value, json};

use super::{BOOKKEEPING, from_value, merged, with_id};

#[test]
fn server_managed_members_are_dropped_and_all_others_are_kept() {
    let document = from_value(json!({
        "id": "a", "active": false, "ref_number": 100, "timestamp": "x", "node_name": "evil",
        "phx_ref": "1", "phx_ref_prev": "0", "custom": {"active": true}
    }));
    assert_eq!(
        Value::Object(document),
        json!({"id": "a", "custom": {"active": true}})
    );
}

#[test]
fn anything_but_an_object_counts_as_an_empty_one() {
    for value in [
        json!(null),
        json!(true),
        json!(1),
        json!("abc"),
        json!([{"id": "y"}]),
    ] {
        assert!(from_value(value.clone()).is_empty(), "{value}");
    }
}

#[test]
fn the_id_of_the_path_beats_that_of_the_body() {
    for body in [json!({"id": "other"}), json!({"id": 5}), json!({})] {
        assert_eq!(
            Value::Object(with_id(from_value(body), "mv3")),
            json!({"id": "mv3"})
        );
    }
}

#[test]
fn a_put_replaces_top_level_members_whole() {
    let stored = from_value(json!({"id": "a", "auth": {"use_query": true}, "custom": 1}));
    let submitted = from_value(json!({"id": "a", "auth": {}, "name": "new"}));
    assert_eq!(
        Value::Object(merged(&stored, submitted)),
        json!({"id": "a", "auth": {}, "custom": 1, "name": "new"})
    );
}

#[test]
fn bookkeeping_names_are_in_order_and_distinct() {
    assert!(BOOKKEEPING.is_sorted_by(|a, b| a < b));
}
