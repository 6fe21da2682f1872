//! Attacks on the cluster port of a real node (issue 3, "Security"; cluster.md, part 6, "Trust"). Those
//! without the secret get no byte of state in or out; a member that has gone bad is bounded and counted,
//! and changes nothing.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use rig::{
    core::replica::{
        id::{PeerId, Voter},
        wire::{self, Envelope, Gossip, Presence, Request as Question, Sender},
    },
    p2p::Event,
};

use crate::{
    cluster::unserved,
    support::{
        client::{Request, ask},
        fleet::{Acknowledged, COOKIE, Fleet, until},
        gateway::Gateway,
        intruder::{Intruder, claim_too_much},
    },
};

/// In a definition, so that it can be looked for.
const MARK: &str = "mark-of-the-state";
/// A private network begins with 24 bytes of nonce; what is sent before the other end has shown that it
/// knows the secret is the name of a protocol.
const GREETING_BYTES_MAX: usize = 128;
const BAD_MESSAGES: usize = 150;
const FLOOD: usize = 20_000;
/// A start, some connections, and nothing for each message.
const LOG_LINES_MAX: usize = 200;
/// An answer of the management API while the node is flooded, on a busy machine.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Above what 1,024 waiting events of 64 KiB and the buffers of the transport take.
const GROWTH_KIB_MAX: u64 = 200 * 1024;

/// What rises as soon as there is another member.
const EXCHANGED: [&str; 5] = [
    "rig_cluster_gossip_total{direction=\"in\"}",
    "rig_cluster_gossip_total{direction=\"out\"}",
    "rig_cluster_request_bytes_total{direction=\"in\"}",
    "rig_cluster_request_bytes_total{direction=\"out\"}",
    "rig_registry_members",
];

/// A node with a definition, and where its cluster port is.
fn victim(settings: &[(&str, &str)]) -> (Fleet, SocketAddr) {
    let mut fleet = Fleet::new(1);
    for (name, value) in settings {
        fleet.set(0, name, value);
    }
    fleet.listen(0, &[unserved(MARK, "1")]);
    let port = fleet.cluster_port(0);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    until("the cluster port", || TcpStream::connect(address).ok());
    (fleet, address)
}

/// Waits for a series: those of the connections are there as soon as the network part has begun.
fn until_counted(node: &Gateway, series: &str, at_least: f64) {
    until(&format!("{series} {at_least}"), || {
        node.find_metric(series).filter(|value| *value >= at_least)
    });
}

/// What the node sends to somebody who says this.
fn raw(address: SocketAddr, words: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).expect("a connection");
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a time limit");
    // The node may close while this is written.
    drop(socket.write_all(words));
    let mut heard = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match socket.read(&mut piece) {
            Ok(0) => return heard,
            Ok(length) => heard.extend(&piece[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return heard,
            Err(error) => panic!("the node keeps the connection: {error}"),
        }
    }
}

/// Nothing of the registry went to a stranger or came from it.
fn nothing_was_exchanged(fleet: &Fleet, intruder: &Intruder) {
    let node = fleet.node(0);
    let stats = intruder.handle.stats();
    assert_eq!(
        (stats.peers, stats.gossip_in, stats.request_bytes_in),
        (0, 0, 0)
    );
    let told = intruder.events();
    let state = |event: &&Event| {
        matches!(
            event,
            Event::PeerUp { .. }
                | Event::Gossip { .. }
                | Event::Request { .. }
                | Event::Response { .. }
        )
    };
    assert_eq!(
        told.iter().find(state).map(|event| format!("{event:?}")),
        None
    );
    for series in EXCHANGED {
        assert!(node.metric(series) < 0.5, "{series}");
    }
}

/// A member in good form.
fn sender() -> Sender {
    Sender {
        cluster: "rig".to_owned(),
        voter: Voter::of("rig", "flood"),
        incarnation: 1,
        established: false,
    }
}

fn question(root: u64) -> Vec<u8> {
    wire::encode_request(&Envelope {
        sender: sender(),
        content: Question::Sync1 { root, count: 1 },
    })
}

/// Says in its own name that it is there.
fn presence(intruder: &Intruder, root: u64) -> Vec<u8> {
    let presence = Presence {
        peer: PeerId::new(&intruder.handle.local().to_bytes()),
        name: "flood".to_owned(),
        software: "x".repeat(1_000),
        apis: 0,
        root,
        wall: 0,
    };
    wire::encode_gossip(&Envelope {
        sender: sender(),
        content: Gossip::Presence(presence),
    })
}

