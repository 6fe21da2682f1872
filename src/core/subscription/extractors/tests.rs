//! Documents of extractors, and what follows from them.

use serde_json::{Value, json};

use super::{
    DOCUMENT_BYTES_MAX, Extractors, FIELDS_MAX, TYPES_MAX,
    fault::{ExtractorFaults, FAULTS_MAX},
    merged,
};
use crate::core::subscription::{Subscription, fault::Door, list, to_json};

fn extractors(document: Value) -> Extractors {
    Extractors::of(document).unwrap_or_else(|faults| panic!("{faults}"))
}

fn faults(document: &Value) -> ExtractorFaults {
    Extractors::parse(&document.to_string()).expect_err("faults")
}

fn subscriptions(list: Value) -> Vec<Subscription> {
    list::parse(&list).expect("a list")
}

fn field(index: u64, pointer: &str) -> Value {
    json!({"stable_field_index": index, "event": {"json_pointer": pointer}})
}

fn with_jwt(index: u64, pointer: &str, claim: &str) -> Value {
    json!({
        "stable_field_index": index,
        "event": {"json_pointer": pointer},
        "jwt": {"json_pointer": claim},
    })
}

/// Two kinds of orders, and news.
fn shop() -> Extractors {
    extractors(json!({
        "order.shipped": {
            "customer": with_jwt(0, "/data/customer/id", "/custId"),
            "country": with_jwt(1, "/data/country", "/address/0/country"),
            "depot": field(2, "/data/depot"),
        },
        "order.lost": {"customer": field(0, "/data/customer")},
        "orders": {"all": field(0, "/data/all")},
        "news": {"topic": with_jwt(0, "/data/topics/0", "/topic")},
    }))
}

