//! Extractors are agreed on among nodes like definitions (issue 4; spec: `events.md` 5.8).

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    sync::Barrier,
    thread,
    time::Duration,
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{
    cluster::unserved,
    support::{
        client::{Answer, Request, ask},
        fleet::{Acknowledged, Fleet, SETTLE_MAX, etag, until},
        gateway::Gateway,
        peer::WAIT_MAX,
    },
};

/// Times a conflict is sought before it counts as impossible.
const ATTEMPTS_MAX: usize = 40;

/// How long an event is waited for before another one is submitted.
const LOOK: Duration = Duration::from_millis(50);

/// A frontend that is connected by server-sent events.
struct Frontend(BufReader<TcpStream>);

// === impl Frontend ===

impl Frontend {
    /// Subscribes to news, and to orders whose field `key` is 1; the status if that is refused.
    fn connect(address: SocketAddr) -> Result<Self, String> {
        let orders = json!({"eventType": "order", "oneOf": [{"key": 1}]});
        let list = json!([orders, {"eventType": "news"}]).to_string();
        let list = utf8_percent_encode(&list, NON_ALPHANUMERIC);
        let mut tcp = TcpStream::connect(address).expect("a listener");
        tcp.set_read_timeout(Some(WAIT_MAX)).expect("a live socket");
        let path = format!("/_rig/v1/connection/sse?subscriptions={list}");
        write!(tcp, "GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").expect("the gateway listens");
        let mut reader = BufReader::new(tcp);
        let mut status = String::new();
        reader.read_line(&mut status).expect("a head");
        if !status.contains(" 200 ") {
            return Err(status);
        }
        let mut frontend = Self(reader);
        frontend.heard_until("rig.subscriptions_set");
        Ok(frontend)
    }

    /// Waits until `node`, to which it is not connected, knows what it wants: until then events that are
    /// submitted there do not reach it.
    fn is_known_to(&mut self, node: &Gateway) {
        self.be_patient(LOOK);
        let mut heard = String::new();
        until("the other node's event", || {
            node.submit_data("news", "hello", &json!({}));
            while self.0.read_line(&mut heard).ok()? > 0 {
                if heard.contains("hello") {
                    return Some(());
                }
            }
            None
        });
        self.be_patient(WAIT_MAX);
    }

    fn be_patient(&self, wait: Duration) {
        let set = self.0.get_ref().set_read_timeout(Some(wait));
        set.expect("a live socket");
    }

    /// Everything up to the line with `part` in it.
    fn heard_until(&mut self, part: &str) -> String {
        let mut heard = String::new();
        loop {
            let begin = heard.len();
            let length = self.0.read_line(&mut heard).expect("another line");
            assert!(length > 0, "the end, without {part}: {heard}");
            if heard[begin..].contains(part) {
                return heard;
            }
        }
    }

    /// Of two events, submitted in this order, only the second one comes.
    fn hears_only(&mut self, unwanted: &str, wanted: &str) {
        let heard = self.heard_until(wanted);
        assert!(!heard.contains(unwanted), "{heard}");
    }
}

// === impl Gateway ===

impl Gateway {
    fn extractors(&self) -> Answer {
        self.asked(&Request::new("GET", "/v3/extractors"))
    }

    fn set_extractors(&self, document: &Value, query: &str) -> Answer {
        let path = format!("/v3/extractors{query}");
        self.asked(&Request::json("PUT", &path, document))
    }

    fn submit_order(&self, id: &str, data: &Value) {
        self.submit_data("order", id, data);
    }

