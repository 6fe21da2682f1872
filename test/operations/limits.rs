//! What a client may send and how long it may take (`docs/settings.md`, limits).

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{
    client::{Answer, Connection, Payload, Request, ask, ask_until},
    definition::{api, endpoint},
    gateway::{Builder, Gateway},
    puppet::{Patient, Puppet},
    tls::{Pair, TlsConnection},
};

const SOON: Duration = Duration::from_secs(5);

fn start(builder: Builder, backend: SocketAddr) -> Gateway {
    let endpoints = [
        endpoint("any", "POST", "/any.*", json!({})),
        endpoint("get", "GET", "/any.*", json!({})),
        endpoint("small", "POST", "/small", json!({"max_body_bytes": 10})),
        endpoint("large", "POST", "/large", json!({"max_body_bytes": 3000})),
    ];
    builder
        .config_json(&[api("a", backend, &endpoints)])
        .start()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The answer to `bytes`, after which the gateway must close.
fn refused(gateway: &Gateway, bytes: &[u8]) -> Answer {
    let mut connection = Connection::open(gateway.inbound()).expect("a connection");
    let mut answers = connection.exchange(bytes, &["POST"]).expect("an answer");
    assert!(
        connection.closes_within(SOON),
        "a refused connection is closed"
    );
    answers.pop().expect("an answer")
}

#[test]
fn heads_that_are_too_large_are_refused() {
    let backend = Puppet::obliging();
    let gateway = start(
        Gateway::builder().env("MAX_HEADER_BYTES", "16KiB"),
        backend.address(),
    );
    let get = |headers: usize, bytes: usize| {
        let mut request = Request::new("GET", "/any");
        for n in 1..headers {
            request = request.with(&format!("x-{n}"), &"a".repeat(bytes));
        }
        request.to_bytes()
    };
    let ok = |bytes: &[u8]| {
        let mut connection = Connection::open(gateway.inbound()).expect("a connection");
        connection.send(bytes).expect("sent");
        connection.receive("GET").expect("an answer").status
    };
    assert_eq!(ok(&get(100, 100)), 200);
    assert_eq!(
        refused(&gateway, &get(101, 1)).status,
        431,
        "more than 100 headers"
    );
    assert_eq!(ok(&get(2, 16_000)), 200);
    assert_eq!(refused(&gateway, &get(2, 17_000)).status, 431);
    assert_eq!(refused(&gateway, &get(2, 1_000_000)).status, 431);
    let endless = [
        b"GET /any HTTP/1.1\r\nhost: a\r\nx: ".to_vec(),
        vec![b'a'; 300_000],
    ]
    .concat();
    assert_eq!(refused(&gateway, &endless).status, 431, "without an end");
    let backend_saw = backend.connections();
    assert_eq!(ok(&Request::new("GET", "/any").to_bytes()), 200);
    assert!(backend_saw >= 1);
}

#[test]
fn a_request_target_that_is_too_long_is_refused() {
    let backend = Puppet::obliging();
    let gateway = start(Gateway::builder(), backend.address());
    let get = |bytes: usize| Request::new("GET", &format!("/any{}", "a".repeat(bytes))).to_bytes();
    let mut connection = Connection::open(gateway.inbound()).expect("a connection");
    connection.send(&get(60_000)).expect("sent");
    let answer = connection.receive("GET").expect("an answer");
    assert_eq!(answer.status, 200);
    assert_eq!(refused(&gateway, &get(70_000)).status, 414);
    assert_eq!(
        refused(&gateway, &get(200_000)).status,
        431,
        "beyond MAX_HEADER_BYTES"
    );
}

#[test]
fn a_client_that_is_slow_with_its_head_is_told_and_closed() {
    let backend = Puppet::obliging();
    let gateway = start(
        Gateway::builder().env("HEADER_TIMEOUT", "1"),
        backend.address(),
    );
    let open = || Connection::open(gateway.inbound()).expect("a connection");
    let asked = Instant::now();
    let (mut silent, mut slow, mut later, mut steady) = (open(), open(), open(), open());
    slow.send(b"GET /any HTTP/1.1\r\nhost:").expect("sent");
    later.ask(&Request::new("GET", "/any")).expect("an answer");
    later.send(b"G").expect("sent");
    // A byte now and then does not help.
    steady.send(b"GET /any HTTP/1.1\r\n").expect("sent");
    let drip = std::thread::spawn(move || {
        let answer = loop {
            if steady.send(b"x").is_err() {
                break None;
            }
            if steady.is_readable_within(Duration::from_millis(100)) {
                break steady.receive("GET").ok();
            }
        };
        answer.map(|answer| answer.status)
    });
    for connection in [&mut slow, &mut later] {
        let answer = connection.receive("GET").expect("an answer");
        assert_eq!(
            (answer.status, answer.header("connection")),
            (408, Some("close"))
        );
        assert!(connection.closes_within(SOON));
    }
    assert!(
        silent.closes_within(SOON),
        "before its first byte there is nothing to answer"
    );
    assert_eq!(drip.join().expect("a client"), Some(408));
    let elapsed = asked.elapsed();
    assert!(
        elapsed > Duration::from_millis(900) && elapsed < SOON,
        "{elapsed:?}"
    );
    // A connection that waits for its next request is not slow.
    let mut idle = open();
    idle.ask(&Request::new("GET", "/any")).expect("an answer");
    assert!(!idle.closes_within(Duration::from_millis(2_500)));
}

#[test]
fn a_client_that_pauses_too_long_within_its_body_is_told_and_closed() {
    let backend = Puppet::obliging();
    let gateway = start(
        Gateway::builder().env("BODY_TIMEOUT", "500ms"),
        backend.address(),
    );
    for head in [
        "POST /any HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello",
        "POST /any HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "POST /any HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
    ] {
        let answer = refused(&gateway, head.as_bytes());
        assert_eq!(
            (answer.status, answer.header("connection")),
            (408, Some("close")),
            "{head}"
        );
        assert_eq!(answer.body.bytes, b"Request timeout.");
    }
}

#[test]
fn bodies_that_are_too_large_are_refused_however_they_are_framed() {
    let backend = Puppet::start(|arrived, stream| {
        let length = arrived.body.bytes.len().to_string();
        crate::support::puppet::answer(stream, &[("x-length", &length)], "ok")
    });
    let gateway = start(
        Gateway::builder().env("MAX_BODY_BYTES", "2000"),
        backend.address(),
    );
    for (path, fits, too_large) in [
        ("/any", 2_000, 2_001),
        ("/small", 10, 11),
        ("/large", 3_000, 3_001),
    ] {
        for chunked in [false, true] {
            let request = |length: usize| {
                let mut request = Request::new("POST", path);
                let body = vec![b'x'; length];
                request.payload = match chunked {
                    false => Payload::Bytes(body),
                    true => Payload::Chunks(body.chunks(7).map(<[u8]>::to_vec).collect()),
                };
                request
            };
            let answer = ask(gateway.inbound(), &request(fits)).expect("an answer");
            let length = fits.to_string();
            assert_eq!(
                (answer.status, answer.header("x-length")),
                (200, Some(&*length))
            );
            let answer = refused(&gateway, &request(too_large).to_bytes());
            assert_eq!(answer.status, 413, "{path} chunked: {chunked}");
            assert_eq!(answer.body.bytes, b"Payload too large.");
        }
    }
    // A declared length is enough; nobody waits for the body.
    let head = b"POST /any HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999\r\n\r\n";
    assert_eq!(refused(&gateway, head).status, 413);
}

#[test]
fn more_connections_than_allowed_are_turned_away_until_one_is_closed() {
    let backend = Patient::start();
    let gateway = start(
        Gateway::builder().env("MAX_CONNECTIONS", "2"),
        backend.address(),
    );
    let open = || Connection::open(gateway.inbound()).expect("a connection");
    let (mut busy, mut idle) = (open(), open());
    busy.send(&Request::new("GET", "/any").to_bytes())
        .expect("sent");
    backend.arrived();
    let health = Request::new("GET", "/_rig/health");
    assert_eq!(idle.ask(&health).expect("an answer").status, 200);
    for _ in 0..20 {
        let answer = ask(gateway.inbound(), &health).expect("an answer");
        assert_eq!(
            (answer.status, answer.header("connection")),
            (503, Some("close"))
        );
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    // Who is in is not disturbed.
    assert_eq!(idle.ask(&health).expect("an answer").status, 200);
    backend.allow();
    assert_eq!(busy.receive("GET").expect("an answer").status, 200);
    drop(busy);
    let answer = ask_until(gateway.inbound(), &health, SOON, |answer| {
        answer.status == 200
    });
    answer.expect("room again");
    let refused = "rig_inbound_connections_refused_total{reason=\"max_connections\"}";
    assert!(gateway.metric(refused) > 0.5);
}

#[test]
fn connections_over_tls_count_like_any_other() {
    let pair = Pair::new(1);
    let directory = tempfile::tempdir().expect("a directory");
    pair.write(directory.path());
    let path = |name: &str| directory.path().join(name).display().to_string();
    let gateway = Gateway::builder()
        .env("API_HTTPS_PORT", "0")
        .env("INBOUND_HTTPS_PORT", "0")
        .env("HTTPS_CERTFILE", &path("certificate.pem"))
        .env("HTTPS_KEYFILE", &path("key.pem"))
        .env("HEADER_TIMEOUT", "1")
        .env("MAX_CONNECTIONS", "1")
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let health = Request::new("GET", "/_rig/health");
    let open = || TlsConnection::open(gateway.inbound_tls(), &pair.certificate);
    let plain = || ask(gateway.inbound(), &health).expect("an answer").status;
    let mut first = open().expect("a connection");
    assert_eq!(first.ask(&health).expect("an answer").status, 200);
    assert!(
        open().is_err(),
        "without a handshake there is no way to say 503"
    );
    assert_eq!(plain(), 503);
    drop(first);
    await_connections(&gateway, 0);
    assert_eq!(
        open()
            .and_then(|mut it| it.ask(&health))
            .expect("an answer")
            .status,
        200
    );
    await_connections(&gateway, 0);
    // A handshake that is never finished holds its place only for HEADER_TIMEOUT.
    let mut silent = Connection::open(gateway.inbound_tls()).expect("a connection");
    silent.send(b"\x16\x03\x01").expect("sent");
    await_connections(&gateway, 1);
    assert_eq!(plain(), 503);
    await_connections(&gateway, 0);
    assert_eq!(plain(), 200);
    assert!(silent.closes_within(SOON));
}

/// Waits until the gateway counts so many client connections.
fn await_connections(gateway: &Gateway, count: usize) {
    let line = format!("rig_inbound_connections {count}");
    let request = Request::new("GET", "/metrics");
    let counted = ask_until(gateway.api(), &request, SOON, |answer| {
        let text = String::from_utf8_lossy(&answer.body.bytes);
        text.lines().any(|other| other == line)
    });
    counted.unwrap_or_else(|error| panic!("{line}: {error}"));
}
