//! The libp2p protocols a node speaks, and their settings.
//!
//! Every value that differs from libp2p's default has its reason beside it; the measurements are in
//! the project's fact sheet. Deliberately absent: peer scoring and explicit peers of gossipsub;
//! members are trusted.

use std::time::{Duration, Instant};

use libp2p::StreamProtocol;
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity, ValidationMode};
use libp2p::identity::Keypair;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{identify, mdns, ping};

use super::codec::Frames;
use super::config::Config;
use super::gate::Gate;
use super::payload::Budget;
use super::roster::ROSTER_BYTES_MAX;
use super::{P2pError, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX};

/// What identify calls the protocol family; another one is not our peer.
pub(crate) const IDENTITY: &str = "rig/1";
const SYNC: StreamProtocol = StreamProtocol::new("/rig/registry/sync/1");
const PEERS: StreamProtocol = StreamProtocol::new("/rig/peers/1");
/// Limit of a request, from sending it to the last byte of its answer.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests of both directions on one connection; the library drops what is more, unread. A member
/// has at most 21 open for the registry (cluster protocol, section 6) and 24 for events
/// (`core/hub/limits.rs`), each way, and rarely some about revocations and lost events; a connection has 128 streams for all protocols.
const REQUESTS_PER_CONNECTION_MAX: usize = 96;
/// Whole gossip frame, both sides must agree; equals libp2p's default.
const GOSSIP_FRAME_MAX: usize = 64 * 1024;
/// Memory for arriving requests and answers of all peers: seven answers of the largest size.
const ARRIVING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Memory for arriving peer lists.
const ROSTERS_BYTES_MAX: usize = 1024 * 1024;

/// All protocols; `NetEvent` is derived. The gate is first: it alone refuses.
#[derive(NetworkBehaviour)]
pub(crate) struct Net {
    pub(crate) gate: Gate,
    pub(crate) ping: ping::Behaviour,
    pub(crate) identify: identify::Behaviour,
    pub(crate) gossip: gossipsub::Behaviour,
    pub(crate) sync: request_response::Behaviour<Frames>,
    pub(crate) rosters: request_response::Behaviour<Frames>,
    pub(crate) mdns: Toggle<mdns::tokio::Behaviour>,
}

/// How often a connection is pinged and how long it may live without a success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) interval: Duration,
    pub(crate) deadline: Duration,
}

// === impl Net ===

impl Net {
    pub(crate) fn build(
        key: &Keypair,
        config: &Config,
        topic: &IdentTopic,
    ) -> Result<Self, P2pError> {
        let frames = |request_max, answer_max, budget| Frames {
            request_max,
            answer_max,
            budget: Budget::of(budget),
        };
        let requests = request_response::Config::default()
            .with_request_timeout(REQUEST_TIMEOUT)
            .with_max_concurrent_streams(REQUESTS_PER_CONNECTION_MAX);
        let exchange = |codec, protocol| {
            request_response::Behaviour::with_codec(
                codec,
                [(protocol, ProtocolSupport::Full)],
                requests.clone(),
            )
        };
        let mdns = match config.mdns {
            true => {
                let peer = key.public().to_peer_id();
                Some(
                    mdns::tokio::Behaviour::new(mdns::Config::default(), peer)
                        .map_err(P2pError::Mdns)?,
                )
            }
            false => None,
        };
        Ok(Self {
            gate: Gate::new(
                config.allow.clone(),
                config.secret.is_none(),
                config.peers_max,
            ),
            ping: Pace::of(0).behaviour(),
            identify: identify::Behaviour::new(
                identify::Config::new(IDENTITY.to_owned(), key.public())
                    .with_agent_version(concat!("rig/", env!("CARGO_PKG_VERSION")).to_owned())
                    .with_push_listen_addr_updates(true)
                    // Addresses are kept in our own book, which knows when to forget.
                    .with_cache_size(0),
            ),
            gossip: gossip(key, topic).map_err(P2pError::Transport)?,
            sync: exchange(
                frames(REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, ARRIVING_BYTES_MAX),
                SYNC,
            ),
            rosters: exchange(
                frames(ROSTER_BYTES_MAX, ROSTER_BYTES_MAX, ROSTERS_BYTES_MAX),
                PEERS,
            ),
            mdns: mdns.into(),
        })
    }
}

// === impl Pace ===

impl Pace {
    /// Slower with more peers: pings are the idle traffic, and grow with the square of the cluster.
    pub(crate) fn of(peers: usize) -> Self {
        let (interval, deadline) = match peers {
            0..10 => (1, 3),
            10..30 => (5, 12),
            _ => (15, 35),
        };
        Self {
            interval: Duration::from_secs(interval),
            deadline: Duration::from_secs(deadline),
        }
    }

    /// The timeout is ours to keep ([`Pace::is_missed`]): libp2p's ping never closes a connection.
    pub(crate) fn behaviour(self) -> ping::Behaviour {
        ping::Behaviour::new(
            ping::Config::new()
                .with_interval(self.interval)
                .with_timeout(self.deadline),
        )
    }

    pub(crate) fn is_missed(self, last_ok: Instant, now: Instant) -> bool {
        now.saturating_duration_since(last_ok) > self.deadline
    }
}

fn gossip(key: &Keypair, topic: &IdentTopic) -> Result<gossipsub::Behaviour, String> {
    let config = gossipsub::ConfigBuilder::default()
        .heartbeat_interval(Duration::from_millis(700))
        // The default of 5 s would leave a new node without a mesh for as long.
        .heartbeat_initial_delay(Duration::from_millis(100))
        .validation_mode(ValidationMode::Strict)
        .max_transmit_size(GOSSIP_FRAME_MAX)
        // Members leave and return within seconds here; a minute of back-off would keep them out of
        // meshes.
        .prune_backoff(Duration::from_secs(5))
        .unsubscribe_backoff(Duration::from_secs(1))
        .duplicate_cache_time(Duration::from_secs(60))
        // The default of 5,000 would let one slow peer hold 320 MiB.
        .connection_handler_queue_len(256)
        .build()
        .map_err(|error| error.to_string())?;
    let mut gossip = gossipsub::Behaviour::new(MessageAuthenticity::Signed(key.clone()), config)?;
    gossip.subscribe(topic).map_err(|error| error.to_string())?;
    Ok(gossip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_clusters_ping_less_and_wait_for_two_pings() {
        assert_eq!(Pace::of(9).interval, Duration::from_secs(1));
        assert!(
            Pace::of(10).interval > Pace::of(9).interval
                && Pace::of(30).interval > Pace::of(29).interval
        );
        for pace in [0, 10, 30].map(Pace::of) {
            assert!(pace.deadline > pace.interval * 2);
        }
    }

    #[test]
    fn a_connection_is_late_only_after_its_deadline() {
        let (pace, now) = (Pace::of(0), Instant::now());
        assert!(!pace.is_missed(now, now + pace.deadline));
        assert!(pace.is_missed(now, now + pace.deadline + Duration::from_millis(1)));
    }
}
