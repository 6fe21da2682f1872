//! `SUBMISSION_ACK=cluster`: what was answered 202 is not lost with the node that answered.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::json;

use super::{
    clients::{Heard, Stream},
    running,
};
use crate::support::{
    client::{Answer, Connection, Request, ask},
    fleet,
    frontend::types,
    gateway::Gateway,
};

const SETTINGS: [(&str, &str); 1] = [("SUBMISSION_ACK", "cluster")];

fn submission(id: &str) -> Request {
    let event = json!({"specversion": "0.2", "type": "t", "id": id, "source": "/test"});
    Request::json("POST", "/_rig/v1/events", &event)
}

fn submit(node: &Gateway, id: &str) -> Answer {
    ask(node.inbound(), &submission(id)).expect("an answer")
}

#[test]
fn a_killed_node_loses_nothing_that_it_has_accepted() {
    let mut fleet = running(3, &SETTINGS);
    let query = types(&["t"]);
    let mut there = Stream::open(fleet.node(1).inbound(), &query);
    let mut resuming = Stream::open(fleet.node(0).inbound(), &query);
    assert_eq!(submit(fleet.node(0), "first").status, 202);
    assert_eq!(there.ids(1), ["first"]);
    assert_eq!(resuming.ids(1), ["first"]);
    let last = resuming.last.clone();
    drop(resuming);
    // Clients submit as fast as they can when the node is killed.
    let address = fleet.node(0).inbound();
    let killed = AtomicBool::new(false);
    let accepted: Vec<String> = thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let killed = &killed;
                scope.spawn(move || {
                    let mut accepted = Vec::new();
                    let mut link = Connection::open(address).expect("a node");
                    while !killed.load(Ordering::SeqCst) {
                        let id = format!("{client}-{}", accepted.len());
                        match link.ask(&submission(&id)) {
                            Ok(answer) if answer.status == 202 => accepted.push(id),
                            Ok(_) | Err(_) => break,
                        }
                    }
                    accepted
                })
            })
            .collect();
        fleet::until("some events", || {
            (there_are_many(fleet.node(0))).then_some(())
        });
        fleet.kill(0);
        killed.store(true, Ordering::SeqCst);
        clients
            .into_iter()
            .flat_map(|client| client.join().expect("a client"))
            .collect()
    });
    assert!(accepted.len() > 50, "{}", accepted.len());
    // All of it is heard, whenever what of which node comes; on a stream that stayed open, and on one
    // that goes on at another node.
    let mut again = Stream::resumed(fleet.node(2).inbound(), &query, &last);
    for stream in [&mut there, &mut again] {
        let mut heard: Vec<Heard> = Vec::new();
        let is_missing = |heard: &[Heard], id: &String| !heard.contains(&Heard::Event(id.clone()));
        while accepted.iter().any(|id| is_missing(&heard, id)) {
            heard.push(stream.heard());
        }
        let mut ids: Vec<_> = heard.iter().filter_map(Heard::id).collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "something twice");
    }
}

fn there_are_many(node: &Gateway) -> bool {
    node.metric("rig_hub_events_total{what=\"accepted\"}") > 100.0
}

#[test]
fn a_node_that_is_alone_accepts_nothing_and_says_when_to_try_again() {
    let mut fleet = running(2, &SETTINGS);
    assert_eq!(submit(fleet.node(0), "together").status, 202);
    fleet.kill(1);
    let refused = fleet::until("a refusal", || {
        let answer = submit(fleet.node(0), "alone");
        (answer.status != 202).then_some(answer)
    });
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    fleet.start(1, &[]);
    fleet.until_met();
    fleet::until("an event that is accepted", || {
        (submit(fleet.node(0), "together again").status == 202).then_some(())
    });
}
