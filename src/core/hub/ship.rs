//! The origin's side: sending each peer the events it wants, one batch at a time. Depends on the
//! machine. Deliberately absent: what the receiver does (`receive`).

use super::{
    Hub,
    limits::BATCH_BYTES_MAX,
    log::Log,
    output::Fact,
    peers::{Peer, Purpose, Shipping},
    position::NodeId,
    wire::{Batch, Numbered, Request, Text},
};
use crate::core::replica::id::PeerId;

// === impl Shipping ===

impl Shipping {
    /// Everything above `from` that is not acknowledged has to be looked at again.
    pub(super) fn rewind(&mut self, from: u64) {
        let from = from.max(self.acked);
        self.scanned = self.scanned.min(from).max(self.acked);
        self.scanned_before = self.scanned_before.min(from);
    }
}

// === impl Hub ===

impl Hub {
    pub(super) fn ship_all(&mut self, now: u64) {
        let head = self.log.head();
        let due: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_id, peer)| {
                let shipping = &peer.shipping;
                shipping.sent.is_due(now)
                    && (shipping.scanned < head || shipping.owed > shipping.acked)
            })
            .map(|(id, _peer)| id.clone())
            .collect();
        for id in due {
            self.ship(&id, now);
        }
    }

    /// Sends a peer its next batch, if there is one.
    pub(super) fn ship(&mut self, id: &PeerId, now: u64) {
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        let shipping = &peer.shipping;
        let is_behind = peer.wishes_version < shipping.version_needed;
        if !peer.is_known || is_behind || !shipping.sent.is_due(now) {
            return;
        }
        let before = shipping.scanned;
        let batch = next_batch(self.me, &self.log, peer);
        let shipping = &mut peer.shipping;
        shipping.scanned = batch.to;
        let is_owed = shipping.owed > shipping.acked;
        if batch.events.is_empty() && batch.lost.is_none() && !is_owed {
            return;
        }
        shipping.scanned_before = before;
        shipping.sent.send();
        let events = batch.events.len();
        let bytes = batch.events.iter().map(|event| event.text.0.len()).sum();
        if events > 0 {
            self.tell(Fact::Shipped { events, bytes });
        }
        self.ask(id, Purpose::Batch, &Request::Batch(batch), now);
    }

    /// A peer has everything up to `have`; its copies reach to `kept`, if it keeps some and says so.
    pub(super) fn batch_taken(&mut self, id: &PeerId, have: u64, kept: Option<u64>, now: u64) {
        let head = self.log.head();
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        let shipping = &mut peer.shipping;
        shipping.sent.done();
        let acked = shipping.acked.max(have.min(head));
        if acked > shipping.acked {
            shipping.acked_at = now;
            shipping.no_keeper_until = 0;
        }
        shipping.acked = acked;
        shipping.scanned = shipping.scanned.max(shipping.acked);
        if kept.is_some_and(|kept| kept < have) && shipping.keeps_from.is_some() {
            // It keeps what follows; who waits for a copy of this waits in vain.
            shipping.keeps_from = Some(acked);
        }
        if self.is_backup(id) {
            self.check_waiters();
        }
    }

    /// A peer sent the batch back: it wants more than this node knew when it made it. The interest
    /// that is on its way brings the batch on its way again.
    pub(super) fn batch_bounced(&mut self, id: &PeerId, version: u64) {
        if let Some(peer) = self.peers.get_mut(id) {
            let shipping = &mut peer.shipping;
            shipping.scanned = shipping.scanned.min(shipping.scanned_before);
            shipping.sent.done();
            shipping.version_needed = version;
        }
    }
}

/// What `peer` wants of what it has not been sent.
fn next_batch(me: NodeId, log: &Log, peer: &Peer) -> Batch {
    let shipping = &peer.shipping;
    let mut to = shipping.scanned;
    let mut lost = None;
    if to < log.before() {
        let wanted = shipping.keeps_from.is_some()
            || (log.evicted_at()).is_some_and(|at| peer.wishes.reach_back_to(at));
        lost = wanted.then_some(log.before());
        to = log.before();
    }
    let mut events = Vec::new();
    let mut bytes = 0;
    for (seq, kept) in log.after(to) {
        let is_kept = shipping.keeps_from.is_some_and(|from| seq > from);
        if is_kept || peer.wishes.cover(&kept.event.event_type, kept.at) {
            bytes += kept.event.text.len();
            if bytes > BATCH_BYTES_MAX && !events.is_empty() {
                break;
            }
            events.push(Numbered {
                seq,
                text: Text(kept.event.text.clone()),
            });
        }
        to = seq;
    }
    Batch {
        origin: me,
        version: peer.wishes_version,
        from: shipping.acked,
        to,
        lost,
        keep: shipping.keeps_from,
        events,
    }
}
