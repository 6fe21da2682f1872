//! The conformance lines V01 to V14 (spec: `tests.md` 10.1).

use serde_json::{Value, json};

use super::refuse;

/// API `invalid-config` with `members` on top.
fn invalid_config(members: Value) -> Value {
    let mut document = json!({
        "id": "invalid-config", "name": "invalid-config",
        "version_data": {"default": {"endpoints": [
            {"id": "invalid-config1", "path_regex": "/", "method": "GET"}
        ]}},
        "proxy": {"use_env": true, "target_url": "API_HOST", "port": 4010}
    });
    for (name, value) in members.as_object().unwrap() {
        document[name.as_str()] = value.clone();
    }
    document
}

/// API `invalid-config` with the endpoint `invalid-config1`, `members` on top.
fn invalid_endpoint(members: Value) -> Value {
    let mut document = invalid_config(json!({}));
    let endpoint = &mut document["version_data"]["default"]["endpoints"][0];
    for (name, value) in members.as_object().unwrap() {
        endpoint[name.as_str()] = value.clone();
    }
    document
}

#[test]
fn v01_an_empty_definition() {
    refuse(
        &json!({}),
        r#"{"api":[{"id":"must be string"},{"id":"must have a length of at least 1"},{"name":"must be string"},{"name":"must have a length of at least 1"},{"proxy":"must be present"},{"version_data":"must be present"}]}"#,
    );
}

#[test]
fn v01_on_put_the_id_comes_from_the_path() {
    refuse(
        &json!({"id": "invalid-config"}),
        r#"{"api":[{"name":"must be string"},{"name":"must have a length of at least 1"},{"proxy":"must be present"},{"version_data":"must be present"}]}"#,
    );
}

#[test]
fn v02_an_empty_proxy() {
    refuse(
        &invalid_config(json!({"proxy": {}})),
        r#"{"api":[{"proxy":"must be present"},{"target_url":"must be string"},{"target_url":"must have a length of at least 1"},{"port":"must be integer"}]}"#,
    );
}

#[test]
fn v03_no_version() {
    refuse(
        &invalid_config(json!({"version_data": {}})),
        r#"{"api":[{"version_data":"must be present"},{"version_data":"must have at least one version, e.g. default"}]}"#,
    );
}

#[test]
fn v04_a_version_without_endpoints() {
    refuse(
        &invalid_config(json!({"version_data": {"default": {}}})),
        r#"{"api":[{"endpoints":"must be list"}]}"#,
    );
}

#[test]
fn v05_endpoints_that_are_an_object() {
    refuse(
        &invalid_config(json!({"version_data": {"default": {"endpoints": {}}}})),
        r#"{"api":[{"endpoints":"must be list"}]}"#,
    );
}

#[test]
fn v06_an_empty_endpoint() {
    refuse(
        &invalid_config(json!({"version_data": {"default": {"endpoints": [{}]}}})),
        r#"{"invalid-config/":[{"id":"must be string"},{"id":"must have a length of at least 1"},{"path_regex":"must be string"},{"path_regex":"must have a length of at least 1"},{"method":"must be string"},{"method":"must have a length of at least 1"}]}"#,
    );
}

#[test]
fn v07_an_empty_path_regex() {
    refuse(
        &invalid_endpoint(json!({"path_regex": ""})),
        r#"{"invalid-config/invalid-config1":[{"path_regex":"must have a length of at least 1"}]}"#,
    );
}

#[test]
fn v08_v09_a_broker_target_without_topic() {
    for target in ["kinesis", "kafka", "nats", "Kafka"] {
        for topic in [json!(null), json!("")] {
            refuse(
                &invalid_endpoint(json!({"target": target, "topic": topic})),
                r#"{"invalid-config/invalid-config1":[{"topic":"must be present"}]}"#,
            );
        }
    }
}

#[test]
fn v10_a_schema_without_target() {
    for target in [json!(null), json!("")] {
        refuse(
            &invalid_endpoint(json!({"schema": "some-avro-schema", "target": target})),
            r#"{"invalid-config/invalid-config1":[{"target":"must be present"}]}"#,
        );
    }
}

#[test]
fn v11_secured_without_jwt() {
    for auth_type in [json!(null), json!("none"), json!("JWT"), json!("")] {
        let mut document = invalid_endpoint(json!({"secured": true}));
        document["auth_type"] = auth_type;
        refuse(
            &document,
            r#"{"invalid-config/invalid-config1":[{"auth_type":"must be one of [\"jwt\"]"}]}"#,
        );
    }
}

#[test]
fn v12_a_header_source_without_name() {
    for auth in [
        json!({"use_header": true}),
        json!({"use_header": true, "header_name": ""}),
    ] {
        refuse(
            &invalid_config(json!({"auth_type": "jwt", "auth": auth})),
            r#"{"invalid-config":[{"header_name":"must be present"}]}"#,
        );
    }
}

#[test]
fn v13_a_query_source_without_name() {
    for auth in [
        json!({"use_query": true}),
        json!({"use_query": true, "query_name": ""}),
    ] {
        refuse(
            &invalid_config(json!({"auth_type": "jwt", "auth": auth})),
            r#"{"invalid-config":[{"query_name":"must be present"}]}"#,
        );
    }
}

#[test]
fn v14_a_token_source_without_jwt() {
    for auth in [
        json!({"use_query": true, "query_name": "q"}),
        json!({"use_header": true, "header_name": "h"}),
        json!({"use_header": true, "header_name": "h", "use_query": true, "query_name": "q"}),
    ] {
        refuse(
            &invalid_config(json!({"auth": auth})),
            r#"{"invalid-config":[{"auth_type":"must be one of [\"jwt\"]"}]}"#,
        );
    }
}

#[test]
fn all_groups_are_reported_together_in_rule_order() {
    let document = json!({
        "id": "x34", "name": "", "proxy": {"port": "a"}, "auth": {"use_header": true},
        "version_data": {"default": {"endpoints": [
            {"id": 1}, {"id": "z", "secured": true, "target": "kafka", "schema": "s"}
        ]}}
    });
    refuse(
        &document,
        r#"{"api":[{"name":"must have a length of at least 1"},{"target_url":"must be string"},{"target_url":"must have a length of at least 1"},{"port":"must be integer"}],"x34":[{"header_name":"must be present"},{"auth_type":"must be one of [\"jwt\"]"}],"x34/1":[{"id":"must be string"},{"path_regex":"must be string"},{"path_regex":"must have a length of at least 1"},{"method":"must be string"},{"method":"must have a length of at least 1"}],"x34/z":[{"auth_type":"must be one of [\"jwt\"]"},{"topic":"must be present"},{"path_regex":"must be string"},{"path_regex":"must have a length of at least 1"},{"method":"must be string"},{"method":"must have a length of at least 1"}]}"#,
    );
}

#[test]
fn endpoints_with_one_id_share_a_group() {
    let document = invalid_config(json!({"version_data": {"default": {"endpoints": [
        {"id": "a", "method": "GET", "path_regex": ""},
        {"id": "a", "method": "", "path_regex": "/"}
    ]}}}));
    refuse(
        &document,
        r#"{"invalid-config/a":[{"path_regex":"must have a length of at least 1"},{"method":"must have a length of at least 1"}]}"#,
    );
}
