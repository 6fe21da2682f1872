//! Fetching bodies that came as a header only (cluster.md, parts 4.2 and 6).
//! Depends on the machine. Deliberately absent: retrying for ever; anti-entropy brings the hint
//! again.

use super::{
    Replica,
    digest::{Body, Digest},
    id::{ApiId, PeerId},
    limits::{BODIES_MAX, BODY_TRIES_MAX},
    output::Reject,
    round::{Candidate, Round},
    stamp::Now,
    sync::Errand,
    wants::Want,
    wire::Request,
};

impl Replica {
    /// Asks for the bodies that are due, as many as may be under way.
    pub(super) fn pump_wants(&mut self, now: Now) {
        let mut room = BODIES_MAX.saturating_sub(self.exchanges.bodies());
        let due = |want: &Want| !want.under_way && want.next_at <= now.monotonic;
        let wants = self.wants.wants.iter().filter(|(_, want)| due(want));
        for key in wants.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            if self.is_obsolete(&key) {
                self.wants.wants.remove(&key);
                continue;
            }
            let holder = self.holder(&key);
            let retry_at = now.monotonic + self.params.body_retry;
            let Some(want) = self.wants.wants.get_mut(&key) else {
                continue;
            };
            if want.tries >= BODY_TRIES_MAX {
                self.wants.wants.remove(&key);
                continue;
            }
            let Some(holder) = holder.filter(|_| room > 0) else {
                want.next_at = retry_at;
                // Waiting for room is not a failed try.
                want.tries += u8::from(room > 0);
                continue;
            };
            want.tries += 1;
            want.under_way = true;
            room -= 1;
            let (id, digest) = key;
            let errand = Errand::Body {
                id: id.clone(),
                digest,
            };
            let request = Request::Body { id, digest };
            self.ask(&holder, errand, request, self.params.answer_timeout, now);
        }
    }

    /// A body came, or the peer does not have it.
    pub(super) fn fetched(
        &mut self,
        from: &PeerId,
        id: &ApiId,
        digest: Digest,
        body: Option<Body>,
        now: Now,
    ) {
        let Some(body) = body else {
            self.not_fetched(id, digest, now);
            return;
        };
        if body.digest() != digest {
            self.reject::<()>(from, Reject::WrongBody, now);
            self.not_fetched(id, digest, now);
            return;
        }
        let Some(want) = self.wants.wants.remove(&(id.clone(), digest)) else {
            return;
        };
        let candidate = Candidate {
            stamp: want.stamp,
            body: Some(body),
            ancestors: want.ancestors,
        };
        let mut round = Round::new(want.ref_number, digest, candidate);
        for vote in &want.ballots {
            round.vote(vote.voter, vote.ballot());
        }
        self.merge_rounds(vec![(id.clone(), round)], now);
    }

    pub(super) fn not_fetched(&mut self, id: &ApiId, digest: Digest, now: Now) {
        if let Some(want) = self.wants.wants.get_mut(&(id.clone(), digest)) {
            want.under_way = false;
            want.next_at = now.monotonic + self.params.body_retry;
        }
    }

    /// Whether the candidate came another way or was overtaken.
    fn is_obsolete(&self, (id, digest): &(ApiId, Digest)) -> bool {
        let want = self.wants.wants.get(&(id.clone(), *digest));
        let (Some(round), Some(want)) = (self.registry.get(id), want) else {
            return false;
        };
        round.ref_number() > want.ref_number
            || (round.ref_number() == want.ref_number && round.candidates().get(digest).is_some())
    }

    /// A connected peer that may have it: those who spoke of it in turn, else anybody.
    fn holder(&mut self, key: &(ApiId, Digest)) -> Option<PeerId> {
        let want = self.wants.wants.get(key)?;
        let linked = want.holders.iter().filter(|peer| self.members.linked(peer));
        let candidates: Vec<PeerId> = linked.cloned().collect();
        let known = usize::from(want.tries).checked_rem(candidates.len());
        if let Some(holder) = known.and_then(|at| candidates.get(at)) {
            return Some(holder.clone());
        }
        let links: Vec<PeerId> = self.members.links().cloned().collect();
        let at = self.random.below(links.len() as u64);
        links.get(usize::try_from(at).unwrap_or(0)).cloned()
    }
}
