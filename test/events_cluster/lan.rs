//! The network between nodes is cut and mended; their clients are on the same host as they.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::clients::{Heard, heard, is_exact_or_gap};
use crate::support::{
    frontend::{SECRET, token, types},
    lan::{Lan, Listener},
    long,
};

/// A node that is gone for longer is taken for dead, and its events may be missing.
const DEATH: Duration = Duration::from_secs(10);

fn network() -> Option<Lan> {
    if std::env::var("RIG_TEST_NETNS").as_deref() != Ok("1") {
        println!("SKIPPED: needs root and network namespaces; set RIG_TEST_NETNS=1");
        return None;
    }
    let mut lan = Lan::laid(3).unwrap_or_else(|error| panic!("no network: {error}"));
    for node in 0..3 {
        lan.set(node, "JWT_SECRET_KEY", SECRET);
    }
    lan.start_all(&vec![Vec::new(); 3]);
    Some(lan)
}

fn submit(lan: &Lan, node: usize, id: &str) {
    let event = json!({"specversion": "0.2", "type": "t", "id": id, "source": "/test"});
    let told = lan.node(node).ask("POST", "/v3/messages", Some(&event));
    assert_eq!(told.status(), 202, "{told:?}");
}

fn heard_until(listener: &Listener, ends: &[String]) -> Vec<Heard> {
    let mut all = Vec::new();
    let missing = |all: &[Heard]| {
        ends.iter()
            .any(|end| !all.contains(&Heard::Event(end.clone())))
    };
    while missing(&all) {
        let event = listener.next();
        if event["type"] == "t" || event["type"] == "rig.gap" {
            all.push(heard(&event));
        }
    }
    all
}

/// Events are published on both sides of a cut.
fn cut_for(long: Duration) {
    let Some(lan) = network() else { return };
    let listeners: Vec<_> = (0..3)
        .map(|node| lan.node(node).listen(&types(&["t"])))
        .collect();
    let jwt = format!("jwt={}", token(json!({"jti": "s"})));
    let revoked: Vec<_> = (0..3).map(|node| lan.node(node).listen(&jwt)).collect();
    for listener in listeners.iter().chain(&revoked) {
        assert_eq!(listener.next()["type"], "rig.connection.create");
        assert_eq!(listener.next()["type"], "rig.subscriptions_set");
    }
    let mut expected = Vec::new();
    let mut submit_all = |name: &str| {
        for node in 0..3 {
            let id = format!("{name}-{node}");
            submit(&lan, node, &id);
            expected.push(id);
        }
    };
    submit_all("before");
    lan.set_port(2, false);
    let begun = Instant::now();
    let revoke = json!({"sessionId": "s", "validityInSeconds": 600});
    let told = lan
        .node(2)
        .ask("POST", "/v3/session-blacklist", Some(&revoke));
    assert_eq!(told.status(), 201, "{told:?}");
    for round in 0..20 {
        submit_all(&format!("during-{round}"));
        // The cut's length is part of the story.
        thread::sleep(long / 20);
    }
    lan.set_port(2, true);
    println!("mended after {:?}", begun.elapsed());
    let begun = Instant::now();
    for (node, listener) in revoked.iter().enumerate() {
        // All connections are told of a gap if a node was taken for dead meanwhile.
        let next = std::iter::repeat_with(|| listener.next());
        let mut next = next.map(|event| event["type"].clone());
        let killed = next.find(|kind| kind != "rig.gap");
        assert_eq!(killed, Some("rig.session_killed".into()), "node {node}");
    }
    println!("the session ended everywhere after {:?}", begun.elapsed());
    lan.until_met();
    submit_all("after");
    let ends = [
        "after-0".to_owned(),
        "after-1".to_owned(),
        "after-2".to_owned(),
    ];
    for (node, listener) in listeners.iter().enumerate() {
        let heard = heard_until(listener, &ends);
        let gaps = heard.iter().filter(|heard| **heard == Heard::Gap).count();
        println!(
            "node {node}: {} heard, {gaps} gaps, {:?}",
            heard.len(),
            begun.elapsed()
        );
        is_exact_or_gap(&heard, &expected);
        if long < DEATH {
            assert_eq!(gaps, 0, "{heard:?}");
        }
    }
}

#[test]
fn a_short_cut_costs_nobody_an_event_without_a_word() {
    cut_for(Duration::from_secs(4));
}

#[test]
fn a_long_cut_costs_nobody_an_event_without_a_word() {
    if long::is_wanted() {
        cut_for(Duration::from_secs(40));
    }
}
