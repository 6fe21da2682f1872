//! Recordings of the original (3.0.0): what it accepted and what it refused, answer by answer.
//!
//! Left out are the requests that crashed it (see [`super::wrong_types`]) and those it accepted
//! but could not serve (see [`super::refusals`]).

use serde_json::Value;

use super::{check, error_map};

/// A definition as recorded; `ENDPOINTS` and `PROXY` stand for the usual ones.
fn recorded(text: &str) -> Value {
    let text = text
        .replace(
            "ENDPOINTS",
            r#""version_data":{"default":{"endpoints":[{"id":"g","method":"GET","path_regex":"/mv3/x"}]}}"#,
        )
        .replace("PROXY", r#""proxy":{"use_env":false,"target_url":"localhost","port":7070}"#);
    serde_json::from_str(&text).unwrap()
}

#[rustfmt::skip]
const ACCEPTED: [(&str, &str); 9] = [
    ("minimal", r#"{"id":"mv3min","name":"n","version_data":{"default":{"endpoints":[]}},"proxy":{"target_url":"localhost","port":7070}}"#),
    ("extra_fields", r#"{"id":"mv3ext","name":"mv3ext","version_data":{"default":{"endpoints":[{"id":"e","method":"GET","path_regex":"/q","foo":"bar"}]}},PROXY,"custom":{"a":[1,2,{"b":null}]},"ref_number":42,"timestamp":"x","node_name":"n","active":true}"#),
    ("jwt_auth_defaults", r#"{"id":"mv3jwt","name":"mv3jwt","version_data":{"default":{"endpoints":[{"id":"e","method":"GET","path_regex":"/q","secured":true}]}},PROXY,"auth_type":"jwt"}"#),
    ("jwt_auth_query_only", r#"{"id":"mv3jwq","name":"mv3jwq","version_data":{"default":{"endpoints":[{"id":"e","method":"GET","path_regex":"/q","secured":true}]}},PROXY,"auth_type":"jwt","auth":{"use_query":true,"query_name":"token"}}"#),
    ("id_with_slash_and_unicode", r#"{"id":"a/b \u00fc","name":"a/b \u00fc",ENDPOINTS,PROXY}"#),
    ("non_default_version", r#"{"id":"x15","name":"x15","version_data":{"v1":{"endpoints":[{"id":"a","method":"GET","path_regex":"/a"}]}},PROXY}"#),
    ("auth_empty", r#"{"id":"x32","name":"x32",ENDPOINTS,PROXY,"auth":{}}"#),
    ("auth_use_header_false_no_type", r#"{"id":"x33","name":"x33",ENDPOINTS,PROXY,"auth":{"use_header":false}}"#),
    ("versioned_true", r#"{"id":"x35","name":"x35","version_data":{"default":{"endpoints":[{"id":"a","method":"GET","path_regex":"/x35"}]}},PROXY,"versioned":true}"#),
];

#[rustfmt::skip]
const REFUSED: [(&str, &str, &str); 24] = [
    ("no_name",
     r#"{"id":"x1",ENDPOINTS,PROXY}"#,
     r#"{"api":[{"name":"must be string"},{"name":"must have a length of at least 1"}]}"#),
    ("id_empty",
     r#"{"id":"","name":"",ENDPOINTS,PROXY}"#,
     r#"{"api":[{"id":"must have a length of at least 1"},{"name":"must have a length of at least 1"}]}"#),
    ("name_empty",
     r#"{"id":"x2","name":"",ENDPOINTS,PROXY}"#,
     r#"{"api":[{"name":"must have a length of at least 1"}]}"#),
    ("no_proxy",
     r#"{"id":"x4","name":"x4",ENDPOINTS}"#,
     r#"{"api":[{"proxy":"must be present"}]}"#),
    ("proxy_empty",
     r#"{"id":"x5","name":"x5",ENDPOINTS,"proxy":{}}"#,
     r#"{"api":[{"proxy":"must be present"},{"target_url":"must be string"},{"target_url":"must have a length of at least 1"},{"port":"must be integer"}]}"#),
    ("proxy_no_port",
     r#"{"id":"x6","name":"x6",ENDPOINTS,"proxy":{"target_url":"localhost"}}"#,
     r#"{"api":[{"port":"must be integer"}]}"#),
    ("proxy_port_string",
     r#"{"id":"x7","name":"x7",ENDPOINTS,"proxy":{"target_url":"localhost","port":"7070"}}"#,
     r#"{"api":[{"port":"must be integer"}]}"#),
    ("proxy_target_url_empty",
     r#"{"id":"x9","name":"x9",ENDPOINTS,"proxy":{"target_url":"","port":7070}}"#,
     r#"{"api":[{"target_url":"must have a length of at least 1"}]}"#),
    ("no_version_data",
     r#"{"id":"x11","name":"x11",PROXY}"#,
     r#"{"api":[{"version_data":"must be present"}]}"#),
    ("version_data_empty",
     r#"{"id":"x12","name":"x12","version_data":{},PROXY}"#,
     r#"{"api":[{"version_data":"must be present"},{"version_data":"must have at least one version, e.g. default"}]}"#),
    ("endpoints_missing",
     r#"{"id":"x13","name":"x13","version_data":{"default":{}},PROXY}"#,
     r#"{"api":[{"endpoints":"must be list"}]}"#),
    ("endpoints_not_list",
     r#"{"id":"x14","name":"x14","version_data":{"default":{"endpoints":{}}},PROXY}"#,
     r#"{"api":[{"endpoints":"must be list"}]}"#),
    ("ep_no_id",
     r#"{"id":"x16","name":"x16","version_data":{"default":{"endpoints":[{"method":"GET","path_regex":"/a"}]}},PROXY}"#,
     r#"{"x16/":[{"id":"must be string"},{"id":"must have a length of at least 1"}]}"#),
    ("ep_no_method",
     r#"{"id":"x17","name":"x17","version_data":{"default":{"endpoints":[{"id":"a","path_regex":"/a"}]}},PROXY}"#,
     r#"{"x17/a":[{"method":"must be string"},{"method":"must have a length of at least 1"}]}"#),
    ("ep_no_path_regex",
     r#"{"id":"x18","name":"x18","version_data":{"default":{"endpoints":[{"id":"a","method":"GET"}]}},PROXY}"#,
     r#"{"x18/a":[{"path_regex":"must be string"},{"path_regex":"must have a length of at least 1"}]}"#),
    ("ep_old_style_path",
     r#"{"id":"x19","name":"x19","version_data":{"default":{"endpoints":[{"id":"a","method":"GET","path":"/a"}]}},PROXY}"#,
     r#"{"x19/a":[{"path_regex":"must be string"},{"path_regex":"must have a length of at least 1"}]}"#),
    ("ep_empty",
     r#"{"id":"x20","name":"x20","version_data":{"default":{"endpoints":[{}]}},PROXY}"#,
     r#"{"x20/":[{"id":"must be string"},{"id":"must have a length of at least 1"},{"path_regex":"must be string"},{"path_regex":"must have a length of at least 1"},{"method":"must be string"},{"method":"must have a length of at least 1"}]}"#),
    ("ep_secured_no_auth",
     r#"{"id":"x23","name":"x23","version_data":{"default":{"endpoints":[{"id":"a","method":"GET","path_regex":"/a","secured":true}]}},PROXY}"#,
     r#"{"x23/a":[{"auth_type":"must be one of [\"jwt\"]"}]}"#),
    ("ep_target_kafka_no_topic",
     r#"{"id":"x24","name":"x24","version_data":{"default":{"endpoints":[{"id":"a","method":"POST","path_regex":"/a","target":"kafka"}]}},PROXY}"#,
     r#"{"x24/a":[{"topic":"must be present"}]}"#),
    ("ep_target_kinesis_no_topic",
     r#"{"id":"x25","name":"x25","version_data":{"default":{"endpoints":[{"id":"a","method":"POST","path_regex":"/a","target":"kinesis"}]}},PROXY}"#,
     r#"{"x25/a":[{"topic":"must be present"}]}"#),
    ("ep_schema_no_target",
     r#"{"id":"x26","name":"x26","version_data":{"default":{"endpoints":[{"id":"a","method":"POST","path_regex":"/a","schema":"s"}]}},PROXY}"#,
     r#"{"x26/a":[{"target":"must be present"}]}"#),
    ("auth_type_unknown_with_header",
     r#"{"id":"x29","name":"x29",ENDPOINTS,PROXY,"auth_type":"basic","auth":{"use_header":true,"header_name":"Authorization"}}"#,
     r#"{"x29":[{"auth_type":"must be one of [\"jwt\"]"}]}"#),
    ("auth_use_header_no_name",
     r#"{"id":"x30","name":"x30",ENDPOINTS,PROXY,"auth_type":"jwt","auth":{"use_header":true}}"#,
     r#"{"x30":[{"header_name":"must be present"}]}"#),
    ("auth_use_query_no_name",
     r#"{"id":"x31","name":"x31",ENDPOINTS,PROXY,"auth_type":"jwt","auth":{"use_query":true}}"#,
     r#"{"x31":[{"query_name":"must be present"}]}"#),
];

#[test]
fn what_the_original_accepted_is_accepted() {
    for (_, definition) in ACCEPTED {
        check(&recorded(definition));
    }
}

#[test]
fn what_the_original_refused_is_refused_with_the_same_answer() {
    for (case, definition, answer) in REFUSED {
        assert_eq!(error_map(&recorded(definition)), answer, "{case}");
    }
}
