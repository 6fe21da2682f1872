//! Nodes whose software is not the same (cluster.md, part 6, and rule V).
//!
//! A later version is played by a peer that is spoken by hand, in CBOR that this version has no types
//! for; a real one takes part if `RIG_TEST_OTHER` names its program.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use minicbor::Encoder;
use rig::{
    core::{
        digest::Digest,
        replica::{
            id::{ApiId, Voter},
            wire::{Answer, Envelope, Request, Sender, decode_answer, encode_request},
        },
    },
    p2p::{
        Event, Peer,
        config::{Config, Secret},
        handle::Handle,
    },
};
use serde_json::{Value, json};

use crate::{
    cluster::{
        conflicts::{converges, lost_before, updates},
        unserved,
    },
    support::{
        client,
        fleet::{Acknowledged, COOKIE, Fleet, SETTLE_MAX, until},
        gateway::Gateway,
        orders::at_once,
    },
};

const OTHER: &str = "RIG_TEST_OTHER";
const CLUSTER: &str = "rig";
/// A message to a peer on the same machine and its answer.
const ANSWER_MAX: Duration = Duration::from_secs(8);

/// A process of a later version, connected with one node.
struct Later {
    handle: Handle,
    node: Peer,
    events: mpsc::Receiver<Event>,
}

// === impl Later ===

impl Later {
    fn connected(fleet: &Fleet) -> Self {
        let mut config = Config::new(CLUSTER, ([127, 0, 0, 1], 0).into());
        config.secret = Some(Secret::new(COOKIE));
        let address = fleet.address(0).to_string();
        config.peers = vec![address.parse().expect("an address")];
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (handle, mut heard, network) = {
            let _inside = runtime.enter();
            rig::p2p::start(config).expect("a peer")
        };
        let (tell, events) = mpsc::channel();
        // Ends when the handle is dropped, and with it the receiver's thread.
        thread::spawn(move || runtime.block_on(network));
        thread::spawn(move || {
            while heard
                .blocking_recv()
                .is_some_and(|it| tell.send(it).is_ok())
            {}
        });
        let node = loop {
            let event = events.recv_timeout(SETTLE_MAX).expect("a connection");
            if let Event::PeerUp { peer, .. } = event {
                break peer;
            }
        };
        Self {
            handle,
            node,
            events,
        }
    }

    fn says(&self, bytes: Vec<u8>) {
        self.handle.publish(bytes).expect("an open connection");
    }

    /// Asks the node for a definition by its digest.
    fn asks_for_body(&self, id: &str, digest: Digest) -> Option<Vec<u8>> {
        let id = ApiId::new(id).expect("an id");
        let question = Envelope {
            sender: Sender {
                cluster: CLUSTER.to_owned(),
                voter: Voter::of(CLUSTER, "later"),
                incarnation: 1,
                established: false,
            },
            content: Request::Body { id, digest },
        };
        let asked = self.handle.request(self.node, encode_request(&question));
        asked.expect("an open connection");
        loop {
            let event = self.events.recv_timeout(ANSWER_MAX).expect("an answer");
            if let Event::Response { result, .. } = event {
                let answer = decode_answer(result.expect("an answer").as_ref());
                let Answer::Body(body) = answer.expect("a message").content else {
                    panic!("another answer");
                };
                return body.map(|body| body.as_bytes().to_vec());
            }
        }
    }
}

/// What a later version might say: kind of message, its fields, all with more in them than is known
/// here.
fn dialect(major: u8, kind: u32, definition: &Value, ref_number: u64) -> (Vec<u8>, Digest) {
    let body = serde_json_canonicalizer::to_vec(definition).expect("a document");
    let digest = Digest::of(&body);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let stamp = now.expect("a clock").as_millis() as u64 * 65_536;
    let mut bytes = vec![major];
    let mut cbor = Encoder::new(&mut bytes);
    let mut say = || -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        cbor.map(3)?;
        cbor.u32(0)?.map(5)?;
        cbor.u32(0)?.str(CLUSTER)?;
        cbor.u32(1)?.bytes(Voter::of(CLUSTER, "later").as_bytes())?;
        cbor.u32(2)?.u64(1)?.u32(3)?.bool(false)?;
        cbor.u32(9)?.str("a field of the sender")?;
        cbor.u32(1)?.array(2)?.u32(kind)?.array(2)?;
        cbor.array(1)?.map(5)?;
        cbor.u32(0)?
            .str(definition["id"].as_str().unwrap_or_default())?;
        cbor.u32(1)?.u64(ref_number)?;
        cbor.u32(2)?.array(1)?.array(5)?;
        cbor.bytes(digest.as_bytes())?.u64(stamp)?.bytes(&body)?;
        // Made on top of nothing.
        cbor.array(0)?;
        cbor.array(1)?.str("a field of the candidate")?;
        cbor.u32(3)?.array(0)?;
        cbor.u32(4)?.map(1)?.str("a field of the part")?.u8(0)?;
        cbor.str("a field of the message")?;
        cbor.u32(2)?.str("a field of the envelope")?;
        Ok(())
    };
    say().expect("a message");
    (bytes, digest)
}

