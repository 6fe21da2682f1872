//! What the room counts. Counters only rise; gauges are set by the event loop.
//!
//! Plain atomics with relaxed order: every number stands for itself, no two are promised to agree.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Refusal;

/// One reading of all counters since the room was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Gauge: peers that are up.
    pub peers: u64,
    /// Gauge: open connections.
    pub connections: u64,
    /// Gauge: known addresses.
    pub addresses: u64,
    /// Gossip messages handed up.
    pub gossip_in: u64,
    /// Their payload bytes.
    pub gossip_in_bytes: u64,
    /// Gossip messages published.
    pub gossip_out: u64,
    /// Their payload bytes, once each.
    pub gossip_out_bytes: u64,
    /// Received gossip dropped because the receiver of events was slow, or the author is banned.
    pub gossip_dropped: u64,
    /// Publications nobody was there to hear (normal on a lone node).
    pub gossip_unheard: u64,
    /// Publications that failed otherwise: all queues full, too large.
    pub gossip_failed: u64,
    /// Times a peer was too slow to take the gossip queued for it.
    pub peers_slow: u64,
    /// Requests sent.
    pub requests_out: u64,
    /// Requests sent that ended without an answer.
    pub requests_failed: u64,
    /// Requests received.
    pub requests_in: u64,
    /// Requests received and answered "busy" because events were not taken.
    pub requests_shed: u64,
    /// Payload bytes of requests and answers received.
    pub request_bytes_in: u64,
    /// Payload bytes of requests and answers sent.
    pub request_bytes_out: u64,
    /// Dials begun.
    pub dials: u64,
    /// Dials that failed.
    pub dials_failed: u64,
    /// Connections refused, by [`Refusal`]: handshake, allow list, limit, ban, protocol.
    pub refused: [u64; 5],
    /// Malformed or oversized frames of this room's own protocols.
    pub malformed: u64,
    /// Peers disconnected and kept out for a while.
    pub bans: u64,
    /// Connections closed because no ping succeeded in time.
    pub deadlines_missed: u64,
    /// Peers disconnected because they did not subscribe (rust-libp2p #5097).
    pub unsubscribed_healed: u64,
    /// Superfluous second connections closed.
    pub duplicates_closed: u64,
    /// Events dropped that are only informative.
    pub refusals_untold: u64,
}

/// The live counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) peers: Counter,
    pub(crate) connections: Counter,
    pub(crate) addresses: Counter,
    pub(crate) gossip_in: Counter,
    pub(crate) gossip_in_bytes: Counter,
    pub(crate) gossip_out: Counter,
    pub(crate) gossip_out_bytes: Counter,
    pub(crate) gossip_dropped: Counter,
    pub(crate) gossip_unheard: Counter,
    pub(crate) gossip_failed: Counter,
    pub(crate) peers_slow: Counter,
    pub(crate) requests_out: Counter,
    pub(crate) requests_failed: Counter,
    pub(crate) requests_in: Counter,
    pub(crate) requests_shed: Counter,
    pub(crate) request_bytes_in: Counter,
    pub(crate) request_bytes_out: Counter,
    pub(crate) dials: Counter,
    pub(crate) dials_failed: Counter,
    refused: [Counter; 5],
    pub(crate) malformed: Counter,
    pub(crate) bans: Counter,
    pub(crate) deadlines_missed: Counter,
    pub(crate) unsubscribed_healed: Counter,
    pub(crate) duplicates_closed: Counter,
    pub(crate) refusals_untold: Counter,
}

/// One number.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

// === impl Counters ===

impl Counters {
    pub(crate) fn refused(&self, reason: Refusal) {
        let [handshake, allow_list, limit, banned, protocol] = &self.refused;
        let counter = match reason {
            Refusal::Handshake => handshake,
            Refusal::AllowList => allow_list,
            Refusal::Limit => limit,
            Refusal::Banned => banned,
            Refusal::Protocol => protocol,
        };
        counter.add(1);
    }

    pub(crate) fn read(&self) -> Stats {
        Stats {
            peers: self.peers.get(),
            connections: self.connections.get(),
            addresses: self.addresses.get(),
            gossip_in: self.gossip_in.get(),
            gossip_in_bytes: self.gossip_in_bytes.get(),
            gossip_out: self.gossip_out.get(),
            gossip_out_bytes: self.gossip_out_bytes.get(),
            gossip_dropped: self.gossip_dropped.get(),
            gossip_unheard: self.gossip_unheard.get(),
            gossip_failed: self.gossip_failed.get(),
            peers_slow: self.peers_slow.get(),
            requests_out: self.requests_out.get(),
            requests_failed: self.requests_failed.get(),
            requests_in: self.requests_in.get(),
            requests_shed: self.requests_shed.get(),
            request_bytes_in: self.request_bytes_in.get(),
            request_bytes_out: self.request_bytes_out.get(),
            dials: self.dials.get(),
            dials_failed: self.dials_failed.get(),
            refused: self.refused.each_ref().map(Counter::get),
            malformed: self.malformed.get(),
            bans: self.bans.get(),
            deadlines_missed: self.deadlines_missed.get(),
            unsubscribed_healed: self.unsubscribed_healed.get(),
            duplicates_closed: self.duplicates_closed.get(),
            refusals_untold: self.refusals_untold.get(),
        }
    }
}

// === impl Counter ===

impl Counter {
    pub(crate) fn add(&self, by: usize) {
        self.0.fetch_add(by as u64, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, to: usize) {
        self.0.store(to as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
