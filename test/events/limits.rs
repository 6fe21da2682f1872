//! What a client cannot do to others: connect without end, be slow, take all places
//! (spec: `events.md` 5.4; issue 4: delivery).

use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::support::{
    client::{Payload, Request, ask},
    event_stream::{EventStream, PATH},
    frontend::{builder, run, token, types},
    gateway::Gateway,
    multiplexed::Multiplexed,
    peer::Peer,
    websocket::WebSocket,
};

const POLLING: &str = "/_rig/v1/connection/longpolling";

fn status(gateway: &Gateway, target: &str) -> u16 {
    let request = Request::new("GET", target);
    ask(gateway.inbound(), &request).expect("an answer").status
}

#[test]
fn connections_a_minute_are_limited_over_all_transports() {
    let gateway = run(builder().env("MAX_CONNECTIONS_PER_MINUTE", "3"));
    // A minute may begin in between, once.
    for _attempt in 0..2 {
        let opened = (0..6)
            .filter(|number| match number % 3 {
                0 => is_opened(&gateway),
                1 => status(&gateway, POLLING) == 200,
                _ => WebSocket::open(gateway.inbound(), "").frame().0 == 1,
            })
            .count();
        assert!((3..6).contains(&opened) || opened == 0, "{opened}");
    }
    let request = Request::new("GET", PATH);
    let answer = ask(gateway.inbound(), &request).expect("an answer");
    assert_eq!(answer.status, 429);
    assert_eq!(answer.body.bytes, b"Reached maximum number of connections");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    WebSocket::open(gateway.inbound(), "").closes(1008, "Bad request.");
}

/// A stream was opened; it is left at once.
fn is_opened(gateway: &Gateway) -> bool {
    let mut peer = Peer::connect(gateway.inbound());
    peer.say(format!("GET {PATH} HTTP/1.1\r\nhost: a\r\n\r\n"));
    peer.head().start.contains(" 200 ")
}

/// A client whose system takes only a few bytes that it does not read.
fn lazy(gateway: &Gateway) -> Peer {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a live socket");
    socket
        .connect(&gateway.inbound().into())
        .expect("a listener");
    Peer::plain(socket.into())
}

#[test]
fn a_slow_consumer_is_disconnected_and_its_neighbour_gets_everything() {
    let gateway = run(builder()
        .env("WORKERS", "1")
        .env("CONNECTION_QUEUE_BYTES", "65536"));
    let query = types(&["t"]);
    let mut slow = EventStream::over(lazy(&gateway), &query);
    slow.welcome();
    let mut slow_socket = WebSocket::over(lazy(&gateway), &query);
    slow_socket.welcome();
    let mut neighbour = EventStream::open(gateway.inbound(), &query);
    neighbour.welcome();
    let text = json!("x".repeat(100_000));
    // More than the systems between the two hold.
    for id in 0..150 {
        gateway.submit_event("t", &id.to_string(), text.clone());
        neighbour.hears(&id.to_string());
    }
    gateway.until_ended("sse", "slow_consumer", 1);
    gateway.until_ended("ws", "slow_consumer", 1);
    // What the slow one can still read has no proper end, so it knows.
    loop {
        match slow.try_next() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a proper end"),
            Err(_cut) => break,
        }
    }
    gateway.submit("t", "end");
    neighbour.hears("end");
    gateway.until_metric_is("rig_connection_queue_bytes", 0.0);
}

#[test]
fn an_event_larger_than_the_queue_reaches_a_client_that_reads() {
    let gateway = run(builder().env("CONNECTION_QUEUE_BYTES", "65536"));
    let mut stream = EventStream::open(gateway.inbound(), &types(&["t"]));
    stream.welcome();
    gateway.submit_event("t", "large", json!("x".repeat(7_000_000)));
    stream.hears("large");
    gateway.submit("t", "next");
    stream.hears("next");
}

/// Each line end of the text is the beginning of a further line on the wire: eight megabytes become 50.
#[test]
fn a_large_event_is_in_memory_once_however_many_do_not_read_it() {
    let gateway = run(builder().env("WORKERS", "1"));
    let slow: Vec<_> = (0..40)
        .map(|_| {
            let mut stream = EventStream::over(lazy(&gateway), &types(&["t"]));
            stream.welcome();
            stream
        })
        .collect();
    let (before, _) = gateway.memory();
    let space = "\n".repeat(7_900_000);
    let event = format!(r#"{{"specversion":"0.2","type":"t","id":"large","data":{space}1}}"#);
    let mut request = Request::new("POST", "/_rig/v1/events");
    request = request.with("content-type", "application/json");
    request.payload = Payload::Bytes(event.into_bytes());
    let answer = ask(gateway.inbound(), &request).expect("an answer");
    assert_eq!(answer.status, 202);
    gateway.until_metric_is("rig_event_deliveries_total", 40.0);
    let (after, most) = gateway.memory();
    let allowed = before + 250 * 1024;
    assert!(
        after < allowed && most < allowed,
        "KiB: {before}, {after}, {most}"
    );
    drop(slow);
}

#[test]
fn a_stream_that_has_ended_goes_although_its_client_does_not_read() {
    let gateway = run(builder().env("CONNECTION_QUEUE_BYTES", "8000000"));
    let client = Multiplexed::connect(gateway.inbound());
    let session = token(json!({"jti": "s"}));
    let mut exchange = client.get(&format!("http://a{PATH}?{}&jwt={session}", types(&["t"])));
    exchange.status(200);
    let mut stream = EventStream::multiplexed(exchange);
    stream.welcome();
    // More than the window of the stream, less than what may wait.
    for id in 0..6 {
        gateway.submit_event("t", &id.to_string(), json!("x".repeat(900_000)));
    }
    gateway.until_metric_is("rig_event_deliveries_total", 6.0);
    gateway.revoke("s");
    gateway.until_ended("sse", "session_killed", 1);
    gateway.until_metric_is("rig_connection_queue_bytes", 0.0);
    drop(stream);
}

#[test]
fn lines_take_places_among_the_connections() {
    let gateway = run(builder().env("MAX_CONNECTIONS", "2"));
    let mut stream = EventStream::open(gateway.inbound(), "");
    let mut socket = WebSocket::open(gateway.inbound(), "");
    stream.welcome();
    socket.welcome();
    let mut third = Peer::connect(gateway.inbound());
    third.status(503);
    drop(socket);
    gateway.until_open("ws", 0);
    let mut third = EventStream::open(gateway.inbound(), "");
    third.welcome();
}

#[test]
fn a_slow_consumer_on_http_2_is_given_up_and_its_other_streams_go_on() {
    let gateway = run(builder()
        .env("WORKERS", "1")
        .env("CONNECTION_QUEUE_BYTES", "65536"));
    let client = Multiplexed::connect(gateway.inbound());
    let open = |types: &str| {
        let mut exchange = client.get(&format!("http://a{PATH}?{types}"));
        exchange.status(200);
        EventStream::multiplexed(exchange)
    };
    let mut slow = open(&types(&["t"]));
    slow.welcome();
    let mut other = open(&types(&["end"]));
    other.welcome();
    let text = json!("x".repeat(100_000));
    for id in 0..150 {
        gateway.submit_event("t", &id.to_string(), text.clone());
    }
    gateway.until_ended("sse", "slow_consumer", 1);
    gateway.submit("end", "1");
    other.hears("1");
    drop(slow);
}
