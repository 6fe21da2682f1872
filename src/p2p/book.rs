//! The address book: where peers may be, who was found there, and when to dial again.
//!
//! No socket and no clock in here; time is an argument. Addresses are the keys, not identities: a
//! peer that restarts keeps its address and changes its identity. What was configured is never
//! forgotten, what a peer told is forgotten some minutes after its last sign of life. Nothing in
//! libp2p dials again by itself.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::address::is_dialable;
use super::config::Config;
use super::roster::{ENTRIES_MAX, Entry};

/// Addresses known at once; above that the one nearest to being forgotten gives way.
const ADDRESSES_MAX: usize = 2_048;
/// An identity never comes back after its process, its address may: a restart takes seconds, not
/// minutes.
const TOLD_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// A name is looked up every 5 s; an address missing from twelve answers is gone.
const NAMED_LIFETIME: Duration = Duration::from_secs(60);
/// An address that was our own may become another node's later.
const OWN_LIFETIME: Duration = Duration::from_secs(10 * 60);
const BACKOFF_FIRST: Duration = Duration::from_millis(250);
/// With the time that a dial into nothing takes, the longest time after which a cut that ended is
/// noticed: a dial that was under way when it ended mostly fails. With 4 s, one healing in ten took more
/// than 3 s. One dial of a dead address in 3 s costs nothing.
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// Dead addresses told by peers, and nodes that turn us down, are asked less often.
const BACKOFF_MAX_TOLD: Duration = Duration::from_secs(15);
/// Before dialling a peer that was lost: long enough for its restart to bind.
const REDIAL: Duration = Duration::from_millis(100);
/// Of two that know each other the smaller identity dials; the other waits this long for it.
const GIVE_WAY: Duration = Duration::from_millis(1_000);

/// How an address became known; the later the stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// A peer, or its identify message.
    Told,
    /// Looked up; the number is the name's.
    Name(usize),
    /// Multicast; stays until mDNS says it expired.
    Mdns,
    /// Configured, or given by an operator.
    Static,
}

/// Addresses and what is known about them.
pub(crate) struct Book {
    local: PeerId,
    entries: BTreeMap<SocketAddr, Line>,
    chance: fastrand::Rng,
}

#[derive(Debug)]
struct Line {
    origin: Origin,
    /// `None`: never.
    forget_at: Option<Instant>,
    /// Who answered here last, or is said to be here.
    peer: Option<PeerId>,
    failures: u32,
    next: Instant,
    dialling: bool,
    ours_until: Option<Instant>,
}

// === impl Book ===

impl Book {
    pub(crate) fn new(local: PeerId, chance: fastrand::Rng) -> Self {
        Self {
            local,
            entries: BTreeMap::new(),
            chance,
        }
    }

