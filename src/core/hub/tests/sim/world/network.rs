//! Links, and messages that are lost, repeated, held up, or come late.

use super::{Happening, UNWANTED, World};
use crate::core::{
    hub::{
        input::Input,
        params::Ack,
        wire::{self, Answer, Request},
    },
    replica::id::PeerId,
};

impl World {
    pub(super) fn connect(&mut self, a: usize, b: usize) {
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

    pub(super) fn cut(&mut self, a: usize, b: usize) {
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

    pub(super) fn carry_request(
        &mut self,
        node: usize,
        to: &PeerId,
        exchange: u64,
        bytes: Vec<u8>,
    ) {
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

    pub(super) fn carry_answer(&mut self, from: usize, exchange: u64, bytes: Vec<u8>) {
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
}

/// One life of a node, as the transport names it.
pub(super) fn peer(node: usize, life: u64) -> PeerId {
    PeerId::new(format!("{node}/{life}").as_bytes())
}
