//! Streams end with the session or the token they were opened with (spec: `events.md` 5.5 and 5.6,
//! `auth.md` 6.3 and 6.4).

use serde_json::json;

use crate::support::{
    client::{Request, ask},
    event_stream::{EventStream, PATH},
    frontend::{builder, run, start, token, types},
    gateway::Gateway,
    issuer::now,
    websocket::WebSocket,
};

fn refused(gateway: &Gateway, jwt: &str, reason: &str) {
    let request = Request::new("GET", &format!("{PATH}?jwt={jwt}"));
    let answer = ask(gateway.inbound(), &request).expect("an answer");
    let text = String::from_utf8_lossy(&answer.body.bytes).into_owned();
    let expected = format!("could not parse subscriptions: could not decode JWT: {reason}");
    assert_eq!((answer.status, text), (400, expected));
}

#[test]
fn a_revoked_session_loses_all_its_lines_and_no_others() {
    let gateway = start();
    let query = |session: &str| {
        let jwt = token(json!({ "jti": session }));
        format!("jwt={jwt}&{}", types(&["t"]))
    };
    let mut stream = EventStream::open(gateway.inbound(), &query("s"));
    let mut socket = WebSocket::open(gateway.inbound(), &query("s"));
    let mut other = EventStream::open(gateway.inbound(), &query("other"));
    let mut put = WebSocket::open(gateway.inbound(), "");
    stream.welcome();
    socket.welcome();
    other.welcome();
    let (connection, _) = put.welcome();
    let bearer = format!("Bearer {}", token(json!({"jti": "s"})));
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(
        gateway
            .subscribe_with(&connection, &json!([]), &headers)
            .status,
        204
    );
    put.event("rig.subscriptions_set");
    gateway.revoke("s");
    stream.event("rig.session_killed");
    stream.ends();
    socket.closes(1000, "Session killed.");
    put.closes(1000, "Session killed.");
    gateway.submit("t", "1");
    other.hears("1");
    gateway.until_ended("sse", "session_killed", 1);
    gateway.until_ended("ws", "session_killed", 2);
    refused(
        &gateway,
        &token(json!({"jti": "s"})),
        "Ignoring blacklisted JWT with ID \"s\".",
    );
}

#[test]
fn the_session_is_where_the_settings_say_and_both_names_are_looked_at() {
    let gateway = run(builder().env("JWT_SESSION_FIELD", "/session/0"));
    let claims = json!({"session": ["mine"], "jti": "id"});
    let mut stream =
        EventStream::open(gateway.inbound(), &format!("jwt={}", token(claims.clone())));
    stream.welcome();
    gateway.revoke("mine");
    stream.event("rig.session_killed");
    stream.ends();
    let request = Request::new("GET", &format!("{PATH}?jwt={}", token(claims)));
    assert_eq!(
        ask(gateway.inbound(), &request).expect("an answer").status,
        400
    );
    gateway.revoke("other-id");
    let jti = token(json!({"session": ["fine"], "jti": "other-id"}));
    refused(
        &gateway,
        &jti,
        "Ignoring blacklisted JWT with ID \"other-id\".",
    );
}

#[test]
fn a_session_that_is_no_text_is_a_connection_without_one() {
    let gateway = start();
    for jti in [json!({"a": 1}), json!(""), json!(null), json!([])] {
        let jwt = token(json!({ "jti": jti }));
        EventStream::open(gateway.inbound(), &format!("jwt={jwt}")).welcome();
    }
    let number = token(json!({"jti": 5}));
    let mut stream = EventStream::open(gateway.inbound(), &format!("jwt={number}"));
    stream.welcome();
    gateway.revoke("5");
    stream.event("rig.session_killed");
    stream.ends();
}

#[test]
fn lines_end_when_their_token_expires() {
    let gateway = start();
    // Whole seconds: a token of two lives for one at least.
    let query = || format!("jwt={}", token(json!({"jti": "s", "exp": now() + 2})));
    let mut stream = EventStream::open(gateway.inbound(), &query());
    let mut socket = WebSocket::open(gateway.inbound(), &query());
    let lasting = format!("jwt={}", token(json!({"exp": now() + 600})));
    let mut other = EventStream::open(gateway.inbound(), &format!("{lasting}&{}", types(&["t"])));
    other.welcome();
    stream.welcome();
    socket.welcome();
    let notice = stream.event("rig.token_expired");
    assert_eq!(notice["source"], "rig");
    stream.ends();
    socket.closes(1008, "Token expired.");
    gateway.until_ended("sse", "token_expired", 1);
    gateway.until_ended("ws", "token_expired", 1);
    gateway.submit("t", "1");
    other.hears("1");
    refused(&gateway, &token(json!({"exp": now() - 1})), "token expired");
    let polling = Request::new(
        "GET",
        &format!("/_rig/v1/connection/longpolling?{}", query()),
    );
    assert_eq!(
        ask(gateway.inbound(), &polling).expect("an answer").status,
        200
    );
    gateway.until_ended("longpolling", "token_expired", 1);
}
