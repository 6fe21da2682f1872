//! Events: what is accepted, what is said of the rest, and where values are found.

mod binary;
mod lookup;
mod submission;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    Event, EventFault,
    json::{self, DEPTH_MAX},
};

fn parse(text: &str) -> Result<Event, EventFault> {
    Event::parse(Bytes::copy_from_slice(text.as_bytes()))
}

fn event(text: &str) -> Event {
    parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

/// An event whose data is `depth` lists within each other.
fn nested(depth: usize) -> String {
    let (open, close) = ("[".repeat(depth), "]".repeat(depth));
    format!(r#"{{"specversion":"0.2","type":"a","id":"1","data":{open}{close}}}"#)
}

/// Any JSON document.
fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn events_of_all_versions_are_accepted_as_they_are() {
    for (text, event_type, id) in [
        (
            r#"{"specversion":"1.0","type":"a","source":"s","id":"1"}"#,
            "a",
            "1",
        ),
        (
            r#"{"specversion":"0.2","type":"a","source":"s","id":"1"}"#,
            "a",
            "1",
        ),
        (
            r#"{"cloudEventsVersion":"0.1","eventType":"a","eventID":"1"}"#,
            "a",
            "1",
        ),
        // Without a source, which only 1.0 asks for.
        (r#"{"specversion":"0.2","type":"a","id":"1"}"#, "a", "1"),
        // Any scalar is an id before 1.0.
        (r#"{"specversion":"0.2","type":"a","id":5.50}"#, "a", "5.50"),
        (r#"{"specversion":"0.2","type":"a","id":true}"#, "a", "true"),
        (
            r#"{"cloudEventsVersion":"0.1","eventType":"a","eventID":-1e3}"#,
            "a",
            "-1e3",
        ),
        // The first of 1.0, 0.2, 0.1.
        (
            r#"{"cloudEventsVersion":"0.1","eventType":"old","eventID":"0","specversion":"0.2","type":"a","id":"1"}"#,
            "a",
            "1",
        ),
        (
            r#"{"cloudEventsVersion":"0.1","eventType":"old","eventID":"0","specversion":"0.3","type":"a","id":"1"}"#,
            "old",
            "0",
        ),
        // The first of members with one name.
        (
            r#"{"specversion":"0.2","type":"a","type":"b","id":"1","id":null}"#,
            "a",
            "1",
        ),
        (
            r#"{"specversion":"0.2","specversion":"9","type":"a","id":"1"}"#,
            "a",
            "1",
        ),
        // Members of inner objects are none of the event.
        (
            r#"{"data":{"type":"b","id":"2"},"specversion":"0.2","type":"a","id":"1"}"#,
            "a",
            "1",
        ),
        // Escapes.
        (
            r#"{"specversion":"0.\u0032","\u0074ype":"\u00e9","id":"\n"}"#,
            "\u{e9}",
            "\n",
        ),
        // Anything else is the submitter's.
        (
            " {\"specversion\" : \"0.2\",\n\"type\":\"a\",\"id\":\"1\",\"a b\":1.50e+400,\"\":null,\"s\":\"\\ud800\"}\r\n",
            "a",
            "1",
        ),
    ] {
        let accepted = event(text);
        assert_eq!(accepted.text, text);
        assert_eq!(&*accepted.event_type, event_type, "{text}");
        assert_eq!(&*accepted.id, id, "{text}");
    }
}

#[test]
fn a_text_that_is_no_event_is_refused_with_its_reason() {
    let not_an_event = ":not_a_cloud_event";
    for (text, reason) in [
        ("", not_an_event),
        (" ", not_an_event),
        ("{oops", not_an_event),
        ("{}", not_an_event),
        (r#"{"type":"a","id":"1"}"#, not_an_event),
        (r#"{"specversion":"0.3","type":"a","id":"1"}"#, not_an_event),
        (r#"{"specversion":0.2,"type":"a","id":"1"}"#, not_an_event),
        (
            r#"{"cloudEventsVersion":"0.2","eventType":"a","eventID":"1"}"#,
            not_an_event,
        ),
        ("[]", r#"{:not_an_object, "an event is a JSON object"}"#),
        ("\"x\"", r#"{:not_an_object, "an event is a JSON object"}"#),
        ("5", r#"{:not_an_object, "an event is a JSON object"}"#),
        (
            r#"[{"specversion":"0.2","type":"a","id":"1"}]"#,
            r#"{:not_an_object, "an event is a JSON object"}"#,
        ),
        (
            r#"{"specversion":"0.2","type":"a","id":"1""#,
            r#"{:invalid_json, "`,` or `}` expected at byte 40"}"#,
        ),
        (
            r#"{"specversion":"0.2","type":"a","id":"1"}xyz"#,
            r#"{:invalid_json, "the end expected at byte 41"}"#,
        ),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), reason, "{text}");
    }
    let not_utf8 = Event::parse(Bytes::from_static(
        b"{\"specversion\":\"0.2\",\"type\":\"\xff\"}",
    ));
    assert_eq!(not_utf8.unwrap_err(), EventFault::NotJson);
}

#[test]
fn an_event_without_a_usable_attribute_is_refused_with_its_name() {
    for (text, reason) in [
        (
            r#"{"specversion":"0.2","id":"1"}"#,
            r#"{:not_found, "type", "the event needs this attribute"}"#,
        ),
        (
            r#"{"specversion":"0.2","type":"a"}"#,
            r#"{:not_found, "id", "the event needs this attribute"}"#,
        ),
        (
            r#"{"cloudEventsVersion":"0.1","type":"a","id":"1"}"#,
            r#"{:not_found, "eventType", "the event needs this attribute"}"#,
        ),
        (
            r#"{"specversion":"1.0","type":"a","id":"1"}"#,
            r#"{:not_found, "source", "the event needs this attribute"}"#,
        ),
        (
            r#"{"specversion":"1.0","type":"a","id":"1","source":""}"#,
            r#"{:invalid, "source", "it must be a non-empty string"}"#,
        ),
        (
            r#"{"specversion":"1.0","type":"a","id":5,"source":"s"}"#,
            r#"{:invalid, "id", "it must be a non-empty string"}"#,
        ),
        (
            r#"{"specversion":"0.2","type":"","id":"1"}"#,
            r#"{:invalid, "type", "it must be a non-empty string"}"#,
        ),
        (
            r#"{"specversion":"0.2","type":5,"id":"1"}"#,
            r#"{:invalid, "type", "it must be a non-empty string"}"#,
        ),
        (
            r#"{"specversion":"0.2","type":null,"id":"1"}"#,
            r#"{:invalid, "type", "it must be a non-empty string"}"#,
        ),
        (
            r#"{"specversion":"0.2","type":"\ud800","id":"1"}"#,
            r#"{:invalid, "type", "it must be a non-empty string"}"#,
        ),
        (
            r#"{"specversion":"0.2","type":"a","id":""}"#,
            r#"{:invalid, "id", "it must be a non-empty string"}"#,
        ),
        (
            r#"{"specversion":"0.2","type":"a","id":null}"#,
            r#"{:invalid, "id", "it must be a non-empty string or a number"}"#,
        ),
        (
            r#"{"specversion":"0.2","type":"a","id":["1"]}"#,
            r#"{:invalid, "id", "it must be a non-empty string or a number"}"#,
        ),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), reason, "{text}");
    }
}

#[test]
fn nesting_is_bounded() {
    // One level is the event's own.
    assert!(parse(&nested(DEPTH_MAX - 1)).is_ok());
    let too_deep = parse(&nested(DEPTH_MAX)).unwrap_err().to_string();
    assert!(
        too_deep.contains("nested deeper than 128 levels"),
        "{too_deep}"
    );
    assert!(parse(&nested(100_000)).is_err());
}

#[test]
fn a_type_may_be_as_long_as_a_body() {
    let long = "t".repeat(1_000_000);
    let accepted = event(&format!(
        r#"{{"specversion":"0.2","type":"{long}","id":"1"}}"#
    ));
    assert_eq!(&*accepted.event_type, long);
}

#[test]
fn json_is_read_strictly() {
    for valid in [
        "0",
        "-0",
        "1.5e-3",
        "1E+9",
        "\"\"",
        r#""\u12aB\/""#,
        "[]",
        "[1,[2]]",
        r#"{"a":{}}"#,
        " true ",
        "null",
        "1e999",
        r#""\ud800""#,
    ] {
        assert_eq!(json::check(valid), Ok(()), "{valid}");
    }
    for invalid in [
        "",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "tru",
        "nulll",
        "'a'",
        "\"a",
        "\"\t\"",
        r#""\x""#,
        r#""\u12g4""#,
        r#""\u12"#,
        "[1,]",
        "[,1]",
        "[1 2]",
        "{a:1}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{,}"#,
        "[1}",
        r#"{"a":1]"#,
        "1 2",
        "\u{feff}1",
        "\u{a0}1",
        "// x\n1",
        "]",
    ] {
        assert!(json::check(invalid).is_err(), "{invalid}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_what_is_accepted_is_kept(bytes in any::<Vec<u8>>()) {
        if let Ok(accepted) = Event::parse(Bytes::from(bytes.clone())) {
            prop_assert_eq!(&accepted.text[..], &bytes[..]);
        }
    }

    #[test]
    fn texts_that_are_nearly_events_do_not_either(
        cut in 0_usize..80, at in 0_usize..80, byte in any::<u8>(),
    ) {
        let mut text = br#"{"specversion":"0.2","type":"a\u00e9","id":-1.5e3,"data":[{"a":null},true]} "#.to_vec();
        if let Some(place) = text.get_mut(at) {
            *place = byte;
        }
        text.truncate(cut);
        if let Ok(accepted) = Event::parse(Bytes::from(text.clone())) {
            prop_assert_eq!(&accepted.text[..], &text[..]);
            prop_assert!(serde_json::from_slice::<Value>(&text).is_ok());
        }
    }

    #[test]
    fn every_document_is_accepted_as_data(data in document()) {
        let whole = json!({"specversion": "1.0", "type": "t", "source": "s", "id": "i", "data": data});
        for text in [whole.to_string(), serde_json::to_string_pretty(&whole).unwrap()] {
            prop_assert_eq!(&event(&text).text, text.as_bytes());
        }
    }

    /// Of the characters that JSON is made of, so that much of it is nearly JSON.
    #[test]
    fn what_is_json_is_what_serde_json_takes_for_it(text in r#"[\[\]{}:,"\\u0-2.eE+\-tfn \n]{0,12}"#) {
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(json::check(&text).is_ok(), theirs, "{}", text);
    }
}
