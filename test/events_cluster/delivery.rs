//! An event reaches every client that wants it, on whichever node, once.

use serde_json::json;

use super::{
    clients::{Poller, Stream, socket_ids},
    fleet, running,
};
use crate::support::{
    frontend::{subscriptions, types},
    websocket::WebSocket,
};

#[test]
fn an_event_reaches_every_transport_on_every_node_once() {
    let fleet = running(3, &[]);
    let query = types(&["chat.message"]);
    let wide = types(&["chat.*", "chat.message"]);
    let (mut streams, mut sockets, mut pollers) = (Vec::new(), Vec::new(), Vec::new());
    for node in fleet.live() {
        let at = node.inbound();
        streams.push(Stream::open(at, &query));
        streams.push(Stream::open(at, &wide));
        let mut socket = WebSocket::open(at, &query);
        socket.welcome();
        sockets.push(socket);
        pollers.push((at, Poller::open(at, &query)));
    }
    let mut expected = Vec::new();
    for round in 0..5 {
        for (number, node) in fleet.live().enumerate() {
            let id = format!("{round}-{number}");
            node.submit("chat.message", &id);
            node.submit("other", "nobody wants it");
            expected.push(id);
        }
    }
    expected.sort();
    let count = expected.len();
    for stream in &mut streams {
        assert_eq!(stream.ids(count), expected);
    }
    for socket in &mut sockets {
        assert_eq!(socket_ids(socket, count), expected);
    }
    for (at, poller) in &mut pollers {
        assert_eq!(poller.ids(*at, count), expected);
    }
    // What comes next is new: nothing was repeated.
    fleet.node(0).submit("chat.message", "last");
    for stream in &mut streams {
        assert_eq!(stream.ids(1), ["last"]);
    }
    for (at, poller) in &mut pollers {
        assert_eq!(poller.ids(*at, 1), ["last"]);
    }
}

#[test]
fn a_subscription_holds_on_all_nodes_from_the_moment_it_is_confirmed() {
    let fleet = running(3, &[]);
    for round in 0..20 {
        let kind = format!("kind-{round}");
        let mut stream = Stream::open(fleet.node(round % 3).inbound(), &types(&[&kind]));
        let id = format!("event-{round}");
        fleet.node((round + 1) % 3).submit(&kind, &id);
        assert_eq!(stream.ids(1), [id]);
    }
}

#[test]
fn constraints_hold_across_nodes() {
    let fleet = running(2, &[]);
    let named = json!([{"eventType": "limited", "oneOf": [{"name": "ann"}, {"name": "bob"}]}]);
    let mut stream = Stream::open(fleet.node(1).inbound(), &subscriptions(&named));
    for (id, name) in [("1", "ann"), ("2", "cid"), ("3", "bob"), ("4", "")] {
        fleet
            .node(0)
            .submit_event("limited", id, json!({"name": name}));
    }
    fleet
        .node(0)
        .submit_event("limited", "5", json!({"name": "ann"}));
    assert_eq!(stream.ids(3), ["1", "3", "5"]);
}

#[test]
fn subscriptions_are_replaced_through_any_node() {
    let fleet = running(3, &[]);
    let mut stream = Stream::open(fleet.node(0).inbound(), &types(&["before"]));
    for (round, through) in [1, 2, 0, 1].into_iter().enumerate() {
        let kind = format!("kind-{round}");
        fleet.node(through).subscribe(&stream.token, &[&kind]);
        assert_eq!(stream.is_set()[0]["eventType"], kind.as_str());
        fleet.node(2).submit("before", "no longer wanted");
        fleet.node(2).submit(&kind, &kind);
        assert_eq!(stream.ids(1), [kind]);
    }
}

#[test]
fn a_node_that_joins_knows_what_is_wanted_before_it_is_ready() {
    let mut fleet = fleet(3, &[]);
    fleet.start(0, &[]);
    fleet.start(1, &[]);
    fleet.until_met();
    let mut exact = Stream::open(fleet.node(0).inbound(), &types(&["news"]));
    let mut prefix = Stream::open(fleet.node(1).inbound(), &types(&["n.*"]));
    for round in 0..3 {
        fleet.start(2, &[]);
        let (exactly, by_prefix) = (format!("{round}-exact"), format!("{round}-prefix"));
        fleet.node(2).submit("news", &exactly);
        fleet.node(2).submit("n.x", &by_prefix);
        assert_eq!(exact.ids(1), [exactly]);
        assert_eq!(prefix.ids(1), [by_prefix]);
        fleet.kill(2);
    }
}

#[test]
fn events_that_nobody_wants_cost_no_traffic() {
    let fleet = running(3, &[]);
    let mut stream = Stream::open(fleet.node(1).inbound(), &types(&["wanted"]));
    // The first one says that all that was to be told has been told.
    fleet.node(0).submit("wanted", "first");
    assert_eq!(stream.ids(1), ["first"]);
    let shipped = || fleet.node(0).metric("rig_hub_shipped_total");
    let before = shipped();
    for number in 0..300 {
        fleet.node(0).submit("unwanted", &number.to_string());
    }
    fleet.node(0).submit("wanted", "last");
    assert_eq!(stream.ids(1), ["last"]);
    let sent = shipped() - before;
    assert!(
        (sent - 1.0).abs() < f64::EPSILON,
        "{sent} events instead of one"
    );
    // One node of two has a client.
    let bytes = fleet.node(0).metric("rig_hub_shipped_bytes_total");
    assert!(bytes < 1_000.0, "{bytes} bytes");
    assert!(
        fleet
            .node(2)
            .metric("rig_hub_events_total{what=\"arrived\"}")
            < 0.5
    );
}
