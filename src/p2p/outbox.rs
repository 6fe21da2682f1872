//! The way up: events to the floor above, without ever waiting for it and without unbounded memory.
//!
//! Gossip gives way first (anti-entropy repairs it), then requests (the peer is told "busy"), then
//! nothing: facts about peers and outcomes of requests are kept in order until they are taken.
//! Their number is bounded, because a peer that came and went unseen leaves no trace and open
//! requests are limited.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::{Event, Peer, Refusal};

/// Events in the channel: at 64 KiB of gossip each, 64 MiB.
const EVENTS_MAX: usize = 1_024;
/// Places gossip leaves free for everything else.
const GOSSIP_LEAVES: usize = 256;
/// Places requests leave free for facts and outcomes.
const REQUESTS_LEAVE: usize = 128;
/// A refusal is told once per address and reason in this time.
const REFUSAL_PAUSE: Duration = Duration::from_secs(60);
/// Addresses whose last refusal is remembered.
const REFUSALS_MAX: usize = 256;

/// The sender of events.
pub(crate) struct Outbox {
    channel: mpsc::Sender<Event>,
    backlog: VecDeque<Event>,
    refusals: HashMap<(IpAddr, Refusal), Instant>,
}

// === impl Outbox ===

impl Outbox {
    pub(crate) fn open() -> (Self, mpsc::Receiver<Event>) {
        let (channel, receiver) = mpsc::channel(EVENTS_MAX);
        (
            Self {
                channel,
                backlog: VecDeque::new(),
                refusals: HashMap::new(),
            },
            receiver,
        )
    }

    /// Whether gossip would be taken; else it is to be dropped and counted.
    pub(crate) fn takes_gossip(&self) -> bool {
        self.backlog.is_empty() && self.channel.capacity() > GOSSIP_LEAVES
    }

    /// Whether a request would be taken; else the peer is to be told "busy".
    pub(crate) fn takes_request(&self) -> bool {
        self.backlog.is_empty() && self.channel.capacity() > REQUESTS_LEAVE
    }

    /// Whether this refusal is news; remembers it as told.
    pub(crate) fn takes_refusal(&mut self, ip: IpAddr, reason: Refusal, now: Instant) -> bool {
        self.refusals
            .retain(|_, told| now.saturating_duration_since(*told) < REFUSAL_PAUSE);
        if self.refusals.contains_key(&(ip, reason)) || self.refusals.len() >= REFUSALS_MAX {
            return false;
        }
        self.refusals.insert((ip, reason), now);
        self.takes_gossip()
    }

    /// Sends, or keeps until there is room.
    pub(crate) fn tell(&mut self, event: Event) {
        if !self.backlog.is_empty() {
            return self.keep(event);
        }
        match self.channel.try_send(event) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(event)) => self.keep(event),
        }
    }

    /// A peer went: if nobody has heard yet that it came, nobody needs to.
    pub(crate) fn tell_down(&mut self, peer: Peer) {
        let unheard =
            |event: &Event| matches!(event, Event::PeerUp { peer: came, .. } if *came == peer);
        match self.backlog.iter().position(unheard) {
            Some(at) => drop(self.backlog.remove(at)),
            None => self.tell(Event::PeerDown { peer }),
        }
    }

    pub(crate) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Waits for room and sends the oldest kept event. `false` when nobody listens any more.
    pub(crate) async fn drain_one(&mut self) -> bool {
        let Ok(place) = self.channel.reserve().await else {
            return false;
        };
        if let Some(event) = self.backlog.pop_front() {
            place.send(event);
        }
        true
    }

    /// A second sender whose only use is to notice that the receiver is gone.
    pub(crate) fn watch(&self) -> mpsc::Sender<Event> {
        self.channel.clone()
    }

    fn keep(&mut self, event: Event) {
        self.backlog.push_back(event);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn peer() -> Peer {
        Peer(libp2p::PeerId::random())
    }

    fn address() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1))
    }

    #[test]
    fn gossip_gives_way_before_requests_and_both_before_facts() {
        let (mut outbox, mut receiver) = Outbox::open();
        for _ in 0..EVENTS_MAX - GOSSIP_LEAVES {
            assert!(outbox.takes_gossip());
            outbox.tell(Event::Listening(address()));
        }
        assert!(!outbox.takes_gossip() && outbox.takes_request());
        for _ in 0..GOSSIP_LEAVES + 10 {
            outbox.tell(Event::Listening(address()));
        }
        assert!(!outbox.takes_request() && outbox.has_backlog());
        let taken = std::iter::from_fn(|| receiver.try_recv().ok()).count();
        assert_eq!(taken, EVENTS_MAX);
    }

    #[tokio::test]
    async fn what_was_kept_arrives_in_order() {
        let (mut outbox, mut receiver) = Outbox::open();
        for port in 0..EVENTS_MAX as u16 + 3 {
            outbox.tell(Event::Listening(SocketAddr::from(([127, 0, 0, 1], port))));
        }
        let mut expected = 0;
        while let Ok(event) = receiver.try_recv() {
            assert!(matches!(event, Event::Listening(at) if at.port() == expected));
            expected += 1;
            if outbox.has_backlog() {
                assert!(outbox.drain_one().await);
            }
        }
        assert_eq!(expected, EVENTS_MAX as u16 + 3);
    }

    #[test]
    fn a_peer_that_came_and_went_unseen_leaves_no_trace() {
        let (mut outbox, _receiver) = Outbox::open();
        for _ in 0..EVENTS_MAX {
            outbox.tell(Event::Listening(address()));
        }
        let flapping = peer();
        for _ in 0..100 {
            outbox.tell(Event::PeerUp {
                peer: flapping,
                address: address(),
            });
            outbox.tell_down(flapping);
        }
        assert!(!outbox.has_backlog());
        outbox.tell_down(peer());
        assert_eq!(outbox.backlog.len(), 1);
    }

    #[test]
    fn a_refusal_is_told_once_a_minute_per_address_and_reason() {
        let (mut outbox, _receiver) = Outbox::open();
        let (now, ip) = (Instant::now(), address().ip());
        assert!(outbox.takes_refusal(ip, Refusal::Handshake, now));
        assert!(!outbox.takes_refusal(ip, Refusal::Handshake, now + Duration::from_secs(59)));
        assert!(outbox.takes_refusal(ip, Refusal::Limit, now));
        assert!(outbox.takes_refusal(ip, Refusal::Handshake, now + REFUSAL_PAUSE));
    }
}
