//! Requests: which mode is chosen, and batches.

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;

use crate::core::event::submission::{
    BATCH_EVENTS_MAX, Submission, SubmissionFault, content_type, from_http,
};

const EVENT: &str = r#"{"specversion":"0.2", "type":"a","id":"1"}"#;
const BATCH: &str = "application/cloudevents-batch+json";

fn submit(
    kind: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> Result<Submission, SubmissionFault> {
    let mut map = HeaderMap::new();
    map.append("content-type", kind.parse().unwrap());
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    from_http(
        content_type(&map),
        &map,
        Bytes::copy_from_slice(body.as_bytes()),
    )
}

#[test]
fn the_content_type_chooses_the_mode() {
    let ce = [("ce-specversion", "0.2"), ("ce-type", "b"), ("ce-id", "2")];
    for (kind, headers, wanted) in [
        ("application/json", &[][..], "a"),
        ("Application/JSON; charset=utf-8", &[], "a"),
        ("application/json", &ce, "b"),
        ("application/cloudevents+json", &[], "a"),
        ("application/cloudevents+json; charset=utf-8", &ce, "a"),
        ("text/plain", &ce, "b"),
        ("application/cloudevents", &ce, "b"),
    ] {
        let submission = submit(kind, headers, EVENT).unwrap();
        assert_eq!(&*submission.events[0].event_type, wanted, "{kind}");
        assert!(!submission.is_batch);
    }
}

#[test]
fn content_types_that_cannot_be_used_are_refused_with_the_original_texts() {
    let no_type = "Expected a content-type header.";
    let batch = "The batched CloudEvents HTTP transport binding mode is currently not supported.\n";
    let binary = "Your request looks like it's using the CloudEvents binary content mode, but the ce-specversion header is [] instead of [\"0.2\"].";
    for (kind, status, text) in [
        ("nonsense", 415, no_type),
        ("a/b/c", 415, no_type),
        ("/json", 415, no_type),
        ("", 415, no_type),
        (
            "application/cloudevents+xml",
            415,
            "The given content-type {\"application\", \"cloudevents+xml\"} is currently not supported for structured mode.",
        ),
        ("application/cloudevents-batch", 415, batch),
        ("application/cloudevents-batch; charset=utf-8", 415, batch),
        ("application/cloudevents-batch+avro", 415, batch),
        ("text/plain", 400, binary),
        ("application/cloudevents-batches", 400, binary),
    ] {
        let fault = submit(kind, &[], EVENT).unwrap_err();
        assert_eq!(fault.status(), status, "{kind}");
        assert_eq!(fault.to_string(), text, "{kind}");
    }
    assert_eq!(
        submit("application/json", &[("content-type", "text/plain")], EVENT).unwrap_err(),
        SubmissionFault::NoContentType
    );
    assert_eq!(
        from_http(None, &HeaderMap::new(), Bytes::new()).unwrap_err(),
        SubmissionFault::NoContentType
    );
}

#[test]
fn a_malformed_event_is_refused_with_the_original_beginning() {
    let fault = submit("application/json", &[], "{oops").unwrap_err();
    assert_eq!(fault.status(), 400);
    assert_eq!(
        fault.to_string(),
        "The request body does not look like a CloudEvent: :not_a_cloud_event"
    );
}

#[test]
fn a_batch_is_accepted_as_a_whole_and_shown_as_a_list() {
    let other = r#"{"specversion":"1.0","type":"b","source":"s","id":"2","data":[[{}]]}"#;
    let submission = submit(BATCH, &[], &format!(" [ {EVENT} ,\n{other}]")).unwrap();
    assert!(submission.is_batch);
    assert_eq!(submission.events[0].text, EVENT);
    assert_eq!(submission.events[1].text, other);
    assert_eq!(submission.to_json(), format!("[{EVENT},{other}]"));
    let one = submit(BATCH, &[], &format!("[{EVENT}]")).unwrap();
    assert_eq!(one.to_json(), format!("[{EVENT}]"));
    let none = submit(BATCH, &[], "[]").unwrap();
    assert!(none.events.is_empty());
    assert_eq!(none.to_json(), "[]");
    assert_eq!(
        submit("application/json", &[], EVENT).unwrap().to_json(),
        EVENT
    );
}

#[test]
fn one_bad_event_refuses_the_batch_and_is_named() {
    for (body, reason) in [
        ("", "a value expected at byte 0"),
        ("[", "a value expected at byte 1"),
        ("{}", "it must be a JSON list of events"),
        ("5", "it must be a JSON list of events"),
        (
            "[5]",
            "event 0 (from 0): {:not_an_object, \"an event is a JSON object\"}",
        ),
        (
            &format!("[{EVENT},{{\"specversion\":\"0.2\",\"id\":\"1\"}}]"),
            "event 1 (from 0): {:not_found, \"type\", \"the event needs this attribute\"}",
        ),
        (
            &format!("[{EVENT},[{EVENT}]]"),
            "event 1 (from 0): {:not_an_object, \"an event is a JSON object\"}",
        ),
    ] {
        let fault = submit(BATCH, &[], body).unwrap_err();
        assert_eq!(fault.status(), 400);
        let text = fault.to_string();
        let wanted =
            "The request body does not look like a batch of CloudEvents: ".to_owned() + reason;
        assert_eq!(text, wanted);
    }
}

#[test]
fn a_batch_has_a_largest_number_of_events() {
    let batch = |count: usize| format!("[{}]", vec![EVENT; count].join(","));
    let full = submit(BATCH, &[], &batch(BATCH_EVENTS_MAX)).unwrap();
    assert_eq!(full.events.len(), BATCH_EVENTS_MAX);
    let fault = submit(BATCH, &[], &batch(BATCH_EVENTS_MAX + 1)).unwrap_err();
    assert!(
        fault.to_string().contains("more than 1000 events"),
        "{fault}"
    );
}

proptest! {
    #[test]
    fn no_batch_makes_it_panic(body in r#"[\[\]{}:,"0-2 ]{0,20}"#) {
        let _either = submit(BATCH, &[], &body);
    }
}
