//! The world around the machines: connections, messages, clocks, crashes, in virtual milliseconds.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    rc::Rc,
    sync::Arc,
};

use rig::core::{
    digest::{Body, Content, Digest},
    replica::{
        Identity, Replica,
        id::{ApiId, PeerId},
        input::{Action, Input, Loaded, Write},
        output::{Fact, Output},
        params::{Params, Rules},
        stamp::{Now, Stamp},
        wire::{self, Answer, Gossip, Part, Request, Version},
    },
};

use super::{
    chance::Chance,
    classes::WALL,
    plan::{Entry, Operation, Plan},
    truth::{LifeTruth, Truth},
};

/// A process: node and number of its life.
pub(crate) type Life = (usize, u32);

/// What each node showed, and whether it was contested.
pub(crate) type Checkpoint = BTreeMap<usize, BTreeMap<ApiId, (Version, bool)>>;

/// A node and, while it lives, its machine.
pub(crate) struct Node {
    pub(crate) life: u32,
    pub(crate) replica: Option<Replica>,
    pub(crate) truth: LifeTruth,
    clock_offset: i64,
    links: BTreeMap<PeerId, Life>,
    seen: BTreeSet<u64>,
    tick_at: u64,
}

/// A message with what the truth needs to know of it.
struct Letter {
    bytes: Vec<u8>,
    parts: Vec<Part>,
    /// A fetched body: API and digest.
    body: Option<(ApiId, Digest)>,
}

enum Event {
    Operation(usize),
    Connect(Life, Life),
    Noticed(Life, PeerId),
    Gossip {
        number: u64,
        relay: Life,
        author: Life,
        to: Life,
        letter: Rc<Letter>,
        forced: bool,
    },
    Request {
        from: Life,
        to: Life,
        exchange: u64,
        letter: Rc<Letter>,
    },
    Answer {
        from: Life,
        to: Life,
        exchange: u64,
        letter: Rc<Letter>,
    },
    Failed {
        to: Life,
        exchange: u64,
    },
    Tick(Life),
}

/// The whole world of a run.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) now: u64,
    pub(crate) nodes: Vec<Node>,
    pub(crate) truth: Truth,
    pub(crate) trace: Option<Vec<String>>,
    /// What was shown, how much of it was contested, at checkpoints and before heals.
    pub(crate) checkpoints: Vec<Checkpoint>,
    rules: Rules,
    chance: Chance,
    events: BTreeMap<u64, Event>,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    next_event: u64,
    next_gossip: u64,
    cuts: Vec<u32>,
    slow: BTreeSet<(usize, usize)>,
    /// The peer's own number of a request, by what the answering side was told.
    inbound: BTreeMap<u64, (Life, u64)>,
    next_inbound: u64,
}

impl World {
    pub(crate) fn new(plan: Plan, rules: Rules, traced: bool) -> Self {
        let mut chance = Chance::new(plan.seed ^ 0xabcd);
        let error = i64::try_from(plan.weather.clock_error).unwrap();
        let mut nodes = Vec::new();
        let mut slow = BTreeSet::new();
        for node in 0..plan.nodes {
            let spread = i64::try_from(chance.within(0, plan.weather.clock_error * 2)).unwrap();
            nodes.push(Node {
                life: 0,
                replica: None,
                truth: LifeTruth::default(),
                clock_offset: spread - error,
                links: BTreeMap::new(),
                seen: BTreeSet::new(),
                tick_at: u64::MAX,
            });
            for other in 0..node {
                if plan.weather.slow_links && chance.percent(40) {
                    slow.insert((other, node));
                }
            }
        }
        let mut world = Self {
            now: 0,
            nodes,
            truth: Truth::default(),
            trace: traced.then(Vec::new),
            checkpoints: Vec::new(),
            rules,
            chance,
            events: BTreeMap::new(),
            queue: BinaryHeap::new(),
            next_event: 0,
            next_gossip: 0,
            cuts: Vec::new(),
            slow,
            inbound: BTreeMap::new(),
            next_inbound: 0,
            plan,
        };
        for (number, (at, _)) in world.plan.operations.clone().iter().enumerate() {
            world.schedule(*at, Event::Operation(number));
        }
        world
    }

