//! How lines end: clients that leave, clients that vanish, a gateway that stops
//! (issue 4: connections; spec: `events.md` 5.6).

use std::{fs, time::Duration};

use crate::support::{
    authority::Authority,
    event_stream::EventStream,
    frontend::{run, start, types},
    gateway::Gateway,
    long,
    multiplexed::Multiplexed,
    peer::Peer,
    websocket::{PING, PONG, WebSocket},
};

/// Three heartbeats of 15 s, and some.
const PINGS_TO_GIVE_UP: Duration = Duration::from_secs(60);

/// Connections of this process that wait for their owner to close them.
fn half_closed(gateway: &Gateway) -> usize {
    let port = format!(":{:04X}", gateway.inbound().port());
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux");
    // Local address, remote address, state 8: CLOSE_WAIT.
    let is_ours = |line: &&str| {
        let mut words = line.split_whitespace().skip(1);
        let local = words.next().unwrap_or_default();
        local.ends_with(&port) && words.nth(1) == Some("08")
    };
    table.lines().filter(is_ours).count()
}

#[test]
fn a_client_that_leaves_is_released_at_once() {
    let authority = Authority::new();
    let gateway = run(authority.gateway());
    let plain = || Peer::connect(gateway.inbound());
    let tls = || Peer::connect_tls(gateway.inbound_tls(), authority.client("http/1.1"));
    for connect in [&plain as &dyn Fn() -> Peer, &tls] {
        for reset in [false, true] {
            let leave = |peer: Peer| if reset { peer.reset() } else { peer.cut() };
            let mut stream = EventStream::over(connect(), "");
            let mut socket = WebSocket::over(connect(), "");
            stream.welcome();
            socket.welcome();
            gateway.until_open("sse", 1);
            gateway.until_open("ws", 1);
            leave(stream.into_peer().expect("a connection"));
            leave(socket.into_peer());
            gateway.until_open("sse", 0);
            gateway.until_open("ws", 0);
        }
    }
    assert_eq!(half_closed(&gateway), 0);
    gateway.until_metric_is("rig_subscriptions_total", 0.0);
}

#[test]
fn a_client_that_only_ends_its_half_is_released_too() {
    let gateway = start();
    let mut stream = EventStream::open(gateway.inbound(), &types(&["t"]));
    stream.welcome();
    gateway.until_metric_is("rig_subscriptions_total", 1.0);
    let mut peer = stream.into_peer().expect("a connection");
    peer.finish();
    gateway.until_open("sse", 0);
    gateway.until_metric_is("rig_subscriptions_total", 0.0);
    peer.rest();
    assert_eq!(half_closed(&gateway), 0);
}

#[test]
fn a_stopping_gateway_ends_all_lines_and_then_itself() {
    let mut gateway = start();
    let mut stream = EventStream::open(gateway.inbound(), "");
    let mut socket = WebSocket::open(gateway.inbound(), "");
    let client = Multiplexed::connect(gateway.inbound());
    let mut exchange = client.get("http://a/_rig/v1/connection/sse");
    exchange.status(200);
    let mut multiplexed = EventStream::multiplexed(exchange);
    let mut second = Peer::connect(gateway.inbound());
    second.say("GET /_rig/health HTTP/1.1\r\nhost: a\r\n\r\n");
    second.answer("GET");
    let mut second = EventStream::over(second, "");
    stream.welcome();
    socket.welcome();
    multiplexed.welcome();
    second.welcome();
    gateway.signal("TERM");
    stream.ends();
    socket.closes(1012, "The server restarts.");
    multiplexed.ends();
    second.ends();
    drop(client);
    assert_eq!(gateway.ends_within(Duration::from_secs(8)), Some(Some(0)));
}

#[test]
fn a_websocket_client_that_answers_pings_stays_and_one_that_does_not_is_given_up() {
    if !long::is_wanted() {
        return;
    }
    let gateway = start();
    let mut answering = WebSocket::open(gateway.inbound(), &types(&["t"]));
    let mut silent = WebSocket::open(gateway.inbound(), "");
    answering.welcome();
    silent.welcome();
    answering.be_patient(PINGS_TO_GIVE_UP);
    silent.be_patient(PINGS_TO_GIVE_UP);
    // One more than the silent one may leave unanswered.
    for _ping in 0..3 {
        assert_eq!(answering.frame(), (PING, Vec::new()), "a heartbeat");
        answering.say(PONG, b"");
    }
    for _ping in 0..2 {
        assert_eq!(silent.frame(), (PING, Vec::new()), "a heartbeat");
    }
    let (rest, _end) = silent.into_peer().rest();
    assert_eq!(rest, "");
    gateway.until_open("ws", 1);
    gateway.submit("t", "1");
    assert_eq!(answering.event("t")["id"], "1");
}