    fn submit_data(&self, event_type: &str, id: &str, data: &Value) {
        let event = json!({
            "specversion": "1.0", "type": event_type, "id": id, "source": "/test", "data": data,
        });
        let answer = self.asked(&Request::json("POST", "/v3/messages", &event));
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    fn asked(&self, request: &Request) -> Answer {
        ask(self.api(), request).expect("an answer of the management API")
    }
}

/// Field `key` of orders is at `pointer`.
fn keyed(pointer: &str) -> Value {
    json!({"order": {"key": {"stable_field_index": 0, "event": {"json_pointer": pointer}}}})
}

/// Waits until all nodes show the same extractors, twice in a row, and no vote is open.
fn settled(fleet: &Fleet) -> (String, Value) {
    let mut last = Vec::new();
    until("one version of the extractors", || {
        let seen: Vec<(String, Value)> = fleet
            .live()
            .map(|node| node.extractors())
            .map(|answer| (etag(&answer), answer.json()))
            .collect();
        let is_open = |node: &Gateway| node.metric("rig_registry_rounds_open") > 0.5;
        let agreed =
            seen.iter().all(|one| *one == seen[0]) && seen == last && !fleet.live().any(is_open);
        last.clone_from(&seen);
        agreed.then(|| seen[0].clone())
    })
}

#[test]
fn a_change_on_one_node_is_in_force_for_who_is_connected_to_another() {
    let fleet = Fleet::running(2);
    let (here, there) = (fleet.node(0), fleet.node(1));
    let refused = Frontend::connect(there.inbound()).err().expect("no field");
    assert!(refused.contains(" 400 "), "{refused}");

    let set = here.set_extractors(&keyed("/data/a"), "?wait=all");
    assert_eq!(set.status, 200, "{}", set.json());
    assert_eq!(
        set.json()["receipt"]["serving"],
        json!(["node-0", "node-1"])
    );
    let mut frontend = Frontend::connect(there.inbound()).expect("a known field");
    frontend.is_known_to(here);
    here.submit_order("first", &json!({"a": 2, "b": 1}));
    here.submit_order("second", &json!({"a": 1, "b": 2}));
    frontend.hears_only("first", "second");

    let set = here.set_extractors(&keyed("/data/b"), "?wait=all");
    assert_eq!(set.status, 200, "{}", set.json());
    here.submit_order("third", &json!({"a": 1, "b": 2}));
    here.submit_order("fourth", &json!({"a": 2, "b": 1}));
    frontend.hears_only("third", "fourth");

    // A field that nobody knows any more matches nothing, until it is known again.
    here.set_extractors(&json!({}), "?wait=all");
    here.submit_order("fifth", &json!({"a": 1, "b": 1}));
    // Matched where and when it arrives, which is before this one.
    here.submit_data("news", "sixth", &json!({}));
    frontend.hears_only("fifth", "sixth");
    here.set_extractors(&keyed("/data/a"), "?wait=all");
    here.submit_order("seventh", &json!({"a": 1}));
    frontend.heard_until("seventh");
}

#[test]
fn a_change_is_in_force_when_it_is_answered() {
    let fleet = Fleet::running(1);
    let node = fleet.node(0);
    node.set_extractors(&keyed("/data/a"), "");
    let mut frontend = Frontend::connect(node.inbound()).expect("a known field");
    for round in 0..20 {
        let (pointer, no, yes) = match round % 2 {
            0 => ("/data/a", json!({"b": 1}), json!({"a": 1})),
            _ => ("/data/b", json!({"a": 1}), json!({"b": 1})),
        };
        assert_eq!(node.set_extractors(&keyed(pointer), "").status, 200);
        node.submit_order(&format!("no-{round}"), &no);
        node.submit_order(&format!("yes-{round}"), &yes);
        frontend.hears_only(&format!("no-{round}"), &format!("yes-{round}"));
    }
}

#[test]
fn two_changes_at_once_end_as_one() {
    let fleet = Fleet::running(2);
    for attempt in 1..=ATTEMPTS_MAX {
        let documents = ["left", "right"].map(|side| keyed(&format!("/data/{side}-{attempt}")));
        let barrier = Barrier::new(documents.len());
        let answers: Vec<Answer> = thread::scope(|scope| {
            let threads: Vec<_> = (documents.iter().enumerate())
                .map(|(number, document)| {
                    let (barrier, node) = (&barrier, fleet.node(number));
                    scope.spawn(move || {
                        barrier.wait();
                        node.set_extractors(document, "")
                    })
                })
                .collect();
            let answers = threads.into_iter().map(|thread| thread.join());
            answers.map(|answer| answer.expect("an answer")).collect()
        });
        let changes: Vec<_> = answers.iter().map(Acknowledged::expected).collect();
        let (version, document) = settled(&fleet);
        let winner = changes.iter().position(|change| change.version == version);
        let winner = winner.unwrap_or_else(|| panic!("{version} is none of {changes:?}"));
        assert_eq!(document, documents[winner]);
        if changes[0].ref_number() != changes[1].ref_number() {
            continue;
        }
        let loser = fleet.node(1 - winner);
        let lost = &changes[1 - winner].version;
        let told = format!("the extractors accepted here, {lost}, was superseded by");
        loser.await_log(&told, 1, SETTLE_MAX);
        let conflicts = loser
            .asked(&Request::new("GET", "/v3/cluster/conflicts"))
            .json();
        let conflicts = conflicts["conflicts"].as_array().expect("a list");
        assert!(conflicts.iter().any(|one| one["id"] == "$rig/extractors"));
        return;
    }
    panic!("no two changes met in {ATTEMPTS_MAX} attempts");
}

#[test]
fn a_node_that_joins_has_the_extractors_before_it_is_ready() {
    let mut fleet = Fleet::new(2);
    fleet.start(0, &[]);
    let set = fleet.node(0).set_extractors(&keyed("/data/a"), "");
    fleet.start(1, &[]);
    // From the moment it is ready, not some time later.
    let joined = fleet.node(1);
    drop(Frontend::connect(joined.inbound()).expect("a known field"));
    let shown = joined.extractors();
    assert_eq!((etag(&shown), shown.json()), (etag(&set), keyed("/data/a")));
}

#[test]
fn extractors_of_the_start_are_the_first_version() {
    let mut fleet = Fleet::new(2);
    for node in 0..2 {
        fleet.set(node, "EXTRACTORS", &keyed("/data/a").to_string());
    }
    fleet.start_all(&[Vec::new(), Vec::new()]);
    let (first, document) = settled(&fleet);
    assert!(first.starts_with("0-"), "{first}");
    assert_eq!(document, keyed("/data/a"));

    let set = fleet.node(0).set_extractors(&keyed("/data/b"), "?wait=all");
    assert_eq!(set.status, 200, "{}", set.json());
    fleet.kill(1);
    fleet.start(1, &[]);
    let shown = fleet.node(1).extractors();
    assert_eq!(
        shown.json(),
        keyed("/data/b"),
        "not those it was started with"
    );
    assert_eq!(etag(&shown), etag(&set));
}

#[test]
fn extractors_are_no_api_and_no_api_takes_their_id() {
    let fleet = Fleet::running(2);
    let node = fleet.node(0);
    let set = node.set_extractors(&keyed("/data/a"), "?wait=all");
    assert_eq!(set.status, 200, "{}", set.json());
    for node in fleet.live() {
        let all = node.asked(&Request::new("GET", "/v3/apis"));
        assert_eq!(all.json(), json!([]));
    }
    let created = node.create(&unserved("shop", "one"));
    assert_eq!(created.status, 201, "{}", created.json());
    for node in fleet.live() {
        // Counted anew once a second.
        until("one API", || {
            let states = ["active", "deleted", "contested", "not_activatable"];
            let count = |state| node.metric(&format!("rig_registry_apis{{state=\"{state}\"}}"));
            let counts = states.map(count).map(|count| format!("{count}"));
            (counts == ["1", "0", "0", "0"]).then_some(())
        });
        // Its own line, and what the other one tells of itself every few seconds.
        until("one API on each node", || {
            let seen = node.asked(&Request::new("GET", "/v3/cluster/nodes")).json();
            let nodes = seen["nodes"].as_array().expect("a list");
            let have_one = nodes.iter().filter(|node| node["apis"] == 1);
            (have_one.count() == 2 && nodes.len() == 2).then_some(())
        });
    }
    let rule = "must not begin with $rig/, which is kept for the gateway itself";
    let faults = json!({"api": [{"id": rule}]});
    let definition = unserved("$rig/extractors", "one");
    for refused in [
        node.create(&definition),
        node.asked(&Request::json(
            "PUT",
            "/v3/apis/%24rig%2Fextractors",
            &definition,
        )),
    ] {
        assert_eq!((refused.status, refused.json()), (400, faults.clone()));
    }
    assert_eq!(node.admin("DELETE", "%24rig%2Fextractors").status, 404);
    assert_eq!(node.extractors().json(), keyed("/data/a"));
    let file = Gateway::builder().config_json(&[definition]);
    let error = file.start().err().expect("a refused file");
    assert!(error.contains(rule), "{error}");
}

#[test]
fn a_faulty_document_is_refused_with_all_faults_and_changes_nothing() {
    let fleet = Fleet::running(1);
    let node = fleet.node(0);
    let set = node.set_extractors(&keyed("/data/a"), "");
    let faulty = json!({"a": {"f": {"stable_field_index": "0", "event": 1}}, "b.*": {}});
    let refused = node.set_extractors(&faulty, "");
    assert_eq!(refused.status, 400);
    let faults = refused.json();
    let faults = faults["extractors"].as_array().expect("a list");
    let places: Vec<_> = faults
        .iter()
        .flat_map(|fault| fault.as_object().expect("a fault").keys())
        .collect();
    assert_eq!(places, ["/a/f", "/a/f", "/b.*"]);
    assert_eq!(etag(&node.extractors()), etag(&set));
    let mut frontend = Frontend::connect(node.inbound()).expect("a known field");
    node.submit_order("first", &json!({"a": 2}));
    node.submit_order("second", &json!({"a": 1}));
    frontend.hears_only("first", "second");
}
