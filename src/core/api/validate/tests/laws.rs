//! Whatever comes in: no panic, and a refusal always says why.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{WITH_KEY, good};
use crate::core::api::{
    document, seed,
    validate::{Surroundings, validate_value},
    view::{Bookkeeping, view},
};

/// Any JSON, a few levels deep, with names that mean something here and there.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,6}".prop_map(Value::from),
        "[/a(){}\\\\.:?#@-]{0,6}".prop_map(Value::from),
        proptest::sample::select(vec!["jwt", "http", "kafka", "nats", "http://h", "GET"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((name(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    let known = vec![
        "id",
        "name",
        "proxy",
        "target_url",
        "port",
        "use_env",
        "version_data",
        "default",
        "endpoints",
        "auth",
        "auth_type",
        "use_header",
        "header_name",
        "use_query",
        "query_name",
        "method",
        "path_regex",
        "path_replacement",
        "secured",
        "transform_request_headers",
        "add_headers",
        "target",
        "topic",
        "schema",
        "response_from",
        "timeout_ms",
        "max_body_bytes",
        "versioned",
        "active",
        "ref_number",
        "timestamp",
    ];
    prop_oneof![
        8 => proptest::sample::select(known).prop_map(str::to_owned),
        1 => "\\PC{0,3}",
    ]
}

/// Sets the member at `path` (positions among the members or items, level by level) to `value`.
fn damage(document: &mut Value, path: &[usize], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        *document = value;
        return;
    };
    let child = match document {
        Value::Object(members) if !members.is_empty() => {
            let position = first % members.len();
            members.values_mut().nth(position)
        }
        Value::Array(items) if !items.is_empty() => {
            let position = first % items.len();
            items.get_mut(position)
        }
        _ => None,
    };
    match child {
        Some(child) => damage(child, rest, value),
        None => *document = value,
    }
}

fn judge(value: &Value) {
    match validate_value(value, None, &Surroundings::default()) {
        Ok(checked) => {
            let document = document::from_value(value.clone());
            let bookkeeping = Bookkeeping {
                ref_number: 0,
                timestamp_ms: 0,
                node_name: "n",
            };
            let shown = view(&document, &bookkeeping);
            // What is shown may be submitted again, and means the same.
            let again = validate_value(&shown, Some(&checked.api), &WITH_KEY)
                .unwrap_or_else(|faults| panic!("{shown}\n{faults}"));
            assert_eq!(again.api.auth, checked.api.auth);
            for endpoint in &checked.api.endpoints {
                assert!(!endpoint.secured || checked.api.auth.jwt);
                assert!(
                    checked.api.auth.header.is_some()
                        || checked.api.auth.query.is_some()
                        || !checked.api.auth.jwt
                );
            }
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            assert!(faults.iter().all(|(_, field, message)| {
                (!field.is_empty() || value.to_string().contains(r#""":"#)) && !message.is_empty()
            }));
            let map = serde_json::to_value(&faults).unwrap();
            assert!(map.as_object().is_some_and(|map| !map.is_empty()));
        }
    }
}

proptest! {
    #[test]
    fn any_json_is_accepted_or_refused_with_a_reason(value in json_value()) {
        judge(&value);
    }

    #[test]
    fn a_good_definition_with_any_damage_is_accepted_or_refused_with_a_reason(
        path in proptest::collection::vec(0_usize..12, 1..6),
        value in json_value(),
    ) {
        let mut document = good();
        document["auth_type"] = json!("jwt");
        document["auth"] = json!({"use_header": false, "use_query": true, "query_name": "q"});
        let version = &mut document["version_data"]["default"];
        version["transform_request_headers"] = json!({"add_headers": {"a": "b"}});
        version["endpoints"][0] = json!({
            "id": "a", "method": "GET", "path_regex": "/a/(.*)", "path_replacement": "/\\1",
            "secured": true, "transform_request_headers": true, "target": "kafka", "topic": "t",
            "schema": "s", "response_from": "kafka", "timeout_ms": 1, "max_body_bytes": 1
        });
        damage(&mut document, &path, value);
        judge(&document);
    }

    #[test]
    fn any_file_is_accepted_or_refused_with_a_reason(value in json_value()) {
        for content in [value.clone(), json!([value, good()])] {
            if let Err(faults) = seed::seeds(&content, &WITH_KEY) {
                prop_assert!(!faults.to_string().is_empty());
            }
        }
    }
}
