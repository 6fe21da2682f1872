//! What a subscription matches: types, prefixes, constraints, and what a token adds
//! (spec: `events.md` 5.7 to 5.9).

use serde_json::{Value, json};

use crate::support::{
    event_stream::EventStream,
    frontend::{builder, run, subscriptions, token, types},
    gateway::Gateway,
    websocket::WebSocket,
};

fn start() -> Gateway {
    let extractors = json!({
        "order": {
            "customer": {
                "stable_field_index": 0,
                "event": {"json_pointer": "/data/customer"},
                "jwt": {"json_pointer": "/cust"},
            },
            "country": {"stable_field_index": 1, "event": {"json_pointer": "/data/country"}},
        },
    });
    run(builder().env("EXTRACTORS", &extractors.to_string()))
}

fn order(gateway: &Gateway, id: &str, customer: Value, country: &str) {
    let data = json!({"customer": customer, "country": country});
    gateway.submit_event("order", id, data);
}

#[test]
fn a_token_subscribes_to_what_its_claims_say() {
    let gateway = start();
    let jwt = token(json!({"cust": "c1"}));
    let expected = json!([{"eventType": "order", "oneOf": [{"customer": "c1"}]}]);
    let mut stream = EventStream::open(gateway.inbound(), &format!("jwt={jwt}"));
    let mut socket = WebSocket::open(gateway.inbound(), &format!("jwt={jwt}"));
    let (connection, set) = stream.welcome();
    assert_eq!(set, expected);
    assert_eq!(socket.welcome().1, expected);
    order(&gateway, "other", json!("c2"), "AT");
    order(&gateway, "mine", json!("c1"), "AT");
    stream.hears("mine");
    assert_eq!(socket.event("order")["id"], "mine");
    // A PUT replaces what was inferred, unless the token comes again.
    gateway.subscribe(&connection, &["news"]);
    let set = stream.event("rig.subscriptions_set");
    assert_eq!(set["data"], json!([{"eventType": "news", "oneOf": []}]));
    let bearer = format!("Bearer {}", token(json!({"cust": "c2"})));
    let list = json!([{"eventType": "news"}]);
    let answer = gateway.subscribe_with(&connection, &list, &[("authorization", &bearer)]);
    assert_eq!(answer.status, 204);
    let set = stream.event("rig.subscriptions_set");
    let expected = json!([
        {"eventType": "order", "oneOf": [{"customer": "c2"}]},
        {"eventType": "news", "oneOf": []},
    ]);
    assert_eq!(set["data"], expected);
    order(&gateway, "not any more", json!("c1"), "AT");
    order(&gateway, "now", json!("c2"), "AT");
    stream.hears("now");
}

#[test]
fn exact_duplicates_of_what_a_token_says_are_removed_on_connecting() {
    let gateway = start();
    let jwt = token(json!({"cust": "c1"}));
    let list = json!([
        {"eventType": "order", "oneOf": [{"customer": "c1"}]},
        {"eventType": "order", "oneOf": [{"customer": "c1", "country": "AT"}]},
    ]);
    let query = format!("jwt={jwt}&{}", subscriptions(&list));
    let mut stream = EventStream::open(gateway.inbound(), &query);
    assert_eq!(stream.welcome().1, list);
    order(&gateway, "once", json!("c1"), "AT");
    order(&gateway, "end", json!("c1"), "DE");
    stream.hears("once");
    stream.hears("end");
}

#[test]
fn constraints_are_a_choice_of_conjunctions() {
    let gateway = start();
    let list = json!([{"eventType": "order", "oneOf": [
        {"customer": "c1", "country": "AT"},
        {"customer": 7, "country": null},
    ]}]);
    let mut stream = EventStream::open(gateway.inbound(), &subscriptions(&list));
    stream.welcome();
    for (id, customer, country, is_wanted) in [
        ("both", json!("c1"), "AT", true),
        ("half", json!("c1"), "DE", false),
        ("number", json!(7), "DE", true),
        ("same number", json!(7.0), "DE", true),
        ("text", json!("7"), "DE", false),
        ("object", json!({"a": 1}), "AT", false),
        ("end", json!("c1"), "AT", true),
    ] {
        order(&gateway, id, customer, country);
        if is_wanted {
            stream.hears(id);
        }
    }
}

#[test]
fn a_constraint_on_an_unknown_field_is_refused_by_name() {
    let gateway = start();
    let list = json!([{"eventType": "order", "oneOf": [{"custmer": "c1"}]}]);
    let mut stream = EventStream::open(gateway.inbound(), "");
    let (connection, _) = stream.welcome();
    let answer = gateway.subscribe_with(&connection, &list, &[]);
    let text = String::from_utf8_lossy(&answer.body.bytes).into_owned();
    assert_eq!(answer.status, 400);
    assert!(
        text.contains("custmer") && text.contains("customer") && text.contains("country"),
        "{text}"
    );
}

#[test]
fn a_prefix_and_an_exact_type_deliver_an_event_once() {
    let gateway = start();
    let mut stream = EventStream::open(gateway.inbound(), &types(&["order.*", "order.new"]));
    let (_, set) = stream.welcome();
    assert_eq!(set[0]["eventType"], "order.*");
    for (event_type, is_wanted) in [
        ("order", false),
        ("order.", true),
        ("order.new", true),
        ("order.new.big", true),
        ("orders.new", false),
        ("Order.new", false),
        ("order.*", true),
    ] {
        gateway.submit(event_type, event_type);
        if is_wanted {
            stream.hears(event_type);
        }
    }
}
