//! The world around the machines: links, messages, crashes, desks and clients.

mod client;
mod network;
mod oracle;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;

use self::{
    client::{Client, Stage},
    network::peer,
};
use crate::core::{
    event::Event,
    hub::{
        Hub,
        floor::Floor,
        input::Input,
        output::Output,
        params::{Ack, Params, Rules},
        position::NodeId,
    },
    replica::stamp::Now,
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

    /// `HUB_TRACE=1` shows what happens.
    fn trace(&self, text: &str) {
        if self.is_traced {
            eprintln!("{:>6} {text}", self.now);
        }
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
