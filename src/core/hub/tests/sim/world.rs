//! The world around the machines: links, messages, crashes, desks and clients.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;

use crate::core::{
    event::Event,
    hub::{
        Hub, cursor,
        delivery::{Delivery, Gap, Replayed},
        floor::Floor,
        input::{From, Input},
        output::Output,
        params::{Ack, Params, Rules},
        position::{NodeId, Vector},
        wire::{self, Answer, Request},
    },
    replica::{id::PeerId, stamp::Now},
    subscription::TypePattern,
};

/// Events are submitted until then.
const BUSY_UNTIL: u64 = 20_000;
/// Then the network heals, and everything may come to rest.
const END: u64 = 60_000;
/// A type nobody ever wants.
const UNWANTED: &str = "never.wanted";

/// What goes wrong; losses and repetitions in percent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Faults {
    pub(super) loss: u64,
    pub(super) repeat: u64,
    /// Messages that travel for seconds.
    pub(super) stalls: u64,
    pub(super) cuts: bool,
    pub(super) crashes: bool,
}

/// A run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) nodes: usize,
    pub(super) ack: Ack,
    pub(super) rules: Rules,
    pub(super) log_bytes: usize,
    pub(super) faults: Faults,
}

struct Node {
    life: u64,
    hub: Hub,
    links: BTreeSet<(usize, u64)>,
}

enum Happening {
    Submit(usize),
    Connect(usize, usize),
    Input {
        node: usize,
        life: u64,
        input: Input,
    },
    Cut(usize, usize),
    Crash(usize),
    Client(usize),
    Wake(usize),
}

enum Held {
    Event(Arc<Delivery>),
    Gap(Gap),
}

enum Stage {
    Away,
    /// Waits until its interest is known; then resumes if it was here before.
    Subscribing,
    /// What came live meanwhile, in its order.
    Replaying(Vec<Held>),
    Live,
}

struct Client {
    types: Vec<TypePattern>,
    node: usize,
    life: u64,
    stage: Stage,
    /// Of this visit; answers to earlier ones are not for it.
    visit: u64,
    cursor: Option<Arc<str>>,
    floor: Floor,
    effective: Option<u64>,
    got: BTreeMap<(NodeId, u64), u64>,
    gaps: Vec<(Option<NodeId>, u64, Option<u64>)>,
}

struct Accepted {
    event_type: String,
    at: u64,
    ticket: u64,
}

pub(super) struct World {
    plan: Plan,
    now: u64,
    random: u64,
    nodes: Vec<Node>,
    lives: u64,
    clients: Vec<Client>,
    queue: BTreeMap<(u64, u64), Happening>,
    next: u64,
    /// Requests under way: the asker, its life and number.
    asked: BTreeMap<u64, (usize, u64, u64)>,
    accepted: BTreeMap<(NodeId, u64), Accepted>,
    confirmed: BTreeSet<u64>,
    next_ticket: u64,
    /// Which client's visit a ticket belongs to.
    tickets: BTreeMap<u64, (usize, u64)>,
    objections: Vec<String>,
    is_traced: bool,
}

