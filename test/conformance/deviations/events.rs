//! `events.jsonl`: events are checked, named by their fault, and shown as they are.

use serde_json::Value;

use crate::support::{
    change::{
        Cases,
        Change::{self, Header, Own, With},
        Deviation, to_api,
    },
    expected::{Body, Expected, Want},
    golden::{Case, Content, File::Events},
    wire::header,
};

/// Where acceptance is decided.
const ACCEPTANCE: &str = "events.md 5.2";
/// Where submission is decided.
const SUBMISSION: &str = "events.md 5.3";
/// Content type of texts.
const TEXT: Change = Header("content-type", "text/plain; charset=utf-8");

/// Decisions about single cases.
pub(super) fn table() -> Vec<Deviation> {
    let mut table = acceptance();
    table.extend(malformed());
    table.extend(modes());
    table.extend(binary());
    table.extend(binary_malformed());
    table
}

/// What holds for every answer of the three routes; applied after all other rules.
pub(super) fn rules() -> Vec<Deviation> {
    vec![
        Deviation {
            cases: Cases::Every(|case, expected| is_submission(case) && expected.status == 202),
            spec: SUBMISSION,
            why: "an accepted event is shown as it is, not within a JSON string",
            changes: &[
                With(|expected, _| unquote(&mut expected.body)),
                Header("content-type", "application/json; charset=utf-8"),
            ],
        },
        Deviation {
            cases: Cases::Every(|case, expected| {
                is_submission(case) && !to_api(case) && expected.status != 404
            }),
            spec: SUBMISSION,
            why: "every answer carries CORS headers, those to what the original crashed on too",
            changes: &[Header("access-control-allow-origin", "*")],
        },
    ]
}

fn named(
    cases: &'static [&'static str],
    spec: &'static str,
    why: &'static str,
    changes: &'static [Change],
) -> Deviation {
    Deviation {
        cases: Cases::Named(Events, cases),
        spec,
        why,
        changes,
    }
}

/// Which events are accepted.
fn acceptance() -> Vec<Deviation> {
    vec![
        named(
            &["v3_v1_0", "v2_v1_0", "inbound_v1_0"],
            ACCEPTANCE,
            "CloudEvents 1.0 is accepted",
            &[With(accepted_as_sent)],
        ),
        named(
            &["v3_missing_type", "v2_missing_type", "inbound_missing_type"],
            SUBMISSION,
            "the reason is free; ours is readable",
            &[
                Own(
                    400,
                    r#"The request body does not look like a CloudEvent: {:not_found, "type", "the event needs this attribute"}"#,
                ),
                TEXT,
            ],
        ),
        named(
            &["v3_missing_id", "v2_missing_id", "inbound_missing_id"],
            SUBMISSION,
            "the reason is free; ours is readable",
            &[
                Own(
                    400,
                    r#"The request body does not look like a CloudEvent: {:not_found, "id", "the event needs this attribute"}"#,
                ),
                TEXT,
            ],
        ),
        named(
            &[
                "v3_type_empty",
                "v2_type_empty",
                "inbound_type_empty",
                "v3_type_number",
                "v2_type_number",
                "inbound_type_number",
                "v3_type_null",
                "v2_type_null",
                "inbound_type_null",
            ],
            ACCEPTANCE,
            "an event nobody can subscribe to is refused",
            &[
                Own(
                    400,
                    r#"The request body does not look like a CloudEvent: {:invalid, "type", "it must be a non-empty string"}"#,
                ),
                TEXT,
            ],
        ),
    ]
}

/// Bodies that are no JSON objects.
fn malformed() -> Vec<Deviation> {
    vec![
        named(
            &[
                "v3_truncated_json",
                "v2_truncated_json",
                "inbound_truncated_json",
            ],
            ACCEPTANCE,
            "what is not JSON is refused and not passed on",
            &[
                Own(
                    400,
                    r#"The request body does not look like a CloudEvent: {:invalid_json, "`,` or `}` expected at byte 72"}"#,
                ),
                TEXT,
            ],
        ),
        named(
            &[
                "v3_trailing_garbage",
                "v2_trailing_garbage",
                "inbound_trailing_garbage",
            ],
            ACCEPTANCE,
            "malformed input does not crash a request",
            &[
                Own(
                    400,
                    r#"The request body does not look like a CloudEvent: {:invalid_json, "the end expected at byte 73"}"#,
                ),
                TEXT,
            ],
        ),
        named(
            &[
                "v3_array",
                "v2_array",
                "inbound_array",
                "v3_string",
                "v2_string",
                "inbound_string",
            ],
            ACCEPTANCE,
            "malformed input does not crash a request",
            &[
                Own(
                    400,
                    r#"The request body does not look like a CloudEvent: {:not_an_object, "an event is a JSON object"}"#,
                ),
                TEXT,
            ],
        ),
    ]
}

