//! Attackers of the cluster port: one that speaks the gateway's own protocol, with whatever secret it
//! has, and one that knows the secret but builds its frames by hand.
//!
//! The first is the gateway's network part itself, in a thread of its own. The second is a bare libp2p
//! node, since the network part refuses to send what is too long. Deliberately absent: breaking the
//! encryption.

use std::{
    io,
    net::SocketAddr,
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use libp2p::{
    Multiaddr, StreamProtocol, Swarm, Transport,
    core::upgrade::Version,
    futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    identity::Keypair,
    multiaddr::Protocol,
    noise,
    pnet::{PnetConfig, PreSharedKey},
    request_response::{Behaviour, Codec, Config as Exchanges, Event as Exchange, ProtocolSupport},
    swarm::{Config as SwarmConfig, SwarmEvent},
    tcp, yamux,
};
use rig::p2p::{
    self, Event, Peer,
    address::Address,
    config::{Config, Secret},
    handle::{Handle, HandleError},
};
use sha2::{Digest, Sha256};

/// How long something that happens in milliseconds may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Requests under way; a node reads 32 of one connection.
const CLAIMS_AT_ONCE: usize = 8;
/// The protocol of questions to one node.
const SYNC: StreamProtocol = StreamProtocol::new("/rig/registry/sync/1");

/// Speaks the gateway's protocol, and says what it likes.
pub(crate) struct Intruder {
    pub(crate) handle: Handle,
    events: Receiver<Event>,
}

/// Writes a claim of a length instead of a request, and reads no answer.
#[derive(Clone)]
struct Claim;

// === impl Intruder ===

impl Intruder {
    /// Connects to the node at `target`, with this secret or none.
    pub(crate) fn start(target: SocketAddr, secret: Option<&str>) -> Self {
        let mut config = Config::new("rig", SocketAddr::from(([127, 0, 0, 1], 0)));
        config.secret = secret.map(Secret::new);
        config.loopback_without_secret = true;
        config.peers = vec![Address::Socket(target)];
        let (handles, handle) = channel();
        let (tell, events) = channel();
        thread::spawn(move || {
            runtime().block_on(async move {
                let (handle, mut events, event_loop) = p2p::start(config).expect("it starts");
                tokio::spawn(event_loop);
                handles.send(handle).expect("somebody waits for it");
                while let Some(event) = events.recv().await {
                    if tell.send(event).is_err() {
                        return;
                    }
                }
            });
        });
        let handle = handle.recv().expect("a network part");
        Self { handle, events }
    }

    /// The first event from now on that `wanted` makes something of.
    pub(crate) fn next<T>(&self, wanted: impl Fn(Event) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let event = self.events.recv_timeout(left).expect("an event in time");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    }

    /// Waits until it is connected.
    pub(crate) fn admitted(&self) -> Peer {
        self.next(|event| match event {
            Event::PeerUp { peer, .. } => Some(peer),
            _ => None,
        })
    }

    /// Everything that happened so far and was not looked at.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.try_iter().collect()
    }

    /// Tells all, and waits for a place in the own queue if it must.
    pub(crate) fn publish(&self, bytes: &[u8]) {
        while self.handle.publish(bytes.to_vec()) == Err(HandleError::Full) {
            thread::yield_now();
        }
    }
}

// === impl Claim ===

impl Codec for Claim {
    type Protocol = StreamProtocol;
    type Request = u32;
    type Response = ();

    async fn read_request<T>(&mut self, _: &StreamProtocol, _: &mut T) -> io::Result<u32>
    where
        T: AsyncRead + Unpin + Send,
    {
        Ok(0)
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<()>
    where
        T: AsyncRead + Unpin + Send,
    {
        io.read_to_end(&mut Vec::new()).await.map(|_| ())
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        claim: u32,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&claim.to_be_bytes()).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, _: &mut T, (): ()) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        Ok(())
    }
}

/// Connects to `target` as a member would, and sends requests that claim to have 4 GiB, until the node
/// closes the connection.
pub(crate) fn claim_too_much(target: SocketAddr, secret: &str) {
    runtime().block_on(async move {
        let key = Keypair::generate_ed25519();
        let noise = noise::Config::new(&key).expect("a key");
        let noise = noise.with_prologue(derive("rig/noise/1", secret).to_vec());
        let private = PnetConfig::new(PreSharedKey::new(derive("rig/pnet/1", secret)));
        let transport = tcp::tokio::Transport::new(tcp::Config::default())
            .and_then(move |socket, _| private.handshake(socket))
            .upgrade(Version::V1Lazy)
            .authenticate(noise)
            .multiplex(yamux::Config::default())
            .boxed();
        let exchange =
            Behaviour::with_codec(Claim, [(SYNC, ProtocolSupport::Full)], Exchanges::default());
        let peer = key.public().to_peer_id();
        let mut swarm = Swarm::new(
            transport,
            exchange,
            peer,
            SwarmConfig::with_tokio_executor(),
        );
        let address = Multiaddr::from(target.ip()).with(Protocol::Tcp(target.port()));
        swarm.dial(address).expect("dialled");
        let attack = async {
            loop {
                match swarm.select_next_some().await {
                    SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                        for _ in 0..CLAIMS_AT_ONCE {
                            swarm.behaviour_mut().send_request(&peer_id, u32::MAX);
                        }
                    }
                    SwarmEvent::Behaviour(
                        Exchange::Message { peer, .. } | Exchange::OutboundFailure { peer, .. },
                    ) => {
                        swarm.behaviour_mut().send_request(&peer, u32::MAX);
                    }
                    SwarmEvent::ConnectionClosed { .. } => return,
                    SwarmEvent::OutgoingConnectionError { error, .. } => panic!("{error}"),
                    _ => {}
                }
            }
        };
        let ended = tokio::time::timeout(PATIENCE, attack).await;
        ended.expect("the node closes the connection");
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// The keys that a node derives (`p2p/identity.rs`), for the cluster `rig`.
fn derive(purpose: &str, secret: &str) -> [u8; 32] {
    let hash = |parts: &[&[u8]]| -> [u8; 32] {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.finalize().into()
    };
    let extracted = hash(&[b"rig/cluster/1", b"rig", secret.as_bytes()]);
    hash(&[purpose.as_bytes(), &extracted])
}
