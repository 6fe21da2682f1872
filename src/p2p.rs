//! The room that moves bytes between the nodes of one cluster.
//!
//! [`start`] gives a [`Handle`] (commands), a receiver of [`Event`]s and a future that owns the
//! libp2p `Swarm` and ends only with it. What the bytes mean is decided above: no message format,
//! no member, no vote lives here, and no libp2p type leaves the room. May use libp2p, tokio, log,
//! ipnet; never actix, never `core`. Deliberately absent: stored identities (rust-libp2p #5097),
//! QUIC, relays, NAT traversal, a DHT. Protocols: <https://github.com/libp2p/specs> (noise, yamux,
//! gossipsub v1.1, identify, ping, pnet, mdns).

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;

use thiserror::Error;
use tokio::sync::mpsc;

pub mod address;
mod behaviour;
mod book;
mod codec;
pub mod config;
mod event_loop;
mod gate;
pub mod handle;
mod identity;
mod outbox;
pub mod payload;
mod peers;
mod resolver;
mod roster;
pub mod stats;
mod transport;

#[cfg(test)]
mod tests;

use config::Config;
use event_loop::EventLoop;
use handle::Handle;
use payload::Payload;

/// Largest payload of one [`Handle::publish`]. Gossip frames end at 64 KiB; signature, key, topic
/// (the cluster name is at most 128 bytes) and framing need less than 1 KiB of that.
pub const GOSSIP_BYTES_MAX: usize = 63 * 1024;
/// Largest request: a page of 1 MiB plus its envelope.
pub const REQUEST_BYTES_MAX: usize = 1024 * 1024 + 64 * 1024;
/// Largest response: a definition of 8 MiB plus its envelope.
pub const RESPONSE_BYTES_MAX: usize = 9 * 1024 * 1024;

/// A node's network identity: new for every process, so a restarted node is a new peer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(libp2p::PeerId);

/// Names one request of ours; its [`Event::Response`] carries the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

/// Names one request of a peer; [`Handle::respond`] takes it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboundId(u64);

/// What the room tells the floor above.
///
/// Only `Gossip`, `Request` and `Refused` can be left out when the receiver is slow (counted in
/// [`stats::Stats`]); all others are kept until taken, and their number is bounded.
#[derive(Debug)]
pub enum Event {
    /// The node accepts connections at this address.
    Listening(SocketAddr),
    /// A peer is connected, identified and subscribed to the gossip topic, or was given up as a
    /// subscriber after its grace time: then only requests reach it.
    PeerUp {
        /// Who.
        peer: Peer,
        /// Where it listens if that is known, else the other end of the connection.
        address: SocketAddr,
    },
    /// The last connection to a peer that was up is gone.
    PeerDown {
        /// Who.
        peer: Peer,
    },
    /// A gossip message, at most once per message. Its author may be a node we hold no connection
    /// to.
    Gossip {
        /// The author; the signature was verified.
        from: Peer,
        /// At most 64 KiB.
        bytes: Vec<u8>,
    },
    /// A peer asks; answer with [`Handle::respond`] within 10 s.
    Request {
        /// Who asks.
        peer: Peer,
        /// To be given to [`Handle::respond`].
        id: InboundId,
        /// At most [`REQUEST_BYTES_MAX`].
        bytes: Payload,
    },
    /// The outcome of [`Handle::request`]; exactly one per accepted request.
    Response {
        /// The value [`Handle::request`] returned.
        id: RequestId,
        /// At most [`RESPONSE_BYTES_MAX`], or why there is no answer.
        result: Result<Payload, RequestError>,
    },
    /// A connection was not admitted, here or over there. At most one per address and reason a
    /// minute.
    Refused {
        /// The other end.
        address: SocketAddr,
        /// Why.
        reason: Refusal,
    },
}

/// Why a connection was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
pub enum Refusal {
    /// The encrypted handshake failed. A wrong secret looks like this, and so does a port probe.
    #[error(
        "the handshake failed; check that both nodes have the same secret and the same cluster name"
    )]
    Handshake,
    /// The address is not in the allow list, or is not loopback while no secret is set.
    #[error("the address is not in the allow list")]
    AllowList,
    /// A limit on connections or peers is reached.
    #[error("a connection limit is reached")]
    Limit,
    /// [`Handle::disconnect`] (or too many malformed messages) keeps this peer out for a while.
    #[error("the peer was disconnected for a while")]
    Banned,
    /// The other end did not identify itself as a node of this gateway.
    #[error("the other end does not speak this gateway's protocol")]
    Protocol,
}

