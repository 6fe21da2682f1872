//! Who leaves early is seen to leave: a cut-off answer never looks complete, and a client that goes
//! frees what was held for it.

use std::{sync::Arc, thread};

use crate::support::{
    authority::Authority,
    gateway::Gateway,
    peer::{End, Peer, pour, pour_until_standstill},
    target::Target,
    wire::Framing,
};

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// How a target ends its connection in the middle of an answer.
#[derive(Debug, Clone, Copy)]
enum Leaving {
    Fin,
    Rst,
}

fn leave(peer: Peer, how: Leaving) {
    match how {
        Leaving::Fin => drop(peer),
        Leaving::Rst => peer.reset(),
    }
}

#[test]
fn a_cut_off_answer_is_seen_as_cut_off() {
    let target = Target::start();
    let gateway = target.gateway();
    for (head, how) in [
        (
            "transfer-encoding: chunked\r\n\r\n4\r\npart\r\n",
            Leaving::Fin,
        ),
        (
            "transfer-encoding: chunked\r\n\r\n4\r\npart\r\n",
            Leaving::Rst,
        ),
        ("transfer-encoding: chunked\r\n\r\nff\r\npart", Leaving::Fin),
        ("content-length: 5\r\n\r\npart", Leaving::Fin),
        ("content-length: 5\r\n\r\npart", Leaving::Rst),
        ("\r\npart", Leaving::Rst),
    ] {
        let mut client = Peer::connect(gateway.inbound());
        client.say(GET);
        let mut peer = target.accept();
        peer.head();
        peer.say(format!("HTTP/1.1 200 OK\r\n{head}"));
        let got = client.status(200);
        match got.framing(Framing::Close) {
            Framing::Length(_) => client.hears("part"),
            Framing::Chunked => client.hears_chunk("part"),
            other => panic!("{other:?} of {head:?}"),
        }
        leave(peer, how);
        client.end();
    }
    gateway.until_metric_is("rig_proxy_answers_cut_off_total", 6.0);
    gateway.until_nothing_is_held();
}

#[test]
fn what_came_before_the_cut_is_delivered() {
    let target = Target::start();
    let gateway = target.gateway();
    let events = "9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n";
    for how in [Leaving::Fin, Leaving::Rst] {
        let mut client = Peer::connect(gateway.inbound());
        client.say(GET);
        let mut peer = target.accept();
        peer.head();
        peer.say(format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{events}"
        ));
        leave(peer, how);
        client.status(200);
        client.hears_chunk("data: 1\n\n");
        client.hears_chunk("data: 2\n\n");
        client.end();
    }
}

/// HTTP/1.0 has no framing in which an early end shows, so the connection itself must break.
#[test]
fn a_cut_off_answer_is_seen_as_cut_off_by_a_client_of_http_1_0_too() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    client.say("GET / HTTP/1.0\r\n\r\n");
    let mut peer = target.accept();
    peer.head();
    peer.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n");
    assert_eq!(client.status(200).framing(Framing::Close), Framing::Close);
    client.hears("part");
    drop(peer);
    assert_eq!(client.end(), End::Reset);
}

/// Without a `close_notify` the end of a TLS connection may be anybody's (RFC 9110, 9.3; RFC 8446,
/// 6.1), so an answer that is framed by it is not complete.
#[test]
fn an_answer_over_tls_that_is_cut_off_is_seen_as_cut_off_over_tls() {
    let authority = Authority::new();
    let target = Target::start_tls(authority.server("localhost"));
    let gateway = target.gateway_with(authority.gateway());
    let config = authority.client("http/1.1");
    for (framing, body, heard) in [
        (
            "transfer-encoding: chunked\r\n",
            "4\r\npart\r\n",
            "4\r\npart\r\n",
        ),
        ("content-length: 5\r\n", "part", "part"),
        ("", "part", "4\r\npart\r\n"),
    ] {
        let mut client = Peer::connect_tls(gateway.inbound_tls(), Arc::clone(&config));
        client.say(GET);
        let mut peer = target.accept();
        peer.head();
        peer.say(format!("HTTP/1.1 200 OK\r\n{framing}\r\n{body}"));
        client.status(200);
        client.hears(heard);
        peer.cut();
        client.end();
    }
    // The same end with a farewell is a complete answer.
    let mut client = Peer::connect_tls(gateway.inbound_tls(), config);
    client.say(GET);
    let mut peer = target.accept();
    peer.head();
    peer.say("HTTP/1.1 200 OK\r\n\r\nwhole");
    peer.finish();
    client.status(200);
    client.hears("5\r\nwhole\r\n0\r\n\r\n");
}

