//! The index against a matcher that looks at everything.

mod speed;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Index, table::SHAPES_MAX};
use crate::core::{
    event::Event,
    subscription::{
        Subscription, TypePattern, changes::PatternChanges, extractors::Extractors, list,
    },
};

fn extractors(document: Value) -> Arc<Extractors> {
    Arc::new(Extractors::of(document).expect("extractors"))
}

/// Extractors of one type with these fields, each directly in `data`.
fn flat(event_type: &str, fields: &[&str]) -> Value {
    let fields: Value = fields
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let pointer = format!("/data/{name}");
            let field = json!({"stable_field_index": at, "event": {"json_pointer": pointer}});
            ((*name).to_owned(), field)
        })
        .collect();
    json!({event_type: fields})
}

fn subscriptions(list: Value) -> Vec<Subscription> {
    list::parse(&list).expect("a list")
}

fn event(event_type: &str, data: &Value) -> Event {
    let text = json!({"specversion": "0.2", "type": event_type, "id": "1", "data": data});
    Event::parse(Bytes::from(text.to_string())).expect("an event")
}

const NOBODY: [u32; 0] = [];

/// The keys an event reaches, sorted; none comes twice.
fn reached(index: &Index<u32>, event_type: &str, data: Value) -> Vec<u32> {
    let mut found = vec![u32::MAX; 3];
    index.matching(&event(event_type, &data), &mut found);
    found.sort_unstable();
    assert!(found.is_sorted_by(|one, next| one < next), "{found:?}");
    found
}

fn patterns(texts: &[&str]) -> Vec<TypePattern> {
    let pattern = |text: &&str| TypePattern::parse(text).expect("a pattern");
    texts.iter().map(pattern).collect()
}

#[test]
fn a_subscription_without_constraint_gets_all_events_of_its_type() {
    let mut index = Index::new(Arc::default());
    index.replace(
        1,
        &subscriptions(json!([{"eventType": "a"}, {"eventType": "a"}])),
    );
    index.replace(
        2,
        &subscriptions(json!([{"eventType": "a"}, {"eventType": "b"}])),
    );
    index.replace(3, &subscriptions(json!([])));
    assert_eq!(index.len(), 3);
    assert_eq!(reached(&index, "a", json!(null)), [1, 2]);
    assert_eq!(reached(&index, "b", json!(null)), [2]);
    assert_eq!(reached(&index, "c", json!(null)), NOBODY);
    index.replace(2, &subscriptions(json!([{"eventType": "c"}])));
    assert_eq!(reached(&index, "a", json!(null)), [1]);
    assert_eq!(reached(&index, "c", json!(null)), [2]);
    index.remove(1);
    index.remove(7);
    assert_eq!(reached(&index, "a", json!(null)), NOBODY);
}

#[test]
fn a_prefix_gets_every_type_below_it_once() {
    let mut index = Index::new(Arc::default());
    let all = json!([{"eventType": "a.*"}, {"eventType": "a.b.*"}, {"eventType": "a.b.c"}]);
    index.replace(1, &subscriptions(all));
    index.replace(2, &subscriptions(json!([{"eventType": "a.b.*"}])));
    assert_eq!(reached(&index, "a.b.c", json!(null)), [1, 2]);
    assert_eq!(reached(&index, "a.x", json!(null)), [1]);
    assert_eq!(reached(&index, "a", json!(null)), NOBODY);
    assert_eq!(reached(&index, "ab.c", json!(null)), NOBODY);
}

#[test]
fn an_object_matches_if_all_of_it_does_and_a_list_if_one_of_it_does() {
    let mut index = Index::new(extractors(flat("t", &["a", "b"])));
    index.replace(
        1,
        &subscriptions(json!([{"eventType": "t", "oneOf": [{"a": 1, "b": "x"}, {"a": 2}]}])),
    );
    for (data, expected) in [
        (json!({"a": 1, "b": "x"}), &[1][..]),
        (json!({"a": 1.0, "b": "x", "c": 1}), &[1]),
        (json!({"a": 1, "b": "y"}), &[]),
        (json!({"a": 1}), &[]),
        (json!({"b": "x"}), &[]),
        (json!({"a": 2, "b": null}), &[1]),
        (json!({"a": "2"}), &[]),
        (json!({"a": [2]}), &[]),
        (json!("a"), &[]),
    ] {
        assert_eq!(reached(&index, "t", data.clone()), expected, "{data}");
    }
}

