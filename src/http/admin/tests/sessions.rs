//! Sessions are revoked and asked about.

use serde_json::json;

use super::{Desk, Hub, request};
use crate::core::session::Name;

use actix::Actor;

const TEXT_OF_A_FAULT: &str = "Missing value for \"sessionId\"";

#[actix_web::test]
async fn a_revoked_session_is_found_under_its_location() {
    let desk = Desk::open();
    for (version, session, segment) in [
        ("v3", "bl-v3", "bl-v3"),
        ("v2", "a/b \u{fc}", "a%2Fb%20%C3%BC"),
        ("v3", "line\r\nbreak", "line%0D%0Abreak"),
        ("v3", "..", ".."),
    ] {
        let path = format!("/{version}/session-blacklist");
        let location = format!("{path}/{segment}");
        let unknown = desk.get(&location).await;
        assert_eq!((unknown.status, unknown.text()), (404, "Not found."));
        assert_eq!(unknown.header("content-type"), None);

        let body = json!({"sessionId": session, "validityInSeconds": "60"});
        let made = desk.post(&format!("{path}/"), &body).await;
        assert_eq!((made.status, made.text()), (201, "{}"));
        assert_eq!(made.header("location"), Some(location.as_str()));
        assert_eq!(made.header("access-control-allow-origin"), Some("*"));
        let json = Some("application/json; charset=utf-8");
        assert_eq!(made.header("content-type"), json);

        let found = desk.get(&location).await;
        assert_eq!((found.status, found.text()), (200, "{}"));
        assert_eq!(found.header("content-type"), json);
    }
}

#[actix_web::test]
async fn faults_are_told_as_text_that_a_page_may_read() {
    let desk = Desk::open();
    let nothing = request("POST", "/v3/session-blacklist");
    let array = desk.post("/v3/session-blacklist", &json!([])).await;
    let wrong = json!({"sessionId": "s", "validityInSeconds": null});
    let wrong = desk.post("/v3/session-blacklist", &wrong).await;
    for (answer, text) in [
        (desk.send(nothing).await, TEXT_OF_A_FAULT),
        (array, TEXT_OF_A_FAULT),
        (wrong, "Expected a positive number, got nil"),
    ] {
        assert_eq!((answer.status, answer.text()), (400, text));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("content-type"), None);
    }
    let form = request("POST", "/v3/session-blacklist")
        .insert_header(("content-type", "application/x-www-form-urlencoded"))
        .set_payload("sessionId=form&validityInSeconds=60");
    assert_eq!(desk.send(form).await.status, 201);
    for (method, path) in [
        ("GET", "/v3/session-blacklist"),
        ("DELETE", "/v3/session-blacklist/form"),
        ("OPTIONS", "/v3/session-blacklist"),
    ] {
        let answer = desk.send(request(method, path)).await;
        assert_eq!(answer.json(), json!({"errors": {"detail": "Not found"}}));
    }
}

#[actix_web::test]
async fn who_waits_for_all_learns_which_nodes_have_confirmed() {
    let mut revokes = None;
    let desk = Desk::with(|state| {
        let hub = Hub::of(&state.sessions.revoked);
        revokes = Some(std::sync::Arc::clone(&hub.revokes));
        state.sessions.revoke = hub.start().recipient();
    });
    let revokes = revokes.unwrap();
    let body = json!({"sessionId": "s", "validityInSeconds": 1_000_000_000_000_u64});
    let path = "/v3/session-blacklist?wait=all&timeout=0.25";
    let answer = desk.post(path, &body).await;
    let expected = json!({"confirmed": ["node-1"], "missing": ["node-2"]});
    assert_eq!((answer.status, answer.json()), (201, expected));
    assert_eq!(answer.header("location"), Some("/v3/session-blacklist/s"));
    {
        let revokes = revokes.lock().unwrap();
        let [revoke] = revokes.as_slice() else {
            panic!("one revocation, not {revokes:?}");
        };
        assert_eq!(Some(&revoke.session), Name::new("s").as_ref());
        assert!(revoke.until_s > 1_000_000_000_000);
        assert_eq!(revoke.wait_ms, Some(250));
    }
    let faulty = desk.post("/v3/session-blacklist?wait=2", &body).await;
    let fault = json!({"query": [{"wait": "must be all"}]});
    assert_eq!((faulty.status, faulty.json()), (400, fault));
    assert_eq!(revokes.lock().unwrap().len(), 1, "nothing was revoked");
}
