//! A change that one node took is everywhere: how soon, in which order, at what cost for requests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    cluster::{unserved, versioned},
    support::{
        client::{Connection, Request, ask},
        fleet::{Acknowledged, Fleet, until},
        gateway::Gateway,
        puppet::Puppet,
    },
};

const QUICK_CHANGES: usize = 20;
const MEASURED_CHANGES: usize = 100;
const CHANGES_UNDER_LOAD: usize = 200;
/// A change takes some milliseconds; only a lost message, which anti-entropy repairs in seconds, or a
/// machine that stands still is slower.
const SPREAD_MAX: Duration = Duration::from_secs(15);

/// The line that the target saw for `GET /ID`, or the status.
fn proxied(node: &Gateway, id: &str) -> String {
    let answer = ask(node.inbound(), &Request::new("GET", &format!("/{id}"))).expect("an answer");
    answer.header("x-line").map_or_else(
        || answer.status.to_string(),
        |line| line.trim_start_matches("GET ").to_owned(),
    )
}

#[test]
fn a_change_on_one_node_is_served_by_all() {
    let backend = Puppet::obliging();
    let fleet = Fleet::running(3);
    let definition = |version| versioned("bookings", backend.address(), version);

    let created = Acknowledged::expected(&fleet.node(0).create(&definition("first")));
    fleet.until_all_show("bookings", &created.version);
    for node in fleet.live() {
        assert_eq!(proxied(node, "bookings"), "/bookings/first");
    }

    let updated = Acknowledged::expected(&fleet.node(1).update(&definition("second")));
    assert_eq!((created.ref_number(), updated.ref_number()), (0, 1));
    fleet.until_all_show("bookings", &updated.version);
    for node in fleet.live() {
        assert_eq!(proxied(node, "bookings"), "/bookings/second");
    }

    let deleted = Acknowledged::expected(&fleet.node(2).admin("DELETE", "bookings"));
    assert_eq!((deleted.status, deleted.ref_number()), (204, 2));
    assert_eq!(fleet.settled("bookings"), None);
    for node in fleet.live() {
        assert_eq!(proxied(node, "bookings"), "404");
    }
}

#[test]
fn quick_changes_on_one_node_keep_the_refs_equal() {
    let fleet = Fleet::running(3);
    fleet.node(0).create(&unserved("quick", "0"));
    let mut last = None;
    for change in 1..=QUICK_CHANGES {
        let answer = fleet
            .node(0)
            .update(&unserved("quick", &change.to_string()));
        last = Some(Acknowledged::expected(&answer));
    }
    let last = last.expect("changes");
    assert_eq!(last.ref_number(), QUICK_CHANGES as u64);
    assert_eq!(fleet.settled("quick"), Some(last.version));

    // The next change continues the count, whichever node takes it.
    let next = fleet.node(2).update(&unserved("quick", "next"));
    let next = Acknowledged::expected(&next);
    assert_eq!(next.ref_number(), QUICK_CHANGES as u64 + 1);
    assert_eq!(fleet.settled("quick"), Some(next.version));
}

#[test]
fn a_hundred_changes_in_turn_are_soon_visible_everywhere() {
    let fleet = Fleet::running(3);
    let created = Acknowledged::expected(&fleet.node(0).create(&unserved("timed", "0")));
    fleet.until_all_show("timed", &created.version);
    let mut delays = Vec::new();
    for change in 1..=MEASURED_CHANGES {
        let node = fleet.node(change % 3);
        let answer = node.update(&unserved("timed", &change.to_string()));
        let answered = Instant::now();
        let version = Acknowledged::expected(&answer).version;
        fleet.until_all_show("timed", &version);
        delays.push(answered.elapsed());
    }
    delays.sort();
    let (p50, p99, max) = (delays[49], delays[98], delays[99]);
    println!("3 nodes, visible everywhere after the answer: p50 {p50:?}, p99 {p99:?}, max {max:?}");
    assert!(max < SPREAD_MAX, "{max:?}");
}

#[test]
fn changes_on_one_node_fail_no_request_on_another() {
    let backend = Puppet::obliging();
    let fleet = Fleet::running(2);
    let definition = |version: usize| versioned("busy", backend.address(), &version.to_string());
    let created = Acknowledged::expected(&fleet.node(0).create(&definition(0)));
    fleet.until_all_show("busy", &created.version);

    let stopped = Arc::new(AtomicBool::new(false));
    let (inbound, told) = (fleet.node(1).inbound(), Arc::clone(&stopped));
    let client = thread::spawn(move || {
        let mut connection = Connection::open(inbound).expect("a connection");
        let (mut answers, mut newest) = (0, 0);
        while !told.load(Ordering::Relaxed) {
            let answer = connection.ask(&Request::new("GET", "/busy"));
            let answer = answer.expect("an answer");
            assert_eq!(answer.status, 200);
            let line = answer.header("x-line").unwrap_or_default();
            let version = line.trim_start_matches("GET /busy/");
            let version: usize = version.parse().expect("a version");
            assert!(version >= newest, "{version} after {newest}");
            (answers, newest) = (answers + 1, version);
        }
        answers
    });
    let mut last = created;
    for version in 1..=CHANGES_UNDER_LOAD {
        last = Acknowledged::expected(&fleet.node(0).update(&definition(version)));
    }
    fleet.until_all_show("busy", &last.version);
    until("the last version proxied", || {
        (proxied(fleet.node(1), "busy") == format!("/busy/{CHANGES_UNDER_LOAD}")).then_some(())
    });
    stopped.store(true, Ordering::Relaxed);
    let answers = client.join().expect("no failed request");
    println!("{CHANGES_UNDER_LOAD} changes during {answers} requests on another node, 0 failed");
    assert!(answers > 20, "only {answers} requests");
}
