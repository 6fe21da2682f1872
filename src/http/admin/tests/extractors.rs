//! `/v3/extractors` against a real registry.

use actix_web::{http::StatusCode, test::TestRequest};
use serde_json::{Value, json};

use super::{Answer, Desk, definition, request};

/// Tag of `{}` that nobody has set.
const UNSET: &str = "\"0-44136fa355b3678a\"";

fn document(pointer: &str) -> Value {
    json!({"order": {"id": {"stable_field_index": 0, "event": {"json_pointer": pointer}}}})
}

async fn put(desk: &Desk, document: &Value, header: (&str, &str)) -> Answer {
    let request = TestRequest::put()
        .uri("/v3/extractors")
        .set_json(document)
        .insert_header(header);
    desk.send(request).await
}

#[actix_web::test]
async fn extractors_are_empty_until_somebody_sets_them() {
    let desk = Desk::open();
    let unset = desk.get("/v3/extractors").await;
    unset.is(StatusCode::OK, &json!({}));
    assert_eq!(unset.header("etag"), Some(UNSET));
    assert_eq!(unset.header("x-rig-round"), Some("settled"));
    let set = put(&desk, &document("/data/id"), ("if-match", UNSET)).await;
    set.is(StatusCode::OK, &json!({"message": "ok"}));
    let etag = set.header("etag").unwrap().to_owned();
    let change = set.header("x-rig-change").unwrap().to_owned();
    assert_eq!(
        change,
        format!("%24rig%2Fextractors@{}", etag.trim_matches('"'))
    );
    let shown = desk.get("/v3/extractors/").await;
    shown.is(StatusCode::OK, &document("/data/id"));
    assert_eq!(shown.header("etag"), Some(etag.as_str()));
    let seen = request("GET", "/v3/extractors").insert_header(("if-none-match", etag.as_str()));
    assert_eq!(desk.send(seen).await.status, 304);
    let receipt = desk.get(&format!("/v3/cluster/changes/{change}")).await;
    assert_eq!(receipt.status, 200, "{}", receipt.text());
}

#[actix_web::test]
async fn a_change_is_made_only_to_what_the_client_has_seen() {
    let desk = Desk::open();
    let first = put(&desk, &document("/a"), ("if-none-match", "\"1-x\"")).await;
    let old = first.header("etag").unwrap().to_owned();
    let second = put(&desk, &document("/b"), ("if-match", &old)).await;
    let current = second.header("etag").unwrap().to_owned();
    assert!(current.starts_with("\"1-"), "{current}");
    let stale = json!({"message": "The extractors were changed."});
    for header in [
        ("if-match", old.as_str()),
        ("if-match", UNSET),
        ("if-none-match", "*"),
        ("if-none-match", current.as_str()),
    ] {
        let refused = put(&desk, &document("/c"), header).await;
        refused.is(StatusCode::PRECONDITION_FAILED, &stale);
    }
    let shown = desk.get("/v3/extractors").await;
    shown.is(StatusCode::OK, &document("/b"));
}

#[actix_web::test]
async fn a_receipt_can_be_waited_for() {
    let desk = Desk::open();
    let waited = desk
        .put("/v3/extractors?wait=all&timeout=1", &document("/a"))
        .await;
    assert_eq!(waited.status, 200, "{}", waited.text());
    assert_eq!(waited.json()["receipt"]["outcome"], "done");
    let faulty = desk.put("/v3/extractors?wait=some", &document("/b")).await;
    assert_eq!(faulty.status, 400);
    let shown = desk.get("/v3/extractors").await;
    shown.is(StatusCode::OK, &document("/a"));
}

#[actix_web::test]
async fn a_faulty_document_is_refused_with_all_faults_and_nothing_changes() {
    let desk = Desk::open();
    desk.put("/v3/extractors", &document("/a")).await;
    let faulty = json!({
        "a/b~c": 7,
        "order": {
            "id": {"stable_field_index": 0, "event": {}},
            "no": {"stable_field_index": 0, "event": {"json_pointer": "/x"}},
        },
        "order.*": {},
    });
    let refused = desk.put("/v3/extractors", &faulty).await;
    let pointer = "event.json_pointer must be a string such as \"/data/name\"";
    let wildcard = "event types of extractors are exact: list every type, without wildcard";
    refused.is(
        StatusCode::BAD_REQUEST,
        &json!({"extractors": [
            {"/a~1b~0c": "must be an object"},
            {"/order/id": pointer},
            {"/order/no": "stable_field_index 0 is the one of \"id\" already"},
            {"/order.*": wildcard},
        ]}),
    );
    for whole in [json!([]), json!(null), json!("x")] {
        let refused = desk.put("/v3/extractors", &whole).await;
        let faults = json!({"extractors": [{"document": "must be an object"}]});
        refused.is(StatusCode::BAD_REQUEST, &faults);
    }
    let many: Value = (0..105).map(|at| (format!("t{at}"), json!(0))).collect();
    let faults = desk.put("/v3/extractors", &many).await.json();
    let listed = faults["extractors"].as_array().unwrap();
    assert_eq!(listed.len(), 101);
    assert_eq!(
        listed[100],
        json!({"document": "has 5 more faults, which are not listed"})
    );
    let shown = desk.get("/v3/extractors").await;
    shown.is(StatusCode::OK, &document("/a"));
}

#[actix_web::test]
async fn a_body_that_is_no_json_changes_nothing() {
    let desk = Desk::open();
    desk.put("/v3/extractors", &document("/a")).await;
    for (content_type, body, status) in [
        ("application/json", "{", 400),
        ("application/json", "", 400),
        ("text/plain", "{}", 415),
        ("application/x-www-form-urlencoded", "a=b", 415),
        ("multipart/form-data", "{}", 400),
    ] {
        let request = TestRequest::put()
            .uri("/v3/extractors")
            .insert_header(("content-type", content_type))
            .set_payload(body);
        assert_eq!(
            desk.send(request).await.status,
            status,
            "{content_type} {body}"
        );
    }
    let large = document(&format!("/{}", "x".repeat(super::DEFINITION_BYTES_MAX)));
    assert_eq!(desk.put("/v3/extractors", &large).await.status, 413);
    let shown = desk.get("/v3/extractors").await;
    shown.is(StatusCode::OK, &document("/a"));
}

#[actix_web::test]
async fn extractors_cannot_be_deleted() {
    let desk = Desk::open();
    for method in ["DELETE", "POST", "PATCH"] {
        let answer = desk.send(request(method, "/v3/extractors")).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, PUT"));
    }
}

#[actix_web::test]
async fn extractors_are_no_api() {
    let desk = Desk::open();
    desk.put("/v3/extractors", &document("/a")).await;
    for version in ["v2", "v3"] {
        let all = desk.get(&format!("/{version}/apis")).await;
        all.is(StatusCode::OK, &json!([]));
    }
    let path = "/v3/apis/$rig%2Fextractors";
    assert_eq!(desk.get(path).await.status, 404);
    assert_eq!(desk.delete(path).await.status, 404);
    let reserved = "must not begin with $rig/, which is kept for the gateway itself";
    let refused = desk.put(path, &definition("x")).await;
    refused.is(StatusCode::BAD_REQUEST, &json!({"api": [{"id": reserved}]}));
    let refused = desk.post("/v3/apis", &definition("$rig/x")).await;
    refused.is(StatusCode::BAD_REQUEST, &json!({"api": [{"id": reserved}]}));
    let shown = desk.get("/v3/extractors").await;
    shown.is(StatusCode::OK, &document("/a"));
}
