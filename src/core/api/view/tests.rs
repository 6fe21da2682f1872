//! The documents of GET, after the recordings of the original.

use serde_json::{Value, json};

use super::{Bookkeeping, rfc3339, view};

fn shown(document: Value) -> Value {
    let bookkeeping = Bookkeeping {
        ref_number: 3,
        timestamp_ms: 1_646_118_489_123,
        node_name: "n1",
    };
    view(document.as_object().unwrap(), &bookkeeping)
}

#[test]
fn defaults_and_server_managed_members_are_filled_in() {
    let document = json!({
        "id": "mv3min", "name": "n", "version_data": {"default": {"endpoints": []}},
        "proxy": {"target_url": "localhost", "port": 7070}
    });
    assert_eq!(
        shown(document),
        json!({
            "active": true,
            "auth": {"header_name": "", "query_name": "", "use_header": false, "use_query": false},
            "auth_type": "none", "id": "mv3min", "name": "n", "node_name": "n1",
            "proxy": {"port": 7070, "target_url": "localhost"}, "ref_number": 3,
            "timestamp": "2022-03-01T07:08:09.123000Z",
            "version_data": {"default": {"endpoints": []}}, "versioned": false
        })
    );
}

#[test]
fn everything_a_client_sent_is_shown_as_sent() {
    let document = json!({
        "id": "e", "auth": {"use_header": false}, "auth_type": null, "versioned": true,
        "custom": {"a": [1, 2, {"b": null}]},
        "version_data": {"default": {"endpoints": [{"id": "e", "foo": "bar", "method": "get"}]}}
    });
    let view = shown(document.clone());
    for (name, value) in document.as_object().unwrap() {
        assert_eq!(&view[name], value, "{name}");
    }
    assert_eq!(
        view.as_object().unwrap().len(),
        document.as_object().unwrap().len() + 4
    );
}

#[test]
fn the_auth_that_is_shown_is_the_one_that_is_enforced() {
    let view = shown(json!({"id": "mv3jwt", "auth_type": "jwt"}));
    assert_eq!(
        view["auth"],
        json!({"header_name": "Authorization", "query_name": "", "use_header": true,
               "use_query": false})
    );
    let view = shown(json!({
        "id": "mv3jwq", "auth_type": "jwt", "auth": {"use_query": true, "query_name": "token"}
    }));
    assert_eq!(
        view["auth"],
        json!({"header_name": "Authorization", "query_name": "token", "use_header": true,
               "use_query": true})
    );
}

#[test]
fn server_managed_members_of_a_document_never_show_through() {
    let view = shown(json!({
        "id": "e", "active": false, "ref_number": 42, "timestamp": "x", "node_name": "evil",
        "phx_ref": "1", "phx_ref_prev": "0"
    }));
    assert_eq!(view["active"], true);
    assert_eq!(view["ref_number"], 3);
    assert_eq!(view["node_name"], "n1");
    assert_eq!(view["timestamp"], "2022-03-01T07:08:09.123000Z");
    assert_eq!(view.get("phx_ref").or(view.get("phx_ref_prev")), None);
}

#[test]
fn timestamps_are_utc_with_microseconds_whatever_the_clock_says() {
    for (timestamp_ms, text) in [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_646_118_489_007, "2022-03-01T07:08:09.007000Z"),
        (u64::MAX, "9999-12-31T23:59:59.999000Z"),
    ] {
        assert_eq!(rfc3339(timestamp_ms), text);
    }
}
