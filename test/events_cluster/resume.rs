//! A client that comes back, on any node, gets what it missed, once, or is told that something may be
//! missing.

use rig::core::hub::cursor;
use serde_json::json;

use super::{
    clients::{Heard, Poller, Stream, gap, heard_until, is_exact_or_gap, socket_heard},
    running,
};
use crate::support::{
    frontend::{encoded, token, types},
    websocket::WebSocket,
};

fn event(id: &str) -> Heard {
    Heard::Event(id.to_owned())
}

fn texts(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|&id| id.to_owned()).collect()
}

#[test]
fn a_stream_goes_on_where_it_was_on_the_same_node_and_on_others() {
    let fleet = running(3, &[]);
    let query = types(&["t"]);
    let mut stream = Stream::open(fleet.node(0).inbound(), &query);
    for (round, at) in [0, 1, 2, 0].into_iter().enumerate() {
        let ids = [0, 1, 2].map(|from| format!("{round}-{from}"));
        for (from, id) in ids.iter().enumerate() {
            fleet.node(from).submit("t", id);
        }
        // The client has seen one of the three, whichever came first.
        let Heard::Event(seen) = stream.heard() else {
            panic!("a gap");
        };
        let last = stream.last.clone();
        drop(stream);
        let missed = format!("{round}-missed");
        fleet.node((at + 1) % 3).submit("t", &missed);
        stream = Stream::resumed(fleet.node(at).inbound(), &query, &last);
        let mut rest = texts(&[&missed]);
        rest.extend(ids.into_iter().filter(|id| *id != seen));
        rest.sort();
        assert_eq!(stream.ids(3), rest, "round {round}");
    }
}

#[test]
fn a_stream_whose_node_was_killed_goes_on_elsewhere_with_what_is_there_and_a_gap() {
    let mut fleet = running(3, &[]);
    let query = types(&["t"]);
    let mut stream = Stream::open(fleet.node(0).inbound(), &query);
    for (node, id) in [(0, "own"), (1, "of the second"), (2, "of the third")] {
        fleet.node(node).submit("t", id);
    }
    assert_eq!(stream.ids(3), ["of the second", "of the third", "own"]);
    let position = stream.last.clone();
    drop(stream);
    fleet.node(0).submit("t", "perhaps lost");
    fleet.node(1).submit("t", "missed");
    fleet.kill(0);
    for node in [1, 2] {
        let mut again = Stream::resumed(fleet.node(node).inbound(), &query, &position);
        let last = format!("last of {node}");
        fleet.node(1).submit("t", &last);
        let heard = again.heard_until(&last);
        let mut expected = texts(&["perhaps lost", "missed", "last of 1"]);
        if node == 2 {
            expected.push(last);
        }
        is_exact_or_gap(&heard, &expected);
        let gaps = heard.iter().filter(|heard| **heard == Heard::Gap).count();
        assert_eq!(gaps, 1, "{heard:?}");
        // From where the client was, which is its `id` up to the key of the connection.
        let (from, to) = again.gap.expect("a gap");
        assert_eq!(Some(from.as_str()), position.rsplit('.').nth(1));
        assert!(cursor::decode(&to).is_ok(), "{to}");
        assert!(heard.contains(&event("missed")));
    }
}

#[test]
fn replaced_subscriptions_come_back_with_the_client_even_if_its_node_is_gone() {
    let mut fleet = running(3, &[]);
    let query = types(&["of the query"]);
    let mut stream = Stream::open(fleet.node(0).inbound(), &query);
    fleet.node(1).subscribe(&stream.token, &["by hand"]);
    stream.is_set();
    fleet.node(0).submit("by hand", "1");
    assert_eq!(stream.ids(1), ["1"]);
    for (at, id) in [(0, "2"), (1, "3")] {
        let last = stream.last.clone();
        drop(stream);
        fleet.node(2).submit("by hand", id);
        stream = Stream::resumed(fleet.node(at).inbound(), &query, &last);
        assert_eq!(stream.set[0]["eventType"], "by hand");
        assert_eq!(stream.ids(1), [id]);
    }
    let last = stream.last.clone();
    drop(stream);
    fleet.kill(1);
    fleet.node(0).submit("by hand", "4");
    let mut stream = Stream::resumed(fleet.node(2).inbound(), &query, &last);
    assert_eq!(stream.set[0]["eventType"], "by hand");
    let heard = stream.heard_until("4");
    is_exact_or_gap(&heard, &texts(&["4"]));
}

