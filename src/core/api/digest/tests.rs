//! Digests agree on what is the same, and only on that.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::canonical;
use crate::core::{
    api::document::{BOOKKEEPING, Document},
    digest::Digest,
};

fn of(document: &Document) -> Digest {
    canonical(document).digest()
}

fn document(json: &str) -> Document {
    serde_json::from_str(json).unwrap()
}

#[test]
fn the_digest_is_sha_256_of_the_canonical_form() {
    // printf '{"a":[1,"\xc3\xbc",{"x":null}],"b":1e+21}' | sha256sum
    let digest = of(&document(
        r#" {"b": 1e21, "a": [1.0, "\u00fc", {"x": null}]} "#,
    ));
    assert_eq!(
        digest.to_string(),
        "8afa2488538c5f044fad8b854e4a2d0c6fe572488343c82635a6cb0a242e9413"
    );
    assert_eq!(digest.prefix(), digest.to_string()[..16]);
}

#[test]
fn every_delete_has_the_same_digest() {
    // printf 'rig/deleted/1' | sha256sum
    assert_eq!(
        Digest::DELETED.to_string(),
        "83e424d2c623950355146a03b4390cf05b7439c59a9ef6a455cc3ac7caec6192"
    );
    assert_ne!(of(&Document::new()), Digest::DELETED);
}

#[test]
fn key_order_white_space_and_number_spelling_do_not_count() {
    let one = document(r#"{"id":"a","proxy":{"port":80,"target_url":"h"},"n":100}"#);
    let other = document(
        "{ \"n\": 1e2,\n \"proxy\": {\"target_url\": \"h\", \"port\": 80.0}, \"id\": \"\\u0061\"}",
    );
    assert_eq!(of(&one), of(&other));
}

#[test]
fn whatever_a_client_can_mean_counts() {
    let bodies = [
        json!({"id": "a"}),
        json!({"id": "b"}),
        json!({"id": "a", "x": null}),
        json!({"id": "a", "x": false}),
        json!({"id": "a", "x": []}),
        json!({"id": "a", "x": [1, 2]}),
        json!({"id": "a", "x": [2, 1]}),
        json!({"id": "a", "x": {"active": true}}),
    ];
    for (position, one) in bodies.iter().enumerate() {
        for other in &bodies[position + 1..] {
            let (one, other) = (one.as_object().unwrap(), other.as_object().unwrap());
            assert_ne!(of(one), of(other));
        }
    }
}

#[test]
fn bytes_round_trip() {
    let digest = of(&document(r#"{"id":"a"}"#));
    assert_eq!(Digest::from_bytes(*digest.as_bytes()), digest);
}

proptest! {
    #[test]
    fn the_digest_depends_on_neither_order_nor_spacing_nor_bookkeeping(
        members in proptest::collection::vec(("[a-z\u{e0}-\u{ff}\"]{1,6}", json_value()), 0..8),
        bookkeeping in proptest::sample::subsequence(BOOKKEEPING.to_vec(), 0..=BOOKKEEPING.len()),
        managed in json_value(),
    ) {
        let document: Document = members
            .into_iter()
            .filter(|(name, _)| !BOOKKEEPING.contains(&name.as_str()))
            .collect();
        let mut texts: Vec<String> = document
            .iter()
            .map(|(name, value)| format!("{}\t:\n{value:#}", Value::from(name.as_str())))
            .chain(bookkeeping.iter().map(|name| format!("\"{name}\":{managed}")))
            .collect();
        texts.reverse();
        let other: Map<String, Value> =
            serde_json::from_str(&format!("{{ {} }}", texts.join(" ,\r\n"))).unwrap();
        prop_assert_eq!(of(&document), of(&other));
    }
}

/// Any JSON, a few levels deep.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec(("[a-c]{1,3}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
