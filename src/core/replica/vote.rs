//! Rules M1, M2, M4 and N: what a changed round means for this node, and its ballots
//! (cluster.md, part 5). Depends on the machine. Deliberately absent: what waiting leads to
//! (see `look`).

use super::{
    Replica,
    ballot::Ballot,
    contest::{Contest, Local},
    digest::Digest,
    id::ApiId,
    loss::BeforeDecision,
    output::{Fact, ServeCause},
    round::{Change, Round},
    stamp::Now,
};

impl Replica {
    /// The round of `id` changed by something from outside.
    /// `before`: how it stood, if the ref grew.
    pub(super) fn react(
        &mut self,
        id: &ApiId,
        change: Change,
        before: Option<BeforeDecision>,
        now: Now,
    ) {
        if change.ref_grew {
            self.end_round(id, &before.unwrap_or_default(), now);
            self.serve_winner(id, ServeCause::Ref);
            self.note_overtaken(id);
        }
        if !self.registry.get(id).is_some_and(Round::contested) {
            return;
        }
        let own = self.own_ballot(id);
        let params = self.params;
        let decided = self.decided_before(id);
        let local = self.locals.entry(id.clone()).or_default();
        let contest = local.contest.get_or_insert_with(|| {
            let mut contest = Contest::new(now.monotonic, &params);
            contest.recorded = decided;
            Box::new(contest)
        });
        contest.changed_at = now.monotonic;
        if change.is_news() {
            contest.voted = own.into_iter().map(|ballot| ballot.digest).collect();
        }
        self.attention.insert(id.clone());
        self.vote_first(id, now);
        self.look(id, now);
    }

    /// The winner of a vote that was over before this process came: it is new, others are not, no
    /// client of it is concerned, and all ballots agree. Such a conflict is not news.
    fn decided_before(&self, id: &ApiId) -> Option<Digest> {
        let wrote = |local: &Local| !local.wrote.is_empty();
        if self.life.established
            || !self.members.heard_established()
            || self.locals.get(id).is_some_and(wrote)
        {
            return None;
        }
        let round = self.registry.get(id)?;
        let winner = round.winner()?;
        let mut ballots = round.ballots().iter();
        let agreed = ballots.all(|(_, ballot)| ballot.digest == winner);
        (agreed && round.votes(&winner) > 0).then_some(winner)
    }

    /// The ballot of this incarnation in the round of `id`.
    pub(super) fn own_ballot(&self, id: &ApiId) -> Option<Ballot> {
        let ballot = self.registry.get(id)?.ballots().get(&self.voter)?;
        (ballot.incarnation == self.incarnation).then_some(*ballot)
    }

    /// Rule M2: a first ballot for what is served, unless this is a newcomer with a claim (N).
    pub(super) fn vote_first(&mut self, id: &ApiId, now: Now) {
        if self.own_ballot(id).is_some() {
            return;
        }
        let Some(serving) = self.served_in_round(id) else {
            return;
        };
        let new = !self.life.established
            && self.params.rules.newcomers_last
            && self.members.heard_established();
        let Some(local) = self.locals.get_mut(id) else {
            return;
        };
        let Some(contest) = local.contest.as_mut() else {
            return;
        };
        if contest.postponed_at.is_some() {
            return;
        }
        if new && local.claim.is_some() {
            contest.postponed_at = Some(now.monotonic);
            return;
        }
        self.cast(id, serving, false, now);
    }

    /// Rule N, second half: the vote that a newcomer held back.
    pub(super) fn vote_last(&mut self, id: &ApiId, all_voted: bool, now: Now) {
        let calm = self.is_calm(now);
        let Some(local) = self.locals.get(id) else {
            return;
        };
        let Some(at) = local
            .contest
            .as_ref()
            .and_then(|contest| contest.postponed_at)
        else {
            return;
        };
        let claim = local.claim;
        let complete = all_voted && calm;
        if !complete && now.monotonic < at + self.params.newcomer_wait {
            return;
        }
        let wins = |claim: &Digest| complete && self.would_win(id, *claim);
        let claim = claim.filter(wins);
        if claim.is_none() {
            // First M3: a node that learns of the winner and of all votes at once still serves its
            // file, and would vote for that.
            self.follow_winner(id, all_voted, now);
        }
        let Some(choice) = claim.or_else(|| self.served_in_round(id)) else {
            return;
        };
        if let Some(local) = self.locals.get_mut(id) {
            local.claim = None;
            if let Some(contest) = local.contest.as_mut() {
                contest.postponed_at = None;
            }
        }
        self.cast(id, choice, false, now);
    }

    /// Casts a ballot and publishes it with its candidate's stamp.
    pub(super) fn cast(&mut self, id: &ApiId, digest: Digest, concession: bool, now: Now) {
        self.seq = self.seq.saturating_add(1);
        let ballot = Ballot {
            incarnation: self.incarnation,
            seq: self.seq,
            digest,
        };
        self.registry.vote(id, self.voter, ballot);
        if let Some(contest) = self
            .locals
            .get_mut(id)
            .and_then(|local| local.contest.as_mut())
        {
            contest.casts.push(ballot);
            contest.changed_at = now.monotonic;
            if !contest.voted.contains(&digest) {
                contest.voted.push(digest);
            }
        }
        self.outbox.ballots.insert(id.clone());
        self.tell(Fact::Cast {
            id: id.clone(),
            digest,
            concession,
        });
    }

    /// The version served here, if it is a candidate of the round: only then there is something
    /// this node can vote for (rule V).
    pub(super) fn served_in_round(&self, id: &ApiId) -> Option<Digest> {
        let serving = self.locals.get(id)?.serving?;
        let round = self.registry.get(id)?;
        let candidate = round.candidates().get(&serving.digest).is_some();
        (serving.ref_number == round.ref_number() && candidate).then_some(serving.digest)
    }

    fn would_win(&self, id: &ApiId, digest: Digest) -> bool {
        let Some(round) = self.registry.get(id) else {
            return false;
        };
        let mut round = round.clone();
        let seq = self.seq.saturating_add(1);
        round.vote(
            self.voter,
            Ballot {
                incarnation: self.incarnation,
                seq,
                digest,
            },
        );
        round.winner() == Some(digest)
    }
}
