//! What is known of each linked node, and the exchanges under way. Depends on the machine.
//! Deliberately absent: nodes that are not linked (`gone`).

use std::collections::VecDeque;

use super::{
    Hub,
    clock::PeerClock,
    interest::{Changes, Wishes},
    lookups::Lookups,
    output::{Fact, Output},
    position::NodeId,
    revoke::{Comparing, Unconfirmed},
    wire::{self, Answer, Request, WireFault},
};
use crate::core::replica::{id::PeerId, stamp::Now};

/// A node this one has a connection to.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// Who it is, once it has said so.
    pub(super) node: Option<NodeId>,
    pub(super) name: String,
    pub(super) greeting: UnderWay,
    pub(super) clock: Option<PeerClock>,
    /// What it knows of this node's interest.
    pub(super) told: Option<u64>,
    /// Since when.
    pub(super) told_at: u64,
    /// Pages of interest that are not sent yet; the version they end with, and when it was begun.
    pub(super) telling: VecDeque<Changes>,
    pub(super) telling_version: u64,
    pub(super) telling_round: u64,
    pub(super) telling_page: u32,
    pub(super) telling_since: u64,
    pub(super) interest_sent: UnderWay,
    /// What it wants.
    pub(super) wishes: Wishes,
    pub(super) wishes_version: u64,
    /// A new interest that is not complete yet.
    pub(super) staged: Option<Wishes>,
    /// The round of telling and the page of it that come next.
    pub(super) heard: (u64, u32),
    /// Its interest is known as a whole.
    pub(super) is_known: bool,
    pub(super) shipping: Shipping,
    pub(super) memos_sent: UnderWay,
    pub(super) comparing: Comparing,
    pub(super) farewell: Farewell,
    pub(super) lookups: Lookups,
}

/// What an origin knows of a peer's progress.
#[derive(Debug, Default)]
pub(super) struct Shipping {
    /// It has everything it wants up to here.
    pub(super) acked: u64,
    /// Everything up to here has been looked at; what is wanted of it is acknowledged or under way.
    pub(super) scanned: u64,
    pub(super) sent: UnderWay,
    /// Where `scanned` was before the batch that is under way.
    pub(super) scanned_before: u64,
    /// It was promised to be brought up to here, even if it wants nothing of it.
    pub(super) owed: u64,
    /// Batches must be made under this version of its interest or a later one.
    pub(super) version_needed: u64,
    /// It keeps copies of all events above this number.
    pub(super) keeps_from: Option<u64>,
    /// When it last confirmed something new, or was made the keeper of copies.
    pub(super) acked_at: u64,
    /// It kept nothing when it should have; not chosen again before this.
    pub(super) no_keeper_until: u64,
}

/// Whether a peer knows that this node stops.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Farewell {
    #[default]
    NotYet,
    Said,
    /// It has heard it, or never will.
    Over,
}

/// Something of which one at a time is under way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnderWay {
    pub(super) is_sent: bool,
    /// After a failure: not before this.
    pub(super) not_before: u64,
}

/// A question that is not answered yet.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) peer: PeerId,
    pub(super) purpose: Purpose,
    pub(super) deadline: u64,
}

/// What a question was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    Hello,
    /// `last`: with it the peer knows the version.
    Interest {
        version: u64,
        last: bool,
        round: u64,
    },
    Batch,
    /// Events of a node that is gone.
    Pull(NodeId),
    /// Events of `origin` for a resuming client.
    Replay {
        ticket: u64,
        origin: NodeId,
    },
    Locate(u64),
    /// The count of writes that the peer has then.
    Memos(u64),
    Recall(u64),
    Carry(u64),
    Farewell,
    Revoke(Unconfirmed),
    /// The blacklist, or a bucket of it.
    Compare,
}

// === impl UnderWay ===

impl UnderWay {
    pub(super) fn is_due(self, now: u64) -> bool {
        !self.is_sent && now >= self.not_before
    }

    pub(super) fn send(&mut self) {
        self.is_sent = true;
    }