#[test]
fn null_and_nothing_are_wildcards_but_containers_match_nothing() {
    let mut index = Index::new(extractors(flat("t", &["a", "b"])));
    for (key, one_of) in [
        (1, json!([{}])),
        (2, json!([{"a": null}])),
        (3, json!([{"a": null, "b": 1}])),
        (4, json!([{"a": {}}])),
        (5, json!([{"a": [1]}, {"b": 1}])),
    ] {
        index.replace(
            key,
            &subscriptions(json!([{"eventType": "t", "oneOf": one_of}])),
        );
    }
    assert_eq!(reached(&index, "t", json!(null)), [1, 2]);
    assert_eq!(reached(&index, "t", json!({"a": [1], "b": 2})), [1, 2]);
    assert_eq!(reached(&index, "t", json!({"a": {}, "b": 1})), [1, 2, 3, 5]);
}

#[test]
fn a_constraint_on_a_prefix_is_matched_by_each_type_s_own_field() {
    let mut document = flat("o.a", &["customer"]);
    let other =
        json!({"customer": {"stable_field_index": 3, "event": {"json_pointer": "/data/who/0"}}});
    document["o.b"] = other;
    document["o.c"] = json!({});
    let mut index = Index::new(extractors(document));
    index.replace(
        1,
        &subscriptions(json!([{"eventType": "o.*", "oneOf": [{"customer": "x"}]}])),
    );
    assert_eq!(reached(&index, "o.a", json!({"customer": "x"})), [1]);
    assert_eq!(reached(&index, "o.b", json!({"customer": "x"})), NOBODY);
    assert_eq!(reached(&index, "o.b", json!({"who": ["x"]})), [1]);
    assert_eq!(reached(&index, "o.c", json!({"customer": "x"})), NOBODY);
    assert_eq!(reached(&index, "o.d", json!({"customer": "x"})), NOBODY);
}

#[test]
fn a_field_that_is_not_known_any_more_matches_nothing() {
    let mut index = Index::new(extractors(flat("t", &["a", "b"])));
    let list = json!([{"eventType": "t", "oneOf": [{"a": 1, "b": 1}, {"b": 2}]}]);
    index.replace(1, &subscriptions(list));
    let data = json!({"a": 1, "b": 1});
    assert_eq!(reached(&index, "t", data.clone()), [1]);
    index.set_extractors(extractors(flat("t", &["b"])));
    assert_eq!(reached(&index, "t", data.clone()), NOBODY);
    assert_eq!(reached(&index, "t", json!({"b": 2})), [1]);
    index.set_extractors(Arc::default());
    assert_eq!(reached(&index, "t", json!({"b": 2})), NOBODY);
    index.set_extractors(extractors(flat("t", &["a", "b"])));
    assert_eq!(reached(&index, "t", data), [1], "known again");
}

#[test]
fn patterns_are_told_when_they_are_first_wanted_and_when_no_more() {
    let mut index = Index::new(Arc::default());
    let told = |added: &[&str], removed: &[&str]| PatternChanges {
        added: patterns(added),
        removed: patterns(removed),
    };
    let a_and_b = subscriptions(json!([{"eventType": "a"}, {"eventType": "b.*"}]));
    let b = subscriptions(json!([{"eventType": "b.*"}, {"eventType": "c", "oneOf": [{"x": []}]}]));
    assert_eq!(index.replace(1, &a_and_b), told(&["a", "b.*"], &[]));
    assert_eq!(index.replace(1, &a_and_b), told(&[], &[]));
    assert_eq!(index.replace(2, &b), told(&[], &[]), "c can match nothing");
    assert_eq!(index.replace(1, &b), told(&[], &["a"]));
    assert_eq!(index.remove(1), told(&[], &[]));
    assert_eq!(index.remove(2), told(&[], &["b.*"]));
    assert_eq!(index.remove(2), told(&[], &[]));
}

