//! What crashed the original is 400 here (spec: `api-definitions.md` 1.8, second half).

use serde_json::{Value, json};

use super::{check, endpoint_with, error_map, good, good_with, refuse, refuse_endpoint};

/// Values of a required string field that have a length, or something like it.
fn non_strings() -> [Value; 5] {
    [
        json!(5),
        json!(1.5),
        json!(true),
        json!({"a": 1}),
        json!(["a"]),
    ]
}

/// Values of a required string field that are blank.
fn blanks() -> [Value; 4] {
    [json!(null), json!(false), json!([]), json!({})]
}

#[test]
fn a_required_text_of_another_type_must_be_string() {
    for value in non_strings() {
        let mut document = good_with("name", value.clone());
        refuse(&document, r#"{"api":[{"name":"must be string"}]}"#);
        document = good_with("id", value.clone());
        refuse(&document, r#"{"api":[{"id":"must be string"}]}"#);
        document = good();
        document["proxy"]["target_url"] = value.clone();
        refuse(&document, r#"{"api":[{"target_url":"must be string"}]}"#);
        for field in ["path_regex", "method"] {
            refuse_endpoint(
                &endpoint_with(json!({field: value})),
                &format!(r#"{{"{field}":"must be string"}}"#),
            );
        }
    }
}

#[test]
fn a_blank_that_is_no_string_breaks_both_rules() {
    for value in blanks() {
        refuse(
            &good_with("name", value.clone()),
            r#"{"api":[{"name":"must be string"},{"name":"must have a length of at least 1"}]}"#,
        );
        refuse_endpoint(
            &endpoint_with(json!({"method": value})),
            r#"{"method":"must be string"},{"method":"must have a length of at least 1"}"#,
        );
    }
}

#[test]
fn endpoint_ids_of_other_types_label_their_group() {
    for (id, key) in [
        (json!(5), "x/5"),
        (json!(true), "x/true"),
        (json!({"a": 1}), "x/"),
        (json!(["a"]), "x/"),
    ] {
        refuse(
            &endpoint_with(json!({"id": id})),
            &format!(r#"{{"{key}":[{{"id":"must be string"}}]}}"#),
        );
    }
}

#[test]
fn a_proxy_that_is_no_object_must_be_map() {
    for value in [json!("localhost"), json!(1), json!(true), json!(["a"])] {
        refuse(
            &good_with("proxy", value),
            r#"{"api":[{"proxy":"must be map"}]}"#,
        );
    }
    for value in [json!(null), json!(false), json!(""), json!([])] {
        refuse(
            &good_with("proxy", value),
            r#"{"api":[{"proxy":"must be present"},{"proxy":"must be map"}]}"#,
        );
    }
}

#[test]
fn an_auth_that_is_no_object_must_be_map() {
    for value in [json!(null), json!("jwt"), json!(1), json!([]), json!(false)] {
        refuse(
            &good_with("auth", value),
            r#"{"api":[{"auth":"must be map"}]}"#,
        );
    }
}

#[test]
fn version_data_that_is_no_object_must_be_map() {
    for value in [json!("v"), json!(1), json!(["a"])] {
        refuse(
            &good_with("version_data", value),
            r#"{"api":[{"version_data":"must be map"}]}"#,
        );
    }
    refuse(
        &good_with("version_data", json!(null)),
        r#"{"api":[{"version_data":"must be present"},{"version_data":"must be map"}]}"#,
    );
}

#[test]
fn a_version_that_is_no_object_must_be_map() {
    for value in [json!(null), json!("v"), json!([]), json!(5)] {
        refuse(
            &good_with("version_data", json!({"default": value, "v1": value})),
            r#"{"api":[{"default":"must be map"},{"v1":"must be map"}]}"#,
        );
    }
}

#[test]
fn endpoints_of_any_version_must_be_list() {
    for value in [
        json!({"a": 1}),
        json!({}),
        json!("abc"),
        json!(5),
        json!(null),
    ] {
        let versions = json!({"default": {"endpoints": []}, "v1": {"endpoints": value}});
        refuse(
            &good_with("version_data", versions),
            r#"{"api":[{"endpoints":"must be list"}]}"#,
        );
    }
}

#[test]
fn an_endpoint_that_is_no_object_must_be_map() {
    for value in [json!(null), json!("e"), json!(5), json!([])] {
        let versions = json!({"default": {"endpoints": [value]}});
        refuse(
            &good_with("version_data", versions),
            r#"{"x/":[{"endpoint":"must be map"}]}"#,
        );
    }
}

#[test]
fn a_definition_without_id_breaks_the_first_two_rules() {
    let mut document = good();
    document.as_object_mut().unwrap().remove("id");
    refuse(
        &document,
        r#"{"api":[{"id":"must be string"},{"id":"must have a length of at least 1"}]}"#,
    );
}

#[test]
fn a_definition_that_is_no_object_is_judged_like_an_empty_one() {
    for value in [
        json!([good()]),
        json!("abc"),
        json!(5),
        json!(null),
        json!(true),
    ] {
        assert_eq!(error_map(&value), error_map(&json!({})), "{value}");
    }
}

#[test]
fn auth_is_not_judged_without_an_id() {
    let document = json!({"auth": {"use_header": true}});
    assert!(!error_map(&document).contains("header_name"));
    // A faulty id still is one.
    let mut document = good_with("id", json!(5));
    document["auth"] = json!({"use_header": true});
    assert!(error_map(&document).contains(r#""5":[{"header_name":"must be present"}"#));
}

#[test]
fn an_optional_text_of_another_type_must_be_string() {
    for field in [
        "target",
        "response_from",
        "topic",
        "schema",
        "path_replacement",
    ] {
        // A schema needs a target, and a broker target a topic.
        let others = json!({"target": "http"});
        for value in non_strings() {
            let mut document = endpoint_with(others.clone());
            document["version_data"]["default"]["endpoints"][0][field] = value;
            refuse_endpoint(&document, &format!(r#"{{"{field}":"must be string"}}"#));
        }
        for nothing in [json!(null), json!("")] {
            check(&endpoint_with(json!({field: nothing})));
        }
    }
    for value in non_strings() {
        refuse(
            &good_with("auth_type", value),
            r#"{"api":[{"auth_type":"must be string"}]}"#,
        );
    }
    check(&good_with("auth_type", json!(null)));
}

#[test]
fn names_of_token_sources_are_strings() {
    for value in [json!(5), json!(["a"]), json!({"a": 1}), json!(true)] {
        for field in ["header_name", "query_name"] {
            refuse(
                &good_with("auth", json!({field: value})),
                &format!(r#"{{"x":[{{"{field}":"must be string"}}]}}"#),
            );
        }
    }
}

#[test]
fn only_the_literal_true_is_a_switch() {
    for value in [json!("true"), json!(1), json!(null), json!({"a": 1})] {
        let document = endpoint_with(json!({"secured": value, "transform_request_headers": value}));
        let api = check(&document).api;
        assert!(
            !api.endpoints[0].secured && !api.endpoints[0].transform,
            "{value}"
        );
        let mut document = good();
        document["proxy"]["use_env"] = value;
        assert!(!check(&document).api.proxy.use_env);
    }
}