impl World {
    pub(super) fn new(plan: Plan) -> Self {
        let mut world = Self {
            plan,
            now: 0,
            random: plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5555,
            nodes: Vec::new(),
            lives: 0,
            clients: Vec::new(),
            queue: BTreeMap::new(),
            next: 0,
            asked: BTreeMap::new(),
            accepted: BTreeMap::new(),
            confirmed: BTreeSet::new(),
            next_ticket: 0,
            tickets: BTreeMap::new(),
            objections: Vec::new(),
            is_traced: std::env::var("HUB_TRACE").is_ok(),
        };
        for index in 0..plan.nodes {
            let node = world.newborn();
            world.nodes.push(node);
            world.later(0, Happening::Wake(index));
            let first = world.below(100);
            world.later(first, Happening::Submit(index));
            for other in 0..index {
                let after = world.below(200);
                world.later(after, Happening::Connect(index, other));
            }
        }
        for number in 0..6 {
            let types = world.some_types();
            world.clients.push(Client {
                types,
                node: 0,
                life: 0,
                stage: Stage::Away,
                visit: 0,
                cursor: None,
                floor: Floor::default(),
                effective: None,
                got: BTreeMap::new(),
                gaps: Vec::new(),
            });
            let after = world.below(4_000);
            world.later(after, Happening::Client(number));
        }
        if plan.faults.cuts {
            for _cut in 0..8 {
                let (at, a, b) = (world.below(BUSY_UNTIL), world.node(), world.node());
                world.later(at, Happening::Cut(a, b));
            }
        }
        if plan.faults.crashes {
            let count = if plan.ack == Ack::Cluster { 1 } else { 3 };
            for _crash in 0..count {
                let (at, node) = (5_000 + world.below(BUSY_UNTIL - 5_000), world.node());
                world.later(at, Happening::Crash(node));
            }
        }
        world
    }

    pub(super) fn run(&mut self) {
        while let Some(((at, _number), happening)) = self.queue.pop_first() {
            if at > END {
                return;
            }
            self.now = at;
            self.happen(happening);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Submit(node) => self.submit(node),
            Happening::Connect(a, b) => self.connect(a, b),
            Happening::Input { node, life, input } => {
                if self.nodes[node].life == life {
                    self.step(node, input);
                }
            }
            Happening::Cut(a, b) => self.cut(a, b),
            Happening::Crash(node) => self.crash(node),
            Happening::Client(client) => self.move_client(client),
            Happening::Wake(node) => {
                if self.nodes[node].hub.next_wakeup() <= self.now {
                    self.step(node, Input::Tick);
                }
                let at = self.nodes[node].hub.next_wakeup().max(self.now + 1);
                // Looked at again often: another step may have made it sooner.
                let after = (at - self.now).min(10);
                self.later(after, Happening::Wake(node));
            }
        }
    }

    fn submit(&mut self, node: usize) {
        if self.now >= BUSY_UNTIL {
            return;
        }
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        let event_type = match self.below(6) {
            5 => UNWANTED.to_owned(),
            number => format!("t{number}.x"),
        };
        let text = format!(
            r#"{{"specversion":"1.0","type":"{event_type}","id":"{ticket}","source":"sim"}}"#
        );
        let event = Arc::new(Event::parse(Bytes::from(text)).unwrap());
        let events = vec![event];
        self.step(node, Input::Submit { ticket, events });
        let after = 5 + self.below(80);
        self.later(after, Happening::Submit(node));
    }

    fn connect(&mut self, a: usize, b: usize) {
        let (life_a, life_b) = (self.nodes[a].life, self.nodes[b].life);
        if a == b || self.nodes[a].links.contains(&(b, life_b)) {
            return;
        }
        self.trace(&format!("link {a} {b}"));
        self.nodes[a].links.insert((b, life_b));
        self.nodes[b].links.insert((a, life_a));
        self.step(a, Input::LinkOpened(peer(b, life_b)));
        let (node, life) = (b, life_b);
        let input = Input::LinkOpened(peer(a, life_a));
        let after = self.below(10);
        self.later(after, Happening::Input { node, life, input });
    }

    fn cut(&mut self, a: usize, b: usize) {
        let (life_a, life_b) = (self.nodes[a].life, self.nodes[b].life);
        if !self.nodes[a].links.remove(&(b, life_b)) {
            return;
        }
        self.trace(&format!("cut {a} {b}"));
        self.nodes[b].links.remove(&(a, life_a));
        // Noticed at different times; what is under way is lost.
        for (node, life, other) in [(a, life_a, peer(b, life_b)), (b, life_b, peer(a, life_a))] {
            let after = self.below(300);
            let input = Input::LinkClosed(other);
            self.later(after, Happening::Input { node, life, input });
        }
        let after = 400 + self.below(14_000);
        self.later(after, Happening::Connect(a, b));
    }

