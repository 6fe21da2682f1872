//! Connections to targets: kept, trusted, limited in time, and tried once more where that is safe.

use std::{
    io::Write,
    net::{Ipv4Addr, TcpStream},
    time::{Duration, Instant},
};

use crate::support::{
    authority::Authority,
    client::{Request, ask},
    gateway::Gateway,
    peer::Peer,
    target::{Target, definition},
};

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A client that has been answered on `peer`, so that the pool holds that connection.
fn pooled(target: &Target, gateway: &Gateway) -> (Peer, Peer) {
    let mut client = Peer::connect(gateway.inbound());
    client.say(GET);
    let mut peer = target.accept();
    peer.head();
    peer.say(OK);
    assert_eq!(client.answer("GET").status, 200);
    (client, peer)
}

#[test]
fn requests_one_after_another_share_one_connection() {
    let target = Target::start();
    let gateway = target.gateway();
    let (mut client, mut peer) = pooled(&target, &gateway);
    for _ in 0..20 {
        client.say("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi");
        peer.head();
        peer.hears("hi");
        peer.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
        assert_eq!(client.answer("POST").body.bytes, b"ok");
        // Another client of the same worker.
        client = Peer::connect(gateway.inbound());
    }
    assert!(target.has_no_other_connection());
}

#[test]
fn a_target_with_a_trusted_certificate_of_its_name_is_talked_to_and_no_other() {
    let authority = Authority::new();
    let target = Target::start_tls(authority.server("localhost"));
    let gateway = target.gateway_with(authority.gateway());
    let mut client = Peer::connect(gateway.inbound());
    client.say(GET);
    let mut peer = target.accept();
    peer.head();
    peer.say(OK);
    assert_eq!(client.answer("GET").body.bytes, b"ok");

    let stranger = Authority::new();
    let tls = |authority: &Authority, name: &str| Target::start_tls(authority.server(name));
    for (what, target, builder) in [
        (
            "another name",
            tls(&authority, "example.org"),
            authority.gateway(),
        ),
        (
            "another authority",
            tls(&stranger, "localhost"),
            authority.gateway(),
        ),
        (
            "nobody of ours",
            tls(&authority, "localhost"),
            Gateway::builder(),
        ),
        ("no TLS", Target::start(), authority.gateway()),
    ] {
        let definition = definition("api", "", "https://localhost", target.address().port());
        let gateway = builder
            .config_json(&[definition])
            .start()
            .expect("a gateway");
        let mut client = Peer::connect(gateway.inbound());
        client.say(GET);
        let mut peer = target.accept();
        peer.try_say("").ok();
        if what == "no TLS" {
            peer.say(OK);
        } else {
            // Runs the handshake to its failure; nothing of a request may come out of it.
            assert!(peer.try_bytes(1).is_err(), "{what}");
        }
        assert_eq!(client.answer("GET").status, 502, "{what}");
    }
}

#[test]
fn a_self_signed_certificate_is_trusted_once_it_is_named() {
    let authority = Authority::new();
    for is_ca in [false, true] {
        let (config, file) = authority.self_signed(is_ca);
        let target = Target::start_tls(config);
        for (builder, status) in [
            (Gateway::builder(), 502),
            (
                Gateway::builder().env("PROXY_CA_CERTFILE", &file.display().to_string()),
                200,
            ),
        ] {
            let gateway = target.gateway_with(builder);
            let mut client = Peer::connect(gateway.inbound());
            client.say(GET);
            let mut peer = target.accept();
            if peer.try_bytes(1).is_ok() {
                peer.say(OK);
            }
            assert_eq!(client.answer("GET").status, status, "is_ca: {is_ca}");
        }
    }
}