#[test]
fn more_combinations_of_fields_than_are_looked_up_match_all_the_same() {
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let mut index = Index::new(extractors(flat("t", &names)));
    let mut wanted = BTreeMap::new();
    // Every combination, each with two values, by the same key and by another.
    for bits in 1..(1_u32 << names.len()) {
        let list = (0..2).map(|value| {
            let fields = names
                .iter()
                .enumerate()
                .filter(|(at, _)| bits & (1 << at) != 0);
            fields
                .map(|(_, name)| ((*name).to_owned(), json!(value)))
                .collect::<Value>()
        });
        let list = json!([{"eventType": "t", "oneOf": list.collect::<Value>()}]);
        index.replace(bits, &subscriptions(list.clone()));
        wanted.insert(bits, subscriptions(list));
    }
    assert!(wanted.len() > SHAPES_MAX);
    let check = |index: &Index<u32>, wanted: &BTreeMap<u32, Vec<Subscription>>| {
        for values in [[0; 7], [1; 7], [0, 0, 0, 0, 1, 1, 2], [1, 2, 1, 2, 0, 2, 0]] {
            let data: Value = std::iter::zip(names, values)
                .map(|(name, value)| (name.to_owned(), json!(value)))
                .collect();
            let expected = naive(&flat("t", &names), wanted, "t", &data);
            assert_eq!(reached(index, "t", data), expected, "{values:?}");
        }
    };
    check(&index, &wanted);
    for bits in (1..(1_u32 << names.len())).step_by(2) {
        index.remove(bits);
        wanted.remove(&bits);
    }
    check(&index, &wanted);
    for bits in wanted.keys() {
        index.remove(*bits);
    }
    assert_leaves_nothing(&index);
}

#[test]
fn a_key_that_fulfils_several_rests_is_found_once() {
    let names: Vec<String> = (0..SHAPES_MAX + 2).map(|at| format!("f{at:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).take(64).collect();
    let mut index = Index::new(extractors(flat("t", &names)));
    let single = |name: &str| json!([{"eventType": "t", "oneOf": [{name: 1}]}]);
    for (key, name) in names.iter().enumerate() {
        index.replace(
            u32::try_from(key).expect("few"),
            &subscriptions(single(name)),
        );
    }
    // No further combination is looked up: both lie with f00 or the second field.
    let one_of = json!([{"f00": 2, "f01": 2}, {"f00": 2, "f02": 2}, {"f00": 2, "f01": 2}]);
    index.replace(
        99,
        &subscriptions(json!([{"eventType": "t", "oneOf": one_of}])),
    );
    assert_eq!(
        reached(&index, "t", json!({"f00": 2, "f01": 2, "f02": 2})),
        [99]
    );
    assert_eq!(reached(&index, "t", json!({"f00": 2, "f02": 2})), [99]);
    assert_eq!(reached(&index, "t", json!({"f00": 2})), NOBODY);
}

/// Nothing of what was in the index is still there.
fn assert_leaves_nothing(index: &Index<u32>) {
    assert!(index.is_empty() && index.owners.is_empty());
    assert!(index.tables.is_empty() && index.buckets.is_empty());
    assert_eq!(index.names.len(), 0);
}

/// The keys an event reaches by the words of events.md 5.9, sorted.
fn naive(
    document: &Value,
    wanted: &BTreeMap<u32, Vec<Subscription>>,
    event_type: &str,
    data: &Value,
) -> Vec<u32> {
    let fields = &document[event_type];
    let whole = json!({"data": data});
    let is_equal = |name: &str, asked: &Value| {
        let pointer = fields[name]["event"]["json_pointer"].as_str();
        match (asked, pointer.and_then(|pointer| whole.pointer(pointer))) {
            (Value::Null, _) => true,
            (Value::Number(asked), Some(Value::Number(is))) => asked.as_f64() == is.as_f64(),
            (Value::Bool(_) | Value::String(_), Some(is)) => is == asked,
            (Value::Number(_) | Value::Bool(_) | Value::String(_), _) => false,
            (Value::Array(_) | Value::Object(_), _) => false,
        }
    };
    let is_wanted = |subscription: &Subscription| {
        let one_of = &subscription.one_of;
        let fulfils =
            |one: &super::Constraint| one.0.iter().all(|(name, value)| is_equal(name, value));
        subscription.types.covers(event_type) && (one_of.is_empty() || one_of.iter().any(fulfils))
    };
    let keys = wanted.iter().filter(|(_, all)| all.iter().any(is_wanted));
    keys.map(|(key, _)| *key).collect()
}

#[derive(Debug, Clone)]
enum Step {
    Replace(u32, Value),
    Remove(u32),
    Extractors(usize),
    Deliver(&'static str, Value),
}

fn value() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(0),
        json!(1),
        json!(1.0),
        json!("1"),
        json!(true),
        json!(null),
        json!([]),
        json!({"x": 1}),
        json!("ä"),
    ])
}

