//! Rules M3 and V: which version the proxy uses, and from when on (cluster.md, part 5).
//! Depends on the machine. Deliberately absent: how a definition is activated.

use super::{
    Replica,
    contest::Local,
    id::ApiId,
    output::{Fact, Output, ServeCause},
    params::Plant,
    stamp::Now,
    wire::Version,
};

impl Replica {
    /// The winner of an API's round.
    pub(super) fn winner(&self, id: &ApiId) -> Option<Version> {
        let round = self.registry.get(id)?;
        let plant = match self.params.rules.plant {
            Plant::VotesIgnored => Plant::VotesIgnored,
            Plant::Nothing
            | Plant::LastArrivalReplaces
            | Plant::StampBeatsRef
            | Plant::LossUntold => Plant::Nothing,
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
        let before = self.before_decision(id);
        self.serve_winner(id, ServeCause::Vote);
        self.note_outvoted(id, lost);
        self.record(id, &before, now);
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

    /// Reports a file entry whose ref is lower than what others run, once.
    pub(super) fn note_overtaken(&mut self, id: &ApiId) {
        let Some(winner) = self.winner(id) else {
            return;
        };
        let Some(local) = self.locals.get_mut(id) else {
            return;
        };
        let claim = local.claim.take();
        let file = local.file.take();
        if claim.is_some() && file.is_some_and(|file| file.digest != winner.digest) {
            self.tell(Fact::FileDeviates {
                id: id.clone(),
                older_ref: true,
            });
        }
    }
}
