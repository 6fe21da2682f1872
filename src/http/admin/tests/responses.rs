//! Asynchronous answers reach waiting requests.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use prometheus::IntGauge;
use serde_json::json;

use super::{Answer, COOKIE, Desk, Hub, request, sealer};
use crate::{
    core::{hub::position::NodeId, seal::Purpose},
    http::{
        awaited::{Awaited, Delivery, LateAnswer},
        sealer::{Sealer, Secret},
    },
    message::hub::Carry,
};

use actix::Actor;

const TAKEN: &str = "message sent to correlated reverse proxy request";

async fn respond(desk: &Desk, headers: &[(&str, &str)], body: &'static [u8]) -> Answer {
    let mut call = request("POST", "/v3/responses").set_payload(Bytes::from_static(body));
    for header in headers {
        call = call.append_header(*header);
    }
    desk.send(call).await
}

#[track_caller]
fn refused(answer: &Answer, reason: &str) {
    let text = format!("Failed to parse request body: {reason}");
    assert_eq!((answer.status, answer.text()), (400, text.as_str()));
    let plain = Some("text/plain; charset=utf-8");
    assert_eq!(answer.header("content-type"), plain);
}

#[actix_web::test]
async fn a_call_answers_the_waiting_request_byte_for_byte() {
    let desk = Desk::open();
    let mut waiting = desk.state.responses.awaited.wait().unwrap();
    let headers = [
        ("rig-correlation", waiting.id.as_str()),
        ("rig-response-code", "299"),
        ("content-type", "image/png"),
        ("x-one", "1"),
        ("x-one", "2"),
        ("authorization", "Bearer secret"),
        ("accept", "*/*"),
    ];
    for _again in 0..2 {
        let taken = respond(&desk, &headers, b"\x89PNG\xff").await;
        assert_eq!((taken.status, taken.text()), (202, TAKEN));
        assert_eq!(taken.header("content-type"), None);
    }
    let answer = waiting.answer().await.unwrap();
    assert_eq!(answer.status.as_u16(), 299);
    assert_eq!(answer.body, &b"\x89PNG\xff"[..]);
    let mut names: Vec<_> = answer.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-type", "x-one"]);
    assert_eq!(answer.headers.get_all("x-one").iter().count(), 2);
}

#[actix_web::test]
async fn malformed_calls_are_refused_in_the_originals_words() {
    let desk = Desk::open();
    let waiting = desk.state.responses.awaited.wait().unwrap();
    let secret = Secret::shared(COOKIE);
    let connection = Sealer::new(&secret, Purpose::Connection)
        .seal(&[0; 16])
        .unwrap();
    let foreign = sealer(b"another").seal(&[0; 16]).unwrap();
    let (id, code) = ("rig-correlation", "rig-response-code");
    for (headers, reason) in [
        (vec![], ":error"),
        (vec![(id, waiting.id.as_str())], ":error"),
        (vec![(code, "200")], ":error"),
        (
            vec![(id, "no base64"), (code, "200")],
            "{:error, :not_base64}",
        ),
        (vec![(id, "abc"), (code, "200")], "{:error, :not_base64}"),
        (vec![(id, "abcd"), (code, "200")], "{:error, :invalid_term}"),
        (vec![(id, ""), (code, "200")], "{:error, :invalid_term}"),
        (
            vec![(id, &foreign), (code, "200")],
            "{:error, :invalid_term}",
        ),
        (
            vec![(id, &connection), (code, "200")],
            "{:error, :invalid_term}",
        ),
        (
            vec![(id, &waiting.id), (id, &waiting.id), (code, "200")],
            "{:error, :not_base64}",
        ),
        (
            vec![(id, &waiting.id), (code, "abc201")],
            "{:error, {:not_an_integer, \"abc201\"}}",
        ),
        (
            vec![(id, &waiting.id), (code, "999")],
            "{:error, {:not_an_integer, \"999\"}}",
        ),
        (
            vec![(id, &waiting.id), (code, "100")],
            "{:error, {:not_an_integer, \"100\"}}",
        ),
        (
            vec![(id, &waiting.id), (code, "+200")],
            "{:error, {:not_an_integer, \"+200\"}}",
        ),
        (
            vec![(id, &waiting.id), (code, "")],
            "{:error, {:not_an_integer, \"\"}}",
        ),
    ] {
        refused(&respond(&desk, &headers, b"{}").await, reason);
    }
}

