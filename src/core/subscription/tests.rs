//! What clients may send as subscriptions, and what they are told if it is wrong.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    CONSTRAINTS_MAX, FIELDS_MAX, LIST_BYTES_MAX, SUBSCRIPTIONS_MAX, Subscription, TYPE_BYTES_MAX,
    TypePattern,
    fault::{Door, Reason, SubscriptionFault},
    list::{decode, in_body, parse},
    to_json, union,
};

fn parsed(list: Value) -> Vec<Subscription> {
    parse(&list).unwrap_or_else(|fault| panic!("{fault}: {list}"))
}

fn refused(list: &Value) -> SubscriptionFault {
    parse(list).expect_err("a fault")
}

fn reason(entry: Value) -> Reason {
    match refused(&json!([entry])) {
        SubscriptionFault::Invalid { reason, .. } => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn the_first_name_of_a_member_counts() {
    let set = |list| to_json(&parsed(list));
    let full = json!([{"eventType": "a", "oneOf": [{"x": 1}]}]);
    for names in [
        json!([{"eventType": "a", "oneOf": [{"x": 1}]}]),
        json!([{"event_type": "a", "one_of": [{"x": 1}]}]),
        json!([{"event_type": "a", "eventType": "b", "constraints": [{"x": 1}], "oneOf": []}]),
        json!([{"eventType": "a", "one_of": [{"x": 1}], "oneOf": 5, "more": true}]),
    ] {
        assert_eq!(set(names.clone()), full, "{names}");
    }
    assert_eq!(set(json!([])), json!([]));
    assert_eq!(
        set(json!([{"eventType": "a.*"}, {"eventType": "a.*", "oneOf": []}])),
        json!([{"eventType": "a.*", "oneOf": []}, {"eventType": "a.*", "oneOf": []}]),
        "in the order of the list, duplicates included"
    );
}

#[test]
fn a_star_after_a_dot_at_the_end_is_a_wildcard() {
    for (text, expected) in [
        ("order.*", Ok(TypePattern::Prefix("order.".into()))),
        ("a.*.*", Ok(TypePattern::Prefix("a.*.".into()))),
        ("ä.*", Ok(TypePattern::Prefix("ä.".into()))),
        ("order", Ok(TypePattern::Exact("order".into()))),
        ("order*", Ok(TypePattern::Exact("order*".into()))),
        ("*.shipped", Ok(TypePattern::Exact("*.shipped".into()))),
        ("order.*.x", Ok(TypePattern::Exact("order.*.x".into()))),
        ("order.**", Ok(TypePattern::Exact("order.**".into()))),
        ("..*", Ok(TypePattern::Prefix("..".into()))),
        ("*", Err(Reason::NoPrefix)),
        (".*", Err(Reason::NoPrefix)),
        ("", Err(Reason::TypeEmpty)),
    ] {
        let pattern = TypePattern::parse(text);
        assert_eq!(pattern, expected, "{text:?}");
        if let Ok(pattern) = pattern {
            assert_eq!(pattern.to_string(), text, "as it was written");
        }
    }
    let wildcard = TypePattern::parse("order.*").expect("one");
    assert!(wildcard.covers("order.shipped") && wildcard.covers("order.shipped.late"));
    assert!(!wildcard.covers("order") && !wildcard.covers("orders.x") && !wildcard.covers("a"));
}

#[test]
fn reasons_read_as_in_the_original() {
    for (entry, words) in [
        (json!({}), "event-type not found"),
        (json!({"eventType": ""}), "event-type empty"),
        (json!({"eventType": 5}), "event-type empty"),
        (json!({"eventType": null}), "event-type empty"),
        (json!("greeting"), "not a map"),
        (json!([]), "not a map"),
        (
            json!({"eventType": "g", "oneOf": {"a": 1}}),
            "constraints expected to be a list of disjunctive clauses",
        ),
        (
            json!({"eventType": "g", "oneOf": null}),
            "constraints expected to be a list of disjunctive clauses",
        ),
        (
            json!({"eventType": "g", "oneOf": ["a"]}),
            "a disjunctive clause expected to be a conjunction represented by a map",
        ),
        (
            json!({"eventType": "g", "oneOf": [{"": 1}]}),
            "conjunctive clauses expected to be a map with nonempty strings as keys",
        ),
    ] {
        let fault = refused(&json!([{"eventType": "fine"}, entry]));
        let words = format!("invalid subscription: {words} when parsing {entry}");
        assert_eq!(
            fault.text(Door::Stream),
            format!(
                "could not parse subscriptions: could not parse subscription from JSON: {words}"
            )
        );
        assert_eq!(fault.text(Door::LongPolling), fault.text(Door::Stream));
        assert_eq!(
            fault.text(Door::Put),
            format!(
                "cannot accept subscription request: could not parse given subscriptions: {words}"
            )
        );
    }
}

#[test]
fn a_parameter_that_is_no_json_is_told_by_each_door() {
    let text = |door| decode("{oops", door).expect_err("a fault").text(door);
    let why = "key must be a string at line 1 column 2";
    assert_eq!(
        text(Door::Stream),
        format!("Failed to decode subscription list: {why}")
    );
    assert_eq!(
        text(Door::LongPolling),
        format!("could not parse subscriptions: could not decode subscriptions: {why}")
    );
    assert_eq!(decode("", Door::Stream), Ok(json!([])));
}

#[test]
fn json_that_is_no_list_is_refused() {
    for json in [
        r#"{"a":1}"#,
        r#""abc""#,
        "5",
        "null",
        r#"{"subscriptions":[]}"#,
    ] {
        let value = decode(json, Door::Stream).expect("JSON");
        let fault = refused(&value);
        let words = "subscriptions is expected to be a JSON encoded list when parsing JSON: ";
        assert_eq!(
            fault.text(Door::Stream),
            format!("could not parse subscriptions: could not decode subscriptions: {words}{json}")
        );
        assert_eq!(
            fault.text(Door::Put),
            format!("cannot accept subscription request: {words}{json}")
        );
    }
}

#[test]
fn long_polling_takes_the_list_as_a_member_too() {
    let list = json!([{"eventType": "a"}]);
    for text in [list.to_string(), json!({"subscriptions": list}).to_string()] {
        assert_eq!(decode(&text, Door::LongPolling), Ok(list.clone()), "{text}");
    }
    let other = decode(r#"{"a":1}"#, Door::LongPolling).expect("JSON");
    assert!(matches!(refused(&other), SubscriptionFault::NotAList(_)));
}

#[test]
fn a_body_needs_the_member() {
    assert_eq!(in_body(br#"{"subscriptions":5}"#), Ok(json!(5)));
    for body in ["{}", "[]", "\"x\"", "null", r#"{"Subscriptions":[]}"#] {
        let fault = in_body(body.as_bytes()).expect_err("a fault");
        let text = fault.text(Door::Put);
        assert!(
            text.starts_with("Expected field \"subscriptions\" is not present."),
            "{body}: {text}"
        );
    }
    for body in [&b"{"[..], b"", b"\xff", b"{} x"] {
        let text = in_body(body).expect_err("a fault").text(Door::Put);
        assert!(text.starts_with("Expected JSON encoded body."), "{text}");
    }
}

#[test]
fn everything_a_list_can_have_much_of_is_bounded() {
    let one = |index: usize| json!({"eventType": format!("t{index}")});
    let many = |count: usize| (0..count).map(one).collect::<Value>();
    assert_eq!(parsed(many(SUBSCRIPTIONS_MAX)).len(), SUBSCRIPTIONS_MAX);
    let fault = refused(&many(SUBSCRIPTIONS_MAX + 1));
    assert_eq!(
        fault.text(Door::Stream),
        "could not parse subscriptions: could not decode subscriptions: 1001 subscriptions are \
         too many: a connection can have 1000"
    );

    let constraints =
        |count: usize| json!({"eventType": "t", "oneOf": vec![json!({"f": 1}); count]});
    parsed(json!([constraints(CONSTRAINTS_MAX)]));
    assert_eq!(
        reason(constraints(CONSTRAINTS_MAX + 1)),
        Reason::TooManyConstraints
    );

    let fields = |count: usize| {
        let fields: Value = (0..count).map(|at| (format!("f{at}"), json!(at))).collect();
        json!({"eventType": "t", "oneOf": [fields]})
    };
    parsed(json!([fields(FIELDS_MAX)]));
    assert_eq!(reason(fields(FIELDS_MAX + 1)), Reason::TooManyFields);

    let typed = |bytes: usize| json!({"eventType": "t".repeat(bytes)});
    parsed(json!([typed(TYPE_BYTES_MAX)]));
    assert_eq!(reason(typed(TYPE_BYTES_MAX + 1)), Reason::TypeTooLong);

    let frame = json!([{"eventType": "t", "oneOf": [{"f": ""}]}])
        .to_string()
        .len();
    let sized =
        |bytes: usize| json!([{"eventType": "t", "oneOf": [{"f": "x".repeat(bytes - frame)}]}]);
    parsed(sized(LIST_BYTES_MAX));
    assert_eq!(
        refused(&sized(LIST_BYTES_MAX + 1)),
        SubscriptionFault::TooLong
    );
}

#[test]
fn a_long_entry_is_shown_in_part() {
    let entry = json!({"eventType": "", "more": "ä".repeat(10_000)});
    let text = refused(&json!([entry])).to_string();
    assert!(text.len() < 300 && text.ends_with("..."), "{text}");
}

#[test]
fn a_connection_starts_with_each_subscription_once() {
    let a = json!({"eventType": "a"});
    let b = json!({"eventType": "b", "oneOf": [{"x": 1, "y": 2}]});
    let b_again = json!({"event_type": "b", "constraints": [{"y": 2, "x": 1}]});
    let b_other = json!({"event_type": "b", "constraints": [{"x": "1", "y": 2}]});
    let all = union(
        parsed(json!([b, a])),
        parsed(json!([a, b_again, b_other, a])),
    );
    assert_eq!(all, parsed(json!([b, a, b_other])), "inferred first");
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = decode(&text, Door::LongPolling).map(|list| parse(&list).map(|all| to_json(&all)));
        let _ = in_body(text.as_bytes());
        let _ = TypePattern::parse(&text);
    }
}
