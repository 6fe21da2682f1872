//! What arrives from peers, up to the join (rules M and I; cluster.md, parts 4.2, 5 and 6).
//! Depends on the machine. Deliberately absent: judging definitions (rule V: the edge does that).

use super::{
    Replica,
    digest::Body,
    id::{ApiId, PeerId, Voter},
    limits::{BAD_MESSAGES_MAX, HEARSAY_MAX, OUTBIDS_MAX, REF_MAX},
    output::{Fact, Output, Reject},
    params::Plant,
    round::{Candidate, Round},
    stamp::Now,
    wants::Want,
    wire::{self, Envelope, Gossip, Hearsay, Nominee, Part, Presence, Sender, WireFault},
    write::has_body,
};

/// In which bad messages are counted, and for which a peer is refused; milliseconds.
pub(super) const MINUTE: u64 = 60_000;

impl Replica {
    pub(super) fn gossip(&mut self, relay: &PeerId, author: &PeerId, bytes: &[u8], now: Now) {
        if *author == self.identity.peer {
            return;
        }
        let Some(message) = self.opened(relay, wire::decode_gossip(bytes), now) else {
            return;
        };
        match message.content {
            Gossip::Delta(parts) => {
                self.members.heard(author, &message.sender, now.monotonic);
                self.merge_parts(&[relay, author], parts, now);
            }
            Gossip::Presence(presence) => {
                self.presence(relay, author, presence, &message.sender, now);
            }
            Gossip::Gone(peers) => self.gone(author, peers, now),
        }
    }

    /// Checks version, form and cluster of a message; what fails is counted.
    pub(super) fn opened<T>(
        &mut self,
        from: &PeerId,
        message: Result<Envelope<T>, WireFault>,
        now: Now,
    ) -> Option<Envelope<T>> {
        match message {
            Ok(message) if message.sender.cluster == self.identity.cluster => Some(message),
            Ok(_) => self.reject(from, Reject::Cluster, now),
            Err(WireFault::Oversized) => self.reject(from, Reject::Oversized, now),
            Err(WireFault::Major) => self.reject(from, Reject::Major, now),
            Err(WireFault::Malformed) => self.reject(from, Reject::Malformed, now),
        }
    }

    /// Counts something bad; a peer that sends too much of it is disconnected.
    pub(super) fn reject<T>(&mut self, from: &PeerId, reason: Reject, now: Now) -> Option<T> {
        self.tell(Fact::Rejected {
            peer: from.clone(),
            reason,
        });
        let (since, count) = self.bad.entry(from.clone()).or_insert((now.monotonic, 0));
        if *since + MINUTE <= now.monotonic {
            (*since, *count) = (now.monotonic, 0);
        }
        *count += 1;
        if *count > BAD_MESSAGES_MAX {
            *count = 0;
            self.out.push(Output::Disconnect {
                peer: from.clone(),
                refuse_for: MINUTE,
            });
        }
        None
    }

    /// Merges what a peer sent. `holders` may be asked for bodies that are missing in it.
    pub(super) fn merge_parts(&mut self, holders: &[&PeerId], parts: Vec<Part>, now: Now) {
        let mut rounds = Vec::with_capacity(parts.len());
        for part in parts {
            rounds.extend(self.admit(holders, part, now));
        }
        self.merge_rounds(rounds, now);
    }

    pub(super) fn merge_rounds(&mut self, rounds: Vec<(ApiId, Round)>, now: Now) {
        self.outbid(&rounds);
        for (id, round) in rounds {
            let before = self.before(&id, round.ref_number());
            let change = self
                .registry
                .join_under(&id, &round, self.params.rules.plant);
            if change.any() {
                self.react(&id, change, before, now);
            }
        }
    }

    /// Checks a Part and makes it a round of complete candidates. Missing bodies are noted to be
    /// fetched; a Part of which nothing can be used now is dropped.
    fn admit(&mut self, holders: &[&PeerId], part: Part, now: Now) -> Option<(ApiId, Round)> {
        let sent_by = holders.first().copied()?;
        if part.ref_number > REF_MAX {
            return self.reject(sent_by, Reject::RefTooHigh, now);
        }
        let own_ref = self.registry.get(&part.id).map(Round::ref_number);
        if own_ref > Some(part.ref_number) && self.params.rules.plant != Plant::StampBeatsRef {
            return None;
        }
        let mut round = Round::empty(part.ref_number);
        let mut missing = Vec::new();
        for nominee in part.candidates {
            self.clock
                .observe(nominee.stamp, now.wall, self.params.clock_drift_max);
            match self.complete(&part.id, &nominee) {
                Ok(Some(candidate)) => {
                    round.propose(nominee.digest, candidate);
                }
                Ok(None) => missing.push(nominee),
                Err(reason) => {
                    self.reject::<()>(sent_by, reason, now);
                }
            }
        }
        for nominee in missing {
            let want = Want {
                ref_number: part.ref_number,
                stamp: nominee.stamp,
                ancestors: nominee.ancestors,
                ballots: part.ballots.clone(),
                holders: holders.iter().map(|peer| (*peer).clone()).collect(),
                tries: 0,
                next_at: now.monotonic,
                under_way: false,
            };
            self.wants.note(&part.id, nominee.digest, want);
        }
        for vote in &part.ballots {
            round.vote(vote.voter, vote.ballot());
        }
        let usable = !round.candidates().is_empty() || own_ref == Some(part.ref_number);
        usable.then_some((part.id, round))
    }

