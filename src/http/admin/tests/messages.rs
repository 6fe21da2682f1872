//! Events handed in on this port.

use std::sync::{Arc, Mutex};

use actix::{Actor, Context, Handler};
use actix_web::test::TestRequest;
use serde_json::json;

use super::{Answer, Desk};
use crate::{
    http::admin::body::BODY_BYTES_MAX,
    message::hub::{Submit, SubmitRefusal},
};

const EVENT: &str = r#"{"specversion":"0.2", "type":"a","id":1.0, "x y":[ ]}"#;

/// Stands in for the hub: notes the types of what it takes, or refuses all.
struct Hub {
    taken: Arc<Mutex<Vec<String>>>,
    refusal: Option<SubmitRefusal>,
}

// === impl Hub ===

impl Actor for Hub {
    type Context = Context<Self>;
}

impl Handler<Submit> for Hub {
    type Result = Result<(), SubmitRefusal>;

    fn handle(&mut self, submit: Submit, _context: &mut Self::Context) -> Self::Result {
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        let types = submit
            .events
            .iter()
            .map(|event| event.event_type.to_string());
        self.taken.lock().unwrap().extend(types);
        Ok(())
    }
}

fn desk(refusal: Option<SubmitRefusal>) -> (Desk, Arc<Mutex<Vec<String>>>) {
    let taken = Arc::default();
    let hub = Hub {
        taken: Arc::clone(&taken),
        refusal,
    };
    let hub = hub.start();
    let desk = Desk::with(|state| state.submit = Some(hub.recipient()));
    (desk, taken)
}

async fn post(desk: &Desk, path: &str, kind: &str, body: &str) -> Answer {
    let request = TestRequest::post()
        .uri(path)
        .insert_header(("content-type", kind))
        .set_payload(body.to_owned());
    desk.send(request).await
}

#[actix_web::test]
async fn an_accepted_event_is_answered_as_it_is_and_handed_on() {
    let (desk, taken) = desk(None);
    for path in ["/v2/messages", "/v3/messages", "/v3/messages/"] {
        let answer = post(&desk, path, "application/json", EVENT).await;
        assert_eq!((answer.status, answer.text()), (202, EVENT), "{path}");
        let kind = Some("application/json; charset=utf-8");
        assert_eq!(answer.header("content-type"), kind);
    }
    let binary = TestRequest::post()
        .uri("/v3/messages")
        .insert_header(("content-type", "text/plain"))
        .insert_header(("ce-specversion", "1.0"))
        .insert_header(("ce-type", "b"))
        .insert_header(("ce-source", "s"))
        .insert_header(("ce-id", "1"))
        .set_payload("hello");
    let answer = desk.send(binary).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(answer.json()["data"], "hello");
    assert_eq!(*taken.lock().unwrap(), ["a", "a", "a", "b"]);
}

#[actix_web::test]
async fn a_batch_is_handed_on_as_a_whole_or_not_at_all() {
    let (desk, taken) = desk(None);
    let kind = "application/cloudevents-batch+json";
    let bad = format!("[{EVENT},{{}}]");
    assert_eq!(post(&desk, "/v3/messages", kind, &bad).await.status, 400);
    assert!(taken.lock().unwrap().is_empty());
    let good = format!("[{EVENT},{EVENT}]");
    let answer = post(&desk, "/v3/messages", kind, &good).await;
    assert_eq!((answer.status, answer.text()), (202, good.as_str()));
    assert_eq!(*taken.lock().unwrap(), ["a", "a"]);
    let none = post(&desk, "/v3/messages", kind, "[]").await;
    assert_eq!((none.status, none.text()), (202, "[]"));
}

#[actix_web::test]
async fn malformed_events_are_explained_in_plain_text() {
    let (desk, taken) = desk(None);
    for (kind, body, status, text) in [
        (
            "application/json",
            "{oops",
            400,
            "The request body does not look like a CloudEvent: :not_a_cloud_event",
        ),
        ("nonsense", EVENT, 415, "Expected a content-type header."),
    ] {
        let answer = post(&desk, "/v3/messages", kind, body).await;
        assert_eq!((answer.status, answer.text()), (status, text));
        let kind = Some("text/plain; charset=utf-8");
        assert_eq!(answer.header("content-type"), kind);
    }
    assert!(taken.lock().unwrap().is_empty());
}

#[actix_web::test]
async fn a_page_of_another_site_cannot_submit_events() {
    let (desk, taken) = desk(None);
    // What a page may send without asking, which no OPTIONS would grant.
    for kind in [
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        let answer = post(&desk, "/v3/messages", kind, EVENT).await;
        assert_eq!(answer.status, 400, "{kind}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let untyped = TestRequest::post().uri("/v3/messages").set_payload(EVENT);
    assert_eq!(desk.send(untyped).await.status, 415);
    assert!(taken.lock().unwrap().is_empty());
}

#[actix_web::test]
async fn a_body_beyond_the_limit_is_refused() {
    let (desk, _taken) = desk(None);
    let body = " ".repeat(BODY_BYTES_MAX + 1);
    let answer = post(&desk, "/v3/messages", "application/json", &body).await;
    answer.is(
        actix_web::http::StatusCode::PAYLOAD_TOO_LARGE,
        &json!({"errors": {"detail": "Bad request"}}),
    );
}

#[actix_web::test]
async fn events_that_are_not_taken_may_be_sent_again() {
    let waited = std::time::Duration::from_secs(2);
    for refusal in [
        SubmitRefusal::NotReady,
        SubmitRefusal::Overloaded,
        SubmitRefusal::NoKeeper,
        SubmitRefusal::NotReplicated { waited },
    ] {
        let (desk, _taken) = desk(Some(refusal));
        let answer = post(&desk, "/v3/messages", "application/json", EVENT).await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.text(), refusal.to_string());
    }
    let alone = post(&Desk::open(), "/v3/messages", "application/json", EVENT).await;
    assert_eq!(alone.status, 503);
}
