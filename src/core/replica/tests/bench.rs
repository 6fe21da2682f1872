//! A few machines on a perfect network: messages arrive in order and at once, time passes when asked.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use crate::core::replica::{
    Identity, Judge, Replica,
    digest::{Body, Content},
    id::{ApiId, PeerId},
    input::{Action, Input, Loaded, Tag, Write},
    output::{Fact, Output, Refusal},
    params::Params,
    stamp::Now,
    wire::{self, Gossip, Request, Version},
};

/// The wall clock when the bench starts.
pub(super) const WALL: u64 = 1_700_000_000_000;

/// The machines and everything they said.
pub(super) struct Bench {
    pub(super) now: u64,
    pub(super) nodes: BTreeMap<usize, Replica>,
    /// Gossip is delivered; else only exchanges are.
    pub(super) gossip: bool,
    pub(super) params: Params,
    /// Everything that came out, but for messages.
    pub(super) outputs: Vec<(usize, u64, Output)>,
    pub(super) deltas: Vec<(usize, Vec<wire::Part>)>,
    pub(super) requests: Vec<(usize, Request)>,
    links: BTreeSet<(usize, usize)>,
    queue: VecDeque<(usize, Input)>,
    lives: BTreeMap<usize, u32>,
    asked: BTreeMap<u64, (usize, u64)>,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self {
            now: 0,
            nodes: BTreeMap::new(),
            gossip: true,
            params: Params::default(),
            outputs: Vec::new(),
            deltas: Vec::new(),
            requests: Vec::new(),
            links: BTreeSet::new(),
            queue: VecDeque::new(),
            lives: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    /// Nodes 0.. with one file each, connected and settled.
    pub(super) fn settled(files: &[&[Loaded]]) -> Self {
        let mut bench = Self::new();
        for (node, file) in files.iter().enumerate() {
            bench.start(node, file);
        }
        bench.link_all();
        bench.run(60_000);
        bench
    }

    pub(super) fn start(&mut self, node: usize, file: &[Loaded]) {
        self.start_as(node, &format!("n{node}"), file, 0);
    }

    /// A process with another name or a clock that is behind.
    pub(super) fn start_as(&mut self, node: usize, name: &str, file: &[Loaded], behind: u64) {
        self.start_judged(node, name, file, behind, Arc::new(|_, _| true));
    }

    pub(super) fn start_judged(
        &mut self,
        node: usize,
        name: &str,
        file: &[Loaded],
        behind: u64,
        judge: Judge,
    ) {
        *self.lives.entry(node).or_default() += 1;
        let identity = Identity {
            cluster: "bench".to_owned(),
            name: name.to_owned(),
            peer: self.peer(node),
            software: "1".to_owned(),
        };
        let now = Now {
            monotonic: self.now,
            wall: WALL + self.now - behind,
        };
        let replica = Replica::new(identity, self.params, judge, node as u64 + 1, now);
        self.nodes.insert(node, replica);
        self.step(node, Input::Load(file.to_vec()));
    }

    pub(super) fn crash(&mut self, node: usize) {
        for other in self.nodes.keys().copied().collect::<Vec<_>>() {
            self.unlink(node, other);
        }
        self.nodes.remove(&node);
        self.drain();
    }

    pub(super) fn peer(&self, node: usize) -> PeerId {
        let life = self.lives.get(&node).copied().unwrap_or(0);
        PeerId::new(format!("n{node}.{life}").as_bytes())
    }

    pub(super) fn link(&mut self, a: usize, b: usize) {
        if a != b && self.links.insert((a.min(b), a.max(b))) {
            let (peer_a, peer_b) = (self.peer(a), self.peer(b));
            self.step(a, Input::LinkOpened(peer_b));
            self.step(b, Input::LinkOpened(peer_a));
        }
    }

    pub(super) fn unlink(&mut self, a: usize, b: usize) {
        if self.links.remove(&(a.min(b), a.max(b))) {
            let (peer_a, peer_b) = (self.peer(a), self.peer(b));
            self.step(a, Input::LinkClosed(peer_b));
            self.step(b, Input::LinkClosed(peer_a));
        }
    }

    pub(super) fn link_all(&mut self) {
        let nodes: Vec<usize> = self.nodes.keys().copied().collect();
        for a in &nodes {
            for b in &nodes {
                self.link(*a, *b);
            }
        }
    }

    /// Lets so many milliseconds pass.
    pub(super) fn run(&mut self, millis: u64) {
        let until = self.now + millis;
        self.drain();
        while let Some(at) = self.nodes.values().map(Replica::next_wakeup).min()
            && at <= until
        {
            self.now = self.now.max(at);
            let due = self
                .nodes
                .iter()
                .filter(|(_, node)| node.next_wakeup() <= self.now);
            for node in due.map(|(node, _)| *node).collect::<Vec<_>>() {
                self.step(node, Input::Tick);
            }
            self.drain();
        }
        self.now = until;
    }

    /// Delivers everything that is under way.
    pub(super) fn drain(&mut self) {
        while let Some((node, input)) = self.queue.pop_front() {
            self.step(node, input);
        }
    }

    /// Delivers what is under way until this node has asked for a page of a registry.
    pub(super) fn drain_until_pull(&mut self, node: usize) {
        let pulls = |(by, request): &(usize, Request)| {
            *by == node && matches!(request, Request::Pull { .. })
        };
        while !self.requests.iter().any(pulls)
            && let Some((to, input)) = self.queue.pop_front()
        {
            self.step(to, input);
        }
    }

    /// A write whose messages stay under way until the next `drain` or `run`.
    pub(super) fn write(&mut self, node: usize, action: Action) -> Result<Version, Refusal> {
        self.write_if(node, action, None)
    }

    pub(super) fn write_if(
        &mut self,
        node: usize,
        action: Action,
        if_match: Option<Vec<Tag>>,
    ) -> Result<Version, Refusal> {
        self.step(
            node,
            Input::Write(Write {
                ticket: 7,
                id: id("a"),
                action,
                if_match,
            }),
        );
        let answers = self
            .outputs
            .iter()
            .rev()
            .find_map(|(by, _, output)| match output {
                Output::Answered { ticket: 7, result } if *by == node => Some(*result),
                _ => None,
            });
        answers.expect("a write is answered in its step")
    }

    pub(super) fn step(&mut self, node: usize, input: Input) {
        let now = Now {
            monotonic: self.now,
            wall: WALL + self.now,
        };
        let Some(replica) = self.nodes.get_mut(&node) else {
            return;
        };
        for output in replica.step(now, input) {
            self.perform(node, output);
        }
    }

    fn perform(&mut self, node: usize, output: Output) {
        match output {
            Output::Publish { bytes } => {
                let message = wire::decode_gossip(&bytes).expect("own gossip can be read");
                if let Gossip::Delta(parts) = message.content {
                    self.deltas.push((node, parts));
                }
                if self.gossip {
                    let author = self.peer(node);
                    for to in self.reachable(node) {
                        let (relay, author) = (author.clone(), author.clone());
                        let bytes = bytes.clone();
                        self.queue.push_back((
                            to,
                            Input::Gossip {
                                relay,
                                author,
                                bytes,
                            },
                        ));
                    }
                }
            }
            Output::Ask {
                to,
                exchange,
                bytes,
            } => {
                let message = wire::decode_request(&bytes).expect("own request can be read");
                self.requests.push((node, message.content));
                let target = self
                    .nodes
                    .keys()
                    .copied()
                    .find(|other| self.peer(*other) == to);
                let linked =
                    |other: &usize| self.links.contains(&(node.min(*other), node.max(*other)));
                if let Some(target) = target.filter(linked) {
                    let number = self.asked.len() as u64;
                    self.asked.insert(number, (node, exchange));
                    let from = self.peer(node);
                    let request = Input::Request {
                        from,
                        exchange: number,
                        bytes,
                    };
                    self.queue.push_back((target, request));
                } else {
                    self.queue.push_back((node, Input::Failed { exchange }));
                }
            }
            Output::Reply { exchange, bytes } => {
                if let Some((to, exchange)) = self.asked.get(&exchange).copied() {
                    self.queue
                        .push_back((to, Input::Answer { exchange, bytes }));
                }
            }
            other => self.outputs.push((node, self.now, other)),
        }
    }

    fn reachable(&self, from: usize) -> Vec<usize> {
        let mut found = BTreeSet::from([from]);
        loop {
            let more: Vec<usize> = self
                .links
                .iter()
                .flat_map(|(a, b)| [(*a, *b), (*b, *a)])
                .filter(|(a, b)| found.contains(a) && !found.contains(b))
                .map(|(_, b)| b)
                .collect();
            if more.is_empty() {
                found.remove(&from);
                return found.into_iter().collect();
            }
            found.extend(more);
        }
    }

    // --- what came of it

    /// What each node serves of API "a".
    pub(super) fn serving(&self) -> Vec<Option<Version>> {
        self.nodes
            .values()
            .map(|node| node.serving(&id("a")))
            .collect()
    }

    /// The version that all nodes serve and hold; fails if they do not agree.
    pub(super) fn agreed(&mut self) -> Version {
        let serving = self.serving();
        let first = serving
            .first()
            .copied()
            .flatten()
            .expect("something is served");
        assert!(
            serving.iter().all(|version| *version == Some(first)),
            "{serving:?}"
        );
        let roots: BTreeSet<u64> = self.nodes.values_mut().map(Replica::root).collect();
        assert_eq!(roots.len(), 1, "the roots differ");
        for node in self.nodes.values() {
            let round = node.registry().get(&id("a")).expect("known");
            assert_eq!(round.winner(), Some(first.digest));
        }
        first
    }

    /// All facts of a node.
    pub(super) fn facts(&self, node: usize) -> Vec<Fact> {
        let of_node = self.outputs.iter().filter(|(by, _, _)| *by == node);
        of_node
            .filter_map(|(_, _, output)| match output {
                Output::Fact(fact) => Some(fact.clone()),
                _ => None,
            })
            .collect()
    }

    /// Number of ballots that were cast: first ones and concessions.
    pub(super) fn casts(&self) -> (usize, usize) {
        let kinds = self
            .outputs
            .iter()
            .filter_map(|(_, _, output)| match output {
                Output::Fact(Fact::Cast { concession, .. }) => Some(*concession),
                _ => None,
            });
        let kinds: Vec<bool> = kinds.collect();
        let concessions = kinds.iter().filter(|concession| **concession).count();
        (kinds.len() - concessions, concessions)
    }

    /// Every version a node served of API "a", with the time.
    pub(super) fn served(&self, node: usize) -> Vec<(u64, Version)> {
        let outputs = self.outputs.iter().filter(|(by, _, _)| *by == node);
        outputs
            .filter_map(|(_, at, output)| match output {
                Output::Serve {
                    id: api, version, ..
                } if *api == id("a") => Some((*at, *version)),
                _ => None,
            })
            .collect()
    }
}

pub(super) fn id(text: &str) -> ApiId {
    ApiId::new(text).unwrap()
}

pub(super) fn body(text: &str) -> Body {
    Body::from(text.as_bytes())
}

/// A file entry of API "a"; `age` counts back from the start in milliseconds.
pub(super) fn entry(ref_number: u64, text: &str, age: u64) -> Loaded {
    Loaded {
        id: id("a"),
        ref_number,
        content: Content::Defined(body(text)),
        wall: WALL - age,
    }
}

pub(super) fn put(text: &str) -> Action {
    Action::Replace(body(text))
}

pub(super) fn post(text: &str) -> Action {
    Action::Create(body(text))
}

/// The version of a text at a ref.
pub(super) fn version(ref_number: u64, text: &str) -> Version {
    Version {
        ref_number,
        digest: body(text).digest(),
    }
}
