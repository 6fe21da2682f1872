//! Gossip on its way: lost, late, twice, forwarded by every node that hears it first.

use std::rc::Rc;

use rig::core::replica::{
    input::Input,
    wire::{self, Gossip},
};

use super::{
    event::{Event, Letter},
    world::{Life, World, peer},
};

impl World {
    pub(super) fn lost(&mut self) -> bool {
        let percent = self.plan.weather.loss_percent;
        self.chance.percent(percent)
    }

    pub(super) fn delay(&mut self, a: usize, b: usize) -> u64 {
        let weather = self.plan.weather;
        if self.chance.percent(weather.late_percent) {
            return self.chance.within(50, 3_000);
        }
        let slow = self.slow.contains(&(a.min(b), a.max(b)));
        let base = if slow { self.chance.within(20, 200) } else { 0 };
        base + self.chance.pick(&[0, 1, 1, 1, 2, 3])
    }

    pub(super) fn publish(&mut self, node: usize, bytes: Vec<u8>) {
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
            if self.reaches(relay, to) && !self.lost() {
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

    pub(super) fn heard(
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
}