    fn crash(&mut self, node: usize) {
        self.trace(&format!("crash of {node}"));
        let dead = (node, self.nodes[node].life);
        let mut newborn = self.newborn();
        std::mem::swap(&mut self.nodes[node], &mut newborn);
        for (other, life) in newborn.links {
            self.nodes[other].links.remove(&dead);
            let input = Input::LinkClosed(peer(dead.0, dead.1));
            let after = self.below(100);
            let node = other;
            self.later(after, Happening::Input { node, life, input });
        }
        for other in 0..self.plan.nodes {
            let after = 100 + self.below(500);
            self.later(after, Happening::Connect(node, other));
        }
        for client in 0..self.clients.len() {
            if self.clients[client].node == node {
                self.clients[client].stage = Stage::Away;
            }
        }
    }

    /// A client comes, goes, or comes back elsewhere.
    fn move_client(&mut self, number: usize) {
        self.trace(&format!("client {number} moves"));
        let node = self.node();
        let life = self.nodes[node].life;
        let left = {
            let client = &mut self.clients[number];
            client.visit += 1;
            let left = (client.node, client.life, client.types.clone());
            let was_away = matches!(client.stage, Stage::Away);
            client.stage = Stage::Away;
            (!was_away).then_some(left)
        };
        if let Some((old, life, removed)) = left
            && self.nodes[old].life == life
        {
            let input = Input::InterestChanged {
                ticket: 0,
                added: Vec::new(),
                removed,
            };
            self.step(old, input);
        }
        if self.now < BUSY_UNTIL + 2_000 {
            let after = 300 + self.below(5_000);
            self.later(after, Happening::Client(number));
        }
        let is_pause = self.now < BUSY_UNTIL && self.below(4) == 0;
        if is_pause || !self.nodes[node].hub.is_ready() {
            if self.now >= BUSY_UNTIL {
                self.later(500, Happening::Client(number));
            }
            return;
        }
        self.trace(&format!("client {number} comes to {node}"));
        let client = &mut self.clients[number];
        client.node = node;
        client.life = life;
        client.stage = Stage::Subscribing;
        if client.cursor.is_some() {
            client.stage = Stage::Replaying(Vec::new());
        }
        client.floor = Floor::default();
        let (visit, added) = (client.visit, client.types.clone());
        let ticket = self.ticket(number, visit);
        let removed = Vec::new();
        let input = Input::InterestChanged {
            ticket,
            added,
            removed,
        };
        self.step(node, input);
    }

    fn step(&mut self, node: usize, input: Input) {
        let now = Now {
            monotonic: self.now,
            wall: self.now,
        };
        let me = self.nodes[node].hub.me();
        let submitted = match &input {
            Input::Submit { ticket, events } => Some((*ticket, events[0].event_type.to_string())),
            _other => None,
        };
        for output in self.nodes[node].hub.step(now, input) {
            if let (Output::Deliver(delivery), Some((ticket, event_type))) = (&output, &submitted)
                && delivery.origin == me
            {
                let accepted = Accepted {
                    event_type: event_type.clone(),
                    at: self.now,
                    ticket: *ticket,
                };
                self.accepted.insert((me, delivery.seq), accepted);
            }
            self.perform(node, output);
        }
    }