#[test]
fn all_faults_of_a_document_are_told_each_with_its_place() {
    let faults = faults(&json!({
        "": {},
        "*": {},
        "a.*": {},
        "b": [],
        "c": {"": field(0, "/x"), "f": 5},
        "d": {
            "f": {"event": {"json_pointer": "/x"}},
            "g": {"stable_field_index": -1, "event": {"json_pointer": ""}},
            "h": {"stable_field_index": 1.5, "event": {"json_pointer": "x"}, "jwt": {}},
            "i": {"stable_field_index": 7, "event": {"json_pointer": "#/x"}, "jwt": {"json_pointer": "y"}},
            "j": {"stable_field_index": 7, "jwt": {"json_pointer": ""}},
        },
    }));
    let lines = faults.to_string();
    let lines: Vec<&str> = lines.lines().collect();
    let expected = [
        "\"\": an event type cannot be empty",
        "\"*\": event types of extractors are exact: list every type, without wildcard",
        "\"a.*\": event types of extractors are exact",
        "\"b\": must be an object",
        "\"c\" \"\": a field name cannot be empty",
        "\"c\" \"f\": must be an object",
        "\"d\" \"f\": stable_field_index must be an integer from 0",
        "\"d\" \"g\": stable_field_index must be an integer from 0",
        "\"d\" \"g\": event.json_pointer must be a string such as \"/data/name\"",
        "\"d\" \"h\": stable_field_index must be an integer from 0",
        "\"d\" \"h\": event.json_pointer: ",
        "\"d\" \"h\": jwt.json_pointer must be a string such as \"/name\"",
        "\"d\" \"i\": event.json_pointer: ",
        "\"d\" \"i\": jwt.json_pointer: ",
        "\"d\" \"j\": stable_field_index 7 is the one of \"i\" already",
        "\"d\" \"j\": event.json_pointer must be a string such as \"/data/name\"",
        "\"d\" \"j\": jwt.json_pointer must be a string such as \"/name\"",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
}

#[test]
fn a_document_is_json_and_an_object() {
    let told = |text: &str| Extractors::parse(text).expect_err("faults").to_string();
    assert_eq!(
        told("{"),
        "extractors: not JSON: EOF while parsing an object at line 1 column 1"
    );
    assert_eq!(told("[]"), "extractors: must be an object");
    assert_eq!(told("null"), "extractors: must be an object");
}

#[test]
fn everything_a_document_can_have_much_of_is_bounded() {
    let types = |count: usize| {
        (0..count)
            .map(|at| (format!("t{at}"), json!({})))
            .collect::<Value>()
    };
    extractors(types(TYPES_MAX));
    assert_eq!(
        faults(&types(TYPES_MAX + 1)).to_string(),
        "extractors: 1001 event types are too many: there can be 1000"
    );
    let fields = |count: u64| {
        let fields = (0..count).map(|at| (format!("f{at}"), field(at, "/x")));
        json!({"t": fields.collect::<Value>()})
    };
    extractors(fields(FIELDS_MAX as u64));
    assert_eq!(
        faults(&fields(FIELDS_MAX as u64 + 1)).to_string(),
        "\"t\": 65 fields are too many: there can be 64"
    );
    let sized = |bytes: usize| {
        let frame = json!({"t": {}, "x": {"f": field(0, "/")}})
            .to_string()
            .len();
        json!({"t": {}, "x": {"f": field(0, &format!("/{}", "x".repeat(bytes - frame)))}})
    };
    extractors(sized(DOCUMENT_BYTES_MAX));
    assert_eq!(
        faults(&sized(DOCUMENT_BYTES_MAX + 1)).to_string(),
        "extractors: longer than 1048576 bytes"
    );
    let wrong = (0..FAULTS_MAX + 5).map(|at| (format!("t{at}"), json!(0)));
    let faults = faults(&wrong.collect());
    assert_eq!((faults.iter().count(), faults.omitted()), (FAULTS_MAX, 5));
    assert!(faults.to_string().ends_with("\nand 5 more"));
}

#[test]
fn equal_documents_are_equal_whatever_their_order() {
    let one = r#"{"b":{"f":{"event":{"json_pointer":"/x"},"stable_field_index":0}},"a":{}}"#;
    let other = r#" {"a":{}, "b":{"f":{"stable_field_index":0,"event":{"json_pointer":"/x"}}}}"#;
    let (one, other) = (Extractors::parse(one), Extractors::parse(other));
    let document = |extractors: &Extractors| extractors.document().to_string();
    assert_eq!(one, other);
    assert_eq!(
        one.as_ref().map(document),
        Ok(r#"{"a":{},"b":{"f":{"event":{"json_pointer":"/x"},"stable_field_index":0}}}"#.into())
    );
    assert_eq!(Extractors::default(), extractors(json!({})));
}

#[test]
fn a_constraint_on_an_unknown_field_is_refused_with_the_known_ones() {
    let told = |list: Value| match shop().check(&subscriptions(list)) {
        Ok(()) => "ok".to_owned(),
        Err(fault) => fault.text(Door::Put),
    };
    assert_eq!(
        told(json!([
            {"eventType": "order.shipped", "oneOf": [{"customer": 1, "country": "AT"}, {}]},
            {"eventType": "news"},
            {"eventType": "unknown", "oneOf": []},
            {"eventType": "unknown", "oneOf": [{}]},
        ])),
        "ok"
    );
    let list =
        json!([{"eventType": "order.shipped", "oneOf": [{"customer": 1}, {"custmer": null}]}]);
    assert_eq!(
        told(list.clone()),
        format!(
            "cannot accept subscription request: could not parse given subscriptions: invalid \
             subscription: constraint on unknown field \"custmer\": \"order.shipped\" has \
             \"country\", \"customer\", \"depot\" when parsing {}",
            list[0]
        )
    );
    assert!(
        told(json!([{"eventType": "unknown", "oneOf": [{"f": 1}]}])).contains(
            "constraint on unknown field \"f\": no extractor is configured for \"unknown\""
        )
    );
}

#[test]
fn a_constraint_on_a_prefix_names_a_field_of_some_type_below_it() {
    let check = |pattern: &str, field: &str| {
        let list = json!([{"eventType": pattern, "oneOf": [{field: 1}]}]);
        shop()
            .check(&subscriptions(list))
            .map_err(|fault| fault.to_string())
    };
    assert_eq!(check("order.*", "depot"), Ok(()));
    assert_eq!(check("order.*", "customer"), Ok(()));
    let all = check("order.*", "all").expect_err("it is one of orders");
    assert!(
        all.contains("\"order.*\" has \"country\", \"customer\", \"depot\""),
        "{all}"
    );
    assert!(check("order", "customer").is_err() && check("news.*", "topic").is_err());
}

#[test]
fn claims_become_one_constraint_per_type() {
    let inferred = |claims: Value| to_json(&shop().infer(&claims));
    assert_eq!(
        inferred(json!({"custId": 17, "address": [{"country": "AT"}], "topic": "x", "jti": "y"})),
        json!([
            {"eventType": "news", "oneOf": [{"topic": "x"}]},
            {"eventType": "order.shipped", "oneOf": [{"country": "AT", "customer": 17}]},
        ])
    );
    assert_eq!(
        inferred(json!({"custId": "c", "address": []})),
        json!([{"eventType": "order.shipped", "oneOf": [{"customer": "c"}]}]),
        "a field without claim is not constrained"
    );
    assert_eq!(
        inferred(json!({"topic": ["a"]})),
        json!([{"eventType": "news", "oneOf": [{"topic": ["a"]}]}]),
        "shown, though it will match nothing"
    );
    for none in [json!({}), json!({"topic": null}), json!({"jti": "y"})] {
        assert_eq!(inferred(none.clone()), json!([]), "{none}");
    }
}

#[test]
fn of_several_tokens_the_earlier_claim_counts() {
    let tokens = [
        json!({"a": 1, "b": {"x": 1}}),
        json!({"b": {"y": 2}, "c": 3}),
    ];
    let tokens = tokens.map(|claims| claims.as_object().cloned().expect("an object"));
    assert_eq!(merged(tokens), json!({"a": 1, "b": {"x": 1}, "c": 3}));
    assert_eq!(merged([]), json!({}));
}