/// Content types and headers.
fn modes() -> Vec<Deviation> {
    vec![
        named(
            &["v3_batch", "v2_batch", "inbound_batch"],
            "issue 4 (against events.md 5.3, which refuses them)",
            "batches in JSON are accepted and answered as a list",
            &[With(accepted_as_sent)],
        ),
        named(
            &["v3_batch_noplus", "v2_batch_noplus"],
            SUBMISSION,
            "texts have a content type",
            &[TEXT],
        ),
        named(
            &[
                "v3_no_content_type",
                "v2_no_content_type",
                "inbound_no_content_type",
                "v3_bad_content_type",
                "v2_bad_content_type",
                "inbound_bad_content_type",
            ],
            SUBMISSION,
            "a missing content type does not crash a request",
            &[Own(415, "Expected a content-type header."), TEXT],
        ),
        named(
            &["inbound_with_traceparent_header"],
            "proxying.md 3.11",
            "tracestate is for the back ends; the client is told of the span only",
            &[With(|expected, _| expected.set("tracestate", []))],
        ),
        named(
            &["inbound_method_OPTIONS"],
            "events.md 5.1",
            "browsers can authorise a submission",
            &[Header(
                "access-control-allow-headers",
                "content-type,authorization",
            )],
        ),
    ]
}

/// Binary mode.
fn binary() -> Vec<Deviation> {
    vec![
        named(
            &["v3_binary_octet", "v2_binary_octet", "inbound_binary_octet"],
            SUBMISSION,
            "data that is no text becomes base64",
            &[Own(
                202,
                r#"{"contenttype":"application/octet-stream","data_base64":"//4=","id":"b1","source":"/s","specversion":"0.2","type":"greeting"}"#,
            )],
        ),
        named(
            &[
                "v3_binary_no_body",
                "v2_binary_no_body",
                "inbound_binary_no_body",
            ],
            SUBMISSION,
            "no body is no data",
            &[Own(
                202,
                r#"{"id":"b1","source":"/s","specversion":"0.2","type":"greeting"}"#,
            )],
        ),
        named(
            &[
                "v3_binary_spec_1_0",
                "v2_binary_spec_1_0",
                "inbound_binary_spec_1_0",
            ],
            SUBMISSION,
            "CloudEvents 1.0 is accepted, and names its content type",
            &[Own(
                202,
                r#"{"data":{},"datacontenttype":"application/json","id":"b1","source":"/s","specversion":"1.0","type":"greeting"}"#,
            )],
        ),
    ]
}

/// Binary mode, but no event.
fn binary_malformed() -> Vec<Deviation> {
    vec![
        named(
            &[
                "v3_binary_bad_json",
                "v2_binary_bad_json",
                "inbound_binary_bad_json",
            ],
            SUBMISSION,
            "malformed input does not crash a request",
            &[
                With(|expected, case| {
                    let reason = r#"{:invalid_json, "data", "a member's name expected at byte 1"}"#;
                    explained(expected, case, reason);
                }),
                TEXT,
            ],
        ),
        named(
            &[
                "v3_binary_missing_type",
                "v2_binary_missing_type",
                "inbound_binary_missing_type",
            ],
            SUBMISSION,
            "the reason is free; ours is readable",
            &[
                With(|expected, case| {
                    let reason = r#"{:not_found, "type", "the event needs this attribute"}"#;
                    explained(expected, case, reason);
                }),
                TEXT,
            ],
        ),
        named(
            &[
                "v3_binary_missing_id",
                "v2_binary_missing_id",
                "inbound_binary_missing_id",
            ],
            SUBMISSION,
            "the reason is free; ours is readable",
            &[
                With(|expected, case| {
                    let reason = r#"{:not_found, "id", "the event needs this attribute"}"#;
                    explained(expected, case, reason);
                }),
                TEXT,
            ],
        ),
    ]
}

/// The case is about one of the three routes that take events.
fn is_submission(case: &Case) -> bool {
    matches!(
        case.send.path.as_str(),
        "/v2/messages" | "/v3/messages" | "/_rig/v1/events"
    )
}

pub(super) fn accepted_as_sent(expected: &mut Expected, case: &Case) {
    let sent = case.send.body.as_ref().map(Content::bytes);
    expected.status = 202;
    expected.body = Body::Bytes(sent.unwrap_or_default());
}

/// A JSON string becomes its text.
fn unquote(body: &mut Body) {
    let text = match body {
        Body::Json(Value::String(text)) => Some(text.clone()),
        Body::Bytes(bytes) => serde_json::from_slice::<String>(bytes).ok(),
        Body::Json(_) | Body::Echo => None,
    };
    if let Some(text) = text {
        *body = Body::Bytes(text.into_bytes());
    }
}

/// The long text for events in binary mode, with the headers of the request.
fn explained(expected: &mut Expected, case: &Case, reason: &str) {
    let length = case.send.body.as_ref().map_or(0, |body| body.bytes().len());
    let mut headers = case.send.headers.clone();
    headers.push(("content-length".to_owned(), length.to_string()));
    if header(&headers, "host").is_none() {
        headers.push(("host".to_owned(), case.send.host().to_owned()));
    }
    headers.sort();
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("  {name}: {value}\n"))
        .collect();
    let text = format!(
        "Your request looks like it's using the CloudEvents binary content mode but can't be parsed \
         ({reason}). Please make sure you're passing the headers according to the spec:\n\n\
         HTTP Transport Binding for CloudEvents\n\
         https://github.com/cloudevents/spec/blob/master/http-transport-binding.md\n\n\
         Request headers:\n{lines}\n"
    );
    expected.status = 400;
    expected.origin = crate::support::golden::Origin::Gateway;
    expected.headers.retain(|(_, want)| *want == Want::Present);
    expected.body = Body::Bytes(text.into_bytes());
}