    /// Runs until `until` or until nothing is left.
    pub(crate) fn run_until(&mut self, until: u64) {
        while let Some(Reverse((at, number))) = self.queue.peek().copied() {
            if at > until {
                break;
            }
            self.queue.pop();
            self.now = at;
            if let Some(event) = self.events.remove(&number) {
                self.happen(event);
            }
        }
        self.now = until;
    }

    /// Nodes that live.
    pub(crate) fn alive(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.replica.is_some())
    }

    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>9.3}  {}", now as f64 / 1000.0, line()));
        }
    }

    pub(crate) fn now_at(&self, node: usize) -> Now {
        let wall = i64::try_from(WALL + self.now).unwrap() + self.nodes[node].clock_offset;
        Now {
            monotonic: self.now,
            wall: u64::try_from(wall).unwrap(),
        }
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.next_event += 1;
        self.events.insert(self.next_event, event);
        self.queue.push(Reverse((at, self.next_event)));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Operation(number) => self.operate(number),
            Event::Connect(a, b) => self.connect(a, b),
            Event::Noticed(life, peer) => self.noticed(life, &peer),
            Event::Gossip {
                number,
                relay,
                author,
                to,
                letter,
                forced,
            } => {
                self.heard(number, relay, author, to, &letter, forced);
            }
            Event::Request {
                from,
                to,
                exchange,
                letter,
            } => {
                self.asked(from, to, exchange, &letter);
            }
            Event::Answer {
                from,
                to,
                exchange,
                letter,
            } => {
                if !self.reaches(from, to) {
                    return;
                }
                let truth = &mut self.nodes[to.0].truth;
                truth.learn_parts(&letter.parts, self.now);
                if let Some((id, digest)) = &letter.body
                    && let Some(ref_number) = self.truth.refs.get(&(id.clone(), *digest))
                {
                    truth.learn(id, *ref_number, &[*digest], self.now);
                }
                self.step(
                    to.0,
                    Input::Answer {
                        exchange,
                        bytes: letter.bytes.clone(),
                    },
                );
            }
            Event::Failed { to, exchange } => {
                if self.lives(to) {
                    self.step(to.0, Input::Failed { exchange });
                }
            }
            Event::Tick(life) => {
                if !self.lives(life) {
                    return;
                }
                self.nodes[life.0].tick_at = u64::MAX;
                let due = self.nodes[life.0]
                    .replica
                    .as_ref()
                    .map(Replica::next_wakeup);
                if due.is_some_and(|due| due <= self.now) {
                    self.step(life.0, Input::Tick);
                } else {
                    self.plan_tick(life.0);
                }
            }
        }
    }

    // --- what is planned

    fn operate(&mut self, number: usize) {
        let operation = self.plan.operations[number].1.clone();
        self.note(|| format!("== {operation:?}"));
        match operation {
            Operation::Start {
                node,
                file,
                clock_back,
            } => self.start(node, &file, clock_back),
            Operation::Crash { node } => self.crash(node),
            Operation::Put { node, api, version } => {
                let body = body(version);
                self.write(node, api, Some(body));
            }
            Operation::Delete { node, api } => self.write(node, api, None),
            Operation::Cut { mask } => self.cut(mask),
            Operation::Heal => self.heal(),
            Operation::Checkpoint => self.checkpoint(),
        }
    }

    fn start(&mut self, node: usize, file: &[Entry], clock_back: u64) {
        if self.nodes[node].replica.is_some() {
            return;
        }
        self.nodes[node].life += 1;
        self.nodes[node].clock_offset -= i64::try_from(clock_back).unwrap();
        let life = (node, self.nodes[node].life);
        self.truth.starts += 1;
        if let Some(checkpoint) = self.checkpoints.first() {
            let id = api(0);
            let ran = checkpoint.values().next().and_then(|apis| apis.get(&id));
            let ran = ran.map(|(version, _)| version.digest);
            // Known, not shown: else an overruled version would excuse itself.
            let runs = |node: &Node| ran.is_some_and(|ran| node.truth.knows(&id, &ran));
            let others = self.alive().filter(|(_, node)| runs(node)).count();
            let fewest = self.truth.fewest_others.unwrap_or(others);
            self.truth.fewest_others = Some(fewest.min(others));
        }
        let identity = Identity {
            cluster: "sim".to_owned(),
            name: format!("n{node}"),
            peer: peer(life),
            software: "sim".to_owned(),
        };
        let params = Params {
            rules: self.rules,
            ..Params::default()
        };
        let now = self.now_at(node);
        let seed = self.chance.next();
        let replica = Replica::new(identity, params, Arc::new(|_, _| true), seed, now);
        self.nodes[node].replica = Some(replica);
        self.nodes[node].truth = LifeTruth::default();
        let entries = file.iter().map(|entry| self.load(node, entry)).collect();
        self.step(node, Input::Load(entries));
        for other in 0..self.nodes.len() {
            self.try_connect(node, other);
        }
    }

    fn load(&mut self, node: usize, entry: &Entry) -> Loaded {
        let id = api(entry.api);
        let body = body(entry.version);
        let version = Version {
            ref_number: entry.ref_number,
            digest: body.digest(),
        };
        self.truth.note_stamp(&id, version, Stamp::at(entry.wall));
        let truth = &mut self.nodes[node].truth;
        truth.learn(&id, version.ref_number, &[version.digest], self.now);
        truth.loaded.insert(id.clone(), version);
        let content = Content::Defined(body);
        Loaded {
            id,
            ref_number: entry.ref_number,
            content,
            wall: entry.wall,
        }
    }

    fn crash(&mut self, node: usize) {
        let life = (node, self.nodes[node].life);
        if self.nodes[node].replica.take().is_none() {
            return;
        }
        self.nodes[node].links.clear();
        self.nodes[node].seen.clear();
        self.nodes[node].tick_at = u64::MAX;
        for other in 0..self.nodes.len() {
            if self.nodes[other].links.contains_key(&peer(life)) {
                let at = self.now + self.chance.within(50, 3_000);
                let other = (other, self.nodes[other].life);
                self.schedule(at, Event::Noticed(other, peer(life)));
            }
        }
    }

    fn write(&mut self, node: usize, api_number: u8, content: Option<Body>) {
        let id = api(api_number);
        let Some(_) = self.nodes[node].replica else {
            return;
        };
        let shown = self.nodes[node].truth.shown.get(&id);
        let active = shown.is_some_and(|version| !version.digest.is_deleted());
        let action = match content {
            Some(body) if active => Action::Replace(body),
            Some(body) => Action::Create(body),
            None if active => Action::Delete,
            None => return,
        };
        let write = Write {
            ticket: u64::from(api_number),
            id,
            action,
            if_match: None,
        };
        self.step(node, Input::Write(write));
    }

    fn cut(&mut self, mask: u32) {
        self.cuts.push(mask);
        for a in 0..self.nodes.len() {
            for b in 0..self.nodes.len() {
                let Some(life) = self.life_of(b) else {
                    continue;
                };
                if self.nodes[a].links.contains_key(&peer(life)) && self.is_cut(a, b) {
                    // A dead connection is noticed late, or not before it works again.
                    let at = self.now + self.chance.within(1_000, 12_000);
                    let a = (a, self.nodes[a].life);
                    self.schedule(at, Event::Noticed(a, peer(life)));
                }
            }
        }
    }

    fn heal(&mut self) {
        self.checkpoint();
        self.cuts.clear();
        for a in 0..self.nodes.len() {
            for b in 0..a {
                self.try_connect(a, b);
            }
        }
    }

    fn checkpoint(&mut self) {
        let shown = self.alive().map(|(number, node)| {
            let replica = node.replica.as_ref().unwrap();
            let apis = node.truth.shown.iter().map(|(id, version)| {
                let contested = replica.registry().get(id).is_some_and(|r| r.contested());
                (id.clone(), (*version, contested))
            });
            (number, apis.collect())
        });
        let shown = shown.collect();
        self.checkpoints.push(shown);
    }

    // --- connections

    fn life_of(&self, node: usize) -> Option<Life> {
        self.nodes[node]
            .replica
            .as_ref()
            .map(|_| (node, self.nodes[node].life))
    }

    fn lives(&self, life: Life) -> bool {
        self.life_of(life.0) == Some(life)
    }

    fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cuts
            .iter()
            .any(|mask| (mask >> a) & 1 != (mask >> b) & 1)
    }

    fn adjacent(&self, a: usize, b: usize) -> bool {
        a != b && (!self.plan.line || a.abs_diff(b) == 1)
    }

    fn reaches(&self, from: Life, to: Life) -> bool {
        self.lives(from) && self.lives(to) && !self.is_cut(from.0, to.0)
    }

    fn try_connect(&mut self, a: usize, b: usize) {
        let (Some(one), Some(two)) = (self.life_of(a), self.life_of(b)) else {
            return;
        };
        if self.adjacent(a, b) && !self.is_cut(a, b) {
            let at = self.now + self.chance.within(10, 300);
            self.schedule(at, Event::Connect(one, two));
        }
    }

    fn connect(&mut self, a: Life, b: Life) {
        if !self.reaches(a, b) {
            return;
        }
        let (at_a, at_b) = (
            self.nodes[a.0].links.contains_key(&peer(b)),
            self.nodes[b.0].links.contains_key(&peer(a)),
        );
        if at_a && at_b {
            return;
        }
        if at_a {
            self.unlink(a.0, &peer(b));
        }
        if at_b {
            self.unlink(b.0, &peer(a));
        }
        self.nodes[a.0].links.insert(peer(b), b);
        self.nodes[b.0].links.insert(peer(a), a);
        self.note(|| format!("n{} -- n{} connected", a.0, b.0));
        self.step(a.0, Input::LinkOpened(peer(b)));
        self.step(b.0, Input::LinkOpened(peer(a)));
    }

    /// A node notices that a connection is dead.
    fn noticed(&mut self, life: Life, other: &PeerId) {
        if !self.lives(life) {
            return;
        }
        let Some(to) = self.nodes[life.0].links.get(other).copied() else {
            return;
        };
        if self.reaches(life, to) && self.nodes[to.0].links.contains_key(&peer(life)) {
            return;
        }
        self.unlink(life.0, other);
        self.try_connect(life.0, to.0);
    }

    fn unlink(&mut self, node: usize, other: &PeerId) {
        self.nodes[node].links.remove(other);
        self.note(|| format!("n{node} lost {other:?}"));
        self.step(node, Input::LinkClosed(other.clone()));
    }

    // --- messages

    fn lost(&mut self) -> bool {
        let percent = self.plan.weather.loss_percent;
        self.chance.percent(percent)
    }

    fn delay(&mut self, a: usize, b: usize) -> u64 {
        let weather = self.plan.weather;
        if self.chance.percent(weather.late_percent) {
            return self.chance.within(50, 3_000);
        }
        let slow = self.slow.contains(&(a.min(b), a.max(b)));
        let base = if slow { self.chance.within(20, 200) } else { 0 };
        base + self.chance.pick(&[0, 1, 1, 1, 2, 3])
    }

    fn publish(&mut self, node: usize, bytes: Vec<u8>) {
        let message = wire::decode_gossip(&bytes).expect("own gossip can be read");
        let parts = match message.content {
            Gossip::Delta(parts) => parts,
            Gossip::Presence(_) | Gossip::Gone(_) => Vec::new(),
        };
        if !parts.is_empty() {
            self.truth.last_talk_at = self.now;
            self.note(|| format!("n{node} gossips {parts:?}"));
        }
        self.truth.note_parts(&parts);
        let life = (node, self.nodes[node].life);
        self.next_gossip += 1;
        let number = self.next_gossip;
        self.nodes[node].seen.insert(number);
        let letter = Rc::new(Letter {
            bytes,
            parts,
            body: None,
        });
        self.forward(number, life, life, None, &letter);
    }

    /// Sends a gossip message to all neighbours but the one it came from.
    fn forward(
        &mut self,
        number: u64,
        author: Life,
        relay: Life,
        source: Option<Life>,
        letter: &Rc<Letter>,
    ) {
        let neighbours: Vec<Life> = self.nodes[relay.0].links.values().copied().collect();
        for to in neighbours
            .into_iter()
            .filter(|to| Some(*to) != source && *to != author)
        {
            // As in cluster.md, part 9: far members in a line are known late, not never.
            let sure = self.plan.line && letter.parts.is_empty();
            if self.reaches(relay, to) && (sure || !self.lost()) {
                let at = self.now + self.delay(relay.0, to.0);
                let letter = Rc::clone(letter);
                let gossip = Event::Gossip {
                    number,
                    relay,
                    author,
                    to,
                    letter,
                    forced: false,
                };
                self.schedule(at, gossip);
            }
            if self.chance.percent(self.plan.weather.duplicate_percent) && self.reaches(relay, to) {
                let at = self.now + self.chance.within(1, 4_000);
                let letter = Rc::clone(letter);
                let gossip = Event::Gossip {
                    number,
                    relay,
                    author,
                    to,
                    letter,
                    forced: true,
                };
                self.schedule(at, gossip);
            }
        }
    }

    fn heard(
        &mut self,
        number: u64,
        relay: Life,
        author: Life,
        to: Life,
        letter: &Rc<Letter>,
        forced: bool,
    ) {
        if !self.lives(to) || self.is_cut(relay.0, to.0) {
            return;
        }
        let new = self.nodes[to.0].seen.insert(number);
        if new {
            self.forward(number, author, to, Some(relay), letter);
        } else if !forced {
            return;
        }
        self.nodes[to.0].truth.learn_parts(&letter.parts, self.now);
        let bytes = letter.bytes.clone();
        self.step(
            to.0,
            Input::Gossip {
                relay: peer(relay),
                author: peer(author),
                bytes,
            },
        );
    }

    fn ask(&mut self, node: usize, to: &PeerId, exchange: u64, bytes: Vec<u8>) {
        let message = wire::decode_request(&bytes).expect("own request can be read");
        let from = (node, self.nodes[node].life);
        let (parts, body) = match message.content {
            Request::Pull { parts, .. } => (parts, None),
            Request::Body { id, digest } => (Vec::new(), Some((id, digest))),
            Request::Sync1 { .. } => {
                return self.send_request(from, to, exchange, bytes, Vec::new(), None);
            }
            Request::Sync2 { .. }
            | Request::Sync3 { .. }
            | Request::Status { .. }
            | Request::Describe { .. } => (Vec::new(), None),
        };
        self.truth.last_talk_at = self.now;
        self.truth.note_parts(&parts);
        self.note(|| format!("n{node} asks {to:?} with {parts:?} {body:?}"));
        self.send_request(from, to, exchange, bytes, parts, body);
    }

    fn send_request(
        &mut self,
        from: Life,
        to: &PeerId,
        exchange: u64,
        bytes: Vec<u8>,
        parts: Vec<Part>,
        body: Option<(ApiId, Digest)>,
    ) {
        let target = self.nodes[from.0].links.get(to).copied();
        let Some(to) = target.filter(|to| self.reaches(from, *to)) else {
            return self.fail(from, exchange);
        };
        if self.lost() {
            return self.fail(from, exchange);
        }
        let letter = Rc::new(Letter { bytes, parts, body });
        if self.chance.percent(self.plan.weather.duplicate_percent) {
            let at = self.now + self.chance.within(1, 4_000);
            let letter = Rc::clone(&letter);
            self.schedule(
                at,
                Event::Request {
                    from,
                    to,
                    exchange,
                    letter,
                },
            );
        }
        let at = self.now + self.delay(from.0, to.0);
        self.schedule(
            at,
            Event::Request {
                from,
                to,
                exchange,
                letter,
            },
        );
    }

    /// A lost exchange: mostly the transport says so, sometimes it is just silent.
    fn fail(&mut self, to: Life, exchange: u64) {
        if self.chance.percent(80) {
            let at = self.now + self.chance.within(1, 1_000);
            self.schedule(at, Event::Failed { to, exchange });
        }
    }

    fn asked(&mut self, from: Life, to: Life, exchange: u64, letter: &Rc<Letter>) {
        if !self.reaches(from, to) {
            return self.fail(from, exchange);
        }
        self.next_inbound += 1;
        let inbound = self.next_inbound;
        self.inbound.insert(inbound, (from, exchange));
        self.nodes[to.0].truth.learn_parts(&letter.parts, self.now);
        let bytes = letter.bytes.clone();
        let asked_for = letter.body.clone();
        self.answering(to.0, peer(from), inbound, bytes, asked_for);
    }

    fn answering(
        &mut self,
        node: usize,
        from: PeerId,
        exchange: u64,
        bytes: Vec<u8>,
        asked_for: Option<(ApiId, Digest)>,
    ) {
        let outputs = self.step_only(
            node,
            Input::Request {
                from,
                exchange,
                bytes,
            },
        );
        for output in outputs {
            if let Output::Reply { exchange, bytes } = output {
                self.reply(node, exchange, bytes, asked_for.clone());
            } else {
                self.perform(node, output);
            }
        }
        self.inbound.remove(&exchange);
        self.plan_tick(node);
    }

    fn reply(
        &mut self,
        node: usize,
        inbound: u64,
        bytes: Vec<u8>,
        asked_for: Option<(ApiId, Digest)>,
    ) {
        let Some((to, exchange)) = self.inbound.get(&inbound).copied() else {
            return;
        };
        let message = wire::decode_answer(&bytes).expect("own answer can be read");
        let mut body = None;
        let mut parts = Vec::new();
        match message.content {
            Answer::Parts { parts: sent, .. } => parts = sent,
            Answer::Body(Some(_)) => body = asked_for,
            Answer::Body(None)
            | Answer::Same
            | Answer::Inner(_)
            | Answer::Leaves(_)
            | Answer::Keys(_)
            | Answer::Status(_)
            | Answer::Descriptions(_) => {}
        }
        self.truth.note_parts(&parts);
        if !parts.is_empty() {
            self.note(|| format!("n{node} answers n{} with {parts:?}", to.0));
        }
        let from = (node, self.nodes[node].life);
        if self.lost() {
            return self.fail(to, exchange);
        }
        let letter = Rc::new(Letter { bytes, parts, body });
        if self.chance.percent(self.plan.weather.duplicate_percent) {
            let at = self.now + self.chance.within(1, 4_000);
            let letter = Rc::clone(&letter);
            self.schedule(
                at,
                Event::Answer {
                    from,
                    to,
                    exchange,
                    letter,
                },
            );
        }
        let at = self.now + self.delay(node, to.0);
        self.schedule(
            at,
            Event::Answer {
                from,
                to,
                exchange,
                letter,
            },
        );
    }

    // --- machines

    fn step(&mut self, node: usize, input: Input) {
        for output in self.step_only(node, input) {
            self.perform(node, output);
        }
        self.plan_tick(node);
    }

    fn step_only(&mut self, node: usize, input: Input) -> Vec<Output> {
        let now = self.now_at(node);
        match &mut self.nodes[node].replica {
            Some(replica) => replica.step(now, input),
            None => Vec::new(),
        }
    }

    fn plan_tick(&mut self, node: usize) {
        let Some(replica) = &self.nodes[node].replica else {
            return;
        };
        // A wakeup in the past is due now, and must not hold up the clock.
        let at = replica.next_wakeup().max(self.now);
        if at < self.nodes[node].tick_at {
            self.nodes[node].tick_at = at;
            let life = (node, self.nodes[node].life);
            self.schedule(at, Event::Tick(life));
        }
    }

    fn perform(&mut self, node: usize, output: Output) {
        match output {
            Output::Publish { bytes } => self.publish(node, bytes),
            Output::Ask {
                to,
                exchange,
                bytes,
            } => self.ask(node, &to, exchange, bytes),
            Output::Serve {
                id,
                version,
                content,
                cause,
            } => {
                self.note(|| format!("n{node} serves {id:?} {version:?} ({cause:?})"));
                self.serve(node, id, version, &content);
            }
            Output::Answered { ticket, result } => {
                self.note(|| format!("n{node} answers the client {result:?}"));
                if let Ok(version) = result {
                    let id = api(u8::try_from(ticket).unwrap());
                    self.truth.writes.push((node, id.clone(), version));
                    self.nodes[node].truth.learn(
                        &id,
                        version.ref_number,
                        &[version.digest],
                        self.now,
                    );
                }
            }
            Output::Fact(Fact::Cast {
                id,
                digest,
                concession,
            }) => {
                self.note(|| {
                    let kind = if concession { "concedes" } else { "votes" };
                    format!("n{node} {kind} {id:?} {digest:?}")
                });
                let truth = &mut self.nodes[node].truth;
                let ref_number = truth.shown.get(&id).map_or(0, |version| version.ref_number);
                let cast = truth.casts.entry((id, ref_number)).or_insert((digest, 0));
                *cast = (digest, cast.1 + 1);
            }
            Output::Fact(fact) => {
                let dull = matches!(fact, Fact::Synced { .. } | Fact::ClockOffset { .. });
                if let Fact::Rejected { .. } = fact {
                    self.violation(format!("n{node} rejected something: {fact:?}"));
                }
                if !dull {
                    self.note(|| format!("n{node} says {fact:?}"));
                }
            }
            Output::Ready => self.note(|| format!("n{node} is ready")),
            Output::Reply { .. } | Output::Receipt(_) | Output::Diffed { .. } | Output::Left => {}
            Output::Disconnect { .. } => {
                self.violation(format!("n{node} wants a disconnect"));
            }
        }
    }

    fn serve(&mut self, node: usize, id: ApiId, version: Version, content: &Content) {
        self.truth.last_change_at = self.now;
        if content.digest() != version.digest {
            self.violation(format!("n{node} serves a wrong body for {version:?}"));
        }
        let before = self.nodes[node].truth.shown.insert(id, version);
        if let Some(before) = before
            && before.ref_number > version.ref_number
        {
            self.violation(format!("ref fell on n{node}: {before:?} -> {version:?}"));
        }
    }

    pub(crate) fn violation(&mut self, text: String) {
        self.note(|| format!("!! {text}"));
        self.truth.violations.push(text);
    }
}

/// The id of an API number.
pub(crate) fn api(number: u8) -> ApiId {
    ApiId::new(&format!("api-{number}")).unwrap()
}

/// The definition of a version number.
pub(crate) fn body(version: u32) -> Body {
    Body::from(format!("{{\"v\":{version}}}").into_bytes())
}

/// The peer id of a process.
pub(crate) fn peer(life: Life) -> PeerId {
    PeerId::new(format!("n{}.{}", life.0, life.1).as_bytes())
}