/// What it is given meanwhile was chosen by its old subscriptions.
#[test]
fn subscriptions_that_are_replaced_while_a_client_gets_what_it_missed_count_from_then_on() {
    let fleet = running(2, &[]);
    let query = types(&["a"]);
    let mut stream = Stream::open(fleet.node(0).inbound(), &query);
    fleet.node(0).submit("a", "seen");
    assert_eq!(stream.ids(1), ["seen"]);
    let last = stream.last.clone();
    drop(stream);
    // Several pages, and more than a socket takes of a client that does not read.
    let filling = json!({"filling": "x".repeat(200_000)});
    let missed: Vec<_> = (0..60)
        .map(|number| format!("missed-{number:02}"))
        .collect();
    for (number, id) in missed.iter().enumerate() {
        let node = fleet.node(number % 2);
        node.submit_event("a", id, filling.clone());
    }
    let mut stream = Stream::resumed(fleet.node(0).inbound(), &query, &last);
    fleet.node(1).subscribe(&stream.token, &["a", "b"]);
    let node = fleet.node(0);
    for (at, id) in [(0, "b-0"), (1, "b-1")] {
        fleet.node(at).submit("b", id);
    }
    node.submit("a", "end");
    let mut heard = Vec::new();
    while !heard.contains(&event("end")) {
        let frame = stream.frame().json();
        if frame["type"] != "rig.subscriptions_set" {
            heard.push(super::clients::heard(&frame));
        }
    }
    // Those of one node are in order, those of the other may come later.
    while !["b-0", "b-1"].iter().all(|id| heard.contains(&event(id))) {
        heard.push(stream.heard());
    }
    let mut expected = missed;
    expected.extend(texts(&["b-0", "b-1", "end"]));
    while heard.len() < expected.len() {
        heard.push(stream.heard());
    }
    is_exact_or_gap(&heard, &expected);
    assert!(!heard.contains(&Heard::Gap), "{heard:?}");
}

#[test]
fn a_web_socket_goes_on_by_event_id_and_token() {
    let mut fleet = running(3, &[]);
    let query = types(&["t"]);
    let mut socket = WebSocket::open(fleet.node(0).inbound(), &query);
    let (mut token, _set) = socket.welcome();
    let mut seen = String::new();
    for (round, at) in [0, 1, 2].into_iter().enumerate() {
        // An event's id may look like the `id` of a server-sent event.
        let id = format!("seen-{round}.0123456789abcdef");
        fleet.node(1).submit("t", &id);
        heard_until(&id, || socket_heard(&mut socket));
        seen.clone_from(&id);
        drop(socket);
        let missed = format!("missed-{round}");
        fleet.node(0).submit("t", &missed);
        let resumed = format!(
            "{query}&last_event_id={seen}&connection_token={}",
            encoded(&token)
        );
        socket = WebSocket::open(fleet.node(at).inbound(), &resumed);
        (token, _) = socket.welcome();
        assert_eq!(socket_heard(&mut socket), event(&missed));
        seen = missed;
    }
    // Its node is killed; another one has delivered the same event and knows where that was.
    let mut witness = WebSocket::open(fleet.node(0).inbound(), &query);
    witness.welcome();
    fleet.node(1).submit("t", "common");
    for socket in [&mut witness, &mut socket] {
        heard_until("common", || socket_heard(socket));
    }
    fleet.node(1).submit("t", "after");
    drop(socket);
    fleet.kill(2);
    let resumed = format!(
        "{query}&last_event_id=common&connection_token={}",
        encoded(&token)
    );
    let mut socket = WebSocket::open(fleet.node(1).inbound(), &resumed);
    socket.welcome();
    let heard = heard_until("after", || socket_heard(&mut socket));
    is_exact_or_gap(&heard, &texts(&["after"]));
    assert_ne!(seen, "");
}

#[test]
fn long_polling_goes_on_at_any_node_and_after_the_death_of_its_own() {
    // Asked for when a session is opened, not when it goes on.
    let mut fleet = running(3, &[("SUBSCRIPTION_CHECK", "jwt_validation")]);
    let jwt = token(json!({}));
    let query = format!("{}&jwt={jwt}", types(&["t"]));
    let at = |node: usize| fleet.node(node).inbound();
    let mut poller = Poller::open(at(0), &query);
    for round in 0..6 {
        let id = format!("event-{round}");
        fleet.node((round + 1) % 3).submit("t", &id);
        assert_eq!(poller.ids(at(round % 3), 1), [id]);
    }
    // Another client on another node wants the same; so that node has seen the same events.
    let survivor = at(1);
    let mut other = Stream::open(survivor, &query);
    fleet.node(1).submit("t", "common");
    assert_eq!(poller.ids(at(0), 1), ["common"]);
    assert_eq!(other.ids(1), ["common"]);
    fleet.node(1).submit("t", "missed");
    // The same id again: where the client is does not depend on ids.
    fleet.node(1).submit("t", "common");
    fleet.kill(0);
    let mut heard = poller.heard(survivor);
    fleet.node(2).submit("t", "after");
    while !heard.contains(&event("after")) {
        heard.extend(poller.heard(survivor));
    }
    is_exact_or_gap(&heard, &texts(&["missed", "common", "after"]));
}

#[test]
fn a_position_that_nobody_understands_is_answered_with_a_gap() {
    let fleet = running(2, &[]);
    let query = types(&["t"]);
    fleet.node(0).submit("t", "before");
    let long = "x".repeat(6_000);
    for last in [
        "garbage",
        "a.b.c",
        "AQID.0123456789abcdef",
        "....",
        "%00",
        &long,
    ] {
        let at = fleet.node(0).inbound();
        let mut stream = Stream::resumed(at, &query, last);
        let named = format!("{query}&last_event_id={}", encoded(last));
        let mut socket = WebSocket::open(at, &named);
        socket.welcome();
        // What is too long to be a position is not repeated.
        let said = if last == long { "" } else { last };
        for told in [stream.frame().json(), socket.event("rig.gap")] {
            let (from, to) = gap(&told);
            assert_eq!(from, said);
            assert!(cursor::decode(&to).is_ok(), "{to}");
        }
        let id = format!("after {}", last.len());
        fleet.node(1).submit("t", &id);
        stream.heard_until(&id);
        heard_until(&id, || socket_heard(&mut socket));
    }
}
