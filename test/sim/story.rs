//! The operations of a plan, carried out: processes start and crash, clients write, links are cut.
//! Deliberately absent: which operations (see `classes`).

use std::sync::Arc;

use rig::core::{
    digest::{Body, Content},
    replica::{
        Identity, Replica,
        input::{Action, Input, Loaded, Write},
        params::Params,
        stamp::Stamp,
        wire::Version,
    },
};

use super::{
    event::Event,
    plan::{Entry, Operation},
    truth::LifeTruth,
    world::{World, api, body, peer},
};

impl World {
    pub(super) fn operate(&mut self, number: usize) {
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
        let identity = Identity {
            cluster: "sim".to_owned(),
            name: if self.plan.ephemeral {
                format!("n{node}-{}", life.1)
            } else {
                format!("n{node}")
            },
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
}
