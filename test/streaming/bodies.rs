//! Bodies are passed on as they come, in both directions at once, and none is held in memory.

use std::thread;

use serde_json::json;

use crate::support::{
    gateway::Gateway,
    peer::{End, MORE_THAN_BUFFERS, Peer, pour, pour_until_standstill},
    target::Target,
    wire::Framing,
};

const MIB: u64 = 1024 * 1024;

/// Memory a transfer may take beyond the idle gateway, whatever its size.
const GROWTH_KIB_MAX: u64 = 40 * 1024;

/// Size of the transfers that must leave memory flat: a gibibyte, unless `RIG_TEST_STREAM_MIB` says
/// otherwise (it takes three seconds in a debug build).
fn large() -> u64 {
    let mib = std::env::var("RIG_TEST_STREAM_MIB").ok();
    mib.map_or(1_024, |mib| mib.parse().expect("a number of MiB")) * MIB
}

#[test]
fn events_arrive_one_by_one_and_may_be_further_apart_than_the_answer_timeout() {
    let target = Target::start();
    let gateway = target.gateway_with(Gateway::builder().env("PROXY_RECV_TIMEOUT", "200"));
    let mut client = Peer::connect(gateway.inbound());
    client.say("GET /events HTTP/1.1\r\nhost: a\r\naccept: text/event-stream\r\n\r\n");
    let mut source = target.accept();
    source.head();
    source.say(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    let head = client.status(200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    source.say_chunk("data: 1\n\n");
    client.hears_chunk("data: 1\n\n");
    // Another request running into the timeout is the witness that it has passed.
    let mut witness = Peer::connect(gateway.inbound());
    witness.say("GET /never HTTP/1.1\r\nhost: a\r\n\r\n");
    let _silent = target.accept();
    witness.status(504);
    source.say_chunk("data: 2\n\n");
    client.hears_chunk("data: 2\n\n");
    source.say_chunk("");
    client.hears("0\r\n\r\n");
}

#[test]
fn a_request_and_its_answer_pass_at_the_same_time() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    client.say("POST /talk HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    client.say_chunk("hello");
    let mut echo = target.accept();
    assert_eq!(echo.head().header("transfer-encoding"), Some("chunked"));
    echo.hears_chunk("hello");
    echo.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    client.status(200);
    for round in 0..10 {
        let (question, answer) = (format!("question {round}"), format!("answer {round}"));
        client.say_chunk(&question);
        echo.hears_chunk(&question);
        echo.say_chunk(&answer);
        client.hears_chunk(&answer);
    }
    client.say_chunk("");
    echo.hears("0\r\n\r\n");
    echo.say_chunk("");
    client.hears("0\r\n\r\n");
    client.say("GET /next HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(
        echo.head().start,
        "GET /next HTTP/1.1",
        "both connections are kept"
    );
}

#[test]
fn a_client_that_does_not_read_stops_the_target() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    client.say("GET /much HTTP/1.1\r\nhost: a\r\n\r\n");
    let mut source = target.accept();
    source.head();
    source.say(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {MORE_THAN_BUFFERS}\r\n\r\n"
    ));
    let head = client.status(200);
    let mut writer = source.writer();
    let left = pour_until_standstill(&mut writer);
    let rest = thread::spawn(move || pour(&mut writer, left));
    assert_eq!(
        client.length_of_body(&head, Framing::None),
        Some(MORE_THAN_BUFFERS)
    );
    assert_eq!(rest.join().expect("written"), 0);
}

#[test]
fn a_target_that_does_not_read_stops_the_client() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    client.say(format!(
        "POST /much HTTP/1.1\r\nhost: a\r\ncontent-length: {MORE_THAN_BUFFERS}\r\n\r\n"
    ));
    let mut sink = target.accept();
    let head = sink.head();
    let mut writer = client.writer();
    let left = pour_until_standstill(&mut writer);
    let rest = thread::spawn(move || pour(&mut writer, left));
    assert_eq!(
        sink.length_of_body(&head, Framing::None),
        Some(MORE_THAN_BUFFERS)
    );
    assert_eq!(rest.join().expect("written"), 0);
    sink.say("HTTP/1.1 204 No Content\r\n\r\n");
    client.status(204);
}

