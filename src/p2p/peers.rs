//! Who is connected now, over which connections, and how far the acquaintance has come.
//!
//! Decisions only (up, heal, close): the event loop carries them out. Time is an argument.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::swarm::ConnectionId;

use super::behaviour::Pace;

/// Time for identify, and for the subscription after connecting (facts: rule for rust-libp2p
/// #5097).
const GRACE: Duration = Duration::from_secs(3);
/// Times an unsubscribed peer is disconnected before it is accepted as it is, so that nothing flaps
/// for ever.
const HEALS_MAX: u8 = 2;
/// A second connection may carry the first subscription; by then it has been delivered.
const DUPLICATE_GRACE: Duration = Duration::from_secs(2);
/// Malformed frames in a minute that get a peer disconnected.
const MALFORMED_MAX: u32 = 100;
const MINUTE: Duration = Duration::from_secs(60);
/// Identities whose heals are remembered.
const HEALED_MAX: usize = 1_024;

/// All connected peers.
#[derive(Default)]
pub(crate) struct Peers {
    known: HashMap<PeerId, Acquaintance>,
    healed: HashMap<PeerId, u8>,
}

/// One connected peer.
pub(crate) struct Acquaintance {
    pub(crate) connections: Vec<Connection>,
    /// Where it listens, as far as that could be confirmed.
    pub(crate) listens: Vec<SocketAddr>,
    pub(crate) identified: bool,
    pub(crate) up: bool,
    /// Requests of either direction that are open; such a peer's connections are not tidied.
    pub(crate) busy: usize,
    since: Instant,
    subscribed: bool,
    malformed: u32,
    malformed_since: Instant,
}

/// One connection.
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) remote: SocketAddr,
    pub(crate) dialled: bool,
    pub(crate) last_ok: Instant,
    pub(crate) pace: Pace,
    pub(crate) since: Instant,
}

/// What is to be done about a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Tell the floor above.
    Up(PeerId),
    /// Connected but not subscribed: disconnect and dial again.
    Heal(PeerId),
    /// It never identified itself.
    Stranger(PeerId),
    /// No ping in time.
    Late(ConnectionId),
    /// A second connection that is ours to close.
    Duplicate(ConnectionId),
}

// === impl Peers ===

impl Peers {
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn up(&self) -> usize {
        self.known.values().filter(|peer| peer.up).count()
    }

    pub(crate) fn connections(&self) -> usize {
        self.known.values().map(|peer| peer.connections.len()).sum()
    }

    pub(crate) fn contains(&self, peer: &PeerId) -> bool {
        self.known.contains_key(peer)
    }

    pub(crate) fn get(&self, peer: &PeerId) -> Option<&Acquaintance> {
        self.known.get(peer)
    }

    pub(crate) fn get_mut(&mut self, peer: &PeerId) -> Option<&mut Acquaintance> {
        self.known.get_mut(peer)
    }

    pub(crate) fn identified(&self) -> impl Iterator<Item = (&PeerId, &Acquaintance)> {
        self.known.iter().filter(|(_, peer)| peer.identified)
    }

    /// A connection was established.
    pub(crate) fn opened(&mut self, peer: PeerId, connection: Connection) {
        let now = connection.since;
        let peer = self.known.entry(peer).or_insert(Acquaintance {
            connections: Vec::new(),
            listens: Vec::new(),
            identified: false,
            up: false,
            busy: 0,
            since: now,
            subscribed: false,
            malformed: 0,
            malformed_since: now,
        });
        peer.connections.push(connection);
    }

    /// A connection ended; gives the peer back if it was the last one.
    pub(crate) fn closed(&mut self, peer: &PeerId, id: ConnectionId) -> Option<Acquaintance> {
        let known = self.known.get_mut(peer)?;
        known.connections.retain(|connection| connection.id != id);
        if known.connections.is_empty() {
            self.known.remove(peer)
        } else {
            None
        }
    }