    pub(super) fn done(&mut self) {
        *self = Self::default();
    }

    pub(super) fn retry_at(&mut self, at: u64) {
        self.is_sent = false;
        self.not_before = at;
    }
}

// === impl Hub ===

impl Hub {
    pub(super) fn link_opened(&mut self, peer: PeerId, now: Now) {
        self.life.linked_at = now.monotonic;
        self.peers.entry(peer).or_default();
    }

    pub(super) fn link_closed(&mut self, peer: &PeerId, now: Now) {
        let Some(gone) = self.peers.remove(peer) else {
            return;
        };
        if self.backup.as_ref() == Some(peer) {
            self.backup = None;
        }
        let lost: Vec<u64> = self
            .exchanges
            .iter()
            .filter(|(_number, exchange)| exchange.peer == *peer)
            .map(|(number, _exchange)| *number)
            .collect();
        for exchange in lost {
            self.failed(exchange, now);
        }
        for purpose in gone.lookups.into_held() {
            self.given_up(peer, purpose, now.monotonic);
        }
        if let Some(node) = gone.node {
            self.tell(Fact::Lost { node });
            if self.peer_of(node).is_none() {
                self.node_gone(node, now.monotonic);
            }
            self.revocation_interrupted(peer, node);
        }
    }

    /// The link to a node.
    pub(super) fn peer_of(&self, node: NodeId) -> Option<&PeerId> {
        self.peers
            .iter()
            .find(|(_id, peer)| peer.node == Some(node))
            .map(|(id, _peer)| id)
    }

    /// All links to nodes that have said who they are.
    pub(super) fn linked(&self) -> Vec<(PeerId, NodeId)> {
        self.peers
            .iter()
            .filter_map(|(id, peer)| Some((id.clone(), peer.node?)))
            .collect()
    }

    pub(super) fn request(&mut self, from: &PeerId, exchange: u64, bytes: &[u8], now: Now) {
        let request = match wire::decode::<Request>(bytes) {
            Ok(request) => request,
            Err(reason) => {
                let peer = from.clone();
                self.tell(Fact::Rejected { peer, reason });
                self.reply(exchange, &Answer::Later);
                return;
            }
        };
        if !self.peers.contains_key(from) {
            // The link is not open at this end yet, or no longer.
            self.reply(exchange, &Answer::Later);
            return;
        }
        if !self.speaks_for_itself(from, &request) {
            let (peer, reason) = (from.clone(), WireFault::Impostor);
            self.tell(Fact::Rejected { peer, reason });
            self.reply(exchange, &Answer::Later);
            return;
        }
        let clocks = now;
        let now = clocks.monotonic;
        let answer = match request {
            Request::Hello(hello) => self.greeted(from, hello, now),
            Request::Interest(interest) => self.told_interest(from, interest, now),
            Request::Batch(_) | Request::Farewell { .. } if !self.is_met(from) => Answer::Later,
            Request::Batch(batch) => self.receive(batch, now),
            Request::Events(wanted) => self.serve_events(from, wanted),
            Request::Locate(id) => self.locate(&id),
            Request::Memos(memos) => self.take_memos(memos),
            Request::Recall(key) => self.serve_memo(&key.0),
            Request::Carry { .. } if !self.is_met(from) => Answer::Later,
            Request::Carry { desk, bytes } => {
                self.carried(exchange, desk, bytes.0);
                return;
            }
            Request::Revoke(revoked) => self.take_revoked(revoked, clocks),
            // Who is not met is not sent what is revoked from now on; it must not think it has all.
            Request::Compare(..) if !self.is_met(from) => Answer::Later,
            Request::Compare(digests, clock) => {
                self.clock_heard(from, clock, now);
                self.compare(&digests, clocks)
            }
            Request::Bucket { index, after } => self.serve_bucket(index, after.as_deref()),
            Request::Farewell { node, head } => self.farewell(node, head),
        };
        self.reply(exchange, &answer);
    }

    fn is_met(&self, id: &PeerId) -> bool {
        self.peers.get(id).is_some_and(|peer| peer.node.is_some())
    }