fn field() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned)
}

fn members() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(field(), value(), 0..4)
        .prop_map(|members| members.into_iter().collect())
}

fn list() -> impl Strategy<Value = Value> {
    let types = prop::sample::select(vec!["t", "t.u", "t.*", "t.u.*", "v"]);
    let one = (types, prop::collection::vec(members(), 0..4))
        .prop_map(|(types, one_of)| json!({"eventType": types, "oneOf": one_of}));
    prop::collection::vec(one, 0..4).prop_map(Value::from)
}

fn step() -> impl Strategy<Value = Step> {
    let types = prop::sample::select(vec!["t", "t.u", "t.u.w", "v", "x"]);
    prop_oneof![
        4 => (0..6_u32, list()).prop_map(|(key, list)| Step::Replace(key, list)),
        2 => (0..6_u32).prop_map(Step::Remove),
        1 => (0..3_usize).prop_map(Step::Extractors),
        6 => (types, members()).prop_map(|(name, data)| Step::Deliver(name, data)),
    ]
}

fn documents() -> [Value; 3] {
    let mut all = flat("t", &["a", "b", "c"]);
    all["t.u"] = flat("t", &["a", "b"])["t"].clone();
    all["t.u.w"] = flat("t", &["a", "c"])["t"].clone();
    all["v"] = flat("t", &["c"])["t"].clone();
    [json!({}), flat("t.u", &["a"]), all]
}

proptest! {
    #[test]
    fn the_index_finds_what_looking_at_everything_finds(
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let documents = documents();
        let mut document = &documents[2];
        let mut index = Index::new(extractors(document.clone()));
        let mut wanted: BTreeMap<u32, Vec<Subscription>> = BTreeMap::new();
        let mut heard: BTreeSet<TypePattern> = BTreeSet::new();
        for step in steps {
            let changes = match step {
                Step::Replace(key, list) => {
                    let list = subscriptions(list);
                    wanted.insert(key, list.clone());
                    index.replace(key, &list)
                }
                Step::Remove(key) => {
                    wanted.remove(&key);
                    index.remove(key)
                }
                Step::Extractors(at) => {
                    document = &documents[at];
                    index.set_extractors(extractors(document.clone()));
                    PatternChanges::default()
                }
                Step::Deliver(event_type, data) => {
                    let expected = naive(document, &wanted, event_type, &data);
                    for key in &expected {
                        let covered = heard.iter().any(|pattern| pattern.covers(event_type));
                        prop_assert!(covered, "{} of {}", event_type, key);
                    }
                    prop_assert_eq!(reached(&index, event_type, data), expected);
                    PatternChanges::default()
                }
            };
            for added in changes.added {
                prop_assert!(heard.insert(added));
            }
            for removed in changes.removed {
                prop_assert!(heard.remove(&removed));
            }
        }
        let places: usize = index.owners.values().map(|places| places.len()).sum();
        prop_assert_eq!(index.len(), places);
        for key in 0..6 {
            for removed in index.remove(key).removed {
                prop_assert!(heard.remove(&removed));
            }
        }
        prop_assert!(heard.is_empty());
        assert_leaves_nothing(&index);
    }
}
