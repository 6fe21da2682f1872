//! The world around the machines, in virtual milliseconds: who lives, what time it is, what the
//! machines want done. What is planned is carried out in `story`, connections are in `links`, messages
//! in `gossip` and `exchange`.

use std::collections::{BTreeMap, BTreeSet};

use rig::core::{
    digest::{Body, Content},
    replica::{
        Replica,
        id::{ApiId, PeerId},
        input::Input,
        output::{Fact, Output, ServeCause},
        params::Rules,
        stamp::Now,
        wire::Version,
    },
};

use super::{
    chance::Chance,
    classes::WALL,
    event::{Agenda, Event},
    exchange::Exchanges,
    plan::Plan,
    truth::{Accepted, LifeTruth, Truth},
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
    pub(super) clock_offset: i64,
    pub(super) links: BTreeMap<PeerId, Life>,
    pub(super) seen: BTreeSet<u64>,
    pub(super) tick_at: u64,
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
    pub(super) rules: Rules,
    pub(super) chance: Chance,
    agenda: Agenda,
    pub(super) exchanges: Exchanges,
    pub(super) next_gossip: u64,
    pub(super) cuts: Vec<u32>,
    pub(super) slow: BTreeSet<(usize, usize)>,
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
            agenda: Agenda::default(),
            exchanges: Exchanges::default(),
            next_gossip: 0,
            cuts: Vec::new(),
            slow,
            plan,
        };
        for (number, (at, _)) in world.plan.operations.clone().iter().enumerate() {
            world.schedule(*at, Event::Operation(number));
        }
        world
    }

    /// Runs until `until` or until nothing is left.
    pub(crate) fn run_until(&mut self, until: u64) {
        while let Some((at, event)) = self.agenda.next(until) {
            self.now = at;
            self.happen(event);
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

    pub(super) fn schedule(&mut self, at: u64, event: Event) {
        self.agenda.plan(at, event);
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
                self.told(from, to, exchange, &letter);
            }
            Event::Failed { to, exchange } => self.failed(to, exchange),
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

    pub(super) fn step(&mut self, node: usize, input: Input) {
        for output in self.step_only(node, input) {
            self.perform(node, output);
        }
        self.plan_tick(node);
    }

    pub(super) fn step_only(&mut self, node: usize, input: Input) -> Vec<Output> {
        let now = self.now_at(node);
        match &mut self.nodes[node].replica {
            Some(replica) => replica.step(now, input),
            None => Vec::new(),
        }
    }

    pub(super) fn plan_tick(&mut self, node: usize) {
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

    pub(super) fn perform(&mut self, node: usize, output: Output) {
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
                let before = self.serve(node, id.clone(), version, &content);
                if let (ServeCause::Write, Some(before)) = (cause, before) {
                    self.truth.note_parent(id, version, before);
                }
            }
            Output::Answered { ticket, result } => {
                self.note(|| format!("n{node} answers the client {result:?}"));
                if let Ok(version) = result {
                    let id = api(u8::try_from(ticket).unwrap());
                    self.truth.writes.push(Accepted {
                        node,
                        life: self.nodes[node].life,
                        id: id.clone(),
                        version,
                    });
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

    /// Returns what was shown before.
    fn serve(
        &mut self,
        node: usize,
        id: ApiId,
        version: Version,
        content: &Content,
    ) -> Option<Version> {
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
        before
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