    fn perform(&mut self, node: usize, output: Output) {
        if let Output::Fact(fact) = &output {
            self.trace(&format!("{node}: {fact:?}"));
        }
        match output {
            Output::Ask {
                to,
                exchange,
                bytes,
            } => self.carry_request(node, &to, exchange, bytes),
            Output::Reply { exchange, bytes } => self.carry_answer(node, exchange, bytes),
            Output::Deliver(delivery) => {
                self.trace(&format!(
                    "{node}: deliver {}:{} {}",
                    delivery.origin, delivery.seq, delivery.event.event_type
                ));
                for client in 0..self.clients.len() {
                    if self.is_at(client, node) {
                        self.live(client, &delivery);
                    }
                }
            }
            Output::Gap(gap) => {
                for client in 0..self.clients.len() {
                    if self.is_at(client, node) {
                        self.live_gap(client, &gap);
                    }
                }
            }
            Output::Position(text) => {
                for client in &mut self.clients {
                    let is_here = client.node == node && client.life == self.nodes[node].life;
                    if is_here && matches!(client.stage, Stage::Live) {
                        client.cursor = Some(client.floor.position(&text));
                    }
                }
            }
            Output::Submitted { ticket, result } => {
                if result.is_ok() {
                    self.confirmed.insert(ticket);
                }
            }
            Output::InterestKnown { ticket, missing } => self.subscribed(node, ticket, missing),
            Output::Replayed { ticket, replayed } => {
                if let Some((number, visit)) = self.tickets.remove(&ticket) {
                    self.replayed(number, visit, replayed.unwrap());
                }
            }
            Output::Revoked(_)
            | Output::Recalled { .. }
            | Output::CarryDone { .. }
            | Output::Carried { .. }
            | Output::RevokeDone { .. }
            | Output::Ready
            | Output::Left
            | Output::Fact(_) => {}
        }
    }

    fn carry_request(&mut self, node: usize, to: &PeerId, exchange: u64, bytes: Vec<u8>) {
        let life = self.nodes[node].life;
        let linked = self.nodes[node]
            .links
            .iter()
            .find(|(other, life)| peer(*other, *life) == *to)
            .copied();
        self.trace_message(node, &format!("asks {to:?} #{exchange}"), &bytes);
        let needle = UNWANTED.as_bytes();
        let is_unwanted = bytes.windows(needle.len()).any(|window| window == needle);
        if self.plan.ack == Ack::Local && is_unwanted {
            self.objections.push(format!(
                "{}: an event nobody wants was sent by {node}",
                self.now
            ));
        }
        let Some((other, other_life)) = linked else {
            let input = Input::Failed { exchange };
            let after = 1 + self.below(5);
            self.later(after, Happening::Input { node, life, input });
            return;
        };
        let copies = 1 + u64::from(self.below(100) < self.plan.faults.repeat);
        for copy in 0..copies {
            let inbound = self.next;
            self.next += 1;
            if copy == 0 {
                if self.below(100) < self.plan.faults.loss {
                    let input = Input::Failed { exchange };
                    let after = 100 + self.below(900);
                    self.later(after, Happening::Input { node, life, input });
                    continue;
                }
                self.asked.insert(inbound, (node, life, exchange));
            }
            let after = 1 + self.below(30) + copy * self.below(2_000) + self.stall();
            let input = Input::Request {
                from: peer(node, life),
                exchange: inbound,
                bytes: bytes.clone(),
            };
            let (node, life) = (other, other_life);
            self.later(after, Happening::Input { node, life, input });
        }
    }

    /// How long a message is held up on its way.
    fn stall(&mut self) -> u64 {
        let stalls = self.plan.faults.stalls;
        if stalls > 0 && self.below(100) < stalls {
            1_000 + self.below(4_000)
        } else {
            0
        }
    }

    fn carry_answer(&mut self, from: usize, exchange: u64, bytes: Vec<u8>) {
        let Some((node, life, exchange)) = self.asked.remove(&exchange) else {
            return;
        };
        self.trace_message(from, &format!("answers {node} #{exchange}"), &bytes);
        let link = (from, self.nodes[from].life);
        let is_lost = self.below(100) < self.plan.faults.loss;
        let input = if is_lost || !self.nodes[node].links.contains(&link) {
            Input::Failed { exchange }
        } else {
            Input::Answer { exchange, bytes }
        };
        let after = 1 + self.below(30) + if is_lost { 300 } else { 0 };
        self.later(after, Happening::Input { node, life, input });
    }

