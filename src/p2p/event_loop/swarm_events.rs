//! What libp2p reports, and what follows from it for book, peers and the floor above.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use libp2p::core::ConnectedPoint;
use libp2p::multiaddr::Multiaddr;
use libp2p::swarm::{ConnectionDenied, ConnectionId, DialError, ListenError, SwarmEvent};
use libp2p::{PeerId, TransportError, gossipsub, identify, mdns};

use super::EventLoop;
use crate::p2p::address::{confirmed, socket_of};
use crate::p2p::behaviour::{IDENTITY, NetEvent};
use crate::p2p::book::Origin;
use crate::p2p::peers::Connection;
use crate::p2p::transport::is_handshake_failure;
use crate::p2p::{Event, Peer, Refusal};

// === impl EventLoop ===

impl EventLoop {
    pub(super) fn on_swarm_event(&mut self, event: SwarmEvent<NetEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_net_event(event),
            SwarmEvent::NewListenAddr { address, .. } => self.on_listening(&address, true),
            SwarmEvent::ExpiredListenAddr { address, .. } => self.on_listening(&address, false),
            SwarmEvent::ListenerClosed { reason, .. } => {
                self.listening = false;
                log::error!(
                    "the cluster listener on {} closed: {reason:?}; opening it again",
                    self.listen
                );
            }
            SwarmEvent::ListenerError { error, .. } => {
                log::warn!("the cluster listener reports: {error}")
            }
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                self.on_opened(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                cause,
                ..
            } => {
                log::debug!("cluster connection to {peer_id} closed: {cause:?}");
                self.on_closed(&peer_id, connection_id);
            }
            SwarmEvent::OutgoingConnectionError {
                connection_id,
                error,
                ..
            } => self.on_undialled(connection_id, error),
            SwarmEvent::IncomingConnectionError {
                send_back_addr,
                error,
                ..
            } => {
                self.on_turned_down(&send_back_addr, error);
            }
            // libp2p's enum, and not exhaustive: the rest is progress that nobody waits for.
            _ => {}
        }
    }

    fn on_net_event(&mut self, event: NetEvent) {
        let now = Instant::now();
        match event {
            NetEvent::Gate(never) => match never {},
            NetEvent::Ping(ping) => {
                if ping.result.is_ok() {
                    self.peers.pinged(&ping.peer, ping.connection, now);
                }
            }
            NetEvent::Identify(identify::Event::Received {
                peer_id,
                connection_id,
                info,
            }) => {
                self.on_identified(peer_id, connection_id, &info, now);
            }
            NetEvent::Identify(_) => {}
            NetEvent::Gossip(event) => self.on_gossip(event, now),
            NetEvent::Sync(event) => self.on_sync(event),
            NetEvent::Rosters(event) => self.on_roster(event),
            NetEvent::Mdns(mdns::Event::Discovered(found)) => {
                for (peer, address) in found {
                    if let Some(address) =
                        socket_of(&address).filter(|to| self.swarm.behaviour().gate.admits(to.ip()))
                    {
                        self.book.learn(address, Origin::Mdns, Some(peer), now);
                    }
                }
            }
            NetEvent::Mdns(mdns::Event::Expired(gone)) => {
                for address in gone.iter().filter_map(|(_, address)| socket_of(address)) {
                    self.book.expired(address, now);
                }
            }
        }
    }

    fn on_gossip(&mut self, event: gossipsub::Event, now: Instant) {
        let counters = &self.shared.counters;
        match event {
            gossipsub::Event::Message { message, .. } => {
                let from = message
                    .source
                    .filter(|author| !self.swarm.behaviour().gate.is_banned(author, now));
                match from {
                    Some(from) if self.outbox.takes_gossip() => {
                        counters.gossip_in.add(1);
                        counters.gossip_in_bytes.add(message.data.len());
                        self.outbox.tell(Event::Gossip {
                            from: Peer(from),
                            bytes: message.data,
                        });
                    }
                    Some(_) | None => counters.gossip_dropped.add(1),
                }
            }
            gossipsub::Event::Subscribed { peer_id, topic } if topic == self.topic.hash() => {
                self.peers.subscribed(&peer_id, true, now);
                self.take_steps(now);
            }
            gossipsub::Event::Unsubscribed { peer_id, topic } if topic == self.topic.hash() => {
                self.peers.subscribed(&peer_id, false, now);
            }
            gossipsub::Event::SlowPeer { peer_id, .. } => {
                counters.peers_slow.add(1);
                log::debug!("cluster peer {peer_id} is too slow for the gossip queued for it");
            }
            gossipsub::Event::Subscribed { .. }
            | gossipsub::Event::Unsubscribed { .. }
            | gossipsub::Event::GossipsubNotSupported { .. } => {}
        }
    }

    fn on_listening(&mut self, address: &Multiaddr, listens: bool) {
        let Some(address) = socket_of(address) else {
            return;
        };
        self.shared.listens(address, listens);
        if listens {
            log::info!("cluster node {} listens on {address}", self.local);
            self.book.ours(address, Instant::now());
            self.outbox.tell(Event::Listening(address));
        }
    }

    fn on_opened(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let now = Instant::now();
        let dialled = self.dialling.remove(&id);
        if let Some(address) = dialled {
            self.book.reached(address, peer, now);
        }
        let Some(remote) = dialled.or_else(|| socket_of(endpoint.get_remote_address())) else {
            return;
        };
        let connection = Connection {
            id,
            remote,
            dialled: dialled.is_some(),
            last_ok: now,
            pace: self.pace,
            since: now,
        };
        self.peers.opened(peer, connection);
        self.measure();
    }

    fn on_closed(&mut self, peer: &PeerId, id: ConnectionId) {
        let gone = self.peers.closed(peer, id);
        self.measure();
        let Some(gone) = gone else { return };
        self.newcomers.retain(|newcomer| newcomer != peer);
        self.book.lost(peer, Instant::now());
        if gone.up {
            log::info!("cluster peer {peer} is gone");
            self.outbox.tell_down(Peer(*peer));
        }
    }

    fn on_identified(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        info: &identify::Info,
        now: Instant,
    ) {
        let connections = self.peers.get(&peer).map(|known| &known.connections);
        let seen = connections
            .and_then(|all| all.iter().find(|one| one.id == connection))
            .map(|one| one.remote);
        let Some(seen) = seen else { return };
        if info.protocol_version != IDENTITY {
            self.refused(seen, Refusal::Protocol);
            self.swarm.close_connection(connection);
            return;
        }
        let introduced = self.book.knows(&peer);
        let listens = confirmed(&info.listen_addrs, seen.ip());
        for address in &listens {
            if self.swarm.behaviour().gate.admits(address.ip()) {
                self.book.learn(*address, Origin::Told, Some(peer), now);
            }
        }
        self.book.proven(&peer, now);
        let Some(known) = self.peers.get_mut(&peer) else {
            return;
        };
        known.listens = listens;
        let first = !known.identified;
        known.identified = true;
        if first {
            if !introduced {
                self.newcomers.push(peer);
            }
            // One of the two asks; the answer tells it as much.
            if self.local < peer || self.advertise.is_some() {
                self.exchange_rosters(&peer);
            }
            self.take_steps(now);
        }
    }

    fn on_undialled(&mut self, id: ConnectionId, error: DialError) {
        let Some(address) = self.dialling.remove(&id) else {
            return;
        };
        let now = Instant::now();
        if matches!(error, DialError::LocalPeerId { .. }) {
            return self.book.ours(address, now);
        }
        self.shared.counters.dials_failed.add(1);
        self.book.failed(address, now);
        log::debug!("cluster peer at {address} was not reached: {error}");
        match error {
            DialError::Denied { cause } => self.refused(address, reason(&cause)),
            DialError::Transport(errors) => {
                if errors.iter().any(|(_, error)| is_handshake_failure(error)) {
                    self.refused(address, Refusal::Handshake);
                }
            }
            DialError::LocalPeerId { .. }
            | DialError::NoAddresses
            | DialError::DialPeerConditionFalse(_)
            | DialError::Aborted
            | DialError::WrongPeerId { .. } => {}
        }
    }

    fn on_turned_down(&mut self, remote: &Multiaddr, error: ListenError) {
        let Some(address) = socket_of(remote) else {
            return;
        };
        match error {
            ListenError::Denied { cause } => self.refused(address, reason(&cause)),
            ListenError::Transport(TransportError::Other(error)) => {
                if !is_silent(&error) {
                    log::debug!("handshake with {address} failed: {error}");
                }
                self.refused(address, Refusal::Handshake);
            }
            ListenError::Transport(TransportError::MultiaddrNotSupported(_))
            | ListenError::Aborted
            | ListenError::WrongPeerId { .. }
            | ListenError::LocalPeerId { .. } => {}
        }
    }

    /// Counts a refusal, and tells it if it is news.
    pub(super) fn refused(&mut self, address: SocketAddr, reason: Refusal) {
        self.shared.counters.refused(reason);
        if self
            .outbox
            .takes_refusal(address.ip(), reason, Instant::now())
        {
            log::warn!("cluster connection with {address} refused: {reason}");
            self.outbox.tell(Event::Refused { address, reason });
        } else {
            self.shared.counters.refusals_untold.add(1);
        }
    }
}

fn reason(cause: &ConnectionDenied) -> Refusal {
    // Only the gate denies, and always with a reason.
    cause
        .downcast_ref::<Refusal>()
        .copied()
        .unwrap_or(Refusal::Limit)
}

/// A connection that was closed without a byte: a port probe, not worth a line.
fn is_silent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}
