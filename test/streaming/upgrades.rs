//! Any HTTP/1.1 upgrade is a tunnel once the target answers 101; without one it is an ordinary
//! request (RFC 9110, 7.8).

use std::sync::Arc;

use crate::support::{
    authority::Authority,
    gateway::Gateway,
    peer::{End, Peer},
    target::Target,
};

const UPGRADE: &str =
    "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\nupgrade: telex/2\r\n\r\n";

const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: telex/2\r\n\r\n";

/// Both ends of a tunnel.
fn tunnel(target: &Target, gateway: &Gateway) -> (Peer, Peer) {
    let mut client = Peer::connect(gateway.inbound());
    client.say(UPGRADE);
    let mut peer = target.accept();
    peer.head();
    peer.say(SWITCHING);
    client.status(101);
    (client, peer)
}

/// Bytes pass in both directions.
fn talk(client: &mut Peer, peer: &mut Peer) {
    client.say("ping\0");
    peer.hears("ping\0");
    peer.say("pong\r\n\r\n");
    client.hears("pong\r\n\r\n");
}

#[test]
fn a_websocket_handshake_passes_unchanged_and_opens_a_tunnel() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    client.say(
        "GET /chat?room=1 HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-protocol: chat\r\n\r\n",
    );
    let mut peer = target.accept();
    let head = peer.head();
    assert_eq!(head.start, "GET /chat?room=1 HTTP/1.1");
    for (name, value) in [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "chat"),
    ] {
        assert_eq!(
            head.header(name).map(str::to_lowercase),
            Some(value.to_lowercase()),
            "{name}"
        );
    }
    peer.say(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nsec-websocket-protocol: chat\r\n\r\n",
    );
    let head = client.status(101);
    for (name, value) in [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("sec-websocket-protocol", "chat"),
        ("content-length", ""),
        ("transfer-encoding", ""),
    ] {
        assert_eq!(
            head.header(name),
            (!value.is_empty()).then_some(value),
            "{name}"
        );
    }
    talk(&mut client, &mut peer);
}

#[test]
fn bytes_sent_right_behind_the_heads_arrive() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    client.say(format!("{UPGRADE}early question"));
    let mut peer = target.accept();
    peer.head();
    peer.say(format!("{SWITCHING}early answer"));
    client.status(101);
    client.hears("early answer");
    peer.hears("early question");
    talk(&mut client, &mut peer);
}

#[test]
fn each_direction_of_a_tunnel_ends_by_itself() {
    let target = Target::start();
    let gateway = target.gateway();

    let (mut client, mut peer) = tunnel(&target, &gateway);
    client.say("last words");
    client.finish();
    assert_eq!(peer.rest(), ("last words".to_owned(), End::Closed));
    peer.say("much later");
    client.hears("much later");
    peer.finish();
    assert_eq!(client.end(), End::Closed);

    let (mut client, mut peer) = tunnel(&target, &gateway);
    peer.finish();
    assert_eq!(client.end(), End::Closed);
    client.say("still here");
    peer.hears("still here");
    client.finish();
    assert_eq!(peer.end(), End::Closed);
    gateway.until_nothing_is_held();
    gateway.until_metric_is("rig_inbound_connections", 0.0);
}

#[test]
fn a_side_that_breaks_off_ends_the_tunnel_for_the_other() {
    let target = Target::start();
    let gateway = target.gateway();
    let (client, mut peer) = tunnel(&target, &gateway);
    client.reset();
    peer.end();
    let (mut client, peer) = tunnel(&target, &gateway);
    peer.reset();
    client.end();
    gateway.until_nothing_is_held();
}

#[test]
fn a_tunnel_survives_changes_of_its_definition_and_its_removal() {
    let target = Target::start();
    let gateway = target.gateway();
    let (mut client, mut peer) = tunnel(&target, &gateway);
    gateway.replace(&Target::start().definition("api", "/elsewhere"));
    talk(&mut client, &mut peer);
    gateway.remove("api");
    talk(&mut client, &mut peer);
    assert!((gateway.metric("rig_proxy_requests_in_flight") - 1.0).abs() < f64::EPSILON);
}

#[test]
fn without_a_101_the_answer_is_an_ordinary_one() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    client.say(UPGRADE);
    let mut peer = target.accept();
    peer.head();
    peer.say(
        "HTTP/1.1 426 Upgrade Required\r\nupgrade: telex/3\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    client.status(426);
    peer.say_chunk("no");
    client.hears_chunk("no");
    peer.say_chunk("");
    client.hears("0\r\n\r\n");
    client.say("GET /next HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(
        peer.head().start,
        "GET /next HTTP/1.1",
        "both connections are kept"
    );
    peer.say("HTTP/1.1 204 No Content\r\n\r\n");
    client.status(204);
}

#[test]
fn an_upgrade_to_http_2_is_not_offered() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    client.say(
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n\
         http2-settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    let mut peer = target.accept();
    let head = peer.head();
    for name in ["connection", "upgrade", "http2-settings"] {
        assert_eq!(head.header(name), None);
    }
    peer.say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    assert_eq!(client.answer("GET").body.bytes, b"ok");
}

#[test]
fn an_upgrade_that_is_refused_or_not_answered_is_refused_like_any_request() {
    let target = Target::start();
    let gateway = target.gateway();
    for (path, status) in [("/secured", 401), ("/quick", 504)] {
        let mut client = Peer::connect(gateway.inbound());
        client.say(UPGRADE.replace("/ws", path));
        client.status(status);
    }
    let mut silent = target.accept();
    silent.head();
    silent.end();
    drop(target);
    let mut client = Peer::connect(gateway.inbound());
    client.say(UPGRADE);
    client.status(502);
}

#[test]
fn tunnels_pass_through_tls_on_both_sides() {
    let authority = Authority::new();
    let target = Target::start_tls(authority.server("localhost"));
    let gateway = target.gateway_with(authority.gateway());
    let config = authority.client("http/1.1");
    let mut client = Peer::connect_tls(gateway.inbound_tls(), Arc::clone(&config));
    client.say(UPGRADE);
    let mut peer = target.accept();
    peer.head();
    peer.say(format!("{SWITCHING}early"));
    client.status(101);
    client.hears("early");
    talk(&mut client, &mut peer);
    client.finish();
    assert_eq!(peer.end(), End::Closed);
    peer.say("still here");
    client.hears("still here");
    peer.finish();
    assert_eq!(client.end(), End::Closed);
    gateway.until_nothing_is_held();
}
