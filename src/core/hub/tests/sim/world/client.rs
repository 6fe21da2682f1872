//! The clients of the world: they come, go and resume, as a desk would have it.

use std::{collections::BTreeMap, sync::Arc};

use super::{BUSY_UNTIL, Happening, World};
use crate::core::{
    hub::{
        cursor,
        delivery::{Delivery, Gap, Replayed},
        floor::Floor,
        input::{From, Input},
        position::{NodeId, Vector},
    },
    subscription::TypePattern,
};

pub(super) enum Held {
    Event(Arc<Delivery>),
    Gap(Gap),
}

pub(super) enum Stage {
    Away,
    /// Waits until its interest is known; then resumes if it was here before.
    Subscribing,
    /// What came live meanwhile, in its order.
    Replaying(Vec<Held>),
    Live,
}

pub(super) struct Client {
    pub(super) types: Vec<TypePattern>,
    pub(super) node: usize,
    pub(super) life: u64,
    pub(super) stage: Stage,
    /// Of this visit; answers to earlier ones are not for it.
    pub(super) visit: u64,
    pub(super) cursor: Option<Arc<str>>,
    pub(super) floor: Floor,
    pub(super) effective: Option<u64>,
    pub(super) got: BTreeMap<(NodeId, u64), u64>,
    pub(super) gaps: Vec<(Option<NodeId>, u64, Option<u64>)>,
}

impl World {
    /// A client comes, goes, or comes back elsewhere.
    pub(super) fn move_client(&mut self, number: usize) {
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

    pub(super) fn is_at(&self, client: usize, node: usize) -> bool {
        let client = &self.clients[client];
        client.node == node && client.life == self.nodes[node].life
    }

    pub(super) fn live(&mut self, number: usize, delivery: &Arc<Delivery>) {
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

    pub(super) fn live_gap(&mut self, number: usize, gap: &Gap) {
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

    pub(super) fn subscribed(&mut self, node: usize, ticket: u64, missing: usize) {
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

    pub(super) fn replayed(&mut self, number: usize, visit: u64, replayed: Replayed) {
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

    pub(super) fn some_types(&mut self) -> Vec<TypePattern> {
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
}
