//! Who may have a connection: allow list, bans and limits, asked by the swarm before anything else.
//!
//! The address is judged when a TCP connection arrives, before a byte of handshake, and again when
//! it is established; the identity can only be judged then. One behaviour instead of libp2p's
//! three, so that every denial carries one typed reason, and because `connection_limits` 0.7 keeps
//! an entry for every identity it ever saw.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::Instant;

use ipnet::IpNet;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::{
    ConnectionClosed, ConnectionEstablished, DialFailure, ListenFailure,
};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

use super::Refusal;
use super::address::socket_of;

/// Two are normal for a moment (both sides dialled); after a power loss two dead ones may linger
/// beside them.
const CONNECTIONS_PER_PEER_MAX: usize = 4;
/// Handshakes in progress that we did not start: all peers may come at once after a restart.
const ARRIVING_MAX: usize = 256;
/// Of these from one IP, so that one host cannot hold all places. On one machine the whole cluster
/// is one IP.
const ARRIVING_PER_IP_MAX: usize = 64;
/// Bans remembered; the soonest to end gives way.
const BANS_MAX: usize = 1_024;

/// Admits or refuses connections.
pub(crate) struct Gate {
    allow: Vec<IpNet>,
    loopback_only: bool,
    peers_max: usize,
    arriving: HashMap<ConnectionId, IpAddr>,
    connected: HashMap<PeerId, usize>,
    connections: usize,
    banned: HashMap<PeerId, Instant>,
}

// === impl Gate ===

impl Gate {
    /// `loopback_only` is for clusters without a secret.
    pub(crate) fn new(allow: Vec<IpNet>, loopback_only: bool, peers_max: usize) -> Self {
        Self {
            allow,
            loopback_only,
            peers_max,
            arriving: HashMap::new(),
            connected: HashMap::new(),
            connections: 0,
            banned: HashMap::new(),
        }
    }

    /// Whether this IP may be talked to at all.
    pub(crate) fn admits(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        (!self.loopback_only || ip.is_loopback())
            && (self.allow.is_empty() || self.allow.iter().any(|range| range.contains(&ip)))
    }

    /// Keeps a peer out until `until`. Existing connections are the caller's to close.
    pub(crate) fn ban(&mut self, peer: PeerId, until: Instant) {
        if self.banned.len() >= BANS_MAX && !self.banned.contains_key(&peer) {
            let soonest = self
                .banned
                .iter()
                .min_by_key(|(_, until)| **until)
                .map(|(peer, _)| *peer);
            if let Some(soonest) = soonest {
                self.banned.remove(&soonest);
            }
        }
        self.banned.insert(peer, until);
    }

    pub(crate) fn is_banned(&self, peer: &PeerId, now: Instant) -> bool {
        self.banned.get(peer).is_some_and(|until| now < *until)
    }

    /// Forgets bans that are over.
    pub(crate) fn sweep(&mut self, now: Instant) {
        self.banned.retain(|_, until| now < *until);
    }

    fn arrive(&mut self, id: ConnectionId, remote: &Multiaddr) -> Result<(), Refusal> {
        let ip = socket_of(remote).ok_or(Refusal::AllowList)?.ip();
        if !self.admits(ip) {
            return Err(Refusal::AllowList);
        }
        let from_there = self.arriving.values().filter(|other| **other == ip).count();
        if self.arriving.len() >= ARRIVING_MAX || from_there >= ARRIVING_PER_IP_MAX {
            return Err(Refusal::Limit);
        }
        self.arriving.insert(id, ip);
        Ok(())
    }

    fn establish(
        &mut self,
        id: ConnectionId,
        peer: &PeerId,
        remote: &Multiaddr,
    ) -> Result<(), Refusal> {
        self.arriving.remove(&id);
        if !socket_of(remote).is_some_and(|socket| self.admits(socket.ip())) {
            return Err(Refusal::AllowList);
        }
        if self.is_banned(peer, Instant::now()) {
            return Err(Refusal::Banned);
        }
        let known = self.connected.get(peer).copied().unwrap_or(0);
        let full = self.connections >= self.peers_max * 2
            || (known == 0 && self.connected.len() >= self.peers_max);
        if known >= CONNECTIONS_PER_PEER_MAX || full {
            return Err(Refusal::Limit);
        }
        Ok(())
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.arrive(id, remote).map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.establish(id, &peer, remote)
            .map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _id: ConnectionId,
        _peer: Option<PeerId>,
        addresses: &[Multiaddr],
        _role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let admitted = addresses
            .iter()
            .all(|address| socket_of(address).is_some_and(|to| self.admits(to.ip())));
        if admitted {
            Ok(Vec::new())
        } else {
            Err(ConnectionDenied::new(Refusal::AllowList))
        }
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _role: Endpoint,
        _port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.establish(id, &peer, remote)
            .map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { peer_id, .. }) => {
                self.connections += 1;
                *self.connected.entry(peer_id).or_default() += 1;
            }
            FromSwarm::ConnectionClosed(ConnectionClosed {
                peer_id,
                remaining_established,
                ..
            }) => {
                self.connections = self.connections.saturating_sub(1);
                if remaining_established == 0 {
                    self.connected.remove(&peer_id);
                } else {
                    self.connected.insert(peer_id, remaining_established);
                }
            }
            FromSwarm::ListenFailure(ListenFailure { connection_id, .. })
            | FromSwarm::DialFailure(DialFailure { connection_id, .. }) => {
                self.arriving.remove(&connection_id);
            }
            // libp2p's enum, and not exhaustive: the other events do not concern the gate.
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _peer: PeerId,
        _id: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_allow_list_judges_the_ip_in_both_forms() {
        let gate = Gate::new(vec!["10.0.0.0/8".parse().unwrap()], false, 8);
        for (ip, admitted) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("11.0.0.1", false),
            ("::1", false),
        ] {
            assert_eq!(gate.admits(ip.parse().unwrap()), admitted, "{ip}");
        }
    }

    #[test]
    fn without_a_secret_only_loopback_is_admitted() {
        let gate = Gate::new(Vec::new(), true, 8);
        assert!(gate.admits("127.0.0.9".parse().unwrap()));
        assert!(!gate.admits("10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn one_ip_cannot_hold_all_places_of_arriving_connections() {
        let mut gate = Gate::new(Vec::new(), false, 8);
        let (one, other) = (at("/ip4/10.0.0.1/tcp/1"), at("/ip4/10.0.0.2/tcp/1"));
        for id in 0..ARRIVING_PER_IP_MAX {
            assert_eq!(gate.arrive(ConnectionId::new_unchecked(id), &one), Ok(()));
        }
        let next = ConnectionId::new_unchecked(ARRIVING_PER_IP_MAX);
        assert_eq!(gate.arrive(next, &one), Err(Refusal::Limit));
        assert_eq!(gate.arrive(next, &other), Ok(()));
    }

    #[test]
    fn a_ban_ends_and_the_table_of_bans_is_bounded() {
        let (mut gate, now) = (Gate::new(Vec::new(), false, 8), Instant::now());
        let peer = PeerId::random();
        gate.ban(peer, now + Duration::from_secs(60));
        assert!(gate.is_banned(&peer, now + Duration::from_secs(59)));
        assert!(!gate.is_banned(&peer, now + Duration::from_secs(60)));
        for _ in 0..BANS_MAX * 2 {
            gate.ban(PeerId::random(), now + Duration::from_secs(90));
        }
        assert_eq!(gate.banned.len(), BANS_MAX);
        gate.sweep(now + Duration::from_secs(90));
        assert!(gate.banned.is_empty());
    }
}