    fn is_at(&self, client: usize, node: usize) -> bool {
        let client = &self.clients[client];
        client.node == node && client.life == self.nodes[node].life
    }

    fn live(&mut self, number: usize, delivery: &Arc<Delivery>) {
        let client = &mut self.clients[number];
        let covers = |pattern: &TypePattern| pattern.covers(&delivery.event.event_type);
        if !client.types.iter().any(covers) {
            return;
        }
        match &mut client.stage {
            Stage::Away => {}
            Stage::Replaying(held) => held.push(Held::Event(Arc::clone(delivery))),
            Stage::Subscribing | Stage::Live => {
                if let Some(cursor) = client.floor.admit(delivery) {
                    self.get(number, delivery, cursor);
                }
            }
        }
    }

    fn live_gap(&mut self, number: usize, gap: &Gap) {
        let client = &mut self.clients[number];
        match &mut client.stage {
            Stage::Away => {}
            Stage::Replaying(held) => held.push(Held::Gap(gap.clone())),
            Stage::Subscribing | Stage::Live => {
                if let Some(cursor) = client.floor.admit_gap(gap) {
                    client.gaps.push((gap.origin, gap.from, gap.to));
                    client.cursor = Some(cursor);
                }
            }
        }
    }

    fn get(&mut self, number: usize, delivery: &Delivery, cursor: Arc<str>) {
        let client = &mut self.clients[number];
        client.cursor = Some(cursor);
        let key = (delivery.origin, delivery.seq);
        if let Some(before) = client.got.insert(key, self.now) {
            self.objections.push(format!(
                "{}: client {number} got {key:?} again (first at {before})",
                self.now
            ));
        }
    }

    fn subscribed(&mut self, node: usize, ticket: u64, missing: usize) {
        let Some((number, visit)) = self.tickets.remove(&ticket) else {
            return;
        };
        self.trace(&format!("client {number} is known but to {missing}"));
        let here = cursor::encode(&self.nodes[node].hub.vector());
        let client = &mut self.clients[number];
        if client.visit != visit || matches!(client.stage, Stage::Away) {
            return;
        }
        let Some(cursor) = client.cursor.clone() else {
            client.stage = Stage::Live;
            client.cursor = Some(here);
            // Also if it was not confirmed in time: nothing is skipped silently.
            client.effective = Some(self.now);
            return;
        };
        if matches!(client.stage, Stage::Subscribing) {
            // It got its first event while it waited.
            client.stage = Stage::Live;
            client.effective.get_or_insert(self.now);
            return;
        }
        let from = cursor::decode(&cursor).unwrap();
        self.ask_replay(number, visit, from);
    }

    fn ask_replay(&mut self, number: usize, visit: u64, from: Vector) {
        let (node, types) = (
            self.clients[number].node,
            self.clients[number].types.clone(),
        );
        let ticket = self.ticket(number, visit);
        let from = From::Vector(from);
        let input = Input::Replay {
            ticket,
            from,
            types,
        };
        self.step(node, input);
    }

    fn replayed(&mut self, number: usize, visit: u64, replayed: Replayed) {
        if self.clients[number].visit != visit || matches!(self.clients[number].stage, Stage::Away)
        {
            return;
        }
        self.trace(&format!(
            "client {number} replayed {} gaps {:?} to {:?}",
            replayed.events.len(),
            replayed.gaps,
            replayed.upto
        ));
        for gap in &replayed.gaps {
            let told = (gap.origin, gap.from, gap.to);
            self.clients[number].gaps.push(told);
        }
        for delivery in &replayed.events {
            self.get(number, delivery, Arc::clone(&delivery.cursor));
        }
        if replayed.more {
            self.ask_replay(number, visit, replayed.upto);
            return;
        }
        let client = &mut self.clients[number];
        client.cursor = Some(cursor::encode(&replayed.upto));
        client.floor = Floor::new(replayed.upto);
        let held = std::mem::replace(&mut client.stage, Stage::Live);
        if let Stage::Replaying(held) = held {
            for held in held {
                match held {
                    Held::Event(delivery) => self.live(number, &delivery),
                    Held::Gap(gap) => self.live_gap(number, &gap),
                }
            }
        }
    }