    /// The candidate with its body, if it is here or came along; `None`: it must be fetched.
    fn complete(&self, id: &ApiId, nominee: &Nominee) -> Result<Option<Candidate>, Reject> {
        let round = self.registry.get(id);
        let known = round.and_then(|round| round.candidates().get(&nominee.digest));
        let body = known
            .and_then(|candidate| candidate.body.as_ref())
            .or(nominee.body.as_ref());
        let body = match body {
            _ if !has_body(&nominee.digest) => None,
            Some(body) if known.is_some() || fits(body, nominee) => Some(body.clone()),
            Some(_) => return Err(Reject::WrongBody),
            None => return Ok(None),
        };
        Ok(Some(Candidate {
            stamp: nominee.stamp,
            body,
            ancestors: nominee.ancestors.clone(),
        }))
    }

    /// Rule I: outbids ballots under the own voter that this process did not cast. All of one
    /// message count as one event.
    fn outbid(&mut self, rounds: &[(ApiId, Round)]) {
        let foreign = rounds.iter().filter_map(|(id, round)| {
            let ballot = round.ballots().get(&self.voter)?;
            let known = self.registry.get(id).map(Round::ref_number) == Some(round.ref_number());
            let contest = self.locals.get(id).and_then(|local| local.contest.as_ref());
            let cast = known && contest.is_some_and(|contest| contest.casts.contains(ballot));
            (ballot.incarnation >= self.incarnation && !cast).then_some(ballot.incarnation)
        });
        let Some(highest) = foreign.max() else { return };
        self.incarnation = highest.saturating_add(1);
        self.seq = 0;
        self.outbids += 1;
        self.tell(Fact::Outbid {
            incarnation: self.incarnation,
        });
        if self.outbids >= OUTBIDS_MAX {
            self.rename();
        }
    }

    fn rename(&mut self) {
        self.outbids = 0;
        let name = format!("{}-{:08x}", self.identity.name, self.random.next() >> 32);
        self.voter = Voter::of(&self.identity.cluster, &name);
        // Others know this process by its old voter until the next notice.
        self.life.presence_at = 0;
        self.tell(Fact::NameClash { voter: self.voter });
    }

    /// The members this node knows, for a peer.
    pub(super) fn hearsay(&self, to: &PeerId, now: Now) -> Vec<Hearsay> {
        self.members
            .hearsay(to, &self.identity.cluster, now.monotonic)
    }

    /// Members that a peer knows.
    pub(super) fn heard_of(&mut self, members: Vec<Hearsay>, now: Now) {
        let mut changed = false;
        for hearsay in members.into_iter().take(HEARSAY_MAX) {
            let good = hearsay.presence.peer != self.identity.peer
                && super::id::is_name(&hearsay.presence.name);
            if good && hearsay.sender.cluster == self.identity.cluster {
                let expiry = self.params.presence_expiry;
                changed |= self
                    .members
                    .heard_of(hearsay, expiry, now.wall, now.monotonic);
            }
        }
        if changed {
            self.hurry(now);
            self.look_all(now);
        }
    }

    /// Tells of this node soon, since there is somebody new to tell.
    fn hurry(&mut self, now: Now) {
        let soon = now.monotonic + self.params.presence_hurry;
        self.life.presence_at = self.life.presence_at.min(soon);
    }

    fn presence(
        &mut self,
        relay: &PeerId,
        author: &PeerId,
        presence: Presence,
        sender: &Sender,
        now: Now,
    ) {
        if presence.peer != *author || !super::id::is_name(&presence.name) {
            self.reject::<()>(relay, Reject::Presence, now);
            return;
        }
        let changed = self
            .members
            .notice(presence, sender, now.wall, now.monotonic);
        if !changed {
            return;
        }
        self.hurry(now);
        let offset = self
            .members
            .get(author)
            .map_or(0, |member| member.clock_offset);
        if offset.unsigned_abs() > 1_000 {
            self.tell(Fact::ClockOffset {
                peer: author.clone(),
                offset,
            });
        }
        self.look_all(now);
    }
}

fn fits(body: &Body, nominee: &Nominee) -> bool {
    body.digest() == nominee.digest
}