#[test]
fn the_answer_timeout_counts_from_the_end_of_the_request() {
    let target = Target::start();
    let gateway = target.gateway_with(Gateway::builder().env("PROXY_RECV_TIMEOUT", "400"));
    let mut client = Peer::connect(gateway.inbound());
    client.say("PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    let mut peer = target.accept();
    peer.head();
    // Another request running into the timeout is the witness that it has passed.
    let mut witness = Peer::connect(gateway.inbound());
    witness.say(GET);
    let _silent = target.accept();
    witness.status(504);
    client.say_chunk("late");
    peer.hears_chunk("late");
    client.say_chunk("");
    peer.hears("0\r\n\r\n");
    peer.say(OK);
    assert_eq!(client.answer("PUT").status, 200);

    client.say("PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody");
    peer.head();
    peer.hears("body");
    assert_eq!(client.answer("PUT").status, 504);
    peer.end();
    gateway.until_nothing_is_held();
}

#[test]
fn the_answer_timeout_of_an_endpoint_wins() {
    let target = Target::start();
    let gateway = target.gateway_with(Gateway::builder().env("PROXY_RECV_TIMEOUT", "1h"));
    let start = Instant::now();
    let answer = ask(gateway.inbound(), &Request::new("GET", "/quick")).expect("an answer");
    assert_eq!(answer.status, 504);
    assert!(
        start.elapsed() >= Duration::from_millis(300),
        "not before its time"
    );
}

#[test]
fn a_target_that_accepts_nobody_is_given_up_after_the_connect_timeout() {
    let full =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let any = std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    full.bind(&any.into()).expect("a free loopback port");
    full.listen(0).expect("a listener");
    let address = full
        .local_addr()
        .expect("an address")
        .as_socket()
        .expect("an IP address");
    // The system drops what arrives while the backlog is full, as a firewall would.
    let patience = Duration::from_millis(300);
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, patience) {
        waiting.push(stream);
        assert!(waiting.len() < 100, "the backlog never fills");
    }
    let gateway = Gateway::builder()
        .env("PROXY_CONNECT_TIMEOUT", "400")
        .config_json(&[definition("api", "", "127.0.0.1", address.port())])
        .start()
        .expect("a gateway");
    let start = Instant::now();
    let answer = ask(gateway.inbound(), &Request::new("GET", "/")).expect("an answer");
    assert_eq!(answer.status, 502);
    assert!(
        start.elapsed() >= Duration::from_millis(400),
        "not before its time"
    );
    gateway.until_nothing_is_held();
}

#[test]
fn a_get_that_meets_a_dying_kept_connection_is_sent_once_more() {
    let target = Target::start();
    let gateway = target.gateway();
    let (mut client, mut peer) = pooled(&target, &gateway);
    client.say(GET);
    peer.head();
    drop(peer);
    let mut peer = target.accept();
    assert_eq!(peer.head().start, "GET / HTTP/1.1");
    peer.say(OK);
    assert_eq!(client.answer("GET").status, 200);
    gateway.until_metric_is("rig_upstream_retries_total", 1.0);

    // Once: the second connection is new, so its end is the target's answer.
    client.say(GET);
    peer.head();
    drop(peer);
    let mut peer = target.accept();
    peer.head();
    drop(peer);
    assert_eq!(client.answer("GET").status, 502);
    assert!(target.has_no_other_connection());
}

#[test]
fn a_request_that_may_not_be_repeated_is_sent_only_once() {
    for request in [
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
        // Idempotent, but its body is gone.
        "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody",
    ] {
        let target = Target::start();
        let gateway = target.gateway();
        let (mut client, mut peer) = pooled(&target, &gateway);
        client.say(request);
        peer.head();
        drop(peer);
        assert_eq!(client.answer("POST").status, 502, "{request}");
        assert!(target.has_no_other_connection(), "{request}");
    }
}

#[test]
fn a_kept_connection_that_the_target_closed_is_not_used() {
    let target = Target::start();
    let gateway = target.gateway();
    let (mut client, peer) = pooled(&target, &gateway);
    drop(peer);
    gateway.until_metric_is("rig_upstream_connections", 0.0);
    client.say("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody");
    let mut peer = target.accept();
    peer.head();
    peer.hears("body");
    peer.say(OK);
    assert_eq!(client.answer("POST").status, 200);
    gateway.until_metric_is("rig_upstream_retries_total", 0.0);
}

#[test]
fn a_target_that_does_not_speak_http_counts_as_broken_and_is_asked_once() {
    let huge = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(300 * 1024));
    for garbage in [
        "this is not HTTP\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        huge.as_str(),
    ] {
        let target = Target::start();
        let gateway = target.gateway();
        // On a kept connection, where a connection that just died would be retried.
        let (mut client, mut peer) = pooled(&target, &gateway);
        client.say(GET);
        peer.head();
        peer.writer().write_all(garbage.as_bytes()).ok();
        let start = &garbage[..garbage.len().min(60)];
        assert_eq!(client.answer("GET").status, 502, "{start}");
        peer.rest();
        assert!(target.has_no_other_connection(), "{start}");
    }
}

#[test]
fn a_name_leads_to_a_target_that_listens_on_only_one_of_its_addresses() {
    let target = Target::start();
    assert!(target.address().is_ipv4());
    let definition = definition("api", "", "localhost", target.address().port());
    let gateway = Gateway::builder()
        .config_json(&[definition])
        .start()
        .expect("a gateway");
    let mut client = Peer::connect(gateway.inbound());
    client.say(GET);
    let mut peer = target.accept();
    peer.head();
    peer.say(OK);
    assert_eq!(client.answer("GET").status, 200);
}
