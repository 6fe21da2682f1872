//! Two or three machines on a perfect network, for stories that need no bad one.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use crate::core::{
    event::Event,
    hub::{
        Hub,
        input::Input,
        output::Output,
        params::{Params, Rules},
        position::NodeId,
    },
    replica::{id::PeerId, stamp::Now},
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

    pub(super) fn under(rules: Rules, count: u64) -> Self {
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

    pub(super) fn delivered(&mut self, node: usize) -> Vec<String> {
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