fn is_presence(bytes: &[u8]) -> bool {
    matches!(
        wire::decode_gossip(bytes),
        Ok(Envelope {
            content: Gossip::Presence(_),
            ..
        })
    )
}

/// Without this, a series of another name would pass for one that does not rise.
#[test]
fn what_a_stranger_must_not_raise_rises_with_a_member() {
    let (fleet, address) = victim(&[]);
    let node = fleet.node(0);
    let member = Intruder::start(address, Some(COOKIE));
    let peer = member.admitted();
    let asked = member.handle.request(peer, question(0));
    asked.expect("an open connection");
    member.publish(&presence(&member, 0));
    for series in EXCHANGED {
        until_counted(node, series, 1.0);
    }
}

/// A node whose secret is another one, or that has none.
fn stranger_is_kept_out(secret: Option<&str>) {
    let (fleet, address) = victim(&[]);
    let node = fleet.node(0);
    let intruder = Intruder::start(address, secret);
    for _ in 0..20 {
        intruder.publish(b"let me in");
    }
    until_counted(node, "rig_cluster_refused_total{reason=\"handshake\"}", 3.0);
    nothing_was_exchanged(&fleet, &intruder);
    // Operators are told: at once, when the node goes on alone, and as long as it lasts.
    node.await_log(
        "ready, but alone: connections were refused",
        1,
        ANSWER_MAX * 2,
    );
    let nodes = ask(node.api(), &Request::new("GET", "/v3/cluster/nodes")).expect("an answer");
    let network = &nodes.json()["network"];
    assert_eq!(network["port"], "open");
    let refused = &network["refused"][0];
    assert_eq!(refused["address"], "127.0.0.1", "{network}");
    assert_eq!(refused["reason"], "handshake");
    assert!(node.metric("rig_cluster_peers_refused") > 0.5);
}

#[test]
fn a_node_with_another_secret_gets_no_byte_of_state_in_or_out() {
    stranger_is_kept_out(Some("a secret of somebody else"));
}

#[test]
fn a_node_without_a_secret_gets_no_byte_of_state_in_or_out() {
    stranger_is_kept_out(None);
}

#[test]
fn a_stranger_that_talks_garbage_hears_a_greeting_and_no_more() {
    let (fleet, address) = victim(&[]);
    for words in [
        &b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..],
        &[0xff; 8192],
        &[0; 64],
    ] {
        let heard = raw(address, words);
        assert!(heard.len() <= GREETING_BYTES_MAX, "{}", heard.len());
        let mark = heard
            .windows(MARK.len())
            .any(|part| part == MARK.as_bytes());
        assert!(!mark);
    }
    until_counted(
        fleet.node(0),
        "rig_cluster_refused_total{reason=\"handshake\"}",
        3.0,
    );
}

#[test]
fn a_host_that_opens_many_connections_is_bounded() {
    let (fleet, address) = victim(&[]);
    let held: Vec<_> = (0..200)
        .filter_map(|_| TcpStream::connect(address).ok())
        .collect();
    let node = fleet.node(0);
    until_counted(node, "rig_cluster_refused_total{reason=\"limit\"}", 50.0);
    drop(held);
    // The places are free again.
    let member = Intruder::start(address, Some(COOKIE));
    member.admitted();
}

#[test]
fn an_address_outside_the_allow_list_hears_nothing_even_with_the_secret() {
    let (fleet, address) = victim(&[("CLUSTER_ALLOW", "10.0.0.0/8")]);
    assert_eq!(raw(address, b"hello"), b"");
    let intruder = Intruder::start(address, Some(COOKIE));
    let node = fleet.node(0);
    until_counted(
        node,
        "rig_cluster_refused_total{reason=\"allow_list\"}",
        4.0,
    );
    nothing_was_exchanged(&fleet, &intruder);
}

