//! Two or three nodes on a perfect network.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use crate::core::{
    event::Event,
    hub::{
        Hub,
        input::{From, Input},
        output::{CarryFault, Fact, Output, Spread, SubmitRefusal},
        params::{Ack, Params, Rules},
        position::{NodeId, Reached, Vector},
    },
    replica::{id::PeerId, stamp::Now},
    session::Name,
    subscription::TypePattern,
};

/// Nodes that are all linked; what they say for their own surroundings is kept.
pub(super) struct Town {
    pub(super) hubs: Vec<Hub>,
    said: Vec<Vec<Output>>,
    pub(super) now: u64,
    /// Who asked, by the number the answering node was told.
    asked: Vec<(usize, u64)>,
    /// Nodes that no longer answer.
    pub(super) silent: Vec<usize>,
}

impl Town {
    pub(super) fn of(count: u64) -> Self {
        Self::under(Rules::default(), count)
    }

    fn under(rules: Rules, count: u64) -> Self {
        let params = Params {
            rules,
            ..Params::default()
        };
        Self::with(params, count)
    }

    pub(super) fn with(params: Params, count: u64) -> Self {
        let hubs = (0..count).map(|number| {
            let now = Now::default();
            let me = NodeId::new(number + 1);
            Hub::new(me, format!("node-{number}"), params, now)
        });
        let mut town = Self {
            hubs: hubs.collect(),
            said: (0..count).map(|_| Vec::new()).collect(),
            now: 0,
            asked: Vec::new(),
            silent: Vec::new(),
        };
        for a in 0..town.hubs.len() {
            for b in 0..town.hubs.len() {
                if a != b {
                    town.tell(a, Input::LinkOpened(peer(b)));
                }
            }
        }
        town.pass(1_000);
        town
    }

    /// A node that is new, without links.
    pub(super) fn join(&mut self, me: u64) -> usize {
        let now = Now {
            monotonic: self.now,
            wall: self.now,
        };
        let hub = Hub::new(NodeId::new(me), format!("new-{me}"), Params::default(), now);
        self.hubs.push(hub);
        self.said.push(Vec::new());
        self.hubs.len() - 1
    }

    /// Both ends notice that the link is gone.
    pub(super) fn cut(&mut self, a: usize, b: usize) {
        self.tell(a, Input::LinkClosed(peer(b)));
        self.tell(b, Input::LinkClosed(peer(a)));
    }

    pub(super) fn link(&mut self, a: usize, b: usize) {
        self.tell(a, Input::LinkOpened(peer(b)));
        self.tell(b, Input::LinkOpened(peer(a)));
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now += ms;
        for node in 0..self.hubs.len() {
            self.tell(node, Input::Tick);
        }
    }

    /// One node's step; what it wants sent is not.
    pub(super) fn step(&mut self, node: usize, input: Input) -> Vec<Output> {
        let now = Now {
            monotonic: self.now,
            wall: self.now,
        };
        self.hubs[node].step(now, input)
    }

    pub(super) fn wakeup(&self, node: usize) -> u64 {
        self.hubs[node].next_wakeup()
    }

    /// The same, so many milliseconds later.
    pub(super) fn step_after(&mut self, node: usize, ms: u64, input: Input) -> Vec<Output> {
        self.now += ms;
        self.step(node, input)
    }

    pub(super) fn tell(&mut self, node: usize, input: Input) {
        let now = Now {
            monotonic: self.now,
            wall: self.now,
        };
        let mut due = VecDeque::from([(node, input)]);
        while let Some((node, input)) = due.pop_front() {
            for output in self.hubs[node].step(now, input) {
                match output {
                    Output::Ask {
                        to,
                        exchange,
                        bytes,
                    } => {
                        let other = (0..self.hubs.len()).find(|other| peer(*other) == to);
                        let other = other.unwrap();
                        if self.silent.contains(&other) {
                            continue;
                        }
                        self.asked.push((node, exchange));
                        let exchange = self.asked.len() as u64 - 1;
                        let from = peer(node);
                        let input = Input::Request {
                            from,
                            exchange,
                            bytes,
                        };
                        due.push_back((other, input));
                    }
                    Output::Reply { exchange, bytes } => {
                        let (asker, exchange) = self.asked[usize::try_from(exchange).unwrap()];
                        due.push_back((asker, Input::Answer { exchange, bytes }));
                    }
                    other => self.said[node].push(other),
                }
            }
        }
    }

