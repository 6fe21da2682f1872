//! What time brings, and stopping. Depends on the machine. Deliberately absent: reading a clock.

use super::{
    Hub,
    output::Output,
    peers::{Farewell, Purpose},
    wire::Request,
};
use crate::core::replica::stamp::Now;

// === impl Hub ===

impl Hub {
    pub(super) fn tick(&mut self, now: Now) {
        self.now_due(now);
        self.expire_held(now.monotonic);
        self.expire_waiters(now.monotonic);
        self.expire_replays(now.monotonic);
        self.expire_recalls(now.monotonic);
        self.revoke_due(now.monotonic);
        self.bury(now);
        if now.monotonic >= self.life.idle_at {
            self.life.idle_at = now.monotonic + self.params.idle_interval;
            self.pull_again(now.monotonic);
            self.advance();
            self.blacklist.expire(now.wall / 1_000);
            self.compare_next();
            self.tell_position();
        }
    }

    /// Brings peers that wanted nothing for a while up to date, so that their clients' positions do
    /// not grow old.
    fn advance(&mut self) {
        let head = self.log.head();
        for peer in self.peers.values_mut() {
            peer.shipping.owed = head;
        }
    }

    /// When the machine wants to be called with `Input::Tick` at the latest.
    pub fn next_wakeup(&self) -> u64 {
        let mut at = self.life.idle_at;
        let mut sooner = |other: u64| at = at.min(other);
        if !self.life.ready {
            let started = self.life.started_at;
            if self.peers.is_empty() {
                sooner(started + self.params.join_timeout);
            } else if !self.life.calm {
                sooner(self.life.linked_at + self.params.join_calm);
            }
            sooner(started + self.params.join_timeout_linked);
        }
        if self.interest.is_stale() {
            sooner(self.mint_at());
        }
        if let Some(since) = self.interest.idle_since() {
            sooner((since + self.params.linger + 1).max(self.mint_at()));
        }
        let deadlines = self.exchanges_due.first().map(|(at, _number)| *at);
        let waits = self.interest_waits.front().map(|wait| wait.deadline);
        let waiters = self.waiters.iter().take(1).map(|waiter| waiter.deadline);
        let replays = self.replays.values().map(|replay| replay.deadline);
        let held = self.replays_held.front().map(|held| held.deadline);
        (deadlines.into_iter())
            .chain(waits)
            .chain(waiters)
            .chain(replays)
            .chain(held)
            .chain(self.recalls_due.first().map(|(at, _ticket)| *at))
            .chain(self.revocations.values().map(|wait| wait.deadline))
            .chain(self.revoke_again.iter().map(|(at, ..)| *at))
            .chain(self.bury_at())
            .chain(self.life.leaving.filter(|_at| !self.life.left))
            .for_each(&mut sooner);
        for peer in self.peers.values() {
            peer.lookups.deadline().into_iter().for_each(&mut sooner);
            let (greeting, interest) = (peer.greeting, peer.interest_sent);
            let (memos, comparing) = (peer.memos_sent, peer.comparing.sent);
            for under_way in [greeting, interest, peer.shipping.sent, memos, comparing] {
                if !under_way.is_sent && under_way.not_before > 0 {
                    sooner(under_way.not_before);
                }
            }
        }
        at
    }

    pub(super) fn leave(&mut self, now: Now) {
        if self.life.leaving.is_none() {
            self.life.leaving = Some(now.monotonic + self.params.leave_timeout);
            self.advance();
        }
    }

    /// After `Input::Leave`: says farewell to each peer once it has everything, and to all when the time
    /// is over. Done when all have heard it.
    pub(super) fn check_left(&mut self, now: u64) {
        let Some(deadline) = self.life.leaving else {
            return;
        };
        if self.life.left {
            return;
        }
        let (node, head, is_over) = (self.me, self.log.head(), now >= deadline);
        let mut ready = Vec::new();
        let mut is_done = true;
        for (id, peer) in &mut self.peers {
            let lacks_events = peer.is_known && peer.shipping.acked < head;
            if peer.node.is_some()
                && peer.farewell == Farewell::NotYet
                && (is_over || !lacks_events)
            {
                peer.farewell = Farewell::Said;
                ready.push(id.clone());
            }
            is_done &= peer.node.is_none() || peer.farewell == Farewell::Over;
        }
        for id in ready {
            let farewell = Request::Farewell { node, head };
            self.ask(&id, Purpose::Farewell, &farewell, now);
        }
        if is_over || (is_done && self.waiters.is_empty()) {
            self.life.left = true;
            self.tell_position();
            self.out.push(Output::Left);
        }
    }
}
