//! What time alone brings (cluster.md, parts 5 and 7): time limits, retries, presence, periodic
//! sync, becoming established and ready, leaving. Depends on the machine.
//! Deliberately absent: a timer; the shell calls `step` with `Tick` at `next_wakeup`.

use super::{
    Replica, id::PeerId, limits::SYNC_RETRIES, merge::MINUTE, output::Output, params::Params,
    stamp::Now,
};

/// Peers that get a last sync before the node stops.
const FAREWELLS: usize = 2;

impl Replica {
    /// The monotonic time at which the next `Input::Tick` is due; never later than the presence
    /// interval.
    pub fn next_wakeup(&self) -> u64 {
        let life = &self.life;
        let params = &self.params;
        [
            Some(life.presence_at),
            Some(life.sync_at).filter(|_| params.rules.anti_entropy),
            (!life.established).then(|| self.established_at()),
            (!life.ready).then(|| self.ready_at()),
            life.leaving.filter(|_| !life.left),
            self.members.expires_at(params.presence_expiry),
            self.exchanges.wake_at(),
            self.wants.wake_at(),
            self.looks_at(),
            self.receipts.wake_at(),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(life.presence_at)
    }

    pub(super) fn tick(&mut self, now: Now) {
        let at = now.monotonic;
        let gone = self.members.expire(at, self.params.presence_expiry);
        for exchange in self.exchanges.overdue(at) {
            self.failed(exchange, now);
        }
        self.retry_syncs(now);
        if gone {
            self.look_all(now);
        } else {
            self.look_due(now);
        }
        self.pump_wants(now);
        self.settle_in(now);
        if self.life.presence_at <= at {
            let Params {
                presence_interval,
                presence_hurry,
                ..
            } = self.params;
            let calm = self.is_calm(now);
            self.life.presence_at = at
                + if calm {
                    presence_interval
                } else {
                    presence_hurry
                };
            // One that has left is nobody's member any more.
            if !self.life.left {
                self.publish_presence(now);
                if !calm {
                    self.swap_members(now);
                }
            }
        }
        if self.life.sync_at <= at {
            self.sync_with_somebody(now);
        }
        self.check_receipts(now);
        self.check_left(now);
        self.bad.retain(|_, (since, _)| *since + MINUTE > at);
    }

    pub(super) fn leave(&mut self, now: Now) {
        if self.life.leaving.is_some() {
            return;
        }
        self.life.leaving = Some(now.monotonic + self.params.answer_timeout);
        self.receipts.hurry(now);
        for peer in self
            .members
            .links()
            .take(FAREWELLS)
            .cloned()
            .collect::<Vec<_>>()
        {
            self.start_sync(&peer, SYNC_RETRIES, now);
        }
        self.check_left(now);
    }

    pub(super) fn become_ready(&mut self) {
        if !self.life.ready {
            self.life.ready = true;
            self.out.push(Output::Ready);
        }
    }

    /// When this node is ready although no comparison with an established peer has succeeded.
    fn ready_at(&self) -> u64 {
        let timeout = if self.exchanges.is_pulling() {
            self.params.join_timeout_max
        } else {
            self.params.join_timeout
        };
        self.life.started_at + timeout
    }

    /// When this node stops being new: its membership is calm, and it is not blind. With a
    /// connection but no sync yet it cannot know that others run another version than its file's;
    /// it would vote for its claim as if it had run it for long. It waits for as long as loss is
    /// reckoned with anywhere (rule C).
    fn established_at(&self) -> u64 {
        let calm_at = self.members.calm_at(self.params.members_calm);
        let blind = self.members.blind_until(self.params.concede_patience);
        let blind = blind.filter(|_| self.params.rules.anti_entropy);
        calm_at.max(blind.unwrap_or(0))
    }

    pub(super) fn check_left(&mut self, now: Now) {
        let Some(deadline) = self.life.leaving else {
            return;
        };
        let is_done = self.exchanges.sessions.is_empty() && self.receipts.is_empty();
        if (is_done || now.monotonic >= deadline) && !self.life.left {
            self.life.left = true;
            self.conclude_receipts(now);
            self.say_farewell();
            self.out.push(Output::Left);
        }
    }

    /// Readiness, and the end of being new.
    fn settle_in(&mut self, now: Now) {
        if now.monotonic >= self.ready_at() {
            self.become_ready();
        }
        if !self.life.established && now.monotonic >= self.established_at() {
            self.life.established = true;
            for local in self.locals.values_mut() {
                let waits = local
                    .contest
                    .as_ref()
                    .is_some_and(|c| c.postponed_at.is_some());
                if !waits {
                    local.claim = None;
                }
            }
        }
    }

    fn retry_syncs(&mut self, now: Now) {
        let due = |at: &Option<u64>| at.is_some_and(|at| at <= now.monotonic);
        let sessions = self.exchanges.sessions.iter_mut();
        let mut peers: Vec<PeerId> = Vec::new();
        for (peer, session) in sessions.filter(|(_, session)| due(&session.retry_at)) {
            session.retry_at = None;
            peers.push(peer.clone());
        }
        for peer in peers {
            self.compare_roots(&peer, now);
        }
    }

    /// Anti-entropy with one random peer, at an interval of +- 20 % so that nodes do not march in
    /// step.
    fn sync_with_somebody(&mut self, now: Now) {
        let interval = self.params.sync_interval;
        let jitter = self.random.below(interval * 2 / 5 + 1);
        self.life.sync_at = now.monotonic + interval - interval / 5 + jitter;
        let links = self.members.links();
        let free: Vec<PeerId> = links
            .filter(|peer| !self.exchanges.sessions.contains_key(peer))
            .cloned()
            .collect();
        let at = self.random.below(free.len() as u64);
        if let Some(peer) = free.get(usize::try_from(at).unwrap_or(0)).cloned() {
            self.start_sync(&peer, SYNC_RETRIES, now);
        }
    }
}
