//! HTTP/2 clients get what HTTP/1.1 clients get, many at a time on one connection.

use std::thread;

use http::{Request, Version};

use crate::support::{
    authority::Authority,
    multiplexed::{Exchange, Multiplexed},
    peer::{MORE_THAN_BUFFERS, Peer, STANDSTILL, pour, pour_until_standstill},
    target::Target,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const STREAMING: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// A stream whose answer has begun, and the target's end of it.
fn begun(client: &Multiplexed, target: &Target) -> (Exchange, Peer) {
    let mut exchange = client.get("http://shop.example/stream");
    let mut peer = target.accept();
    peer.head();
    peer.say(STREAMING);
    exchange.status(200);
    (exchange, peer)
}

/// Other streams of `client` are served.
fn still_in_order(client: &Multiplexed, target: &Target) {
    let mut exchange = client.get("http://shop.example/other");
    let mut peer = target.accept();
    peer.head();
    peer.say("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
    exchange.status(200);
    assert_eq!(exchange.length_of_rest(), 2);
}

#[test]
fn a_target_sees_an_http_2_request_as_http_1_1() {
    let target = Target::start();
    let gateway = target.gateway();
    let client = Multiplexed::connect(gateway.inbound());
    let request = Request::post("http://shop.example:81/a?b=c")
        .header("cookie", "one=1")
        .header("cookie", "two=2")
        .header("cookie", "three=3")
        .header("te", "trailers");
    let mut exchange = client.open(request);
    exchange.say("hello");
    let mut peer = target.accept();
    let head = peer.head();
    assert_eq!(head.start, "POST /a?b=c HTTP/1.1");
    let host = target
        .address()
        .to_string()
        .replace("127.0.0.1", "localhost");
    for (name, value) in [
        ("host", host.as_str()),
        ("x-forwarded-host", "shop.example:81"),
        ("x-forwarded-proto", "http"),
        ("via", "2.0 rig"),
        ("te", "trailers"),
        ("transfer-encoding", "chunked"),
        // RFC 9113, 8.2.3: split for compression only.
        ("cookie", "one=1; two=2; three=3"),
    ] {
        assert_eq!(head.header(name), Some(value), "{name}");
    }
    peer.hears_chunk("hello");
    exchange.finish();
    peer.hears("0\r\n\r\n");
    peer.say(
        "HTTP/1.1 200 OK\r\nconnection: keep-alive, x-hop\r\nkeep-alive: timeout=5\r\n\
         x-hop: 1\r\nset-cookie: a\r\nset-cookie: b\r\ntrailer: x-sum\r\n\
         transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n",
    );
    let parts = exchange.status(200);
    assert_eq!(parts.version, Version::HTTP_2);
    for name in ["connection", "keep-alive", "x-hop", "transfer-encoding"] {
        assert!(!parts.headers.contains_key(name), "{name}");
    }
    assert_eq!(parts.headers.get_all("set-cookie").iter().count(), 2);
    exchange.hears("ok");
    assert_eq!(exchange.ends_with_trailers()["x-sum"], "1");
}

#[test]
fn http_2_is_agreed_on_over_tls() {
    let authority = Authority::new();
    let target = Target::start();
    let gateway = target.gateway_with(authority.gateway());
    let client = Multiplexed::connect_tls(gateway.inbound_tls(), authority.client("h2"));
    let mut exchange = client.get("https://localhost/");
    let mut peer = target.accept();
    let head = peer.head();
    assert_eq!(head.header("x-forwarded-proto"), Some("https"));
    assert_eq!(head.header("via"), Some("2.0 rig"));
    peer.say(OK);
    exchange.status(200);
    exchange.hears("ok");
}

#[test]
fn a_hundred_requests_pass_at_the_same_time_on_one_connection() {
    let target = Target::start();
    let gateway = target.gateway();
    let client = Multiplexed::connect(gateway.inbound());
    let mut exchanges: Vec<_> = (0..100)
        .map(|number| client.get(&format!("http://a/{number}")))
        .collect();
    // All of them have arrived before the first is answered.
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let mut peer = target.accept();
            (peer.head().start, peer)
        })
        .collect();
    gateway.until_metric_is("rig_inbound_connections", 1.0);
    for (line, mut peer) in waiting.into_iter().rev() {
        let path = line.split(' ').nth(1).expect("a path");
        peer.say(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{path}",
            path.len()
        ));
    }
    for (number, exchange) in exchanges.iter_mut().enumerate() {
        exchange.status(200);
        exchange.hears(&format!("/{number}"));
        assert_eq!(exchange.length_of_rest(), 0);
    }
    gateway.until_metric_is("rig_proxy_requests_in_flight", 0.0);
}

