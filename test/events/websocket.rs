//! What a WebSocket client may say, and what it hears (spec: `events.md` 5.6; RFC 6455).

use serde_json::json;

use crate::support::{
    authority::Authority,
    client::{Request, ask},
    frontend::{encoded, run, start, token, types},
    peer::{End, Peer},
    websocket::{BINARY, CLOSE, CONTINUATION, PATH, PING, PONG, TEXT, WebSocket, handshake},
};

/// What a client is told that sends a message.
const ONE_WAY: &str = "This WebSocket endpoint cannot be used for two-way communication.";

#[test]
fn events_come_as_text_messages_and_subscriptions_can_be_replaced() {
    let gateway = start();
    let mut socket = WebSocket::open(gateway.inbound(), &types(&["greeting"]));
    let (token, set) = socket.welcome();
    assert_eq!(set, json!([{"eventType": "greeting", "oneOf": []}]));
    gateway.submit_event("greeting", "long", json!("x".repeat(70_000)));
    assert_eq!(socket.event("greeting")["id"], "long");
    gateway.subscribe(&token, &["other"]);
    socket.event("rig.subscriptions_set");
    gateway.submit("greeting", "not any more");
    gateway.submit("other", "2");
    assert_eq!(socket.event("other")["id"], "2");
}

#[test]
fn websockets_over_tls() {
    let authority = Authority::new();
    let gateway = run(authority.gateway());
    let peer = Peer::connect_tls(gateway.inbound_tls(), authority.client("http/1.1"));
    let mut socket = WebSocket::over(peer, &types(&["greeting"]));
    socket.welcome();
    gateway.submit("greeting", "1");
    assert_eq!(socket.event("greeting")["id"], "1");
    socket.say(PING, b"hello");
    assert_eq!(socket.frame(), (PONG, b"hello".to_vec()));
    socket.say(TEXT, b"hello");
    socket.closes(1000, ONE_WAY);
}

#[test]
fn each_ping_gets_one_pong_and_the_connection_goes_on() {
    let gateway = start();
    let mut socket = WebSocket::open(gateway.inbound(), &types(&["greeting"]));
    let (token, _) = socket.welcome();
    socket.say(PING, b"");
    assert_eq!(socket.frame(), (PONG, Vec::new()));
    socket.say(PING, b"payload");
    assert_eq!(socket.frame(), (PONG, b"payload".to_vec()));
    socket.say(PONG, b"not asked for");
    gateway.subscribe(&token, &["other"]);
    socket.event("rig.subscriptions_set");
    gateway.submit("other", "1");
    assert_eq!(socket.event("other")["id"], "1");
}

#[test]
fn a_client_that_sends_a_message_is_closed_and_hears_no_more_events() {
    let gateway = start();
    for opcode in [TEXT, BINARY] {
        let mut socket = WebSocket::open(gateway.inbound(), &types(&["greeting"]));
        socket.welcome();
        socket.say(opcode, b"hello");
        socket.closes(1000, ONE_WAY);
    }
    // In parts, with a ping between them.
    let mut socket = WebSocket::open(gateway.inbound(), "");
    socket.welcome();
    socket.say_part(TEXT, b"hel");
    socket.say(PING, b"p");
    assert_eq!(socket.frame(), (PONG, b"p".to_vec()));
    socket.say(CONTINUATION, b"lo");
    socket.closes(1000, ONE_WAY);
    // In the same segment as the handshake.
    let mut peer = Peer::connect(gateway.inbound());
    let early = [0x81, 0x80, 0, 0, 0, 0];
    let shake = handshake(&types(&["greeting"]), "");
    peer.say([shake.as_bytes(), &early].concat());
    let head = peer.status(101);
    let mut socket = WebSocket::begun(peer, &head);
    // Closed before the other nodes could have confirmed what it wants.
    assert_eq!(socket.frame().0, TEXT);
    socket.closes(1000, ONE_WAY);
    gateway.until_open("ws", 0);
}