    /// What only the node itself can say comes from that node. One that has not said yet who it is (to
    /// this end of the link) will have done so by the time it asks again.
    fn speaks_for_itself(&self, from: &PeerId, request: &Request) -> bool {
        let said = self.peers.get(from).and_then(|peer| peer.node);
        match request {
            Request::Batch(wire::Batch { origin: node, .. }) | Request::Farewell { node, .. } => {
                said.is_none_or(|said| said == *node) && *node != self.me
            }
            Request::Hello(_)
            | Request::Interest(_)
            | Request::Events(_)
            | Request::Locate(_)
            | Request::Memos(_)
            | Request::Recall(_)
            | Request::Carry { .. }
            | Request::Revoke(_)
            | Request::Compare(..)
            | Request::Bucket { .. } => true,
        }
    }

    pub(super) fn answered(&mut self, number: u64, bytes: &[u8], now: Now) {
        let answer = match wire::decode::<Answer>(bytes) {
            Ok(answer) => answer,
            Err(reason) => {
                if let Some(exchange) = self.exchanges.get(&number) {
                    let peer = exchange.peer.clone();
                    self.tell(Fact::Rejected { peer, reason });
                }
                self.failed(number, now);
                return;
            }
        };
        // A late answer to a question that was given up.
        let Some(Exchange { peer, purpose, .. }) = self.take_exchange(number) else {
            return;
        };
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.lookups.heard();
        }
        self.next_lookup(&peer, &purpose, now.monotonic);
        self.take_answer(peer, purpose, answer, now);
    }

    fn take_answer(&mut self, peer: PeerId, purpose: Purpose, answer: Answer, clocks: Now) {
        let now = clocks.monotonic;
        match (purpose, answer) {
            (Purpose::Hello, Answer::Hello(hello)) => self.greeting_answered(&peer, hello, now),
            (
                Purpose::Interest {
                    version,
                    last,
                    round,
                },
                Answer::Known {
                    version: known,
                    head,
                    clear,
                    clock,
                },
            ) if !last || known == version => {
                self.clock_heard(&peer, clock, now);
                if self.is_telling(&peer, round) {
                    self.interest_confirmed(&peer, version, last, (head, clear), now);
                }
            }
            (Purpose::Interest { round, .. }, Answer::Unknown) => {
                if self.is_telling(&peer, round) {
                    self.tell_anew(&peer);
                }
            }
            (Purpose::Batch, Answer::Took { have, kept }) => {
                self.batch_taken(&peer, have, kept, now);
            }
            (Purpose::Batch, Answer::Stale { version }) => self.batch_bounced(&peer, version),
            (Purpose::Pull(origin), Answer::Events(events)) => {
                self.pulled(&peer, origin, events, now);
            }
            (Purpose::Replay { ticket, origin }, Answer::Events(events)) => {
                self.replay_answered(ticket, origin, Some(events));
            }
            (Purpose::Replay { ticket, origin }, Answer::Unknown) => {
                self.replay_answered(ticket, origin, None);
            }
            (Purpose::Locate(ticket), Answer::Located(cursor)) => {
                self.located(ticket, Some(&cursor), now);
            }
            (Purpose::Locate(ticket), Answer::Unknown) => self.located(ticket, None, now),
            (Purpose::Memos(upto), Answer::Done) => self.memos_taken(&peer, upto),
            (Purpose::Recall(ticket), Answer::Memo(memo)) => self.recalled(ticket, Some(memo)),
            (Purpose::Recall(ticket), Answer::Unknown) => self.recalled(ticket, None),
            (Purpose::Carry(ticket), Answer::Carried(bytes)) => {
                self.carry_done(ticket, Ok(bytes.0));
            }
            (Purpose::Carry(ticket), Answer::Unknown) => self.carry_gone(ticket),
            (Purpose::Revoke(revoked), Answer::Done) => {
                self.revocation_confirmed(&peer, revoked.ticket, now);
            }
            (Purpose::Compare, Answer::Differing(buckets)) => self.buckets_differ(&peer, buckets),
            (Purpose::Compare, Answer::Bucket { entries, more }) => {
                self.bucket_came(&peer, entries, more, clocks);
            }
            (Purpose::Farewell, Answer::Done) => self.farewell_over(&peer),
            (purpose, _unfitting) => self.given_up(&peer, purpose, now),
        }
    }

    pub(super) fn failed(&mut self, number: u64, now: Now) {
        if let Some(Exchange { peer, purpose, .. }) = self.take_exchange(number) {
            self.next_lookup(&peer, &purpose, now.monotonic);
            self.given_up(&peer, purpose, now.monotonic);
        }
    }

    fn take_exchange(&mut self, number: u64) -> Option<Exchange> {
        let exchange = self.exchanges.remove(&number)?;
        self.exchanges_due.remove(&(exchange.deadline, number));
        Some(exchange)
    }

    /// A question has no (usable) answer.
    pub(super) fn given_up(&mut self, id: &PeerId, purpose: Purpose, now: u64) {
        let retry_at = now + self.params.retry;
        match purpose {
            Purpose::Replay { ticket, origin } => self.replay_unanswered(ticket, origin, now),
            Purpose::Locate(ticket) => self.located(ticket, None, now),
            Purpose::Recall(ticket) => self.recalled(ticket, None),
            Purpose::Carry(ticket) => self.carry_unanswered(ticket),
            Purpose::Pull(origin) => self.pull_failed(id, origin),
            Purpose::Farewell => self.farewell_over(id),
            Purpose::Revoke(unconfirmed) => self.revocation_failed(id, unconfirmed, retry_at),
            Purpose::Compare => self.compare_failed(id, retry_at),
            Purpose::Hello => {
                if let Some(peer) = self.peers.get_mut(id) {
                    peer.greeting.retry_at(retry_at);
                }
            }
            Purpose::Interest { round, .. } => {
                if let Some(peer) = self.peers.get_mut(id)
                    && peer.telling_round == round
                {
                    // From the last confirmed version on; the pages that arrived change nothing.
                    peer.telling.clear();
                    peer.interest_sent.retry_at(retry_at);
                }
            }
            Purpose::Batch => {
                if let Some(peer) = self.peers.get_mut(id) {
                    let shipping = &mut peer.shipping;
                    shipping.scanned = shipping.scanned.min(shipping.scanned_before);
                    shipping.sent.retry_at(retry_at);
                }
            }
            Purpose::Memos(_upto) => {
                if let Some(peer) = self.peers.get_mut(id) {
                    peer.memos_sent.retry_at(retry_at);
                }
            }
        }
    }

    fn farewell_over(&mut self, id: &PeerId) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.farewell = Farewell::Over;
        }
    }

    /// A pause that is over would wake the node again and again.
    pub(super) fn forget_pauses(&mut self, now: u64) {
        for peer in self.peers.values_mut() {
            for under_way in [
                &mut peer.greeting,
                &mut peer.interest_sent,
                &mut peer.shipping.sent,
                &mut peer.memos_sent,
                &mut peer.comparing.sent,
            ] {
                if under_way.is_due(now) {
                    under_way.done();
                }
            }
        }
    }

    pub(super) fn now_due(&mut self, now: Now) {
        let now_ms = now.monotonic;
        while let Some((deadline, number)) = self.exchanges_due.first().copied()
            && deadline <= now_ms
        {
            self.exchanges_due.pop_first();
            if let Some(Exchange { peer, purpose, .. }) = self.exchanges.get(&number) {
                let (peer, purpose) = (peer.clone(), purpose.clone());
                self.lookup_expired(&peer, &purpose, now_ms);
            }
            self.failed(number, now);
        }
    }

    /// Tells all desks where a client is that lacks nothing, if that has changed.
    pub(super) fn tell_position(&mut self) {
        let vector = self.vector();
        if self.position.as_ref() != Some(&vector) {
            let text = super::cursor::encode(&vector);
            self.position = Some(vector);
            self.out.push(Output::Position(text));
        }
    }
}