#[test]
fn a_request_and_its_answer_pass_at_the_same_time_and_survive_a_change() {
    let target = Target::start();
    let gateway = target.gateway();
    let client = Multiplexed::connect(gateway.inbound());
    let mut exchange = client.open(Request::post("http://a/"));
    exchange.say("hello");
    let mut peer = target.accept();
    peer.head();
    peer.hears_chunk("hello");
    peer.say(STREAMING);
    exchange.status(200);
    for round in 0..4 {
        if round == 1 {
            gateway.replace(&Target::start().definition("api", "/elsewhere"));
        }
        if round == 2 {
            gateway.remove("api");
        }
        exchange.say("question");
        peer.hears_chunk("question");
        peer.say_chunk("answer");
        exchange.hears("answer");
    }
    exchange.finish();
    peer.hears("0\r\n\r\n");
    peer.say_chunk("");
    assert_eq!(exchange.length_of_rest(), 0);
}

#[test]
fn a_stream_that_is_not_read_stops_its_target_and_no_other_stream() {
    let target = Target::start();
    let gateway = target.gateway();
    let client = Multiplexed::connect(gateway.inbound());
    let mut exchange = client.get("http://a/");
    let mut peer = target.accept();
    peer.head();
    peer.say(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {MORE_THAN_BUFFERS}\r\n\r\n"
    ));
    exchange.status(200);
    let mut writer = peer.writer();
    let left = pour_until_standstill(&mut writer);
    still_in_order(&client, &target);
    let rest = thread::spawn(move || pour(&mut writer, left));
    assert_eq!(exchange.length_of_rest(), MORE_THAN_BUFFERS);
    assert_eq!(rest.join().expect("written"), 0);
}

#[test]
fn a_cut_off_answer_resets_its_stream_and_no_other() {
    let target = Target::start();
    let gateway = target.gateway();
    let client = Multiplexed::connect(gateway.inbound());
    for head in [
        STREAMING,
        "HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n",
    ] {
        let mut exchange = client.get("http://a/");
        let mut peer = target.accept();
        peer.head();
        peer.say(head);
        peer.say("4\r\npart\r\n");
        exchange.status(200);
        exchange.hears(if head == STREAMING {
            "part"
        } else {
            "4\r\npart\r\n"
        });
        drop(peer);
        exchange.is_cut_off();
    }
    still_in_order(&client, &target);
}

#[test]
fn a_client_that_gives_up_a_stream_or_the_connection_frees_the_targets() {
    let target = Target::start();
    let gateway = target.gateway();
    let client = Multiplexed::connect(gateway.inbound());
    let (exchange, mut peer) = begun(&client, &target);
    let mut uploading = client.open(Request::post("http://a/"));
    uploading.say("part");
    let mut sink = target.accept();
    sink.head();
    sink.hears_chunk("part");
    let waiting = client.get("http://a/");
    let mut silent = target.accept();
    silent.head();
    drop(exchange);
    peer.end();
    waiting.give_up();
    silent.end();
    gateway.until_metric_is("rig_proxy_requests_in_flight", 1.0);
    drop(client);
    sink.end();
    gateway.until_nothing_is_held();
    uploading.finish();
}

/// RFC 9113, 8.1.1: whoever takes that reset for the end would pass on half an upload as a whole.
#[test]
fn an_upload_whose_stream_is_reset_without_an_error_is_seen_as_cut_off() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len()).expect("a short frame");
        [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
    };
    let (data, headers, reset, settings) = (0, 1, 3, 4);
    let end_of_headers = 4;
    client.say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client.say(frame(settings, 0, 0, b""));
    // POST http / a, all but the authority from the static table (RFC 7541, A).
    client.say(frame(headers, end_of_headers, 1, b"\x83\x86\x84\x41\x01a"));
    client.say(frame(data, 0, 1, b"part"));
    let mut sink = target.accept();
    assert_eq!(sink.head().start, "POST / HTTP/1.1");
    sink.hears_chunk("part");
    sink.say(STREAMING);
    // Only once its answer has begun does the upload stand on its own.
    while {
        let head = client.bytes(9);
        client.bytes(usize::from(head[2]));
        head[3] != headers
    } {}
    client.say(frame(reset, 0, 1, &[0; 4]));
    sink.end();
    gateway.until_nothing_is_held();
}

/// Streams share the connection's window, so it must be larger than what one stream can take of it.
#[test]
fn an_upload_that_its_target_does_not_read_stops_and_no_other_upload_does() {
    let target = Target::start();
    let gateway = target.gateway();
    let client = Multiplexed::connect(gateway.inbound());
    let mut stalled = client.open(Request::post("http://a/stalled"));
    let block = bytes::Bytes::from(vec![b'x'; 64 * 1024]);
    let mut sent = 0;
    while stalled.say_within(block.clone(), STANDSTILL) {
        sent += block.len() as u64;
        assert!(sent < MORE_THAN_BUFFERS, "everything went somewhere");
    }
    let mut peer = target.accept();
    let mut other = client.open(Request::post("http://a/other"));
    other.say("other");
    let mut sink = target.accept();
    sink.head();
    sink.hears_chunk("other");
    other.finish();
    sink.hears("0\r\n\r\n");
    sink.say(OK);
    other.status(200);

    peer.head();
    stalled.finish();
    drop(other);
    peer.say(OK);
    stalled.status(200);
}
