//! The JWT rule, case by case.

use serde_json::{Value, json};

use super::{effective, resolve};
use crate::core::api::Auth;

/// `document` shows `shown` as its `auth` and enforces (header, query).
fn check(document: Value, shown: Value, header: Option<&str>, query: Option<&str>) {
    let document = document.as_object().unwrap();
    assert_eq!(Value::Object(effective(document)), shown, "{document:?}");
    let expected = Auth {
        jwt: true,
        header: header.map(str::to_owned),
        query: query.map(str::to_owned),
    };
    assert_eq!(resolve(document), expected, "{document:?}");
}

#[test]
fn without_auth_the_authorization_header_is_on() {
    check(
        json!({"auth_type": "jwt"}),
        json!({"use_header": true, "header_name": "Authorization", "use_query": false,
               "query_name": ""}),
        Some("authorization"),
        None,
    );
}

#[test]
fn a_query_source_alone_leaves_the_header_on() {
    check(
        json!({"auth_type": "jwt", "auth": {"use_query": true, "query_name": "token"}}),
        json!({"use_header": true, "header_name": "Authorization", "use_query": true,
               "query_name": "token"}),
        Some("authorization"),
        Some("token"),
    );
}

#[test]
fn the_header_is_off_only_if_said_so_next_to_a_query_source() {
    check(
        json!({"auth_type": "jwt",
               "auth": {"use_header": false, "use_query": true, "query_name": "token"}}),
        json!({"use_header": false, "header_name": "Authorization", "use_query": true,
               "query_name": "token"}),
        None,
        Some("token"),
    );
    for use_header in [json!(null), json!("no"), json!(0)] {
        let auth = json!({"use_header": use_header, "use_query": true, "query_name": "t"});
        let document = json!({"auth_type": "jwt", "auth": auth});
        assert_eq!(
            resolve(document.as_object().unwrap()).header.as_deref(),
            Some("authorization"),
            "{document}"
        );
    }
}

#[test]
fn neither_source_on_forces_the_header_on() {
    check(
        json!({"auth_type": "jwt",
               "auth": {"use_header": false, "header_name": "", "use_query": false,
                        "query_name": ""}}),
        json!({"use_header": true, "header_name": "Authorization", "use_query": false,
               "query_name": ""}),
        Some("authorization"),
        None,
    );
    check(
        json!({"auth_type": "jwt", "auth": {"use_header": false, "use_query": "true"}}),
        json!({"use_header": true, "header_name": "Authorization", "use_query": "true"}),
        Some("authorization"),
        None,
    );
}

#[test]
fn a_given_header_name_is_honoured_in_lower_case() {
    check(
        json!({"auth_type": "jwt", "auth": {"use_header": true, "header_name": "X-Token"}}),
        json!({"use_header": true, "header_name": "X-Token"}),
        Some("x-token"),
        None,
    );
    check(
        json!({"auth_type": "jwt", "auth": {"header_name": "My-Token"}}),
        json!({"use_header": true, "header_name": "My-Token"}),
        Some("my-token"),
        None,
    );
}

#[test]
fn without_jwt_auth_is_shown_as_given_and_nothing_is_looked_for() {
    for (document, shown) in [
        (
            json!({}),
            json!({"use_header": false, "header_name": "", "use_query": false, "query_name": ""}),
        ),
        (json!({"auth_type": "JWT", "auth": {}}), json!({})),
        (
            json!({"auth_type": "none", "auth": {"use_header": false}}),
            json!({"use_header": false}),
        ),
    ] {
        let document = document.as_object().unwrap();
        assert_eq!(Value::Object(effective(document)), shown, "{document:?}");
        assert_eq!(resolve(document), Auth::default(), "{document:?}");
    }
}