#[test]
fn a_member_that_sends_malformed_messages_is_counted_and_put_out() {
    let (fleet, address) = victim(&[]);
    let node = fleet.node(0);
    let before = node.version(MARK);
    let intruder = Intruder::start(address, Some(COOKIE));
    intruder.admitted();
    for number in 0..BAD_MESSAGES {
        let mut garbage = vec![1, 0xbf];
        garbage.extend(number.to_be_bytes());
        intruder.publish(&garbage);
    }
    until_counted(
        node,
        "rig_registry_rejected_total{reason=\"malformed\"}",
        100.0,
    );
    until_counted(node, "rig_cluster_bans_total", 1.0);
    intruder.next(|event| matches!(event, Event::PeerDown { .. }).then_some(()));
    // It comes again, and is not let in.
    until_counted(node, "rig_cluster_refused_total{reason=\"banned\"}", 1.0);
    assert_eq!(node.version(MARK), before);
    until("a change taken", || {
        (node.create(&unserved("next", "1")).status == 201).then_some(())
    });
}

#[test]
fn a_member_that_claims_oversized_messages_is_counted_and_put_out() {
    let (fleet, address) = victim(&[]);
    let node = fleet.node(0);
    let (_, before) = node.memory();
    claim_too_much(address, COOKIE);
    until_counted(node, "rig_cluster_malformed_total", 100.0);
    until_counted(node, "rig_cluster_bans_total", 1.0);
    let (_, after) = node.memory();
    assert!(after < before + GROWTH_KIB_MAX, "{before} {after}");
    assert!(node.version(MARK).is_some());
}

#[test]
fn a_member_that_replays_old_messages_changes_nothing() {
    let (fleet, address) = victim(&[]);
    let node = fleet.node(0);
    until("a change taken", || {
        (node.create(&unserved("api", "1")).status == 201).then_some(())
    });
    let intruder = Intruder::start(address, Some(COOKIE));
    intruder.admitted();
    let mut heard = Vec::new();
    for version in ["2", "3"] {
        Acknowledged::expected(&node.update(&unserved("api", version)));
    }
    // What the node tells: changes, and every few seconds that it is there.
    while heard.len() < 3 || !heard.iter().any(|bytes: &Vec<u8>| is_presence(bytes)) {
        heard.push(intruder.next(|event| match event {
            Event::Gossip { bytes, .. } => Some(bytes),
            _ => None,
        }));
    }
    assert_eq!(node.admin("DELETE", "api").status, 204);
    let last = Acknowledged::expected(&node.create(&unserved("api", "4")));
    let rejected = || node.metric("rig_registry_rejected_total{reason=\"presence\"}");
    let arrived = || node.metric("rig_cluster_gossip_total{direction=\"in\"}");
    let before = arrived();
    let mut sent = 0.0;
    for _ in 0..20 {
        for bytes in &heard {
            intruder.publish(bytes);
            sent += 1.0;
        }
    }
    until("the replays", || (arrived() >= before + sent).then_some(()));
    assert_eq!(node.version("api"), Some(last.version));
    let changes = "rig_registry_served_changes_total{cause=";
    for cause in ["ref", "vote"] {
        let series = format!("{changes}\"{cause}\"}}");
        assert!(node.metric(&series) < 0.5, "{series}");
    }
    // Nobody is present in the name of another.
    assert!(rejected() > 0.5);
    assert!(node.metric("rig_registry_members") < 1.5);
}

#[test]
fn a_member_that_floods_is_bounded_and_others_are_served_meanwhile() {
    let (fleet, address) = victim(&[]);
    let node = fleet.node(0);
    let intruder = Intruder::start(address, Some(COOKIE));
    let peer = intruder.admitted();
    let (before, _) = node.memory();
    let asked = intruder.handle.request(peer, question(0));
    asked.expect("an open connection");
    until_counted(node, "rig_cluster_requests_total{direction=\"in\"}", 1.0);
    let mut slowest = Duration::ZERO;
    for number in 0..FLOOD {
        // Whatever the own side takes of it.
        let _ = intruder.handle.request(peer, question(number as u64));
        // In its own name, and in good form: nothing the node could put it out for.
        intruder.publish(&presence(&intruder, number as u64));
        if number % 1_000 == 0 {
            let asked = Instant::now();
            assert!(node.version(MARK).is_some());
            slowest = slowest.max(asked.elapsed());
        }
    }
    assert!(slowest < ANSWER_MAX, "{slowest:?}");
    until_counted(node, "rig_cluster_gossip_total{direction=\"in\"}", 100.0);
    // Nor does it fill the log.
    let lines = node.log().lines().count();
    assert!(lines < LOG_LINES_MAX, "{lines} lines");
    let (_, after) = node.memory();
    assert!(after < before + GROWTH_KIB_MAX, "{before} {after}");
    until("a change taken", || {
        (node.create(&unserved("next", "1")).status == 201).then_some(())
    });
}
