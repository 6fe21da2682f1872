//! Accepting events, and waiting for another node's copy (`SUBMISSION_ACK=cluster`). Depends on the
//! machine. Deliberately absent: whether an event is well-formed or allowed.

use std::sync::Arc;

use super::{
    Hub,
    delivery::Delivery,
    limits::{EVENT_BYTES_MAX, KEEPER_PAUSE, WAITERS_MAX},
    output::{Fact, Output, SubmitRefusal},
    params::Ack,
    position::NodeId,
};
use crate::core::{
    event::Event,
    replica::{id::PeerId, stamp::Now},
};

/// A submission that waits for a copy.
#[derive(Debug)]
pub(super) struct Waiter {
    ticket: u64,
    /// Its first and last event.
    first: u64,
    last: u64,
    pub(super) deadline: u64,
}

// === impl Hub ===

impl Hub {
    pub(super) fn submit(&mut self, ticket: u64, events: Vec<Arc<Event>>, now: Now) {
        let now = now.monotonic;
        if let Err(refusal) = self.admit(&events, now) {
            self.submitted(ticket, Err(refusal));
            return;
        }
        let first = self.log.head() + 1;
        self.tell(Fact::Accepted(events.len()));
        for event in events {
            let seq = self.log.push(Arc::clone(&event), now);
            self.deliver(self.me, seq, event);
        }
        let last = self.log.head();
        match self.params.ack {
            Ack::Cluster if first <= last => self.waiters.push_back(Waiter {
                ticket,
                first,
                last,
                deadline: now + self.params.answer_timeout,
            }),
            Ack::Cluster | Ack::Local => self.submitted(ticket, Ok(())),
        }
    }

    fn admit(&mut self, events: &[Arc<Event>], now: u64) -> Result<(), SubmitRefusal> {
        let is_too_large = |event: &Arc<Event>| event.text.len() > EVENT_BYTES_MAX;
        if self.params.clustered && events.iter().any(is_too_large) {
            return Err(SubmitRefusal::TooLarge);
        }
        if !self.life.ready || self.life.leaving.is_some() {
            return Err(SubmitRefusal::NotReady);
        }
        if self.overloaded {
            return Err(SubmitRefusal::Overloaded);
        }
        match self.params.ack {
            Ack::Local => Ok(()),
            Ack::Cluster if self.waiters.len() >= WAITERS_MAX => Err(SubmitRefusal::Overloaded),
            Ack::Cluster => {
                self.designate(now);
                match self.backup {
                    Some(_) => Ok(()),
                    None => Err(SubmitRefusal::NoKeeper),
                }
            }
        }
    }

    fn submitted(&mut self, ticket: u64, result: Result<(), SubmitRefusal>) {
        self.out.push(Output::Submitted { ticket, result });
    }

    /// To the desks, in the order of each origin.
    pub(super) fn deliver(&mut self, origin: NodeId, seq: u64, event: Arc<Event>) {
        let cursor = super::cursor::encode(&self.vector());
        // Nobody can name an event as the last one seen that nobody here was to see.
        if self.interest.covers(&event.event_type) {
            self.journal.note(&event.id, &cursor);
        }
        self.out.push(Output::Deliver(Arc::new(Delivery {
            origin,
            seq,
            event,
            cursor,
        })));
    }

    /// Chooses who keeps copies of this node's events, if somebody has to and nobody does.
    pub(super) fn designate(&mut self, now: u64) {
        if self.params.ack == Ack::Local {
            return;
        }
        if self.backup.is_none() {
            self.choose_keeper(now);
        }
        let keeper = self.backup.as_ref().and_then(|id| self.peers.get(id));
        let keeper = keeper.and_then(|peer| peer.node);
        // Nobody misses one before the node takes events.
        if self.keeper_told != keeper && (keeper.is_some() || self.life.ready) {
            self.keeper_told = keeper;
            self.tell(Fact::Backup(keeper));
        }
    }

    fn choose_keeper(&mut self, now: u64) {
        let me = self.me;
        // The next one in the ring of names, so that the copies spread over all nodes.
        let next = self
            .peers
            .iter()
            .filter(|(_id, peer)| peer.is_known && now >= peer.shipping.no_keeper_until)
            .filter_map(|(id, peer)| Some((peer.node?, id.clone())))
            .min_by_key(|(node, _id)| node.as_u64().wrapping_sub(me.as_u64()));
        let chosen = next.map(|(_node, id)| id);
        if let Some(peer) = chosen.as_ref().and_then(|id| self.peers.get_mut(id)) {
            let shipping = &mut peer.shipping;
            shipping.keeps_from = Some(shipping.scanned);
            shipping.acked_at = now;
            self.backup = chosen;
            self.check_waiters();
        }
    }

    /// The keeper of copies has confirmed nothing for too long: another one is chosen, if there is one.
    fn dismiss_keeper(&mut self, now: u64) {
        let keeper = self.backup.as_ref().and_then(|id| self.peers.get_mut(id));
        if let Some(peer) = keeper
            && now >= peer.shipping.acked_at + self.params.answer_timeout
        {
            peer.shipping.keeps_from = None;
            peer.shipping.no_keeper_until = now + KEEPER_PAUSE;
            self.backup = None;
        }
    }

    /// Answers the submissions that the keeper of copies has, or will never be sent as a whole.
    pub(super) fn check_waiters(&mut self) {
        let Some(shipping) = self
            .backup
            .as_ref()
            .and_then(|id| self.peers.get(id))
            .map(|peer| &peer.shipping)
        else {
            return;
        };
        let (from, acked) = (shipping.keeps_from.unwrap_or(u64::MAX), shipping.acked);
        while let Some(waiter) = self.waiters.front() {
            let result = if waiter.first <= from {
                Err(SubmitRefusal::NotReplicated)
            } else if waiter.last <= acked {
                Ok(())
            } else {
                return;
            };
            let ticket = waiter.ticket;
            self.waiters.pop_front();
            self.submitted(ticket, result);
        }
    }

    pub(super) fn expire_waiters(&mut self, now: u64) {
        while let Some(waiter) = self.waiters.front()
            && waiter.deadline <= now
        {
            let ticket = waiter.ticket;
            self.waiters.pop_front();
            self.submitted(ticket, Err(SubmitRefusal::NotReplicated));
            self.dismiss_keeper(now);
        }
    }

    /// Whether `id` keeps copies of this node's events.
    pub(super) fn is_backup(&self, id: &PeerId) -> bool {
        self.backup.as_ref() == Some(id)
    }
}