    pub(crate) fn subscribed(&mut self, peer: &PeerId, subscribed: bool, now: Instant) {
        if subscribed {
            self.healed.remove(peer);
        }
        if let Some(peer) = self.known.get_mut(peer) {
            if peer.subscribed && !subscribed {
                peer.since = now;
            }
            peer.subscribed = subscribed;
        }
    }

    pub(crate) fn pinged(&mut self, peer: &PeerId, id: ConnectionId, now: Instant) {
        let connection = self
            .known
            .get_mut(peer)
            .and_then(|peer| peer.connections.iter_mut().find(|c| c.id == id));
        if let Some(connection) = connection {
            connection.last_ok = now;
        }
    }

    /// Counts a malformed frame; `true` when it was one too many.
    pub(crate) fn malformed(&mut self, peer: &PeerId, now: Instant) -> bool {
        let Some(peer) = self.known.get_mut(peer) else {
            return false;
        };
        if now.saturating_duration_since(peer.malformed_since) > MINUTE {
            peer.malformed = 0;
            peer.malformed_since = now;
        }
        peer.malformed += 1;
        peer.malformed > MALFORMED_MAX
    }

    /// This node itself stood still for `pause`: nobody's silence in that time counts.
    pub(crate) fn excuse(&mut self, pause: Duration) {
        for peer in self.known.values_mut() {
            peer.since += pause;
            for connection in &mut peer.connections {
                connection.last_ok += pause;
            }
        }
    }

    /// What is to be done now. `Heal` is counted as done.
    pub(crate) fn steps(&mut self, local: &PeerId, now: Instant) -> Vec<Step> {
        let mut steps = Vec::new();
        for (id, peer) in &self.known {
            let late = peer
                .connections
                .iter()
                .filter(|c| c.pace.is_missed(c.last_ok, now));
            steps.extend(late.map(|connection| Step::Late(connection.id)));
            steps.extend(peer.duplicate(id, local, now).map(Step::Duplicate));
            let waited = now.saturating_duration_since(peer.since) > GRACE;
            let heals = self.healed.get(id).copied().unwrap_or(0);
            let step = match (peer.identified, peer.subscribed) {
                (true, true) if !peer.up => Some(Step::Up(*id)),
                (true, false) if waited && heals < HEALS_MAX => Some(Step::Heal(*id)),
                (true, false) if waited && !peer.up => Some(Step::Up(*id)),
                (true, _) => None,
                (false, _) => waited.then_some(Step::Stranger(*id)),
            };
            steps.extend(step);
        }
        for step in &steps {
            if let Step::Heal(peer) = step {
                if self.healed.len() >= HEALED_MAX {
                    self.healed.clear();
                }
                *self.healed.entry(*peer).or_default() += 1;
            }
        }
        steps
    }
}

// === impl Acquaintance ===

impl Acquaintance {
    /// Where it listens, else where it was seen.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        let dialled = self
            .connections
            .iter()
            .find(|connection| connection.dialled)
            .map(|connection| connection.remote);
        dialled
            .or(self.listens.first().copied())
            .or(self.connections.first().map(|connection| connection.remote))
    }

    /// A connection this node should close. Each side closes only what it dialled: of two
    /// directions the smaller identity's stays, of two dialled ones the older.
    fn duplicate(&self, peer: &PeerId, local: &PeerId, now: Instant) -> Option<ConnectionId> {
        let settled = self
            .connections
            .iter()
            .all(|c| now.saturating_duration_since(c.since) > DUPLICATE_GRACE);
        if self.connections.len() < 2 || self.busy > 0 || !settled {
            return None;
        }
        let dialled = self
            .connections
            .iter()
            .filter(|connection| connection.dialled);
        let newest = dialled.clone().max_by_key(|connection| connection.since)?;
        let theirs_stays = peer < local
            && self
                .connections
                .iter()
                .any(|connection| !connection.dialled);
        (theirs_stays || dialled.count() > 1).then_some(newest.id)
    }
}

#[cfg(test)]
mod tests;
