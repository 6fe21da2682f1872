//! What operators do about nodes, and whether what they are shown is true (issue 3; cluster.md, part 8).

use std::{
    net::TcpListener,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    cluster::unserved,
    support::{
        client::{Answer, Request, ask},
        fleet::{Acknowledged, Fleet, until},
        gateway::Gateway,
    },
};

/// Far below the 15 s after which a silent member is forgotten by itself.
const AT_ONCE: Duration = Duration::from_secs(6);
const CHANGES: usize = 10;

fn get(node: &Gateway, path: &str) -> Answer {
    ask(node.api(), &Request::new("GET", path)).expect("an answer")
}

fn post(node: &Gateway, path: &str, body: &Value) -> Answer {
    ask(node.api(), &Request::json("POST", path, body)).expect("an answer")
}

fn members(node: &Gateway) -> u64 {
    let seen = get(node, "/v3/cluster/nodes").json();
    seen["view"]["members"].as_u64().expect("a number")
}

/// Runs the command line against a node; exit code and everything it wrote.
fn rig(node: &Gateway, arguments: &[&str]) -> (Option<i32>, String) {
    let url = format!("http://{}", node.api());
    let output = Command::new(env!("CARGO_BIN_EXE_rig"))
        .args(arguments)
        .args(["--api-url", &url])
        .output()
        .expect("the gateway's binary");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn a_node_that_leaves_is_no_member_anywhere_at_once_and_says_so() {
    let fleet = Fleet::running(3);
    fleet.node(2).create(&unserved("api", "1"));
    fleet.settled("api").expect("it spread");
    let (code, told) = rig(fleet.node(2), &["leave"]);
    assert_eq!(code, Some(0), "{told}");
    let left = Instant::now();
    for node in [0, 1] {
        until("one member less", || {
            (members(fleet.node(node)) == 2).then_some(())
        });
        fleet
            .node(node)
            .await_log("node node-2 has left", 1, AT_ONCE);
    }
    assert!(left.elapsed() < AT_ONCE, "{:?}", left.elapsed());
    // It lives, alone, with what it has, and wants no traffic.
    let gone = fleet.node(2);
    assert_eq!(members(gone), 1);
    assert_eq!(
        get(gone, "/v3/cluster/nodes").json()["network"]["port"],
        "left"
    );
    assert!(gone.version("api").is_some());
    let ready = get(gone, "/health/ready");
    assert_eq!(ready.status, 503);
    assert_eq!(gone.create(&unserved("more", "1")).status, 503);
    // The others do not wait for it.
    let changed = fleet.node(0).update(&unserved("api", "2"));
    Acknowledged::expected(&changed);
    let change = changed.header("x-rig-change").expect("an id").to_owned();
    let (code, told) = rig(fleet.node(1), &["wait", &change, "--timeout", "10"]);
    assert_eq!(code, Some(0), "{told}");
}

#[test]
fn a_member_that_hangs_can_be_forgotten_and_is_back_when_it_goes_on() {
    let fleet = Fleet::running(3);
    fleet.node(2).signal("STOP");
    let (code, told) = rig(fleet.node(0), &["forget", "node-2"]);
    assert_eq!(code, Some(0), "{told}");
    let asked = Instant::now();
    for node in [0, 1] {
        until("one member less", || {
            (fleet.node(node).metric("rig_registry_members") < 1.5).then_some(())
        });
    }
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    fleet
        .node(1)
        .await_log("node node-2 was forgotten", 1, AT_ONCE);
    fleet.node(2).signal("CONT");
    fleet.until_met();

    for (name, status) in [("node-0", 409), ("node-7", 404)] {
        let refused = post(fleet.node(0), "/v3/cluster/forget", &json!({"node": name}));
        assert_eq!(refused.status, status, "{}", refused.json());
    }
}

#[test]
fn nodes_are_shown_in_sync_as_soon_as_they_are() {
    let fleet = Fleet::running(3);
    for number in 0..CHANGES {
        let definition = unserved(&format!("api-{number}"), "1");
        let request = Request::json("POST", "/v3/apis?wait=all", &definition);
        let created = ask(fleet.node(0).api(), &request).expect("an answer");
        assert_eq!(created.status, 201, "{}", created.json());
        for node in fleet.live() {
            let seen = get(node, "/v3/cluster/nodes").json();
            let nodes = seen["nodes"].as_array().expect("a list");
            assert_eq!(nodes.len(), 3);
            for line in nodes {
                assert_eq!(line["in_sync"], true, "after change {number}: {seen}");
                assert_eq!(line["root"], seen["view"]["root"]);
            }
        }
    }
    for node in [0, 1] {
        let metric = |name: &str| fleet.node(node).metric(name);
        assert!(metric("rig_registry_members_differing") < 0.5);
        assert!(metric("rig_registry_root_differs_seconds") < 0.5);
        assert!(metric("rig_registry_members_missing_votes") < 0.5);
        assert!(metric("rig_registry_peer_clock_offset_seconds").abs() < 5.0);
        let bytes = metric("rig_registry_sync_bytes_total{direction=\"in\"}");
        assert!(bytes > 100.0, "{bytes}");
        until("the gauge of APIs", || {
            let active = metric("rig_registry_apis{state=\"active\"}");
            (active.round().to_string() == CHANGES.to_string()).then_some(())
        });
    }
}

#[test]
fn two_nodes_are_compared_by_name() {
    let fleet = Fleet::running(2);
    fleet.node(0).create(&unserved("api", "1"));
    fleet.settled("api").expect("it spread");
    let (code, told) = rig(fleet.node(0), &["diff", "node-1"]);
    assert_eq!(
        (code, told.as_str()),
        (Some(0), "no difference with node-1\n")
    );
    let seen = get(fleet.node(1), "/v3/cluster/diff/node-0").json();
    assert_eq!(seen["differences"], json!([]), "{seen}");
    assert_eq!(
        (&seen["node"], &seen["left_out"]),
        (&json!("node-0"), &json!(0))
    );
    for (name, words) in [("node-9", "no member is named node-9"), ("node-0", "409")] {
        let (code, told) = rig(fleet.node(0), &["diff", name]);
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn a_cluster_port_that_is_taken_ends_the_start_with_a_sentence_about_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let ended = Gateway::builder()
        .env("CLUSTER_LISTEN", &address)
        .env("NODE_COOKIE", "a secret of the tests only")
        .run();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let words = format!("cluster cannot listen on {address}");
    assert!(
        ended.out.contains(&words) || ended.err.contains(&words),
        "{ended:?}"
    );
}

#[test]
fn whoever_waits_for_a_receipt_is_answered_when_the_node_is_told_to_stop() {
    let mut fleet = Fleet::running(3);
    fleet.node(2).signal("STOP");
    let api = fleet.node(0).api();
    let definition = unserved("api", "1");
    let waiting = thread::spawn(move || {
        let path = "/v3/apis?wait=all&timeout=60";
        ask(api, &Request::json("POST", path, &definition))
    });
    until("the change", || fleet.node(0).version("api"));
    fleet.node(0).signal("TERM");
    let answer = waiting.join().expect("no panic").expect("an answer");
    assert_eq!(answer.status, 202, "{}", answer.json());
    let receipt = &answer.json()["receipt"];
    assert_eq!(receipt["outcome"], "pending");
    let missing = json!([{"node": "node-2", "reason": "unreachable"}]);
    assert_eq!(receipt["missing"], missing, "{receipt}");
    assert_eq!(fleet.node_mut(0).ends_within(AT_ONCE * 2), Some(Some(0)));
    fleet.node(2).signal("CONT");
}
