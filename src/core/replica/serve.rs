//! Rules M3 and V: which version the proxy uses, and from when on (cluster.md, part 5).
//! Depends on the machine. Deliberately absent: how a definition is activated.

use super::{
    Replica,
    conflicts::Conflict,
    contest::Local,
    digest::Digest,
    id::ApiId,
    output::{Fact, Output, ServeCause},
    params::Plant,
    round::{DecidedBy, Round},
    stamp::Now,
    wire::Version,
};

impl Replica {
    /// The winner of an API's round.
    pub(super) fn winner(&self, id: &ApiId) -> Option<Version> {
        let round = self.registry.get(id)?;
        let plant = match self.params.rules.plant {
            Plant::VotesIgnored => Plant::VotesIgnored,
            Plant::Nothing | Plant::LastArrivalReplaces | Plant::StampBeatsRef => Plant::Nothing,
        };
        let digest = round.winner_under(plant)?;
        Some(Version {
            ref_number: round.ref_number(),
            digest,
        })
    }

    /// Serves the winner from now on, if it can be activated; else goes on with the last good
    /// version.
    pub(super) fn serve_winner(&mut self, id: &ApiId, cause: ServeCause) {
        let Some(version) = self.winner(id) else {
            return;
        };
        let Some(candidate) = self
            .registry
            .get(id)
            .and_then(|round| round.candidates().get(&version.digest))
        else {
            return;
        };
        let usable = candidate
            .body
            .as_ref()
            .is_none_or(|body| (self.judge)(id, body));
        let content = candidate.content();
        let local = self.locals.entry(id.clone()).or_default();
        if !usable {
            if local.refused != Some(version) {
                local.refused = Some(version);
                self.tell(Fact::NotActivatable {
                    id: id.clone(),
                    version,
                });
            }
            return;
        }
        local.refused = None;
        local.serving = Some(version);
        self.out.push(Output::Serve {
            id: id.clone(),
            version,
            content,
            cause,
        });
    }

    /// Rule M3, for a contested round.
    pub(super) fn follow_winner(&mut self, id: &ApiId, all_voted: bool, now: Now) {
        let Some(winner) = self.winner(id) else {
            return;
        };
        let calm = self.is_calm(now);
        let params = self.params;
        let Some(local) = self.locals.get_mut(id) else {
            return;
        };
        let Local {
            serving,
            refused,
            contest: Some(contest),
            ..
        } = local
        else {
            return;
        };
        if *serving == Some(winner) || *refused == Some(winner) {
            contest.open_at = None;
            return;
        }
        let open_at = *contest.open_at.get_or_insert(now.monotonic);
        let open = now.monotonic.saturating_sub(open_at);
        let in_time = all_voted && (calm || open >= params.round_hold);
        if params.rules.hold && !in_time && open < params.round_hold_max {
            return;
        }
        contest.open_at = None;
        let lost = *serving;
        self.serve_winner(id, ServeCause::Vote);
        self.note_outvoted(id, lost);
        self.record(id, now);
    }

    /// Reports a file entry that lost a vote, once.
    fn note_outvoted(&mut self, id: &ApiId, lost: Option<Version>) {
        let Some(local) = self.locals.get_mut(id) else {
            return;
        };
        if local.file.is_some() && local.file == lost && local.serving != lost {
            local.file = None;
            self.tell(Fact::FileDeviates {
                id: id.clone(),
                older_ref: false,
            });
        }
    }

    /// Reports what a higher ref from elsewhere did to this node's own file and writes.
    pub(super) fn note_overtaken(&mut self, id: &ApiId, now: Now) {
        let Some(winner) = self.winner(id) else {
            return;
        };
        let newest = self
            .registry
            .get(id)
            .and_then(|round| round.candidates().iter().map(|(_, c)| c.stamp).max());
        let Some(local) = self.locals.get_mut(id) else {
            return;
        };
        let claim = local.claim.take();
        let file = local.file.take();
        let wrote = local.wrote.take();
        if claim.is_some() && file.is_some_and(|file| file.digest != winner.digest) {
            self.tell(Fact::FileDeviates {
                id: id.clone(),
                older_ref: true,
            });
        }
        // A change that was made knowing ours has a later stamp. One with an earlier stamp was not:
        // our client's write is lost, not built upon.
        if let Some((lost, stamp)) = wrote
            && lost.digest != winner.digest
            && newest.is_some_and(|newest| newest <= stamp)
        {
            self.conflicts.push(Conflict {
                wall: now.wall,
                id: id.clone(),
                ref_number: winner.ref_number,
                winner: winner.digest,
                losers: vec![lost.digest],
                decided_by: DecidedBy::Ref,
                votes: Vec::new(),
                own_client_lost: true,
                // Nobody knew of a conflict before it was over.
                duration: 0,
            });
            self.tell(Fact::Superseded {
                id: id.clone(),
                lost,
                winner,
                by_ref: true,
            });
        }
    }

    /// Writes a decided round to the conflict log, once per winner.
    pub(super) fn record(&mut self, id: &ApiId, now: Now) {
        let (Some(round), Some(local)) = (self.registry.get(id), self.locals.get_mut(id)) else {
            return;
        };
        let Local {
            contest: Some(contest),
            wrote,
            serving: Some(serving),
            ..
        } = local
        else {
            return;
        };
        if contest.recorded == Some(serving.digest) || serving.ref_number != round.ref_number() {
            return;
        }
        contest.recorded = Some(serving.digest);
        let duration = now.monotonic.saturating_sub(contest.since);
        let lost = wrote.filter(|(wrote, _)| {
            wrote.ref_number == serving.ref_number && wrote.digest != serving.digest
        });
        if lost.is_some() {
            *wrote = None;
        }
        let winner = *serving;
        let conflict = Conflict {
            wall: now.wall,
            id: id.clone(),
            ref_number: winner.ref_number,
            winner: winner.digest,
            losers: others(round, &winner.digest),
            decided_by: round.decided_by(),
            votes: round
                .candidates()
                .keys()
                .map(|d| (*d, round.votes(d)))
                .collect(),
            own_client_lost: lost.is_some(),
            duration,
        };
        self.conflicts.push(conflict.clone());
        self.tell(Fact::Decided(conflict));
        if let Some((lost, _)) = lost {
            self.tell(Fact::Superseded {
                id: id.clone(),
                lost,
                winner,
                by_ref: false,
            });
        }
    }

    /// An own write ends the contested round before it: what was open in it is settled by the ref.
    pub(super) fn forget_contest(&mut self, id: &ApiId, now: Now) {
        self.attention.remove(id);
        let Some(local) = self.locals.get_mut(id) else {
            return;
        };
        let Some(contest) = local.contest.take() else {
            return;
        };
        if contest.recorded.is_some() {
            return;
        }
        let (Some(round), Some(lost)) = (self.registry.get(id), local.serving) else {
            return;
        };
        let Some(winner) = round.winner() else { return };
        let conflict = Conflict {
            wall: now.wall,
            id: id.clone(),
            ref_number: round.ref_number(),
            winner,
            losers: vec![lost.digest],
            decided_by: DecidedBy::Ref,
            votes: Vec::new(),
            own_client_lost: false,
            duration: now.monotonic.saturating_sub(contest.since),
        };
        self.conflicts.push(conflict.clone());
        self.tell(Fact::Decided(conflict));
    }
}

fn others(round: &Round, winner: &Digest) -> Vec<Digest> {
    round
        .candidates()
        .keys()
        .filter(|digest| *digest != winner)
        .copied()
        .collect()
}
