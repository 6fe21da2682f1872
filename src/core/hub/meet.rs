//! Meeting a node: who it is, what it wants, what this node wants, and from when on this node is
//! ready. Depends on the machine. Deliberately absent: events.

use super::{
    Hub,
    clock::SentAt,
    interest::Wishes,
    limits::{MINT_PAUSE_MAX, MINT_PAUSE_MIN, NAME_BYTES_MAX, WISHES_MAX},
    output::{Fact, Output},
    peers::Purpose,
    wire::{self, Answer, Hello, Request, Wish},
};
use crate::core::{
    replica::{id::PeerId, stamp::Now},
    subscription::TypePattern,
};

/// A desk that waits until all nodes know what it wants.
#[derive(Debug)]
pub(super) struct InterestWait {
    ticket: u64,
    /// `None`: in no version yet.
    version: Option<u64>,
    pub(super) deadline: u64,
}

// === impl Hub ===

impl Hub {
    pub(super) fn interest_changed(
        &mut self,
        ticket: u64,
        added: Vec<TypePattern>,
        removed: &[TypePattern],
        now: Now,
    ) {
        let now = now.monotonic;
        self.interest.change(added, removed, now);
        let is_stale = self.interest.is_stale();
        self.interest_waits.push_back(InterestWait {
            ticket,
            version: (!is_stale).then_some(self.interest.added_version),
            deadline: now + self.params.answer_timeout,
        });
    }

    /// Makes a version of what changed, if it is time.
    pub(super) fn mint(&mut self, now: u64) {
        if now < self.mint_at() {
            return;
        }
        let idle_before = now.saturating_sub(self.params.linger);
        if self.interest.mint(now, idle_before) {
            let version = self.interest.version;
            let waits = self.interest_waits.iter_mut().rev();
            for wait in waits.take_while(|wait| wait.version.is_none()) {
                wait.version = Some(version);
            }
        }
    }

    /// When the next version may be made: once all peers know the one before, and what they send under
    /// it has arrived.
    pub(super) fn mint_at(&self) -> u64 {
        if self.peers.is_empty() || self.interest.version == 0 {
            return 0;
        }
        let minted_at = self.interest.minted_at;
        let pause = self.life.round_trip.saturating_mul(4);
        let earliest = minted_at + pause.clamp(MINT_PAUSE_MIN, MINT_PAUSE_MAX);
        // Who waits for the version must not be let in before it is made.
        let latest = minted_at + self.params.answer_timeout;
        let mut at = earliest;
        for peer in self.peers.values().filter(|peer| peer.node.is_some()) {
            if peer.told != Some(self.interest.version) {
                return latest;
            }
            // What it sends next was made under this version, and has to arrive under it.
            at = at.max(peer.told_at + self.life.round_trip);
        }
        at.min(latest)
    }

    /// Asks strangers who they are, and tells everybody else what changed since it last heard.
    pub(super) fn tell_all(&mut self, now: u64) {
        let mut questions = Vec::new();
        let mut strangers = Vec::new();
        for (id, peer) in &mut self.peers {
            let Some(node) = peer.node else {
                if peer.greeting.is_due(now) {
                    peer.greeting.send();
                    strangers.push(id.clone());
                }
                continue;
            };
            if !peer.interest_sent.is_due(now) {
                continue;
            }
            if peer.telling.is_empty() && peer.told != Some(self.interest.version) {
                peer.telling = self.interest.since(peer.told, now).into();
                peer.telling_version = self.interest.version;
                peer.telling_since = now;
                self.rounds += 1;
                peer.telling_round = self.rounds;
                peer.telling_page = 0;
            }
            let Some(page) = peer.telling.pop_front() else {
                continue;
            };
            peer.interest_sent.send();
            let version = peer.telling_version;
            let last = peer.telling.is_empty();
            // The pages before this one have taken their time.
            let waited = now.saturating_sub(peer.telling_since);
            let added = page.added.iter().map(|(pattern, age)| Wish {
                pattern: pattern.into(),
                age: age.saturating_add(waited),
            });
            let interest = wire::Interest {
                node: self.me,
                have: self.origins.get(&node).map(|origin| origin.have),
                version,
                reset: page.reset,
                last,
                added: added.collect(),
                removed: page.removed.iter().map(Into::into).collect(),
                round: peer.telling_round,
                page: peer.telling_page,
                clock: Some(now),
                receivers_clock: peer.clock.map(|clock| clock.at(now)),
            };
            peer.telling_page += 1;
            let purpose = Purpose::Interest {
                version,
                last,
                round: peer.telling_round,
            };
            questions.push((id.clone(), purpose, Request::Interest(interest)));
        }
        for id in strangers {
            let hello = Request::Hello(self.hello(now));
            self.ask(&id, Purpose::Hello, &hello, now);
        }
        for (id, purpose, request) in questions {
            self.ask(&id, purpose, &request, now);
        }
    }

