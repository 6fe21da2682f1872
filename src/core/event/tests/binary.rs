//! Events in headers and body.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use crate::core::event::submission::{SubmissionFault, content_type, from_http};

/// The composed text, or the fault.
fn submit(
    kind: &str,
    version: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<String, SubmissionFault> {
    let mut map = HeaderMap::new();
    let common = [
        ("content-type", kind),
        ("ce-specversion", version),
        ("ce-type", "greeting"),
        ("ce-source", "/s"),
        ("ce-id", "b1"),
    ];
    for (name, value) in common.iter().chain(headers) {
        let name: HeaderName = name.parse().unwrap();
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        if value.is_empty() {
            map.remove(name);
        } else {
            map.append(name, value);
        }
    }
    let submission = from_http(content_type(&map), &map, Bytes::copy_from_slice(body))?;
    assert_eq!(submission.events.len(), 1);
    Ok(String::from_utf8(submission.to_json().to_vec()).unwrap())
}

fn composed(kind: &str, version: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
    submit(kind, version, headers, body).unwrap_or_else(|fault| panic!("{fault}"))
}

#[test]
fn an_event_is_composed_with_sorted_members() {
    assert_eq!(
        composed(
            "application/json; charset=utf-8",
            "0.2",
            &[],
            br#"{"name":"alice"}"#
        ),
        r#"{"data":{"name":"alice"},"id":"b1","source":"/s","specversion":"0.2","type":"greeting"}"#
    );
    assert_eq!(
        composed("text/plain; x=\"y\"", "0.2", &[], b"hel\"lo"),
        r#"{"contenttype":"text/plain; x=\"y\"","data":"hel\"lo","id":"b1","source":"/s","specversion":"0.2","type":"greeting"}"#
    );
    assert_eq!(
        composed(
            "application/json",
            "0.2",
            &[
                ("ce-ext", r#"{"a":1}"#),
                ("ce-n", "5.0"),
                ("ce-time", "2026-01-01T00:00:00Z"),
                ("ce-schemaurl", "5"),
                ("ce-Mixed", "V"),
                ("ce-text", "\"5\""),
            ],
            b"{}",
        ),
        r#"{"data":{},"ext":{"a":1},"id":"b1","mixed":"V","n":5.0,"schemaurl":"5","source":"/s","specversion":"0.2","text":"5","time":"2026-01-01T00:00:00Z","type":"greeting"}"#
    );
}

#[test]
fn json_data_keeps_its_form_and_an_empty_body_is_no_data() {
    let data = br#" {"b":1.50,"a":123456789012345678901234567890} "#;
    assert!(
        composed("application/json", "0.2", &[], data)
            .starts_with(r#"{"data":{"b":1.50,"a":123456789012345678901234567890},"id""#)
    );
    assert_eq!(
        composed("application/json", "0.2", &[], b""),
        r#"{"id":"b1","source":"/s","specversion":"0.2","type":"greeting"}"#
    );
}

#[test]
fn a_body_that_is_no_text_becomes_base64() {
    assert_eq!(
        composed("application/octet-stream", "0.2", &[], b"\xff\xfe"),
        r#"{"contenttype":"application/octet-stream","data_base64":"//4=","id":"b1","source":"/s","specversion":"0.2","type":"greeting"}"#
    );
}

#[test]
fn version_1_0_keeps_strings_names_the_content_type_and_decodes_headers() {
    assert_eq!(
        composed(
            "application/json",
            "1.0",
            &[
                ("ce-n", "5"),
                ("ce-percent", "Euro%20%E2%82%AC%20100%25"),
                ("ce-quoted", "\"a \\\"b\\\"\""),
            ],
            b"{}",
        ),
        r#"{"data":{},"datacontenttype":"application/json","id":"b1","n":"5","percent":"Euro € 100%","quoted":"a \"b\"","source":"/s","specversion":"1.0","type":"greeting"}"#
    );
}

#[test]
fn what_the_body_says_cannot_be_said_by_headers() {
    let headers = [
        ("ce-data", "1"),
        ("ce-data_base64", "x"),
        ("ce-contenttype", "x/y"),
    ];
    assert_eq!(
        composed("application/json", "0.2", &headers, b""),
        r#"{"id":"b1","source":"/s","specversion":"0.2","type":"greeting"}"#
    );
}

#[test]
fn nothing_can_be_smuggled_into_the_composed_event() {
    for body in [&br#"1,"type":"other""#[..], b"{}}", b"[", b"1 2"] {
        let fault = submit("application/json", "0.2", &[], body).unwrap_err();
        assert_eq!(fault.status(), 400);
        assert!(fault.to_string().contains(":invalid_json"), "{fault}");
    }
    let forged = composed("text/plain", "0.2", &[("ce-x", r#"1,"type":"other""#)], b"");
    assert!(
        forged.ends_with(r#""type":"greeting","x":"1,\"type\":\"other\""}"#),
        "{forged}"
    );
}

#[test]
fn the_version_header_must_occur_once_with_a_known_version() {
    let text = |found: &str| {
        format!(
            "Your request looks like it's using the CloudEvents binary content mode, but the ce-specversion header is {found} instead of [\"0.2\"]."
        )
    };
    for (version, more, found) in [
        ("0.1", &[][..], r#"["0.1"]"#),
        ("", &[], "[]"),
        ("0.2", &[("ce-specversion", "0.2")], r#"["0.2", "0.2"]"#),
        ("0\"2", &[], r#"["0\"2"]"#),
    ] {
        let fault = submit("text/plain", version, more, b"").unwrap_err();
        assert_eq!(fault.to_string(), text(found));
        assert_eq!(fault.status(), 400);
    }
}

#[test]
fn a_missing_attribute_is_explained_with_the_headers_but_no_secret() {
    let headers = [
        ("ce-type", ""),
        ("authorization", "Bearer secret"),
        ("host", "localhost"),
    ];
    let fault = submit("application/json", "0.2", &headers, b"{}").unwrap_err();
    assert_eq!(fault.status(), 400);
    assert_eq!(
        fault.to_string(),
        "Your request looks like it's using the CloudEvents binary content mode but can't be parsed \
         ({:not_found, \"type\", \"the event needs this attribute\"}). Please make sure you're passing \
         the headers according to the spec:\n\nHTTP Transport Binding for CloudEvents\n\
         https://github.com/cloudevents/spec/blob/master/http-transport-binding.md\n\n\
         Request headers:\n  authorization: (not shown)\n  ce-id: b1\n  ce-source: /s\n  \
         ce-specversion: 0.2\n  content-type: application/json\n  host: localhost\n\n"
    );
    let ambiguous = submit("text/plain", "0.2", &[("ce-id", "b2")], b"").unwrap_err();
    assert!(
        ambiguous.to_string().contains("{:ambiguous, \"ce-id\""),
        "{ambiguous}"
    );
    let not_text = submit("text/plain", "1.0", &[("ce-x", "%ff")], b"").unwrap_err();
    assert!(not_text.to_string().contains("must be UTF-8"), "{not_text}");
}

proptest! {
    #[test]
    fn whatever_is_composed_is_an_event(
        body in any::<Vec<u8>>(), value in "[ -~]{1,20}", json in any::<bool>(), new in any::<bool>(),
    ) {
        let kind = if json { "application/json" } else { "x/y" };
        let version = if new { "1.0" } else { "0.2" };
        if let Ok(text) = submit(kind, version, &[("ce-x", value.as_str())], &body) {
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&value["type"], "greeting");
            prop_assert_eq!(&value["id"], "b1");
        }
    }
}
