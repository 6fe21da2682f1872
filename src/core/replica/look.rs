//! What becomes due in a contested round: the vote held back (N), the switch (M3), the concession
//! (C) and the chase of missing votes (K) (cluster.md, part 5). Depends on the machine.
//! Deliberately absent: messages; a chase is handed to `publish`.

use super::{
    Replica,
    id::{ApiId, PeerId},
    limits::CHASES_QUICK,
    stamp::Now,
};

impl Replica {
    /// Looks at every unfinished round, after the membership changed.
    pub(super) fn look_all(&mut self, now: Now) {
        for id in self.attention.clone() {
            self.look(&id, now);
        }
    }

    /// Looks at those whose time has come.
    pub(super) fn look_due(&mut self, now: Now) {
        let due = |id: &&ApiId| {
            let contest = self
                .locals
                .get(*id)
                .and_then(|local| local.contest.as_ref());
            contest.is_some_and(|contest| contest.look_at.is_some_and(|at| at <= now.monotonic))
        };
        for id in self
            .attention
            .iter()
            .filter(due)
            .cloned()
            .collect::<Vec<_>>()
        {
            self.look(&id, now);
        }
    }

    /// Whether the membership has not changed for a while.
    pub(super) fn is_calm(&self, now: Now) -> bool {
        now.monotonic >= self.members.calm_at(self.params.members_calm)
    }

    /// When the next unfinished round is due.
    pub(super) fn looks_at(&self) -> Option<u64> {
        let contests = self
            .attention
            .iter()
            .filter_map(|id| self.locals.get(id)?.contest.as_ref());
        contests.filter_map(|contest| contest.look_at).min()
    }

    /// Does what is due in one round.
    pub(super) fn look(&mut self, id: &ApiId, now: Now) {
        let all_voted = self.all_voted(id, now);
        self.vote_last(id, all_voted, now);
        self.follow_winner(id, all_voted, now);
        self.concede(id, all_voted, now);
        self.follow_winner(id, all_voted, now);
        self.chase(id, all_voted, now);
        let at = self.next_look(id, all_voted, now);
        if at.is_none() {
            self.attention.remove(id);
            self.record(id, &self.before_decision(id), now);
        }
        if let Some(contest) = self
            .locals
            .get_mut(id)
            .and_then(|local| local.contest.as_mut())
        {
            contest.look_at = at;
        }
    }

    pub(super) fn all_voted(&self, id: &ApiId, now: Now) -> bool {
        self.registry.get(id).is_some_and(|round| {
            self.members
                .all_voted(round, now.monotonic, self.params.presence_expiry)
        })
    }

    /// Rule C.
    fn concede(&mut self, id: &ApiId, all_voted: bool, now: Now) {
        let calm = self.is_calm(now);
        let params = self.params;
        let (Some(winner), Some(own)) = (self.winner(id), self.own_ballot(id)) else {
            return;
        };
        let Some(local) = self.locals.get_mut(id) else {
            return;
        };
        let serves = local.serving == Some(winner);
        let Some(contest) = local.contest.as_mut() else {
            return;
        };
        if now.monotonic < contest.concede_look_at {
            return;
        }
        contest.concede_look_at = now.monotonic + params.concede_interval;
        let quiet = now.monotonic.saturating_sub(contest.changed_at);
        let settled = all_voted && calm && quiet >= params.round_hold;
        let due = settled || quiet >= params.concede_patience;
        if params.rules.concession
            && due
            && serves
            && own.digest != winner.digest
            && !contest.voted.contains(&winner.digest)
        {
            self.cast(id, winner.digest, true, now);
        }
    }

    /// Rule K. A ballot of a member without a connection to here can only come through others, so one
    /// neighbour in turn is asked for it.
    fn chase(&mut self, id: &ApiId, all_voted: bool, now: Now) {
        let params = self.params;
        let (Some(round), Some(contest)) = (
            self.registry.get(id),
            self.locals
                .get_mut(id)
                .and_then(|local| local.contest.as_mut()),
        ) else {
            return;
        };
        if contest.is_chased(all_voted, &params, now.monotonic) || now.monotonic < contest.chase_at
        {
            return;
        }
        let turn = contest.chases;
        contest.chases = turn.saturating_add(1);
        contest.chase_at = now.monotonic
            + if contest.chases < CHASES_QUICK {
                params.chase_interval
            } else {
                params.concede_interval
            };
        let (mut near, far): (Vec<PeerId>, Vec<PeerId>) = self
            .members
            .missing(round)
            .cloned()
            .partition(|peer| self.members.linked(peer));
        if !far.is_empty() {
            let neighbours: Vec<&PeerId> = self.members.links().collect();
            let at = usize::try_from(turn).unwrap_or(0);
            let next = at.checked_rem(neighbours.len());
            let next = next.and_then(|at| neighbours.get(at).copied());
            near.extend(next.cloned());
        }
        for peer in near {
            self.outbox
                .chases
                .entry(peer)
                .or_default()
                .insert(id.clone());
        }
    }

    /// When this round is due again; `None`: it is finished here until something changes.
    fn next_look(&self, id: &ApiId, all_voted: bool, now: Now) -> Option<u64> {
        let params = &self.params;
        let winner = self.winner(id)?;
        let own = self.own_ballot(id);
        let local = self.locals.get(id)?;
        let contest = local.contest.as_ref()?;
        let refused = local.refused == Some(winner);
        let served = local.serving == Some(winner) || refused;
        let voted = !params.rules.concession
            || refused
            || own.is_none_or(|own| {
                own.digest == winner.digest || contest.voted.contains(&winner.digest)
            });
        let chased = contest.is_chased(all_voted, params, now.monotonic);
        if served && voted && chased && contest.postponed_at.is_none() {
            return None;
        }
        let open = contest.open_at;
        [
            (!chased).then_some(contest.chase_at),
            open.map(|at| at + params.round_hold),
            open.map(|at| at + params.round_hold_max),
            contest.postponed_at.map(|at| at + params.newcomer_wait),
            Some(self.members.calm_at(params.members_calm)),
            (!voted).then_some(contest.concede_look_at),
            // A connection that never introduces itself stops counting at some time.
            Some(now.monotonic + params.concede_interval),
        ]
        .into_iter()
        .flatten()
        .filter(|at| *at > now.monotonic)
        .min()
    }
}
