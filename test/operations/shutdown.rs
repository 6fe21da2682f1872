//! Stopping: unready first, then no new connections, then the end of what is in flight
//! (`names.md` `SHUTDOWN_DELAY`, `SHUTDOWN_TIMEOUT`).

use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{
    client::{Connection, Request, ask, ask_until},
    definition::{api, endpoint},
    gateway::{Builder, Gateway},
    puppet::{Patient, Puppet},
    tls::{Pair, TlsConnection},
};

/// What happens at once may take this long on a busy machine.
const SOON: Duration = Duration::from_secs(5);

fn start(builder: Builder, backend: SocketAddr) -> Gateway {
    let any = endpoint("any", "GET", "/any.*", json!({}));
    builder
        .config_json(&[api("a", backend, &[any])])
        .start()
        .unwrap_or_else(|error| panic!("{error}"))
}

fn await_unready(gateway: &Gateway) {
    let ready = Request::new("GET", "/health/ready");
    let answer = ask_until(gateway.api(), &ready, SOON, |answer| answer.status == 503);
    let body = answer.expect("unready").body.bytes;
    assert_eq!(body, b"draining: the node is shutting down");
}

/// Nobody accepts on `address` any more.
fn refuses_within(address: SocketAddr, deadline: Duration) -> bool {
    let start = Instant::now();
    while start.elapsed() < deadline {
        if TcpStream::connect(address).is_err() {
            return true;
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}

#[test]
fn a_stopping_gateway_turns_away_first_then_finishes_what_is_in_flight() {
    let backend = Patient::start();
    let mut gateway = start(
        Gateway::builder().env("SHUTDOWN_DELAY", "1"),
        backend.address(),
    );
    let inbound = gateway.inbound();
    let health = Request::new("GET", "/_rig/health");
    let open = || Connection::open(inbound).expect("a connection");
    let (mut in_flight, mut idle, mut silent, mut half) = (open(), open(), open(), open());
    let mut talking = open();
    in_flight
        .send(&Request::new("GET", "/any").to_bytes())
        .expect("sent");
    assert_eq!(backend.arrived(), "GET /any HTTP/1.1");
    assert_eq!(idle.ask(&health).expect("an answer").status, 200);
    assert_eq!(talking.ask(&health).expect("an answer").status, 200);
    half.send(b"GET /_rig/he").expect("sent");

    gateway.signal("TERM");
    await_unready(&gateway);
    let ready = Request::new("GET", "/_rig/health/ready");
    let answer = ask(inbound, &ready).expect("still accepting during SHUTDOWN_DELAY");
    assert_eq!(answer.status, 503);
    assert_eq!(ask(inbound, &health).expect("an answer").status, 200);
    // A kept connection is told to go elsewhere with its next request.
    let answer = talking.ask(&health).expect("an answer");
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close"))
    );
    assert!(talking.closes_within(SOON));

    assert!(refuses_within(inbound, SOON), "new connections are refused");
    assert!(idle.closes_within(SOON), "an idle connection is closed");
    assert!(
        silent.closes_within(SOON),
        "one that was never used as well"
    );
    half.send(b"alth HTTP/1.1\r\nhost: a\r\n\r\n")
        .expect("sent");
    let answer = half
        .receive("GET")
        .expect("a request that had begun is answered");
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close"))
    );
    await_unready(&gateway);

    backend.allow();
    let answer = in_flight.receive("GET").expect("the answer");
    assert_eq!((answer.status, &answer.body.bytes[..]), (200, &b"late"[..]));
    assert!(answer.body.complete);
    assert_eq!(gateway.ends_within(SOON), Some(Some(0)));
    gateway.await_log("\"stopped\"", 1, SOON);
}

#[test]
fn what_takes_longer_than_the_shutdown_timeout_is_cut_off() {
    let backend = Puppet::start(|_request, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        loop {
            stream.write_all(b"4\r\ntick\r\n")?;
            thread::sleep(Duration::from_millis(20));
        }
    });
    let mut gateway = start(
        Gateway::builder().env("SHUTDOWN_TIMEOUT", "1"),
        backend.address(),
    );
    let mut stream = Connection::open(gateway.inbound()).expect("a connection");
    stream
        .send(&Request::new("GET", "/any").to_bytes())
        .expect("sent");
    let reader = thread::spawn(move || stream.receive("GET"));
    gateway.signal("TERM");
    let asked = Instant::now();
    assert_eq!(gateway.ends_within(SOON), Some(Some(0)));
    assert!(
        asked.elapsed() > Duration::from_millis(900),
        "it was given its second"
    );
    let answer = reader.join().expect("a reader").expect("a head");
    assert_eq!(answer.status, 200);
    assert!(
        !answer.body.complete,
        "a cut-off answer must not look whole"
    );
    gateway.await_log("SHUTDOWN_TIMEOUT passed", 1, SOON);
}

#[test]
fn a_second_signal_ends_the_gateway_at_once() {
    for (first, second) in [("TERM", "TERM"), ("INT", "TERM"), ("TERM", "INT")] {
        let backend = Patient::start();
        let mut gateway = start(Gateway::builder(), backend.address());
        let mut in_flight = Connection::open(gateway.inbound()).expect("a connection");
        in_flight
            .send(&Request::new("GET", "/any").to_bytes())
            .expect("sent");
        backend.arrived();
        gateway.signal(first);
        await_unready(&gateway);
        gateway.signal(second);
        assert_eq!(
            gateway.ends_within(SOON),
            Some(Some(130)),
            "{first} {second}"
        );
    }
}

#[test]
fn an_idle_gateway_stops_at_once() {
    let mut gateway = start(Gateway::builder(), ([127, 0, 0, 1], 9).into());
    gateway.signal("TERM");
    assert_eq!(gateway.ends_within(SOON), Some(Some(0)));
    assert!(
        !gateway.log().contains("SHUTDOWN_TIMEOUT"),
        "{}",
        gateway.log()
    );
}

/// A connection that has done nothing but its handshake has no first request to wait for.
#[test]
fn unused_tls_connections_do_not_delay_the_end() {
    let pair = Pair::new(1);
    let directory = tempfile::tempdir().expect("a directory");
    pair.write(directory.path());
    let path = |name: &str| directory.path().join(name).display().to_string();
    let mut gateway = Gateway::builder()
        .env("API_HTTPS_PORT", "0")
        .env("INBOUND_HTTPS_PORT", "0")
        .env("HTTPS_CERTFILE", &path("certificate.pem"))
        .env("HTTPS_KEYFILE", &path("key.pem"))
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let shaken = TlsConnection::open(gateway.inbound_tls(), &pair.certificate);
    let shaken = shaken.expect("a connection");
    let silent = Connection::open(gateway.inbound_tls()).expect("a connection");
    gateway.signal("TERM");
    assert_eq!(gateway.ends_within(SOON), Some(Some(0)));
    assert!(
        !gateway.log().contains("SHUTDOWN_TIMEOUT"),
        "{}",
        gateway.log()
    );
    drop((shaken, silent));
}