#[actix_web::test]
async fn an_answer_for_another_nodes_request_is_carried_there() {
    let mut carried = None;
    let desk = Desk::with(|state| {
        let hub = Hub::of(&state.sessions.revoked);
        carried = Some(Arc::clone(&hub.carried));
        state.responses.carry = hub.start().recipient();
    });
    let carried = carried.unwrap();
    let there = Awaited::new(2, sealer(COOKIE), IntGauge::new("g", "g").unwrap());
    let mut waiting = there.wait().unwrap();
    let headers = [
        ("rig-correlation", waiting.id.as_str()),
        ("rig-response-code", "200"),
    ];
    let taken = respond(&desk, &headers, b"far").await;
    assert_eq!((taken.status, taken.text()), (202, TAKEN));
    // The mailbox is read before the next call is answered.
    let too_large = vec![0; 1024 * 1024];
    let call = request("POST", "/v3/responses").set_payload(too_large);
    let call = headers
        .iter()
        .fold(call, |call, header| call.insert_header(*header));
    assert_eq!(desk.send(call).await.status, 413);
    actix_rt::task::yield_now().await;
    let carried: Vec<Carry> = std::mem::take(&mut *carried.lock().unwrap());
    let [carry] = carried.as_slice() else {
        panic!("one answer, not {carried:?}");
    };
    assert_eq!((carry.to, carry.desk), (NodeId::new(2), None));
    assert_eq!(there.arrived(&carry.bytes), Delivery::Delivered);
    let expected = LateAnswer::new(StatusCode::OK, &http::HeaderMap::new(), Bytes::from("far"));
    assert_eq!(waiting.answer().await, Some(expected));
}

#[actix_web::test]
async fn an_event_answers_as_json_with_status_200() {
    let desk = Desk::open();
    for (version, kind, id) in [
        ("specversion", "type", "id"),
        ("cloudEventsVersion", "eventType", "eventID"),
    ] {
        let mut waiting = desk.state.responses.awaited.wait().unwrap();
        let number = if version == "specversion" {
            "0.2"
        } else {
            "0.1"
        };
        let event = format!(
            "{{\"{version}\":\"{number}\", \"{kind}\":\"t\",\"{id}\":1,  \"rig\":{{\"correlation\":\"{}\"}}}}",
            waiting.id
        );
        let call = request("POST", "/v2/responses")
            .insert_header(("content-type", "application/json"))
            .insert_header(("x-leak", "no"))
            .set_payload(event.clone());
        let taken = desk.send(call).await;
        assert_eq!((taken.status, taken.text()), (202, TAKEN));
        let answer = waiting.answer().await.unwrap();
        assert_eq!(
            (answer.status.as_u16(), &answer.body[..]),
            (200, event.as_bytes())
        );
        assert_eq!(
            answer.headers["content-type"],
            "application/json; charset=utf-8"
        );
        assert_eq!(answer.headers.len(), 1);
    }
}

#[actix_web::test]
async fn what_is_no_event_for_anybody_is_refused() {
    let desk = Desk::open();
    let event = |member: &str, value: serde_json::Value| {
        let rig = json!({"correlation": "abc"});
        let mut event = json!({"specversion": "1.0", "type": "t", "id": "1", "rig": rig});
        event[member] = value;
        event
    };
    for (event, reason) in [
        (json!({}), "{:error, :not_a_cloud_event}"),
        (json!([1]), "{:error, :not_a_cloud_event}"),
        (
            event("specversion", json!("0.3")),
            "{:error, :not_a_cloud_event}",
        ),
        (
            event("type", json!(null)),
            "{:error, {:not_found, \"type\"}}",
        ),
        (event("id", json!(null)), "{:error, {:not_found, \"id\"}}"),
        (event("rig", json!(null)), ":error"),
        (event("rig", json!({})), ":error"),
        (event("other", json!(1)), "{:error, :not_base64}"),
    ] {
        refused(&desk.post("/v2/responses", &event).await, reason);
    }
    refused(
        &desk.send(request("POST", "/v2/responses")).await,
        "{:error, :not_a_cloud_event}",
    );
    for (content_type, status) in [("application/json", 400), ("text/plain", 415)] {
        let call = request("POST", "/v2/responses")
            .insert_header(("content-type", content_type))
            .set_payload("{");
        assert_eq!(desk.send(call).await.status, status);
    }
}
