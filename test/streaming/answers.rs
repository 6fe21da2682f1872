//! Every way of beginning, framing and refusing an answer, and what the connection is good for
//! afterwards.

use std::thread;

use crate::support::{
    peer::{End, Peer, pour},
    target::Target,
    wire::{Framing, to_text},
};

/// One more request on `client`, answered on `peer`: both connections are in order.
fn still_in_order(client: &mut Peer, peer: &mut Peer) {
    client.say("GET /again HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(peer.head().start, "GET /again HTTP/1.1");
    peer.say("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nagain");
    assert_eq!(client.answer("GET").body.bytes, b"again");
}

#[test]
fn informational_answers_are_skipped_and_the_final_one_is_delivered() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    let mut peer = target.meet(&mut client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    peer.say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    peer.say("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let head = client.status(200);
    assert_eq!(head.header("link"), None);
    client.hears("ok");
    still_in_order(&mut client, &mut peer);
}

#[test]
fn a_target_that_switches_protocols_unasked_counts_as_broken() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    let mut peer = target.meet(&mut client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    peer.say("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nx");
    client.status(502);
    peer.end();
}

#[test]
fn an_answer_to_head_keeps_its_length_and_has_no_body() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    let mut peer = target.meet(&mut client, "HEAD / HTTP/1.1\r\nhost: a\r\n\r\n");
    peer.say("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n");
    assert_eq!(client.status(200).header("content-length"), Some("1234"));
    still_in_order(&mut client, &mut peer);
}

#[test]
fn answers_204_and_304_have_neither_body_nor_length() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    let mut peer = target.meet(&mut client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    for (status, headers) in [
        (204, ""),
        (304, ""),
        (304, "content-length: 10\r\n"),
        (304, "transfer-encoding: chunked\r\n"),
    ] {
        peer.say(format!("HTTP/1.1 {status} X\r\n{headers}\r\n"));
        let head = client.status(status);
        assert_eq!(head.framing(Framing::None), Framing::None, "{head:?}");
        still_in_order(&mut client, &mut peer);
        client.say("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        peer.head();
    }
}

#[test]
fn an_answer_that_ends_with_the_targets_connection_leaves_the_clients_open() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    for head in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n",
    ] {
        let mut peer = target.meet(&mut client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        peer.say(head);
        assert_eq!(
            client.status(200).framing(Framing::Close),
            Framing::Chunked,
            "{head}"
        );
        peer.say("first");
        client.hears_chunk("first");
        peer.say("last");
        drop(peer);
        client.hears_chunk("last");
        client.hears("0\r\n\r\n");
    }
}

/// A target that kept such a connection would be sent HTTP/1.0, and chunked bodies not at all.
#[test]
fn a_connection_to_a_target_of_http_1_0_is_not_kept() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    let mut earlier = Vec::new();
    for _ in 0..2 {
        client.say("PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
        client.say_chunk("body");
        client.say_chunk("");
        let mut peer = target.accept();
        assert_eq!(peer.head().start, "PUT / HTTP/1.1");
        peer.hears_chunk("body");
        peer.hears("0\r\n\r\n");
        peer.say("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok");
        assert_eq!(client.answer("PUT").body.bytes, b"ok");
        earlier.push(peer);
    }
}

/// RFC 9112, 6.3: the length is wrong by definition, and must not reach anybody who believes it.
#[test]
fn an_answer_framed_in_two_ways_is_passed_on_as_chunked() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    let mut peer = target.meet(&mut client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    peer.say(
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n\
         5\r\nhello\r\n0\r\n\r\n",
    );
    let head = client.status(200);
    assert_eq!(
        (head.header("content-length"), head.framing(Framing::Close)),
        (None, Framing::Chunked)
    );
    client.hears_chunk("hello");
    client.hears("0\r\n\r\n");
    still_in_order(&mut client, &mut peer);
}

#[test]
fn a_client_of_http_1_0_gets_no_chunks() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    let mut peer = target.meet(&mut client, "GET / HTTP/1.0\r\n\r\n");
    peer.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    let head = client.status(200);
    assert_eq!(head.start, "HTTP/1.0 200 OK");
    assert_eq!(head.framing(Framing::Close), Framing::Close);
    peer.say_chunk("first");
    client.hears("first");
    peer.say_chunk("last");
    peer.say_chunk("");
    assert_eq!(client.rest(), ("last".to_owned(), End::Closed));

    let mut client = Peer::connect(gateway.inbound());
    for _ in 0..2 {
        client.say("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
        peer.head();
        peer.say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        assert_eq!(client.status(200).header("connection"), Some("keep-alive"));
        client.hears("ok");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    let mut peer = target.meet(&mut client, "GET /1 HTTP/1.1\r\nhost: a\r\n\r\nPOST /2 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\ntwo\
         GET /nowhere\u{20}HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    );
    peer.say("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none");
    assert_eq!(peer.head().start, "POST /2 HTTP/1.1");
    peer.hears("two");
    peer.say("HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n");
    assert_eq!(client.answer("GET").body.bytes, b"one");
    assert_eq!(client.answer("POST").body.bytes, b"two");
    assert_eq!(client.answer("GET").status, 400);
}

#[test]
fn an_early_answer_of_the_target_reaches_the_uploading_client() {
    let target = Target::start();
    let gateway = target.gateway();
    for closes in [false, true] {
        let mut client = Peer::connect(gateway.inbound());
        let mut peer = target.meet(
            &mut client,
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n",
        );
        client.say_chunk("begun");
        peer.hears_chunk("begun");
        let close = if closes { "connection: close\r\n" } else { "" };
        peer.say(format!(
            "HTTP/1.1 413 Too Large\r\n{close}content-length: 4\r\n\r\nmuch"
        ));
        let answer = client.answer("POST");
        assert_eq!(
            (answer.status, to_text(&answer.body.bytes).as_str()),
            (413, "much")
        );
        if closes {
            drop(peer);
        } else {
            // The target still takes the rest, so the client may end its request properly.
            client.say_chunk("");
            peer.hears("0\r\n\r\n");
            client.say("GET /again HTTP/1.1\r\nhost: a\r\n\r\n");
            let mut peer = target.accept();
            peer.head();
            peer.say("HTTP/1.1 204 No Content\r\n\r\n");
            client.status(204);
        }
    }
    gateway.until_nothing_is_held();
}

/// The reset must not overtake the answer on the gateway's side either.
#[test]
fn an_early_answer_of_a_target_that_then_resets_reaches_the_uploading_client() {
    let target = Target::start();
    let gateway = target.gateway();
    for _ in 0..20 {
        let mut client = Peer::connect(gateway.inbound());
        let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\n";
        let mut peer = target.meet(&mut client, head);
        let mut writer = client.writer();
        let upload = thread::spawn(move || pour(&mut writer, 1_000_000_000));
        peer.bytes(1_000_000);
        peer.say("HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 4\r\n\r\nmuch");
        // With an upload unread, the system resets the connection.
        drop(peer);
        let answer = client.answer("POST");
        assert_eq!(
            (answer.status, to_text(&answer.body.bytes).as_str()),
            (413, "much")
        );
        client.cut();
        upload.join().expect("a thread");
    }
}

#[test]
fn the_gateway_says_100_continue_once_the_target_wants_the_body() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    let request = "PUT / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
    client.say(request);
    let mut peer = target.accept();
    assert_eq!(peer.head().header("expect"), None);
    client.hears("HTTP/1.1 100 Continue\r\n\r\n");
    client.say("body");
    peer.hears("body");
    peer.say("HTTP/1.1 204 No Content\r\n\r\n");
    client.status(204);
    still_in_order(&mut client, &mut peer);
}

#[test]
fn http_1_and_http_2_are_told_apart_on_one_port_whatever_the_first_bytes_look_like() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    // HTTP/2 begins with PRI; a byte at a time, it must wait for the third.
    client.say("P");
    client.say("UT / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n");
    let mut peer = target.accept();
    assert_eq!(peer.head().start, "PUT / HTTP/1.1");
    peer.say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    assert_eq!(client.answer("PUT").body.bytes, b"ok");
}