    pub(super) fn said(&mut self, node: usize) -> Vec<Output> {
        std::mem::take(&mut self.said[node])
    }

    pub(super) fn want(&mut self, node: usize, event_type: &str) {
        let added = vec![TypePattern::Exact(event_type.into())];
        let input = Input::InterestChanged {
            ticket: 1,
            added,
            removed: Vec::new(),
        };
        self.tell(node, input);
        let is_known = |output: &Output| matches!(output, Output::InterestKnown { missing: 0, .. });
        assert!(self.said(node).iter().any(is_known));
    }

    pub(super) fn submit(&mut self, node: usize, id: u32) {
        let text = format!(r#"{{"specversion":"1.0","type":"a","id":"e{id}","source":"x"}}"#);
        let events = vec![Arc::new(Event::parse(Bytes::from(text)).unwrap())];
        self.tell(node, Input::Submit { ticket: 1, events });
    }

    fn delivered(&mut self, node: usize) -> Vec<String> {
        let said = self.said(node).into_iter();
        said.filter_map(|output| match output {
            Output::Deliver(delivery) => Some(delivery.event.id.to_string()),
            _other => None,
        })
        .collect()
    }
}

pub(super) fn peer(node: usize) -> PeerId {
    PeerId::new(format!("n{node}").as_bytes())
}

#[test]
fn an_event_reaches_the_nodes_that_want_it_and_no_other() {
    let mut town = Town::of(3);
    assert!(town.hubs.iter().all(Hub::is_ready));
    town.want(1, "a");
    town.said(2);
    town.submit(0, 1);
    assert_eq!(town.delivered(1), ["e1"]);
    assert!(town.delivered(2).is_empty());
}

#[test]
fn a_desk_that_does_not_keep_up_holds_up_what_comes_from_others() {
    let mut town = Town::of(2);
    town.want(1, "a");
    town.hubs[1].set_overloaded(true);
    town.submit(0, 1);
    assert!(town.delivered(1).is_empty());
    town.hubs[1].set_overloaded(false);
    town.pass(500);
    assert_eq!(town.delivered(1), ["e1"]);
}

#[test]
fn a_wish_that_is_told_late_counts_from_when_it_began() {
    for bounce in [true, false] {
        let rules = Rules {
            bounce,
            ..Rules::default()
        };
        let mut town = Town::under(rules, 2);
        // Node 0 can speak, but does not hear.
        town.silent.push(0);
        let input = Input::InterestChanged {
            ticket: 1,
            added: vec![TypePattern::Exact("a".into())],
            removed: Vec::new(),
        };
        town.tell(1, input);
        town.submit(0, 1);
        // By now node 0 tells how far it is, and node 1 gives up its question.
        town.pass(5_000);
        town.silent.clear();
        town.pass(500);
        town.pass(500);
        let expected: &[&str] = if bounce { &["e1"] } else { &[] };
        assert_eq!(town.delivered(1), expected, "bounce: {bounce}");
    }
}

#[test]
fn a_client_resumes_on_another_node_by_cursor_and_by_event_id() {
    let mut town = Town::of(2);
    town.want(0, "a");
    for id in 1..=3 {
        town.submit(0, id);
    }
    town.said(1);
    let start: Vector = std::iter::once((NodeId::new(1), Reached::at(1))).collect();
    let by_id = |node| From::Event {
        id: "e1".into(),
        node,
    };
    for from in [
        From::Vector(start),
        by_id(None),
        by_id(Some(NodeId::new(1))),
    ] {
        let types = vec![TypePattern::Exact("a".into())];
        let input = Input::Replay {
            ticket: 4,
            from,
            types,
        };
        town.tell(1, input);
        let replayed = town.said(1).into_iter().find_map(|output| match output {
            Output::Replayed { replayed, .. } => replayed,
            _other => None,
        });
        let replayed = replayed.unwrap();
        let ids: Vec<&str> = replayed
            .events
            .iter()
            .map(|event| &*event.event.id)
            .collect();
        assert_eq!(ids, ["e2", "e3"]);
        assert!(replayed.gaps.is_empty() && !replayed.more);
    }
}

#[test]
fn a_revocation_is_confirmed_by_all_and_names_who_is_silent() {
    let mut town = Town::of(3);
    town.said(1);
    let session = Name::new("s1").unwrap();
    let revoke = |ticket| Input::Revoke {
        ticket,
        session: session.clone(),
        until: 100,
        wait: 2_000,
    };
    town.tell(0, revoke(1));
    let told = town.said(1);
    assert!(
        told.iter()
            .any(|output| matches!(output, Output::Revoked(names) if *names == [session.clone()]))
    );
    let spread = |said: Vec<Output>| {
        said.into_iter().find_map(|output| match output {
            Output::RevokeDone { spread, .. } => spread.ok(),
            _other => None,
        })
    };
    let all = spread(town.said(0)).unwrap();
    assert_eq!((all.confirmed.len(), all.missing.len()), (3, 0));
    town.silent.push(2);
    town.tell(0, revoke(2));
    assert_eq!(spread(town.said(0)), None);
    town.pass(2_000);
    let some = spread(town.said(0)).unwrap();
    assert_eq!(some.missing, ["node-2"]);
}

fn spread(town: &mut Town) -> Option<Spread> {
    town.said(0).into_iter().find_map(|output| match output {
        Output::RevokeDone { spread, .. } => spread.ok(),
        _other => None,
    })
}

fn revoke(wait: u64) -> Input {
    Input::Revoke {
        ticket: 1,
        session: Name::new("s1").unwrap(),
        until: 100,
        wait,
    }
}

#[test]
fn a_revocation_names_members_that_are_cut_off_and_waits_for_them() {
    let mut town = Town::of(3);
    town.cut(0, 2);
    town.tell(0, revoke(0));
    assert_eq!(spread(&mut town).unwrap().missing, ["node-1", "node-2"]);
    town.tell(0, revoke(2_000));
    assert_eq!(spread(&mut town), None);
    town.pass(500);
    town.link(0, 2);
    let all = spread(&mut town).unwrap();
    assert_eq!((all.confirmed.len(), all.missing.len()), (3, 0));
    // The link may also break while somebody waits.
    town.silent.push(2);
    town.tell(0, revoke(2_000));
    town.cut(0, 2);
    town.silent.clear();
    town.link(0, 2);
    assert_eq!(spread(&mut town).unwrap().missing.len(), 0);
}

#[test]
fn a_member_that_left_in_peace_is_not_missing_at_a_revocation() {
    let mut town = Town::of(3);
    town.tell(2, Input::Leave);
    town.cut(0, 2);
    town.tell(0, revoke(2_000));
    let all = spread(&mut town).unwrap();
    assert_eq!((all.confirmed.len(), all.missing.len()), (2, 0));
}

#[test]
fn a_node_that_joins_has_the_blacklist_before_it_is_ready() {
    let mut town = Town::of(1);
    town.pass(5_000);
    let session = Name::new("s1").unwrap();
    let input = Input::Revoke {
        ticket: 1,
        session: session.clone(),
        until: 100,
        wait: 0,
    };
    town.tell(0, input);
    let now = Now {
        monotonic: town.now,
        wall: town.now,
    };
    let joining = Hub::new(NodeId::new(9), "nine".to_owned(), Params::default(), now);
    town.hubs.push(joining);
    town.said.push(Vec::new());
    town.tell(0, Input::LinkOpened(peer(1)));
    town.tell(1, Input::LinkOpened(peer(0)));
    assert!(!town.hubs[1].is_ready());
    town.pass(300);
    assert!(town.hubs[1].is_ready());
    assert!(town.hubs[1].blacklist_mut().is_revoked(&session, 50));
}

#[test]
fn a_memo_is_known_everywhere_and_found_by_who_missed_it() {
    let mut town = Town::of(2);
    let key = Bytes::from_static(b"key");
    for value in ["old", "new"] {
        let value = Bytes::from(value);
        let key = key.clone();
        town.tell(0, Input::Remember { key, value });
    }
    town.silent.push(1);
    let late = Input::Remember {
        key: Bytes::from_static(b"late"),
        value: Bytes::from_static(b"v"),
    };
    town.tell(0, late);
    town.silent.clear();
    for (key, value) in [("key", Some("new")), ("late", Some("v")), ("none", None)] {
        let key = Bytes::from(key);
        town.tell(1, Input::Recall { ticket: 3, key });
        let recalled = town.said(1).into_iter().find_map(|output| match output {
            Output::Recalled { value, .. } => Some(value),
            _other => None,
        });
        assert_eq!(recalled, Some(value.map(Bytes::from)));
    }
}

fn recalled(town: &mut Town, node: usize) -> Option<Option<Bytes>> {
    town.said(node).into_iter().find_map(|output| match output {
        Output::Recalled { value, .. } => Some(value),
        _other => None,
    })
}

fn remember(key: &'static str, value: &'static str) -> Input {
    Input::Remember {
        key: Bytes::from(key),
        value: Bytes::from(value),
    }
}

fn recall(key: &'static str) -> Input {
    let key = Bytes::from(key);
    Input::Recall { ticket: 3, key }
}

#[test]
fn after_a_cut_the_latest_memo_counts_also_if_an_older_one_is_here() {
    for waits in [false, true] {
        let mut town = Town::of(2);
        town.tell(0, remember("k", "old"));
        town.cut(0, 1);
        town.tell(0, remember("k", "new"));
        // Node 1 hears nothing from node 0 by itself yet; it asks.
        town.link(0, 1);
        if waits {
            town.pass(500);
            town.cut(0, 1);
        }
        town.said(1);
        town.tell(1, recall("k"));
        assert_eq!(
            recalled(&mut town, 1),
            Some(Some(Bytes::from("new"))),
            "{waits}"
        );
    }
}

#[test]
fn nobody_waits_long_for_a_memo_of_a_silent_node() {
    let mut town = Town::of(2);
    town.tell(0, remember("k", "v"));
    town.silent.push(0);
    town.tell(1, recall("k"));
    assert_eq!(recalled(&mut town, 1), None);
    assert!(town.hubs[1].next_wakeup() <= town.now + 2_000);
    town.pass(2_000);
    assert_eq!(recalled(&mut town, 1), Some(Some(Bytes::from("v"))));
}

#[test]
fn a_node_that_is_new_gets_the_memos_of_those_that_are_there() {
    let mut town = Town::of(2);
    town.cut(0, 1);
    town.tell(0, remember("k", "v"));
    town.link(0, 1);
    town.pass(500);
    town.cut(0, 1);
    town.said(1);
    town.tell(1, recall("k"));
    assert_eq!(recalled(&mut town, 1), Some(Some(Bytes::from("v"))));
}

#[test]
fn a_request_is_carried_to_another_nodes_desk_and_answered() {
    let mut town = Town::of(2);
    let carry = |to| Input::Carry {
        ticket: 5,
        to: NodeId::new(to),
        desk: Some(3),
        bytes: Bytes::from_static(b"question"),
    };
    town.tell(0, carry(2));
    let exchange = town.said(1).into_iter().find_map(|output| match output {
        Output::Carried {
            exchange,
            desk: Some(3),
            bytes,
        } if bytes == "question" => Some(exchange),
        _other => None,
    });
    let answer = Input::CarryAnswered {
        exchange: exchange.unwrap(),
        bytes: Some(Bytes::from_static(b"answer")),
    };
    town.tell(1, answer);
    let result = |said: Vec<Output>| {
        said.into_iter().find_map(|output| match output {
            Output::CarryDone { result, .. } => Some(result),
            _other => None,
        })
    };
    assert_eq!(
        result(town.said(0)),
        Some(Ok(Bytes::from_static(b"answer")))
    );
    town.tell(0, carry(77));
    assert_eq!(result(town.said(0)), Some(Err(CarryFault::Gone)));
}

#[test]
fn a_client_that_has_all_of_a_node_that_left_in_peace_resumes_without_a_gap() {
    // Where the client is with the events of node 0, which has accepted two, and how node 0 went.
    for (seq, leaves, gaps) in [(2, true, 0), (1, true, 1), (2, false, 1)] {
        let mut town = Town::of(2);
        town.submit(0, 1);
        town.submit(0, 2);
        if leaves {
            town.tell(0, Input::Leave);
        }
        town.cut(0, 1);
        town.said(1);
        let from: Vector = [(1, seq), (2, 0)]
            .map(|(node, seq)| (NodeId::new(node), Reached::at(seq)))
            .into_iter()
            .collect();
        let input = Input::Replay {
            ticket: 4,
            from: From::Vector(from),
            types: vec![TypePattern::Exact("a".into())],
        };
        town.tell(1, input);
        let replayed = town.said(1).into_iter().find_map(|output| match output {
            Output::Replayed { replayed, .. } => replayed,
            _other => None,
        });
        let replayed = replayed.unwrap();
        assert_eq!(replayed.gaps.len(), gaps, "at {seq}, left: {leaves}");
        let reached = replayed.upto.get(NodeId::new(1)).unwrap();
        assert!(reached.ended);
    }
}

#[test]
fn a_node_that_leaves_in_peace_leaves_no_gap_and_one_that_dies_does() {
    for (leaves, gaps) in [(true, 0), (false, 1)] {
        let mut town = Town::of(2);
        town.want(1, "a");
        town.submit(0, 1);
        if leaves {
            town.tell(0, Input::Leave);
            assert!(
                town.said(0)
                    .iter()
                    .any(|output| matches!(output, Output::Left))
            );
        }
        town.silent.push(0);
        town.tell(1, Input::LinkClosed(peer(0)));
        town.now += 10_000;
        town.tell(1, Input::Tick);
        let said = town.said(1);
        let told = said
            .iter()
            .filter(|output| matches!(output, Output::Gap(_)));
        assert_eq!(told.count(), gaps, "leaves: {leaves}");
    }
}

/// How the submission of event `id` ended, if it has.
fn submitted(town: &mut Town, id: u32) -> Option<Result<(), SubmitRefusal>> {
    town.submit(0, id);
    ended(&town.said(0))
}

fn ended(said: &[Output]) -> Option<Result<(), SubmitRefusal>> {
    said.iter().find_map(|output| match output {
        Output::Submitted { result, .. } => Some(*result),
        _other => None,
    })
}

#[test]
fn a_keeper_of_copies_that_hangs_is_replaced_and_may_come_back() {
    let params = Params {
        ack: Ack::Cluster,
        ..Params::default()
    };
    for (nodes, next) in [(3, Ok(())), (2, Err(SubmitRefusal::NoKeeper))] {
        let mut town = Town::with(params, nodes);
        assert_eq!(submitted(&mut town, 1), Some(Ok(())));
        town.silent.push(1);
        assert_eq!(submitted(&mut town, 2), None);
        town.pass(2_000);
        let said = town.said(0);
        assert_eq!(ended(&said), Some(Err(SubmitRefusal::NotReplicated)));
        let keeper = (nodes == 3).then_some(NodeId::new(3));
        let told =
            |output: &Output| matches!(output, Output::Fact(Fact::Backup(node)) if *node == keeper);
        assert!(said.iter().any(told), "{nodes} nodes");
        assert_eq!(submitted(&mut town, 3), Some(next), "{nodes} nodes");
        // Without another one it is asked again as soon as it takes something.
        town.silent.clear();
        town.pass(5_000);
        town.pass(500);
        assert_eq!(submitted(&mut town, 4), Some(Ok(())), "{nodes} nodes");
    }
}

#[test]
fn a_node_that_is_ready_without_a_comparison_says_with_whom() {
    let mut town = Town::of(1);
    town.pass(5_000);
    let now = Now {
        monotonic: town.now,
        wall: town.now,
    };
    let joining = Hub::new(NodeId::new(9), "nine".to_owned(), Params::default(), now);
    town.hubs.push(joining);
    town.said.push(Vec::new());
    town.link(0, 1);
    town.cut(0, 1);
    town.silent.push(0);
    town.tell(1, Input::LinkOpened(peer(0)));
    town.pass(10_000);
    assert!(town.hubs[1].is_ready());
    let names = town.said(1).into_iter().find_map(|output| match output {
        Output::Fact(Fact::Incomplete(names)) => Some(names),
        _other => None,
    });
    assert_eq!(names.map(|names| names.len()), Some(1));
}
