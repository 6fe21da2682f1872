//! What the tick does: dial what is due, close what is late, introduce newcomers, tidy.

use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::swarm::dial_opts::DialOpts;

use super::{EventLoop, TICK, listen};
use crate::p2p::address::multiaddr_of;
use crate::p2p::behaviour::Pace;
use crate::p2p::book::Origin;
use crate::p2p::codec::Frame;
use crate::p2p::peers::Step;
use crate::p2p::resolver::Found;
use crate::p2p::roster;
use crate::p2p::{Event, Peer, Refusal};

/// Dials in progress; a cluster of 100 is dialled in a few rounds.
const DIALLING_MAX: usize = 32;
/// A tick this late means that this process stood still, not its peers.
const STALL: Duration = Duration::from_secs(1);
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);
/// Peer lists with one random peer, for what an introduction missed.
const EXCHANGE_INTERVAL: Duration = Duration::from_secs(15);
/// At most this often a new peer is taken as a sign that the network is back.
const HURRY_INTERVAL: Duration = Duration::from_secs(5);

// === impl EventLoop ===

impl EventLoop {
    pub(super) fn on_tick(&mut self, now: Instant) {
        let pause = now.saturating_duration_since(self.ticked);
        if pause > TICK + STALL {
            self.peers.excuse(pause);
        }
        self.ticked = now;
        self.dial_due(now);
        self.take_steps(now);
        self.introduce_newcomers();
        self.keep_pace();
        if !self.listening {
            // Fails as long as the port is taken; tried with every tick, which costs one system
            // call.
            self.listening = listen(&mut self.swarm, self.listen).is_ok();
        }
        if now.saturating_duration_since(self.swept) >= SWEEP_INTERVAL {
            self.swept = now;
            self.book.sweep(now, |peer| self.peers.contains(peer));
            self.swarm.behaviour_mut().gate.sweep(now);
            self.sweep_asked();
        }
        if now.saturating_duration_since(self.exchanged) >= EXCHANGE_INTERVAL {
            self.exchanged = now;
            let identified: Vec<PeerId> = self.peers.identified().map(|(peer, _)| *peer).collect();
            if let Some(peer) = identified.get(fastrand::usize(..identified.len().max(1))) {
                self.exchange_rosters(peer);
            }
        }
        self.measure();
    }

    /// Sets the gauges.
    pub(super) fn measure(&self) {
        let counters = &self.shared.counters;
        counters.peers.set(self.peers.up());
        counters.connections.set(self.peers.connections());
        counters.addresses.set(self.book.len());
    }

    fn dial_due(&mut self, now: Instant) {
        let room = DIALLING_MAX.saturating_sub(self.dialling.len());
        for address in self.book.due(now, room, |peer| self.peers.contains(peer)) {
            // The identity is left open: whoever is there now will do. A port of its own, because
            // with libp2p's port reuse two nodes that dial each other at once open one TCP
            // connection whose handshake fails.
            let options = DialOpts::unknown_peer_id()
                .address(multiaddr_of(address))
                .allocate_new_port()
                .build();
            let id = options.connection_id();
            self.shared.counters.dials.add(1);
            match self.swarm.dial(options) {
                Ok(()) => {
                    self.dialling.insert(id, address);
                }
                Err(error) => {
                    log::debug!("cluster peer at {address} was not dialled: {error}");
                    self.shared.counters.dials_failed.add(1);
                    self.book.failed(address, now);
                    if !self.swarm.behaviour().gate.admits(address.ip()) {
                        self.refused(address, Refusal::AllowList);
                    }
                }
            }
        }
    }

    /// Carries out what the acquaintances call for; also called as soon as one of them changes.
    pub(super) fn take_steps(&mut self, now: Instant) {
        for step in self.peers.steps(&self.local, now) {
            match step {
                Step::Up(peer) => self.up(peer, now),
                Step::Heal(peer) => {
                    log::info!("cluster peer {peer} did not subscribe; connecting again");
                    self.shared.counters.unsubscribed_healed.add(1);
                    let _ = self.swarm.disconnect_peer_id(peer);
                }
                Step::Stranger(peer) => {
                    if let Some(address) = self.peers.get(&peer).and_then(|known| known.address()) {
                        self.refused(address, Refusal::Protocol);
                    }
                    let _ = self.swarm.disconnect_peer_id(peer);
                }
                Step::Late(connection) => {
                    log::info!("a cluster connection gave no sign of life in time; closing it");
                    self.shared.counters.deadlines_missed.add(1);
                    self.swarm.close_connection(connection);
                }
                Step::Duplicate(connection) => {
                    self.shared.counters.duplicates_closed.add(1);
                    self.swarm.close_connection(connection);
                }
            }
        }
    }

    fn up(&mut self, peer: PeerId, now: Instant) {
        let Some(known) = self.peers.get_mut(&peer) else {
            return;
        };
        let Some(address) = known.address() else {
            return;
        };
        known.up = true;
        log::info!("cluster peer {peer} is up at {address}");
        self.measure();
        self.outbox.tell(Event::PeerUp {
            peer: Peer(peer),
            address,
        });
        if now.saturating_duration_since(self.hurried) >= HURRY_INTERVAL {
            self.hurried = now;
            self.book.hurry(now);
        }
    }

    /// Tells everybody about peers that came by themselves, so that a star becomes a mesh at once.
    fn introduce_newcomers(&mut self) {
        if self.newcomers.is_empty() {
            return;
        }
        let newcomers = std::mem::take(&mut self.newcomers);
        let readers: Vec<_> = self
            .peers
            .identified()
            .filter_map(|(peer, known)| Some((*peer, known.connections.first()?.remote.ip())))
            .collect();
        for (reader, seen) in readers {
            let entries = self
                .book
                .share(seen, |peer| *peer != reader && newcomers.contains(peer));
            if !entries.is_empty() {
                let request = Frame::Whole(roster::encode(&entries).into());
                self.swarm
                    .behaviour_mut()
                    .rosters
                    .send_request(&reader, request);
            }
        }
    }

    /// New connections are pinged as the cluster's size asks for; old ones keep their pace.
    fn keep_pace(&mut self) {
        let pace = Pace::of(self.peers.len());
        if pace != self.pace {
            self.pace = pace;
            self.swarm.behaviour_mut().ping = pace.behaviour();
        }
    }

    pub(super) fn on_found(&mut self, found: Found) {
        let now = Instant::now();
        match found.addresses {
            None => self.book.name_failed(found.name, now),
            Some(addresses) => {
                for address in addresses {
                    self.book
                        .learn(address, Origin::Name(found.name), None, now);
                }
            }
        }
    }
}