fn rejected(node: &Gateway, reason: &str) -> u64 {
    let metrics = client::ask(node.api(), &client::Request::new("GET", "/metrics"));
    let text = metrics.expect("metrics").body.bytes;
    let text = String::from_utf8_lossy(&text);
    let name = format!("rig_registry_rejected_total{{reason=\"{reason}\"}} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&name));
    value.map_or(0, |value| value.parse().expect("a count"))
}

#[test]
fn what_a_later_version_adds_is_skipped_and_what_it_changes_is_dropped_and_counted() {
    let fleet = Fleet::running(2);
    let later = Later::connected(&fleet);
    let known = |version: &str| unserved("shared", version);

    let (message, digest) = dialect(1, 0, &known("first"), 3);
    later.says(message);
    let first = format!("3-{}", digest.prefix());
    fleet.until_all_show("shared", &first);

    let (message, _) = dialect(2, 0, &known("of another major"), 4);
    later.says(message);
    let (message, _) = dialect(1, 77, &known("in an unknown message"), 4);
    later.says(message);
    for reason in ["major", "malformed"] {
        until(reason, || {
            (rejected(fleet.node(0), reason) == 1).then_some(())
        });
    }

    // It is understood as before, and understands.
    let (message, digest) = dialect(1, 0, &known("second"), 4);
    later.says(message);
    fleet.until_all_show("shared", &format!("4-{}", digest.prefix()));
    let next = Acknowledged::expected(&fleet.node(1).update(&known("third")));
    assert_eq!(next.ref_number(), 5);
    fleet.until_all_show("shared", &next.version);
}

#[test]
fn a_definition_of_a_later_version_is_kept_and_handed_on_but_not_served() {
    let mut fleet = Fleet::new(3);
    fleet.start_all(&[Vec::new(), Vec::new()]);
    let later = Later::connected(&fleet);
    let good = Acknowledged::expected(&fleet.node(0).create(&unserved("api", "good")));
    fleet.until_all_show("api", &good.version);

    let mut strange = unserved("api", "strange");
    strange["version_data"]["default"]["endpoints"][0]["path_regex"] = json!("/api(?=x)");
    let refused = fleet.node(0).update(&strange);
    assert_eq!(refused.status, 400, "this version could activate it");
    let (message, digest) = dialect(1, 0, &strange, 1);
    later.says(message);
    for node in fleet.live() {
        node.await_log("cannot be activated by this software", 1, SETTLE_MAX);
        assert_eq!(node.version("api"), Some(good.version.clone()));
        let routed = client::ask(node.inbound(), &client::Request::new("GET", "/api"));
        // Nothing listens at the target; that it was tried shows the route.
        assert_eq!(routed.expect("an answer").status, 502);
    }
    let kept = later.asks_for_body("api", digest).expect("the definition");
    assert_eq!(serde_json::from_slice::<Value>(&kept).ok(), Some(strange));

    // Handed on by those who cannot use it.
    fleet.start(2, &[]);
    fleet.until_met();
    let newcomer = fleet.node(2);
    newcomer.await_log("cannot be activated by this software", 1, SETTLE_MAX);
    assert_eq!(newcomer.version("api"), None);

    // A version that all can activate takes its place, with the number after it.
    let next = Acknowledged::expected(&fleet.node(1).update(&unserved("api", "next")));
    assert_eq!(next.ref_number(), 2);
    fleet.until_all_show("api", &next.version);
}

/// Two builds in one cluster, and a roll-out of the one over the other.
#[test]
fn nodes_of_two_builds_work_together() {
    let Ok(other) = std::env::var(OTHER) else {
        println!("SKIPPED: set {OTHER} to the program of another build");
        return;
    };
    let mut fleet = Fleet::new(3);
    fleet.run_as(1, Some(&other));
    fleet.start_all(&vec![Vec::new(); 3]);
    fleet.node(0).create(&unserved("api", "0"));
    fleet.settled("api").expect("it spread");
    for node in 0..3 {
        let version = format!("of node {node}");
        let written = fleet.node(node).update(&unserved("api", &version));
        fleet.until_all_show("api", &Acknowledged::expected(&written).version);
    }
    let orders = updates("api", &["left", "middle", "right"]);
    let before = lost_before(&fleet);
    let answers = at_once(|node| fleet.node(node), &orders);
    converges(&fleet, "api", &before, &answers);

    // One after the other is replaced, as in a roll-out and a roll-back, and takes over what there is.
    let kept = fleet.settled("api");
    let other = Some(other.as_str());
    for (node, program) in [(0, other), (1, None), (2, other), (0, None)] {
        fleet.node(node).signal("TERM");
        let code = fleet.node_mut(node).ends_within(SETTLE_MAX);
        assert_eq!(code, Some(Some(0)));
        fleet.kill(node);
        fleet.until_met();
        fleet.run_as(node, program);
        fleet.start(node, &[]);
        assert_eq!(fleet.node(node).version("api"), kept);
        fleet.until_met();
    }
    let deleted = Acknowledged::expected(&fleet.node(2).admin("DELETE", "api"));
    assert_eq!(deleted.status, 204);
    assert_eq!(fleet.settled("api"), None);
    for node in fleet.live() {
        assert_eq!(rejected(node, "major"), 0);
        // The later one may have said things that the earlier one does not know.
        println!("malformed for a node: {}", rejected(node, "malformed"));
    }
}
