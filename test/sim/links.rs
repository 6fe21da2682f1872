//! Connections between processes: they open, die, and are noticed to be dead late.

use rig::core::replica::{id::PeerId, input::Input};

use super::{
    event::Event,
    world::{Life, World, peer},
};

impl World {
    pub(super) fn life_of(&self, node: usize) -> Option<Life> {
        self.nodes[node]
            .replica
            .as_ref()
            .map(|_| (node, self.nodes[node].life))
    }

    pub(super) fn lives(&self, life: Life) -> bool {
        self.life_of(life.0) == Some(life)
    }

    pub(super) fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cuts
            .iter()
            .any(|mask| (mask >> a) & 1 != (mask >> b) & 1)
    }

    fn adjacent(&self, a: usize, b: usize) -> bool {
        a != b && (!self.plan.line || a.abs_diff(b) == 1)
    }

    pub(super) fn reaches(&self, from: Life, to: Life) -> bool {
        self.lives(from) && self.lives(to) && !self.is_cut(from.0, to.0)
    }

    pub(super) fn try_connect(&mut self, a: usize, b: usize) {
        let (Some(one), Some(two)) = (self.life_of(a), self.life_of(b)) else {
            return;
        };
        if self.adjacent(a, b) && !self.is_cut(a, b) {
            let at = self.now + self.chance.within(10, 300);
            self.schedule(at, Event::Connect(one, two));
        }
    }

    pub(super) fn connect(&mut self, a: Life, b: Life) {
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
    pub(super) fn noticed(&mut self, life: Life, other: &PeerId) {
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
        self.forget_asked(node, other);
        self.note(|| format!("n{node} lost {other:?}"));
        self.step(node, Input::LinkClosed(other.clone()));
    }
}
