//! Requests and answers on their way. The transport tells of most losses, not of all.

use std::{collections::BTreeMap, rc::Rc};

use rig::core::{
    digest::Digest,
    replica::{
        id::{ApiId, PeerId},
        input::Input,
        output::Output,
        params::Params,
        wire::{self, Answer, Part, Request},
    },
};

use super::{
    event::{Event, Letter},
    world::{Life, World, peer},
};

/// Exchanges under way.
#[derive(Default)]
pub(super) struct Exchanges {
    /// The asker's own number of a request, by what the answering side was told.
    inbound: BTreeMap<u64, (Life, u64)>,
    next_inbound: u64,
    /// Whom a process asked for pieces of state, and until when it waits for the answer. One that
    /// comes later teaches it nothing.
    awaited: BTreeMap<(Life, u64), (Life, u64)>,
}

impl World {
    pub(super) fn ask(&mut self, node: usize, to: &PeerId, exchange: u64, bytes: Vec<u8>) {
        let message = wire::decode_request(&bytes).expect("own request can be read");
        let from = (node, self.nodes[node].life);
        let (parts, body) = match message.content {
            // Presence, like a notice.
            Request::Pull { wanted, parts, .. } if wanted.is_empty() && parts.is_empty() => {
                return self.send_request(from, to, exchange, bytes, parts, None);
            }
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
        if let Some(whom) = self.nodes[node].links.get(to).copied() {
            let until = self.now + Params::default().answer_timeout;
            self.exchanges
                .awaited
                .insert((from, exchange), (whom, until));
        }
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

    pub(super) fn asked(&mut self, from: Life, to: Life, exchange: u64, letter: &Rc<Letter>) {
        if !self.reaches(from, to) {
            return self.fail(from, exchange);
        }
        self.exchanges.next_inbound += 1;
        let inbound = self.exchanges.next_inbound;
        self.exchanges.inbound.insert(inbound, (from, exchange));
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
        self.exchanges.inbound.remove(&exchange);
        self.plan_tick(node);
    }

    fn reply(
        &mut self,
        node: usize,
        inbound: u64,
        bytes: Vec<u8>,
        asked_for: Option<(ApiId, Digest)>,
    ) {
        let Some((to, exchange)) = self.exchanges.inbound.get(&inbound).copied() else {
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

    /// An answer arrives, if anybody is there to get it.
    pub(super) fn told(&mut self, from: Life, to: Life, exchange: u64, letter: &Letter) {
        if !self.reaches(from, to) {
            return;
        }
        let awaited = self.exchanges.awaited.remove(&(to, exchange));
        if awaited.is_some_and(|(_, until)| self.now < until) {
            let truth = &mut self.nodes[to.0].truth;
            truth.learn_parts(&letter.parts, self.now);
            if let Some((id, digest)) = &letter.body
                && let Some(ref_number) = self.truth.refs.get(&(id.clone(), *digest))
            {
                truth.learn(id, *ref_number, &[*digest], self.now);
            }
        }
        let bytes = letter.bytes.clone();
        self.step(to.0, Input::Answer { exchange, bytes });
    }

    /// The transport tells a process that its request will not be answered.
    pub(super) fn failed(&mut self, to: Life, exchange: u64) {
        if self.lives(to) {
            self.exchanges.awaited.remove(&(to, exchange));
            self.step(to.0, Input::Failed { exchange });
        }
    }

    /// A connection is gone, and with it what was asked over it.
    pub(super) fn forget_asked(&mut self, by: usize, whom: &PeerId) {
        let gone = |((from, _), (to, _)): (&(Life, u64), &mut (Life, u64))| {
            from.0 == by && peer(*to) == *whom
        };
        self.exchanges
            .awaited
            .retain(|key, value| !gone((key, value)));
    }
}