#[test]
fn breaches_of_the_protocol_close_with_their_code() {
    let gateway = start();
    let masked = |first: u8| vec![first, 0x80, 0, 0, 0, 0];
    let cases: [(&str, Vec<u8>, u16, &str); 7] = [
        ("a reserved opcode", masked(0x83), 1002, ""),
        ("a reserved control opcode", masked(0x8b), 1002, ""),
        ("a reserved bit", masked(0xc1), 1002, ""),
        ("no mask", vec![0x81, 1, b'a'], 1002, ""),
        ("a ping in parts", masked(0x09), 1002, ""),
        ("a continuation of nothing", masked(0x80), 1002, ""),
        (
            "no UTF-8",
            vec![0x81, 0x81, 0, 0, 0, 0, 0xff],
            1007,
            "no UTF-8",
        ),
    ];
    for (what, bytes, code, reason) in cases {
        eprintln!("{what}");
        let mut socket = WebSocket::open(gateway.inbound(), "");
        socket.welcome();
        socket.say_raw(&bytes);
        socket.closes(code, reason);
    }
    gateway.until_ended("ws", "protocol", 7);
}

#[test]
fn a_message_over_64_kib_closes_with_1009() {
    let gateway = start();
    let mut socket = WebSocket::open(gateway.inbound(), "");
    socket.welcome();
    socket.say(TEXT, &vec![b'x'; 65_536]);
    socket.closes(1000, ONE_WAY);
    let mut socket = WebSocket::open(gateway.inbound(), "");
    socket.welcome();
    // The length alone says it.
    socket.say_raw(&[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
    socket.closes(1009, "message too large");
    let mut socket = WebSocket::open(gateway.inbound(), "");
    socket.welcome();
    socket.say_part(TEXT, &vec![b'x'; 40_000]);
    socket.say_part(CONTINUATION, &vec![b'x'; 40_000]);
    socket.closes(1009, "message too large");
}

#[test]
fn a_close_frame_is_answered() {
    let gateway = start();
    let mut socket = WebSocket::open(gateway.inbound(), "");
    socket.welcome();
    socket.say(CLOSE, &[&1001_u16.to_be_bytes()[..], b"bye"].concat());
    let (opcode, payload) = socket.frame();
    assert_eq!(
        (opcode, payload.get(..2)),
        (CLOSE, Some(&1001_u16.to_be_bytes()[..]))
    );
    assert_eq!(socket.into_peer().end(), End::Closed);
    gateway.until_ended("ws", "client_closed", 1);
}

#[test]
fn what_is_no_handshake_is_told_how_to_upgrade() {
    let gateway = start();
    for method in ["GET", "POST", "HEAD", "OPTIONS", "DELETE"] {
        let answer = ask(gateway.inbound(), &Request::new(method, PATH)).expect("an answer");
        assert_eq!(answer.status, 426, "{method}");
        assert_eq!(answer.header("upgrade"), Some("websocket"), "{method}");
        let connection = answer.header("connection").map(str::to_lowercase);
        assert!(
            connection.is_some_and(|value| value.contains("upgrade")),
            "{method}"
        );
    }
    let mut peer = Peer::connect(gateway.inbound());
    peer.say(handshake("", "").replace("version: 13", "version: 8"));
    let head = peer.status(400);
    assert_eq!(head.header("sec-websocket-version"), Some("13"));
    let mut peer = Peer::connect(gateway.inbound());
    peer.say(handshake(
        "",
        "sec-websocket-protocol: chat\r\norigin: http://elsewhere\r\n",
    ));
    let head = peer.status(101);
    assert_eq!(head.header("sec-websocket-protocol"), None);
    WebSocket::begun(peer, &head).welcome();
}

#[test]
fn who_is_not_let_in_is_told_so_in_the_close_frame() {
    let gateway = start();
    let refused = |query: &str, text: &str| {
        WebSocket::open(gateway.inbound(), query).closes(1008, text);
    };
    let undecodable = "Failed to decode subscription list: key must be a string at line 1 column 2";
    refused("subscriptions=%7Boops", undecodable);
    refused("subscriptions=%5B%7B%7D%5D", "Bad request.");
    refused("subscriptions=null", "Bad request.");
    refused("jwt=abc", "Bad request.");
    gateway.revoke("gone");
    refused(
        &format!("jwt={}", token(json!({"jti": "gone"}))),
        "Bad request.",
    );
    let constraint = encoded(r#"[{"eventType":"a","oneOf":[{"b":1}]}]"#);
    refused(&format!("subscriptions={constraint}"), "Bad request.");
}
