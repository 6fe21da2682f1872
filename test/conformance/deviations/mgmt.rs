//! `mgmt.jsonl`: server-managed members, error maps instead of crashes, stricter definitions.

use crate::support::{
    change::{
        Cases,
        Change::{self, Json, Member, NotFound, Status, Without},
        Deviation,
    },
    golden::File::Mgmt,
};

/// Where the error maps are decided.
const VALIDATION: &str = "api-definitions.md 1.8";
/// Where the server-managed members are decided.
const MANAGED: &str = "api-definitions.md 1.2";
/// The error map of `{}`.
const EMPTY: &str = r#"{"api":[{"id":"must be string"},{"id":"must have a length of at least 1"},{"name":"must be string"},{"name":"must have a length of at least 1"},{"proxy":"must be present"},{"version_data":"must be present"}]}"#;
/// `mv3` as long as nothing but its `ref_number` changes.
const MV3: &str = r#"{"active":true,"auth":{"header_name":"","query_name":"","use_header":false,"use_query":false},"auth_type":"none","id":"mv3","name":"mv3","node_name":"*","proxy":{"port":7070,"target_url":"localhost","use_env":false},"ref_number":5,"timestamp":"*","version_data":{"default":{"endpoints":[{"id":"g","method":"GET","path_regex":"/mv3/x"}]}},"versioned":false}"#;

pub(super) fn table() -> Vec<Deviation> {
    let mut table = managed();
    table.extend(crashes());
    table.extend(stricter());
    table
}

fn named(
    cases: &'static [&'static str],
    spec: &'static str,
    why: &'static str,
    changes: &'static [Change],
) -> Deviation {
    Deviation {
        cases: Cases::Named(Mgmt, cases),
        spec,
        why,
        changes,
    }
}

/// The sequence around `ref_number` and `active` (the ref counts writes, nothing else).
fn managed() -> Vec<Deviation> {
    vec![
        named(
            &["get_after_client_ref_number"],
            MANAGED,
            "ref_number of a body is ignored: this is the fourth change",
            &[Member("/ref_number", "4")],
        ),
        named(
            &["get_after_put_active_false"],
            MANAGED,
            "active of a body is ignored: the API is still there",
            &[Status(200), Json(MV3)],
        ),
        named(
            &["put_after_active_false"],
            MANAGED,
            "the API was not deactivated",
            &[Status(200), Json(r#"{"message":"ok"}"#)],
        ),
        named(
            &["post_after_active_false"],
            MANAGED,
            "the API was not deactivated",
            &[
                Status(409),
                Json(r#"{"message":"API with id=mv3 already exists."}"#),
            ],
        ),
        named(
            &["get_after_repost"],
            MANAGED,
            "the second POST was refused; six changes so far",
            &[Member("/name", "\"mv3\""), Member("/ref_number", "6")],
        ),
        named(
            &["get_recreated"],
            "management-api.md 2.4",
            "the deletion was change 7, re-creation counts on",
            &[Member("/ref_number", "8")],
        ),
        named(
            &["get_extra_fields"],
            MANAGED,
            "ref_number, timestamp and node_name of a body are ignored; members of the client stay",
            &[Member("/ref_number", "0"), Member("/timestamp", "\"*\"")],
        ),
    ]
}

/// What crashed the original's validation.
fn crashes() -> Vec<Deviation> {
    let refused = |cases, why, changes| named(cases, VALIDATION, why, changes);
    vec![
        refused(
            &[
                "post_bad_empty_object",
                "post_array_body",
                "post_json_string",
                "post_empty_body_json",
                "post_no_body_no_ct",
                "post_no_content_type",
            ],
            "no id, or no object at all (a body without content type counts as none): as for {}",
            &[Status(400), Json(EMPTY)],
        ),
        refused(
            &["post_bad_no_id"],
            "rules 1 and 2 instead of a crash",
            &[
                Status(400),
                Json(
                    r#"{"api":[{"id":"must be string"},{"id":"must have a length of at least 1"}]}"#,
                ),
            ],
        ),
        refused(
            &["post_bad_id_number"],
            "wrong type of a string field",
            &[Status(400), Json(r#"{"api":[{"id":"must be string"}]}"#)],
        ),
        refused(
            &["post_bad_name_number"],
            "wrong type of a string field",
            &[Status(400), Json(r#"{"api":[{"name":"must be string"}]}"#)],
        ),
        refused(
            &["post_bad_proxy_target_url_number"],
            "wrong type of a string field",
            &[
                Status(400),
                Json(r#"{"api":[{"target_url":"must be string"}]}"#),
            ],
        ),
        refused(
            &["post_bad_proxy_string"],
            "wrong type of an object",
            &[Status(400), Json(r#"{"api":[{"proxy":"must be map"}]}"#)],
        ),
        refused(
            &["post_bad_endpoints_string"],
            "wrong type of a list",
            &[
                Status(400),
                Json(r#"{"api":[{"endpoints":"must be list"}]}"#),
            ],
        ),
        refused(
            &["post_bad_ep_method_number"],
            "wrong type of a string field",
            &[
                Status(400),
                Json(r#"{"x21/a":[{"method":"must be string"}]}"#),
            ],
        ),
        refused(
            &["post_bad_many_errors"],
            "all groups at once; an endpoint id of the wrong type is shown as it is",
            &[Status(400), Json(MANY)],
        ),
    ]
}

/// The error map of `post_bad_many_errors`.
const MANY: &str = r#"{"api":[{"name":"must have a length of at least 1"},{"target_url":"must be string"},{"target_url":"must have a length of at least 1"},{"port":"must be integer"}],"x34/1":[{"id":"must be string"},{"path_regex":"must be string"},{"path_regex":"must have a length of at least 1"},{"method":"must be string"},{"method":"must have a length of at least 1"}],"x34/z":[{"auth_type":"must be one of [\"jwt\"]"},{"topic":"must be present"},{"path_regex":"must be string"},{"path_regex":"must have a length of at least 1"},{"method":"must be string"},{"method":"must have a length of at least 1"}]}"#;

/// What the original stored and we refuse, and what follows from that.
fn stricter() -> Vec<Deviation> {
    vec![
        named(
            &["post_bad_ep_bad_regex"],
            VALIDATION,
            "a pattern that does not compile broke every request with its method",
            &[
                Status(400),
                Json(r#"{"x22/a":[{"path_regex":"must be a valid regular expression"}]}"#),
            ],
        ),
        named(
            &["post_bad_ep_target_unknown"],
            VALIDATION,
            "an unknown target could only fail",
            &[
                Status(400),
                Json(
                    r#"{"x27/a":[{"target":"must be one of [\"http\",\"kafka\",\"kinesis\",\"nats\"]"}]}"#,
                ),
            ],
        ),
        named(
            &["post_bad_ep_response_from_unknown"],
            VALIDATION,
            "an unknown source of the answer could only fail",
            &[
                Status(400),
                Json(
                    r#"{"x28/a":[{"response_from":"must be one of [\"http\",\"http_async\",\"kafka\",\"kinesis\",\"nats\"]"}]}"#,
                ),
            ],
        ),
        named(
            &["list_what_was_accepted"],
            VALIDATION,
            "these three were refused",
            &[Without(&["x22", "x27", "x28"])],
        ),
        named(
            &["proxy_bad_regex_api_present"],
            VALIDATION,
            "neither the bad pattern nor this route exists",
            &[NotFound],
        ),
    ]
}
