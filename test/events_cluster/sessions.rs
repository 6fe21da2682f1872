//! A session that is revoked on one node is over on all, also on those that start later.

use std::{thread, time::Instant};

use serde_json::{Value, json};

use super::{
    clients::{Poller, Stream},
    running,
};
use crate::support::{
    client::{Answer, Connection, Payload, Request, ask},
    definition::{api, endpoint, guarded_api},
    event_stream::PATH,
    fleet,
    frontend::{token, types},
    gateway::Gateway,
    peer::Peer,
    target::Target,
    websocket::WebSocket,
};

fn jwt(session: &str) -> String {
    token(json!({ "jti": session }))
}

/// Revokes a session, with this query.
pub(super) fn revoke(node: &Gateway, session: &str, query: &str) -> Answer {
    let body = json!({"sessionId": session, "validityInSeconds": 600});
    let request = Request::json("POST", &format!("/v3/session-blacklist{query}"), &body);
    ask(node.api(), &request).expect("an answer")
}

/// The status of a request for a stream.
fn connects(node: &Gateway, session: &str) -> u16 {
    let mut peer = Peer::connect(node.inbound());
    peer.say(format!(
        "HEAD {PATH}?jwt={} HTTP/1.1\r\nhost: a\r\n\r\n",
        jwt(session)
    ));
    let start = peer.head().start;
    start
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .expect("a status")
}

#[test]
fn a_session_that_is_revoked_on_one_node_ends_on_all() {
    let fleet = running(3, &[]);
    let query = format!("jwt={}&{}", jwt("s"), types(&["t"]));
    let mut lines = Vec::new();
    for node in fleet.live() {
        let stream = Stream::open(node.inbound(), &query);
        let mut socket = WebSocket::open(node.inbound(), &query);
        socket.welcome();
        let mut waiting = Poller::open(node.inbound(), &query);
        let at = node.inbound();
        let poll = thread::spawn(move || waiting.poll(at));
        lines.push((stream, socket, poll));
    }
    let mut other = Stream::open(fleet.node(2).inbound(), &types(&["t"]));
    let answer = revoke(fleet.node(0), "s", "?wait=all");
    assert_eq!(answer.status, 201, "{answer:?}");
    let begun = Instant::now();
    for (stream, socket, poll) in lines {
        stream.hears_that_it_is_killed();
        socket.closes(1000, "Session killed.");
        let told = poll.join().expect("a poll");
        assert!(
            told.iter()
                .any(|event| event["type"] == "rig.session_killed"),
            "{told:?}"
        );
    }
    println!("all lines ended after {:?}", begun.elapsed());
    for node in fleet.live() {
        assert_eq!(connects(node, "s"), 400);
        assert_eq!(connects(node, "another"), 200);
    }
    fleet.node(1).submit("t", "1");
    assert_eq!(other.ids(1), ["1"]);
}

#[test]
fn an_answer_can_wait_for_all_nodes_and_names_those_that_confirmed() {
    let fleet = running(3, &[]);
    let answer = revoke(fleet.node(1), "s", "?wait=all");
    assert_eq!(answer.status, 201);
    let body = answer.json();
    let mut confirmed: Vec<Value> = body["confirmed"].as_array().expect("a list").clone();
    confirmed.sort_by_key(Value::to_string);
    assert_eq!(confirmed, ["node-0", "node-1", "node-2"], "{body}");
    // At once: it was confirmed.
    for node in fleet.live() {
        assert_eq!(connects(node, "s"), 400);
    }
}

#[test]
fn a_node_that_starts_knows_all_revoked_sessions_when_it_is_ready() {
    const SESSIONS: usize = 1_000;
    let mut fleet = running(3, &[]);
    let mut admin = Connection::open(fleet.node(0).api()).expect("a node");
    for session in 0..SESSIONS {
        let body = json!({"sessionId": format!("s{session}"), "validityInSeconds": 600});
        let request = Request::json("POST", "/v3/session-blacklist", &body);
        assert_eq!(admin.ask(&request).expect("an answer").status, 201);
    }
    assert_eq!(revoke(fleet.node(0), "last", "?wait=all").status, 201);
    fleet.kill(2);
    fleet.start(2, &[]);
    let node = fleet.node(2);
    let mut link = Connection::open(node.inbound()).expect("a node");
    let accepted = (0..SESSIONS).rev().filter(|session| {
        let target = format!("{PATH}?jwt={}", jwt(&format!("s{session}")));
        link.ask(&Request::new("HEAD", &target))
            .expect("an answer")
            .status
            == 200
    });
    assert_eq!(accepted.count(), 0);
    assert_eq!(connects(node, "another"), 200);
}

#[test]
fn until_a_node_knows_who_is_revoked_it_lets_nobody_in() {
    let mut fleet = running(2, &[]);
    assert_eq!(revoke(fleet.node(0), "s", "").status, 201);
    fleet.kill(1);
    let target = Target::start();
    let api = guarded_api(
        "a",
        target.address(),
        &[endpoint("a", "GET", "/a", json!({"secured": true}))],
    );
    fleet.listen(1, &[api]);
    let bearer = format!("Bearer {}", jwt("s"));
    let mut statuses = Vec::new();
    fleet::until("a node that knows", || {
        let node = fleet.node(1);
        let stream = connects(node, "s");
        let proxied = ask(
            node.inbound(),
            &Request::new("GET", "/a").with("authorization", &bearer),
        );
        let proxied = proxied.expect("an answer").status;
        statuses.push((stream, proxied));
        assert!([400, 503].contains(&stream), "{statuses:?}");
        assert!([401, 404, 503].contains(&proxied), "{statuses:?}");
        ((stream, proxied) == (400, 401)).then_some(())
    });
}

#[test]
fn an_asynchronous_answer_may_come_through_another_node() {
    let mut fleet = super::fleet(3, &[]);
    let target = Target::start();
    let late = json!({"response_from": "http_async"});
    let api = api(
        "late",
        target.address(),
        &[endpoint("get", "GET", "/late", late)],
    );
    fleet.start_all(&vec![vec![api]; 3]);
    for (asked, answers) in [(0, 1), (1, 2), (2, 0)] {
        let mut client = Peer::connect(fleet.node(asked).inbound());
        client.say("GET /late HTTP/1.1\r\nhost: a\r\n\r\n");
        let mut backend = target.accept();
        let start = backend.head().start;
        let id = start
            .split("correlation=")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        backend.say("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n");
        let mut call = Request::new("POST", "/v3/responses")
            .with("rig-correlation", id.expect("a correlation"))
            .with("rig-response-code", "201")
            .with("content-type", "text/plain");
        call.payload = Payload::Bytes(b"late".to_vec());
        let answer = ask(fleet.node(answers).api(), &call).expect("an answer");
        assert_eq!(answer.status, 202, "{answer:?}");
        let answer = client.answer("GET");
        assert_eq!(
            (answer.status, answer.body.bytes.as_slice()),
            (201, &b"late"[..])
        );
    }
}