/// Why a request has no answer. The peer may have seen it in every case but `NotConnected` and
/// `Busy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// No connection to this peer; nothing was sent.
    #[error("the peer is not connected")]
    NotConnected,
    /// Too many requests are open already; nothing was sent.
    #[error("too many requests are open")]
    Busy,
    /// No answer within 10 s.
    #[error("the peer did not answer in time")]
    Timeout,
    /// The connection ended first.
    #[error("the connection closed before the answer")]
    Closed,
    /// The peer is overloaded and said so.
    #[error("the peer is too busy to answer")]
    PeerBusy,
    /// The answer was larger than [`RESPONSE_BYTES_MAX`] or not a frame.
    #[error("the answer was malformed")]
    Malformed,
    /// The peer does not know the protocol.
    #[error("the peer does not support requests")]
    Unsupported,
}

/// Why the room could not be opened. Nothing listens after an error.
#[derive(Debug, Error)]
pub enum P2pError {
    /// Must be called inside a tokio runtime with I/O and time enabled.
    #[error("the cluster must be started inside a tokio runtime")]
    NoRuntime,
    /// Not 1 to 128 bytes, or with control characters.
    #[error("the cluster name must be 1 to 128 bytes without control characters")]
    ClusterName,
    /// Anybody could join.
    #[error(
        "listening on {listen} needs a cluster secret of at least {min} bytes, or use loopback",
        min = config::SECRET_BYTES_MIN
    )]
    SecretMissing {
        /// The address asked for.
        listen: SocketAddr,
    },
    /// Loopback without a secret must be asked for.
    #[error("listening on {listen} without a cluster secret was not allowed; set a secret")]
    SecretMissingOnLoopback {
        /// The address asked for.
        listen: SocketAddr,
    },
    /// Too easy to guess.
    #[error(
        "the cluster secret has {bytes} bytes; at least {min} are needed",
        min = config::SECRET_BYTES_MIN
    )]
    SecretShort {
        /// Its length.
        bytes: usize,
    },
    /// More configured addresses than the room watches.
    #[error(
        "{count} peer addresses and names; at most {max} are possible",
        max = config::PLACES_MAX
    )]
    TooManyPlaces {
        /// How many were given.
        count: usize,
    },
    /// `peers_max` is 0 or above 1,000.
    #[error("the peer limit must be 1 to {max}", max = config::PEERS_MAX_MAX)]
    PeerLimit,
    /// The address is taken or not ours.
    #[error("cannot listen on {listen}: {reason}")]
    Listen {
        /// The address asked for.
        listen: SocketAddr,
        /// The system's words.
        reason: String,
    },
    /// The multicast socket could not be opened.
    #[error("cannot use mDNS: {0}")]
    Mdns(std::io::Error),
    /// The cryptography library refused its own key.
    #[error("cannot prepare the encrypted transport: {0}")]
    Transport(String),
}

/// Why the event loop ended. All connections are closed by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoopEnd {
    /// [`Handle::shutdown`] was called.
    Shutdown,
    /// Every [`Handle`], or the event receiver, was dropped.
    Abandoned,
    /// A defect; the caller starts a new room. Holds the panic's message.
    Panicked(String),
}

/// Opens the room: binds the listener, then returns without waiting for a peer.
///
/// The future must be polled (usually spawned); it ends with the loop, and dropping it closes every
/// connection at once. Both other parts go dead with it, so a caller that gets
/// [`LoopEnd::Panicked`] starts again.
///
/// # Errors
/// See [`P2pError`].
pub fn start(
    config: Config,
) -> Result<
    (
        Handle,
        mpsc::Receiver<Event>,
        impl Future<Output = LoopEnd> + Send + 'static,
    ),
    P2pError,
> {
    let (handle, events, event_loop) = EventLoop::open(config)?;
    Ok((handle, events, event_loop::supervise(event_loop)))
}

// === impl Peer ===

impl Peer {
    /// The identity as bytes (a libp2p multihash, 38 bytes for the keys made here).
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// Reads what [`Peer::to_bytes`] wrote; `None` if it is not an identity.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        libp2p::PeerId::from_bytes(bytes).ok().map(Self)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({})", self.0)
    }
}
