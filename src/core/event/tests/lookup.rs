//! Values inside an event.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{document, event};
use crate::core::event::{Event, Pointer, Scalar};

const TEXT: &str = r#"{"specversion":"0.2","type":"a","id":"1","contenttype":"application/json",
 "data":{"name":"al\u0069ce","n":18446744073709551617,"t":true,"z":null,"list":[1,{"k":"v"},[]],
 "o":{},"dup":1,"dup":2,"a/b":"slash","m~n":"tilde","":"empty","\u006bey":"escaped","s":"\ud800"},"last":"l"}"#;

fn found(event: &Event, pointer: &str) -> Option<Scalar> {
    event.scalar(&Pointer::parse(pointer).unwrap())
}

#[test]
fn pointers_lead_to_scalars_and_to_nothing_else() {
    let event = event(TEXT);
    for (pointer, value) in [
        ("/type", Some("\"a\"")),
        ("/last", Some("\"l\"")),
        ("/data/name", Some("\"alice\"")),
        ("/data/n", Some("18446744073709551617")),
        ("/data/t", Some("true")),
        ("/data/list/0", Some("1")),
        ("/data/list/1/k", Some("\"v\"")),
        ("/data/dup", Some("1")),
        ("/data/a~1b", Some("\"slash\"")),
        ("/data/m~0n", Some("\"tilde\"")),
        ("/data/", Some("\"empty\"")),
        ("/data/key", Some("\"escaped\"")),
        ("/data/z", None),
        ("/data/s", None),
        ("/data/o", None),
        ("/data/o/x", None),
        ("/data/list", None),
        ("/data/list/2", None),
        ("/data/list/3", None),
        ("/data/list/00", None),
        ("/data/list/k", None),
        ("/data/name/x", None),
        ("/data/nothing", None),
        ("/nothing", None),
        ("", None),
    ] {
        assert_eq!(
            found(&event, pointer),
            value.and_then(Scalar::parse),
            "{pointer}"
        );
    }
}

#[test]
fn an_event_too_large_for_an_outline_is_looked_into_all_the_same() {
    let many = "0,".repeat(10_000);
    let text =
        format!(r#"{{"specversion":"0.2","type":"a","id":"1","data":[{many}7],"last":"l"}}"#);
    let event = event(&text);
    assert_eq!(found(&event, "/data/10000"), Scalar::parse("7"));
    assert_eq!(found(&event, "/data/10001"), None);
    assert_eq!(found(&event, "/last"), Scalar::parse("\"l\""));
}

/// Every pointer into `value` with what serde_json finds there.
fn pointers(value: &Value, at: String, all: &mut Vec<(String, Option<Scalar>)>) {
    all.push((at.clone(), Scalar::of(value)));
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, format!("{at}/{index}"), all);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let step = name.replace('~', "~0").replace('/', "~1");
                pointers(member, format!("{at}/{step}"), all);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    #[test]
    fn every_value_is_found_where_it_is(data in document()) {
        let whole = json!({"specversion": "0.2", "type": "t", "id": "i", "data": data});
        let event = event(&whole.to_string());
        let mut all = Vec::new();
        pointers(&whole, String::new(), &mut all);
        for (pointer, value) in all {
            prop_assert_eq!(found(&event, &pointer), value, "{}", pointer);
        }
    }

    #[test]
    fn no_pointer_makes_it_panic(pointer in "(/[a-z0-9~01]{0,5}){0,4}") {
        if let Ok(pointer) = Pointer::parse(&pointer) {
            event(TEXT).scalar(&pointer);
        }
    }
}