    /// A book with the configured fixed addresses.
    pub(crate) fn of(local: PeerId, config: &Config, now: Instant) -> Self {
        let mut book = Self::new(local, fastrand::Rng::new());
        for address in config
            .peers
            .iter()
            .filter_map(super::address::Address::socket)
        {
            book.learn(address, Origin::Static, None, now);
        }
        book
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Notes an address, or that it was heard of again.
    pub(crate) fn learn(
        &mut self,
        address: SocketAddr,
        origin: Origin,
        peer: Option<PeerId>,
        now: Instant,
    ) {
        if peer == Some(self.local) {
            return self.ours(address, now);
        }
        let forget_at = lifetime(origin).map(|lifetime| now + lifetime);
        let wait = if peer.is_some_and(|peer| peer < self.local) {
            GIVE_WAY
        } else {
            Duration::ZERO
        };
        if !self.entries.contains_key(&address) && !self.make_room() {
            return;
        }
        let line = self.entries.entry(address).or_insert(Line {
            origin,
            forget_at,
            peer,
            failures: 0,
            next: now + wait,
            dialling: false,
            ours_until: None,
        });
        if origin >= line.origin {
            line.origin = origin;
            line.forget_at = forget_at;
        }
        if peer.is_some() && line.peer != peer {
            // Somebody new at this address: what failed before says nothing about it.
            line.peer = peer;
            line.failures = 0;
            line.next = now + wait;
        }
    }

    /// This address turned out to be this node's own.
    pub(crate) fn ours(&mut self, address: SocketAddr, now: Instant) {
        if let Some(line) = self.entries.get_mut(&address) {
            line.dialling = false;
            line.peer = None;
            line.ours_until = Some(now + OWN_LIFETIME);
        }
    }

    /// Whether some address is known to be this peer's.
    pub(crate) fn knows(&self, peer: &PeerId) -> bool {
        self.entries
            .values()
            .any(|line| line.peer.as_ref() == Some(peer))
    }

    /// The addresses to dial now, at most `room`, marked as being dialled. One address per known
    /// peer.
    pub(crate) fn due(
        &mut self,
        now: Instant,
        room: usize,
        connected: impl Fn(&PeerId) -> bool,
    ) -> Vec<SocketAddr> {
        let mut taken: HashSet<PeerId> = self
            .entries
            .values()
            .filter(|line| line.dialling)
            .filter_map(|line| line.peer)
            .collect();
        let mut waiting: Vec<_> = self
            .entries
            .iter_mut()
            .filter(|(_, line)| {
                !line.dialling
                    && line.next <= now
                    && line.ours_until.is_none_or(|until| until <= now)
            })
            .collect();
        waiting.sort_by_key(|(_, line)| line.next);
        let mut due = Vec::new();
        for (address, line) in waiting {
            if due.len() >= room {
                break;
            }
            match line.peer {
                Some(peer) if connected(&peer) || !taken.insert(peer) => {}
                Some(_) | None => {
                    line.dialling = true;
                    due.push(*address);
                }
            }
        }
        due
    }

    /// The dial led to `peer`. Counts as a failure until [`Book::proven`]: a node that turns us
    /// down after the handshake must not be dialled without pause.
    pub(crate) fn reached(&mut self, address: SocketAddr, peer: PeerId, now: Instant) {
        if let Some(line) = self.entries.get_mut(&address) {
            line.peer = Some(peer);
        }
        self.failed(address, now);
    }

    /// The dial failed, or ended in nothing.
    pub(crate) fn failed(&mut self, address: SocketAddr, now: Instant) {
        let jitter = self.jitter();
        if let Some(line) = self.entries.get_mut(&address) {
            line.dialling = false;
            line.ours_until = None;
            line.failures = line.failures.saturating_add(1);
            line.next = now + backoff(line.origin, line.failures).mul_f64(jitter);
        }
    }

    /// The peer is one of ours: its addresses are good.
    pub(crate) fn proven(&mut self, peer: &PeerId, now: Instant) {
        for line in self
            .entries
            .values_mut()
            .filter(|line| line.peer.as_ref() == Some(peer))
        {
            line.failures = 0;
            if line.origin == Origin::Told {
                line.forget_at = Some(now + TOLD_LIFETIME);
            }
        }
    }

    /// The last connection to a peer ended: dial it soon. Where the address was not configured, a
    /// smaller identity is left to dial first; where it was, somebody new may come up there who
    /// does not know us.
    pub(crate) fn lost(&mut self, peer: &PeerId, now: Instant) {
        for line in self
            .entries
            .values_mut()
            .filter(|line| line.peer.as_ref() == Some(peer) && line.failures == 0)
        {
            let theirs = *peer < self.local && matches!(line.origin, Origin::Told | Origin::Mdns);
            let wait = REDIAL + if theirs { GIVE_WAY } else { Duration::ZERO };
            line.next = now + wait.mul_f64(0.75 + self.chance.f64() / 2.0);
        }
    }

    /// The peer is not to be dialled before `until`.
    pub(crate) fn postpone(&mut self, peer: &PeerId, until: Instant) {
        for line in self
            .entries
            .values_mut()
            .filter(|line| line.peer.as_ref() == Some(peer))
        {
            line.next = line.next.max(until);
        }
    }

    /// The network seems to be back: what failed before is tried again within a second.
    pub(crate) fn hurry(&mut self, now: Instant) {
        for line in self
            .entries
            .values_mut()
            .filter(|line| line.failures > 1 && line.origin >= Origin::Mdns)
        {
            line.next = line
                .next
                .min(now + BACKOFF_FIRST.mul_f64(1.0 + self.chance.f64() * 3.0));
        }
    }

    /// mDNS no longer sees this address.
    pub(crate) fn expired(&mut self, address: SocketAddr, now: Instant) {
        if let Some(line) = self
            .entries
            .get_mut(&address)
            .filter(|line| line.origin == Origin::Mdns)
        {
            line.origin = Origin::Told;
            line.forget_at = Some(now + TOLD_LIFETIME);
        }
    }

    /// A lookup failed: that is no reason to forget what earlier ones gave.
    pub(crate) fn name_failed(&mut self, name: usize, now: Instant) {
        for line in self
            .entries
            .values_mut()
            .filter(|line| line.origin == Origin::Name(name))
        {
            line.forget_at = Some(now + NAMED_LIFETIME);
        }
    }

    /// Forgets what is old. Addresses of connected peers stay.
    pub(crate) fn sweep(&mut self, now: Instant, connected: impl Fn(&PeerId) -> bool) {
        for line in self.entries.values_mut() {
            if line.peer.is_some_and(|peer| connected(&peer)) {
                line.forget_at = line.forget_at.map(|at| at.max(now + NAMED_LIFETIME));
            }
        }
        self.entries
            .retain(|_, line| line.dialling || line.forget_at.is_none_or(|at| now < at));
    }

    /// Connected peers and an address for each, for a peer seen at `reader`.
    pub(crate) fn share(&self, reader: IpAddr, connected: impl Fn(&PeerId) -> bool) -> Vec<Entry> {
        let mut shared: BTreeMap<PeerId, SocketAddr> = BTreeMap::new();
        for (address, line) in &self.entries {
            if let Some(peer) = line
                .peer
                .filter(|peer| line.failures == 0 && connected(peer))
                && is_dialable(*address, reader)
            {
                shared.entry(peer).or_insert(*address);
            }
        }
        shared.into_iter().take(ENTRIES_MAX).collect()
    }

    fn make_room(&mut self) -> bool {
        if self.entries.len() < ADDRESSES_MAX {
            return true;
        }
        let lines = self.entries.iter().filter(|(_, line)| !line.dialling);
        let soonest = lines
            .filter_map(|(address, line)| line.forget_at.map(|at| (at, *address)))
            .min();
        soonest.is_some_and(|(_, address)| self.entries.remove(&address).is_some())
    }

    fn jitter(&mut self) -> f64 {
        0.75 + self.chance.f64() / 2.0
    }
}

fn lifetime(origin: Origin) -> Option<Duration> {
    match origin {
        Origin::Told => Some(TOLD_LIFETIME),
        Origin::Name(_) => Some(NAMED_LIFETIME),
        Origin::Mdns | Origin::Static => None,
    }
}

fn backoff(origin: Origin, failures: u32) -> Duration {
    let max = match origin {
        Origin::Told => BACKOFF_MAX_TOLD,
        Origin::Name(_) | Origin::Mdns | Origin::Static => BACKOFF_MAX,
    };
    // 2^8 of the first step is above every maximum.
    (BACKOFF_FIRST * 2u32.pow(failures.saturating_sub(1).min(8))).min(max)
}

#[cfg(test)]
mod tests;