#[test]
fn uploads_and_downloads_of_any_size_leave_memory_flat() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    client.say("GET /warm HTTP/1.1\r\nhost: a\r\n\r\n");
    let mut peer = target.accept();
    peer.head();
    peer.say("HTTP/1.1 204 No Content\r\n\r\n");
    client.status(204);
    let (idle, _) = gateway.memory();

    client.say(format!(
        "PUT /up HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n",
        large()
    ));
    let mut writer = client.writer();
    let upload = thread::spawn(move || pour(&mut writer, large()));
    let head = peer.head();
    assert_eq!(peer.length_of_body(&head, Framing::None), Some(large()));
    assert_eq!(upload.join().expect("written"), 0);
    peer.say(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
        large()
    ));
    let head = client.status(200);
    let mut writer = peer.writer();
    let download = thread::spawn(move || pour(&mut writer, large()));
    assert_eq!(client.length_of_body(&head, Framing::None), Some(large()));
    assert_eq!(download.join().expect("written"), 0);

    let (_, most) = gateway.memory();
    let growth = most.saturating_sub(idle);
    assert!(
        growth < GROWTH_KIB_MAX,
        "{growth} KiB more than the {idle} KiB of the idle gateway"
    );
}

#[test]
fn bodies_of_get_and_delete_are_passed_on_as_they_are_framed() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    let mut connection = None;
    for method in ["GET", "DELETE"] {
        for (framing, body) in [
            ("transfer-encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
            ("content-length: 5", "hello"),
        ] {
            client.say(format!(
                "{method} /b HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n{body}"
            ));
            let peer = connection.get_or_insert_with(|| target.accept());
            let head = peer.head();
            assert_eq!(head.start, format!("{method} /b HTTP/1.1"));
            let (name, value) = framing.split_once(": ").expect("a header");
            assert_eq!(head.header(name), Some(value), "{method}");
            peer.hears(body);
            peer.say("HTTP/1.1 204 No Content\r\n\r\n");
            client.status(204);
        }
    }
}

/// What happens to trailers is told here: a request's are dropped, an answer's are kept if its
/// head announces them and the client asked for them, as RFC 9110, 6.5.1 wants.
#[test]
fn trailers_of_requests_are_dropped_and_those_of_answers_kept_if_they_are_wanted() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    client.say(
        "POST /t HTTP/1.1\r\nhost: a\r\nte: trailers\r\ntrailer: x-sum\r\n\
         transfer-encoding: chunked\r\n\r\n2\r\nup\r\n0\r\nx-sum: 1\r\n\r\n",
    );
    let mut peer = target.accept();
    let head = peer.head();
    assert_eq!(
        (head.header("te"), head.header("trailer")),
        (Some("trailers"), None)
    );
    peer.hears("2\r\nup\r\n0\r\n\r\n");
    let answer = "HTTP/1.1 200 OK\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n\
                  4\r\ndown\r\n0\r\nx-sum: 2\r\n\r\n";
    peer.say(answer);
    assert_eq!(client.status(200).header("trailer"), Some("x-sum"));
    client.hears("4\r\ndown\r\n0\r\nx-sum: 2\r\n\r\n");

    client.say("GET /t HTTP/1.1\r\nhost: a\r\n\r\n");
    peer.head();
    peer.say(answer);
    client.status(200);
    client.hears("4\r\ndown\r\n0\r\n\r\n");
}

#[test]
fn replacing_or_removing_an_api_leaves_its_streams_running_to_their_end() {
    let target = Target::start();
    let gateway = target.gateway();
    let mut client = Peer::connect(gateway.inbound());
    client.say("POST /s HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    let mut peer = target.accept();
    peer.head();
    peer.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    client.status(200);
    let mut both_ways = |text: &str| {
        client.say_chunk(text);
        peer.hears_chunk(text);
        peer.say_chunk(text);
        client.hears_chunk(text);
    };
    both_ways("as defined");

    let elsewhere = Target::start();
    let mut definition = elsewhere.definition("api", "");
    definition["name"] = json!("elsewhere");
    gateway.replace(&definition);
    both_ways("after it was replaced");
    let mut other = Peer::connect(gateway.inbound());
    other.say("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    let mut elsewhere = elsewhere.accept();
    elsewhere.head();
    elsewhere.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    other.status(200);

    gateway.remove("api");
    both_ways("after it was removed");
    elsewhere.say("3\r\nend\r\n0\r\n\r\n");
    other.hears("3\r\nend\r\n0\r\n\r\n");
    other.say("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    other.answer("GET");
    client.say_chunk("");
    peer.hears("0\r\n\r\n");
    peer.say("0\r\n\r\n");
    client.hears("0\r\n\r\n");
    client.finish();
    assert_eq!(client.end(), End::Closed);
}
