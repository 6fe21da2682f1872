//! Requests that the gateway refuses itself, above all while their bodies are still on their way.

use http::Request;

use crate::support::{
    multiplexed::Multiplexed,
    peer::{End, Peer},
    target::Target,
};

#[test]
fn a_request_that_is_refused_during_its_upload_gets_the_whole_refusal_and_no_reset() {
    let target = Target::start();
    let gateway = target.gateway();
    let chunked = "transfer-encoding: chunked";
    for (method, path, framing, status) in [
        ("POST", "/secured", "content-length: 1000000", 401),
        ("POST", "/secured", chunked, 401),
        ("POST", "/small", "content-length: 1001", 413),
        ("POST", "/%zz", chunked, 400),
        ("PATCH", "/", chunked, 404),
    ] {
        let mut client = Peer::connect(gateway.inbound());
        client.say(format!(
            "{method} {path} HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n"
        ));
        client.say("8000\r\n");
        client.say([b'x'; 0x8000]);
        let answer = client.answer("POST");
        assert_eq!(answer.status, status, "{path} {framing}");
        assert_eq!(
            answer.header("connection"),
            Some("close"),
            "{path} {framing}"
        );
        // What is still on its way must not make the system throw the answer away.
        client.say([b'x'; 0x8000]);
        assert_eq!(client.end(), End::Closed, "{path} {framing}");
    }
    assert!(target.has_no_other_connection());
}

#[test]
fn a_refused_request_whose_body_has_arrived_keeps_its_connection() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    for _ in 0..2 {
        client.say("POST /secured HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody");
        assert_eq!(client.answer("POST").status, 401);
    }
}

#[test]
fn a_body_that_grows_too_large_on_its_way_is_refused_and_the_target_sees_it_cut_off() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    let request = "POST /small HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut peer = target.meet(&mut client, request);
    client.say_chunk("x".repeat(1_000));
    peer.hears_chunk(&"x".repeat(1_000));
    client.say_chunk("x");
    client.status(413);
    peer.end();
}

#[test]
fn a_body_with_broken_framing_is_the_clients_fault_and_the_target_sees_it_cut_off() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    let request = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut peer = target.meet(&mut client, request);
    client.say_chunk("good");
    peer.hears_chunk("good");
    client.say("no number\r\n");
    client.status(400);
    peer.end();
    gateway.until_nothing_is_held();
}

#[test]
fn a_request_that_is_refused_gets_no_100_continue() {
    let target = Target::start();
    let gateway = target.gateway();
    for (path, status) in [("/secured", 401), ("/small", 413), ("/%zz", 400)] {
        let mut client = Peer::connect(gateway.inbound());
        client.say(format!(
            "PUT {path} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2000\r\n\r\n"
        ));
        client.status(status);
        client.rest();
    }
    drop(target);
    let mut client = Peer::connect(gateway.inbound());
    client.say("PUT / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n");
    client.status(502);
}

#[test]
fn a_request_that_is_refused_during_its_upload_gets_the_refusal_and_its_connection_lives() {
    let target = Target::start();
    let gateway = target.gateway();
    let client = Multiplexed::connect(gateway.inbound());
    for (path, status) in [("/secured", 401), ("/%zz", 400), ("/small", 413)] {
        let mut exchange = client.open(Request::post(format!("http://a{path}")));
        exchange.try_say(vec![b'x'; 2_000]);
        // Only the length of a body can show after its request was sent.
        let _sink = (status == 413).then(|| target.accept());
        let parts = exchange.status(status);
        assert!(!parts.headers.contains_key("connection"));
        exchange.length_of_rest();
    }
    let mut exchange = client.get("http://a/");
    let mut peer = target.accept();
    peer.head();
    peer.say("HTTP/1.1 204 No Content\r\n\r\n");
    exchange.status(204);
    gateway.until_metric_is("rig_proxy_requests_in_flight", 0.0);
}