    /// A peer says who it is.
    pub(super) fn greeted(&mut self, id: &PeerId, hello: Hello, now: u64) -> Answer {
        if self.peers.get(id).is_some_and(|peer| peer.node.is_some()) {
            // It asks because it knows nothing (any more): its end of the link was closed and opened
            // again before this end noticed.
            self.tell_anew(id);
        }
        self.met(id, hello, now);
        Answer::Hello(self.hello(now))
    }

    /// Tells a peer everything from the beginning.
    pub(super) fn tell_anew(&mut self, id: &PeerId) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.told = None;
            peer.telling.clear();
            peer.telling_round = 0;
            peer.interest_sent.done();
        }
    }

    /// Whether an answer is about what is being told; not about an attempt that was given up.
    pub(super) fn is_telling(&self, id: &PeerId, round: u64) -> bool {
        self.peers
            .get(id)
            .is_some_and(|peer| peer.telling_round == round)
    }

    fn hello(&self, now: u64) -> Hello {
        let gone = self.origins.iter();
        let gone = gone.filter_map(|(node, origin)| Some((*node, origin.gone_time(now)?)));
        let (gone, gone_for) = gone.unzip();
        Hello {
            node: self.me,
            name: self.name.clone(),
            head: self.log.head(),
            gone,
            gone_for: Some(gone_for),
            clock: Some(now),
        }
    }

    pub(super) fn greeting_answered(&mut self, id: &PeerId, hello: Hello, now: u64) {
        self.met(id, hello, now);
        if let Some(peer) = self.peers.get_mut(id) {
            peer.greeting.done();
        }
    }

    fn met(&mut self, id: &PeerId, hello: Hello, now: u64) {
        let Hello {
            node,
            mut name,
            head,
            gone,
            gone_for,
            clock,
        } = hello;
        self.clock_heard(id, clock, now);
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        if peer.node.is_some() || node == self.me || name.len() > NAME_BYTES_MAX {
            return;
        }
        name.retain(|character| !character.is_control());
        peer.node = Some(node);
        peer.name.clone_from(&name);
        self.node_back(node, &name, head);
        self.heard_of_gone(gone, &gone_for.unwrap_or_default(), now);
        self.revoke_at(id, node, &name, now);
        self.tell(Fact::Met { node, name });
        self.pull_from(id, now);
    }

    /// A peer tells what it wants.
    pub(super) fn told_interest(
        &mut self,
        id: &PeerId,
        interest: wire::Interest,
        now: u64,
    ) -> Answer {
        self.clock_heard(id, interest.clock, now);
        let head = self.log.head();
        let Some(peer) = self.peers.get_mut(id) else {
            return Answer::Later;
        };
        if peer.node != Some(interest.node) {
            // It will have said who it is by the time it asks again.
            return Answer::Later;
        }
        let (round, page) = (interest.round, interest.page);
        if (round, page) < peer.heard {
            // It comes late, or again; what was told since counts.
            return self.known(id, interest.version, now);
        }
        let is_next = (round, page) == peer.heard || (round > peer.heard.0 && page == 0);
        if !is_next {
            return Answer::Later;
        }
        if page == 0 && !interest.reset && !peer.is_known {
            // A change to something that is not known here.
            return Answer::Unknown;
        }
        peer.heard = (round, page.saturating_add(1));
        if page == 0 {
            peer.staged = None;
        }
        if interest.reset {
            peer.staged = Some(Wishes::default());
            let shipping = &mut peer.shipping;
            shipping.acked = shipping.acked.max(interest.have.unwrap_or(0).min(head));
            shipping.scanned = shipping.scanned.max(shipping.acked);
        }
        let is_whole = peer.staged.is_some();
        let wishes = peer.staged.as_mut().unwrap_or(&mut peer.wishes);
        for pattern in interest.removed.into_iter().filter_map(wire::Pattern::read) {
            wishes.remove(&pattern);
        }
        let sent_at = SentAt::new(interest.receivers_clock, now);
        let mut earliest = now;
        for Wish { pattern, age } in interest.added {
            let since = sent_at.since(age, is_whole);
            if let Some(pattern) = pattern.read() {
                // Those that were told before, in a page whose answer was lost, take no room.
                if wishes.len() >= WISHES_MAX && !wishes.knows(&pattern) {
                    return Answer::Later;
                }
                wishes.add(pattern, since);
                earliest = earliest.min(since);
            }
        }
        if interest.last {
            peer.wishes_version = interest.version;
            peer.is_known = true;
            if let Some(staged) = peer.staged.take() {
                peer.wishes = staged;
            }
        }
        let from = if is_whole {
            peer.shipping.acked
        } else {
            self.log.seq_before(earliest)
        };
        peer.shipping.rewind(from);
        self.ship(id, now);
        self.known(id, interest.version, now)
    }

    fn known(&mut self, id: &PeerId, version: u64, now: u64) -> Answer {
        let head = self.log.head();
        let Some(peer) = self.peers.get_mut(id) else {
            return Answer::Later;
        };
        let shipping = &mut peer.shipping;
        let clear = peer.is_known && !shipping.sent.is_sent && shipping.scanned == head;
        if !clear {
            shipping.owed = head;
        }
        Answer::Known {
            version,
            head,
            clear,
            clock: Some(now),
        }
    }

    /// A peer knows this node's interest up to `version`.
    pub(super) fn interest_confirmed(
        &mut self,
        id: &PeerId,
        version: u64,
        last: bool,
        (head, clear): (u64, bool),
        now: u64,
    ) {
        let added_version = self.interest.added_version;
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        peer.interest_sent.done();
        if !last {
            return;
        }
        peer.told = Some(version);
        peer.told_at = now;
        let took = now.saturating_sub(peer.telling_since);
        self.life.round_trip = took.max(self.life.round_trip / 2);
        if clear
            && version >= added_version
            && let Some(origin) = peer.node.and_then(|node| self.origins.get_mut(&node))
        {
            origin.have = origin.have.max(head);
        }
    }

    pub(super) fn check_interest_waits(&mut self, now: u64) {
        // Later ones wait for the same version or a later one, and until later.
        while let Some(wait) = self.interest_waits.front() {
            let lacks = |told: Option<u64>| told.is_none_or(|told| Some(told) < wait.version);
            let missing = match wait.version {
                None => self.peers.len(),
                Some(_) => self.peers.values().filter(|peer| lacks(peer.told)).count(),
            };
            let is_minted = wait.version.is_some() || self.peers.is_empty();
            if !(missing == 0 && is_minted) && now < wait.deadline {
                return;
            }
            let ticket = wait.ticket;
            self.out.push(Output::InterestKnown { ticket, missing });
            self.interest_waits.pop_front();
        }
    }

    /// A node is ready when it has what all nodes it found know, or found none in time.
    pub(super) fn check_ready(&mut self, now: u64) {
        if self.life.ready {
            return;
        }
        let waited = now.saturating_sub(self.life.started_at);
        let is_complete = self.peers.values().all(|peer| {
            let is_met = peer.node.is_some() && peer.told.is_some() && peer.is_known;
            is_met && peer.comparing.is_done
        });
        let is_calm = now >= self.life.linked_at + self.params.join_calm;
        self.life.calm = is_calm;
        let is_ready = if !self.params.clustered {
            true
        } else if self.peers.is_empty() {
            waited >= self.params.join_timeout
        } else {
            (is_complete && is_calm) || waited >= self.params.join_timeout_linked
        };
        if is_ready {
            self.life.ready = true;
            let incomplete = self.peers.iter();
            let incomplete = incomplete.filter(|(_id, peer)| !peer.comparing.is_done);
            let names: Vec<String> = incomplete
                .map(|(id, peer)| match peer.node {
                    Some(_) => peer.name.clone(),
                    None => format!("{id:?}"),
                })
                .collect();
            if !names.is_empty() {
                self.tell(Fact::Incomplete(names));
            }
            self.out.push(Output::Ready);
        }
    }
}