    fn trace_message(&self, node: usize, what: &str, bytes: &[u8]) {
        if self.is_traced {
            let text = match (
                wire::decode::<Request>(bytes),
                wire::decode::<Answer>(bytes),
            ) {
                (Ok(request), _) if what.starts_with("asks") => format!("{request:?}"),
                (_, answer) => format!("{answer:?}"),
            };
            self.trace(&format!("{node} {what}: {text}"));
        }
    }

    /// `HUB_TRACE=1` shows what happens.
    fn trace(&self, text: &str) {
        if self.is_traced {
            eprintln!("{:>6} {text}", self.now);
        }
    }

    pub(super) fn verdict(mut self) -> Vec<String> {
        for (number, client) in self.clients.iter().enumerate() {
            let Some(effective) = client.effective else {
                continue;
            };
            if !matches!(client.stage, Stage::Live) {
                self.objections.push(format!("client {number} is not live"));
            }
            for ((origin, seq), accepted) in &self.accepted {
                let is_wanted = accepted.at > effective
                    && (client.types.iter()).any(|pattern| pattern.covers(&accepted.event_type));
                if !is_wanted || client.got.contains_key(&(*origin, *seq)) {
                    continue;
                }
                let is_reported = client.gaps.iter().any(|(node, from, to)| {
                    node.is_none_or(|node| node == *origin)
                        && from <= seq
                        && to.is_none_or(|to| *seq <= to)
                });
                // A confirmed event must arrive, reported or not, if its copies are good for anything.
                let is_safe =
                    self.plan.ack == Ack::Cluster && self.confirmed.contains(&accepted.ticket);
                if !is_reported || is_safe {
                    self.objections.push(format!(
                        "client {number} lacks {origin}:{seq} ({}) of {}, reported: {is_reported}",
                        accepted.event_type, accepted.at
                    ));
                }
            }
        }
        self.objections.truncate(12);
        self.objections
    }

    fn newborn(&mut self) -> Node {
        self.lives += 1;
        let life = self.lives;
        let params = Params {
            ack: self.plan.ack,
            rules: self.plan.rules,
            log_bytes_max: self.plan.log_bytes,
            ..Params::default()
        };
        let me = NodeId::new(self.random());
        let now = Now {
            monotonic: self.now,
            wall: self.now,
        };
        Node {
            life,
            hub: Hub::new(me, format!("life {life}"), params, now),
            links: BTreeSet::new(),
        }
    }

    fn some_types(&mut self) -> Vec<TypePattern> {
        (0..1 + self.below(2))
            .map(|_| {
                let number = self.below(5);
                if self.below(2) == 0 {
                    TypePattern::Exact(format!("t{number}.x").into())
                } else {
                    TypePattern::Prefix(format!("t{number}.").into())
                }
            })
            .collect()
    }

    fn ticket(&mut self, client: usize, visit: u64) -> u64 {
        self.next_ticket += 1;
        self.tickets.insert(self.next_ticket, (client, visit));
        self.next_ticket
    }

    fn later(&mut self, after: u64, happening: Happening) {
        self.next += 1;
        self.queue.insert((self.now + after, self.next), happening);
    }

    fn node(&mut self) -> usize {
        usize::try_from(self.below(self.plan.nodes as u64)).unwrap()
    }

    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random() % bound.max(1)
    }
}

fn peer(node: usize, life: u64) -> PeerId {
    PeerId::new(format!("{node}/{life}").as_bytes())
}