#[test]
fn a_client_that_leaves_while_it_waits_frees_the_target_at_once() {
    let target = Target::start();
    let gateway = target.gateway();
    for how in [Leaving::Fin, Leaving::Rst] {
        let mut client = Peer::connect(gateway.inbound());
        client.say(GET);
        let mut peer = target.accept();
        peer.head();
        gateway.until_metric_is("rig_proxy_requests_in_flight", 1.0);
        leave(client, how);
        peer.end();
        gateway.until_nothing_is_held();
    }
}

#[test]
fn a_client_that_leaves_within_a_silent_answer_frees_the_target_at_once() {
    let target = Target::start();
    let gateway = target.gateway();
    for how in [Leaving::Fin, Leaving::Rst] {
        let mut client = Peer::connect(gateway.inbound());
        client.say(GET);
        let mut peer = target.accept();
        peer.head();
        peer.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        peer.say_chunk("event");
        client.status(200);
        client.hears_chunk("event");
        leave(client, how);
        peer.end();
        gateway.until_nothing_is_held();
    }
}

#[test]
fn a_client_that_leaves_within_a_busy_download_frees_the_target_at_once() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    client.say(GET);
    let mut peer = target.accept();
    peer.head();
    peer.say("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
    client.status(200);
    client.bytes(0);
    let block = [b'x'; 64 * 1024];
    let mut client = Some(client);
    // Ends when writing fails, which nothing but the client's leaving can cause.
    while peer.try_say(block).is_ok() {
        if let Some(mut client) = client.take() {
            client.bytes(block.len());
        }
    }
    gateway.until_nothing_is_held();
}

#[test]
fn a_client_that_leaves_within_its_upload_frees_the_target_which_sees_it_cut_off() {
    let target = Target::start();
    let gateway = target.gateway();
    for how in [Leaving::Fin, Leaving::Rst] {
        for (framing, part) in [
            ("content-length: 5", "part"),
            ("transfer-encoding: chunked", "4\r\npart\r\n"),
        ] {
            let mut client = Peer::connect(gateway.inbound());
            client.say(format!(
                "PUT / HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n{part}"
            ));
            let mut peer = target.accept();
            peer.head();
            peer.hears(part);
            leave(client, how);
            peer.end();
            gateway.until_nothing_is_held();
        }
    }
}

#[test]
fn a_client_that_leaves_while_its_target_is_not_reading_is_noticed_when_it_reads_on() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    client.say("PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\n");
    let mut peer = target.accept();
    peer.head();
    let mut writer = client.writer();
    pour_until_standstill(&mut writer);
    drop(writer);
    client.reset();
    peer.rest();
    gateway.until_nothing_is_held();
}

#[test]
fn an_answer_that_pauses_too_long_is_cut_off() {
    let target = Target::start();
    let gateway = target.gateway_with(Gateway::builder().env("PROXY_STREAM_IDLE_TIMEOUT", "300"));
    let mut client = Peer::connect(gateway.inbound());
    client.say(GET);
    let mut peer = target.accept();
    peer.head();
    peer.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    peer.say_chunk("then silence");
    client.status(200);
    client.hears_chunk("then silence");
    client.end();
    peer.end();
    gateway.until_nothing_is_held();
}

#[test]
fn a_target_that_takes_no_more_of_an_upload_is_given_up_after_the_body_timeout() {
    let target = Target::start();
    let gateway = target.gateway_with(Gateway::builder().env("BODY_TIMEOUT", "1"));
    let mut client = Peer::connect(gateway.inbound());
    client.say("PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\n");
    let mut peer = target.accept();
    peer.head();
    let mut writer = client.writer();
    let upload = thread::spawn(move || pour(&mut writer, 1_000_000_000));
    assert_eq!(client.answer("PUT").status, 504);
    gateway.until_nothing_is_held();
    client.cut();
    upload.join().expect("a thread");
}
