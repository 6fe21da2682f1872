//! Owns the swarm: one `select!` over commands, swarm events, lookups and a tick, in one task.
//!
//! Nothing here waits for the floor above; what cannot be handed up is dropped, refused or kept
//! (see `outbox`). The parts: `swarm_events` (what libp2p reports), `requests`, `rosters` (the two
//! request protocols), `rounds` (what the tick does). A panic ends the task and with it every
//! connection; the caller starts a new room.

use std::any::Any;
use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::futures::StreamExt;
use libp2p::gossipsub::{IdentTopic, PublishError};
use libp2p::request_response::{InboundRequestId, OutboundRequestId};
use libp2p::swarm::{self, ConnectionId, Swarm};
use libp2p::{PeerId, TransportError};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{self, MissedTickBehavior};

use super::address::{self, Address};
use super::behaviour::{Net, Pace};
use super::book::{Book, Origin};
use super::config::Config;
use super::handle::{Command, Handle, Shared};
use super::identity::{self, ClusterKeys};
use super::outbox::Outbox;
use super::payload::Payload;
use super::peers::Peers;
use super::resolver::Resolver;
use super::{Event, LoopEnd, P2pError, Peer, transport};

mod requests;
mod rosters;
mod rounds;
mod swarm_events;

use requests::{Asked, Asking};

/// Resolution of all deadlines; ten wake-ups a second are nothing.
const TICK: Duration = Duration::from_millis(100);
/// Time for the last messages to leave; libp2p does not say when they have.
const FLUSH: Duration = Duration::from_millis(100);
/// Time for connections to close in good order.
const CLOSING_MAX: Duration = Duration::from_millis(500);

/// The task's whole state.
pub(crate) struct EventLoop {
    swarm: Swarm<Net>,
    local: PeerId,
    topic: IdentTopic,
    listen: SocketAddr,
    advertise: Option<SocketAddr>,
    shared: Arc<Shared>,
    commands: mpsc::Receiver<Command>,
    outbox: Outbox,
    book: Book,
    peers: Peers,
    resolver: Resolver,
    /// Dials in progress.
    dialling: HashMap<ConnectionId, SocketAddr>,
    /// Our requests without an answer.
    asking: HashMap<OutboundRequestId, Asking>,
    /// Peers' requests without an answer.
    asked: HashMap<InboundRequestId, Asked>,
    inbound_ids: HashMap<u64, InboundRequestId>,
    next_inbound: u64,
    /// Peers nobody introduced; the others are to hear of them.
    newcomers: Vec<PeerId>,
    pace: Pace,
    ticked: Instant,
    hurried: Instant,
    swept: Instant,
    exchanged: Instant,
    listening: bool,
}

/// Ends the task when the future that watches it is dropped.
struct AbortOnDrop(AbortHandle);

// === impl EventLoop ===

impl EventLoop {
    /// Builds the swarm and binds the listener; nothing is dialled before the loop runs.
    pub(crate) fn open(config: Config) -> Result<(Handle, mpsc::Receiver<Event>, Self), P2pError> {
        config.check()?;
        tokio::runtime::Handle::try_current().map_err(|_| P2pError::NoRuntime)?;
        let key = identity::fresh();
        let local = key.public().to_peer_id();
        let topic = IdentTopic::new(format!("rig/{}/registry/1", config.cluster));
        let keys = ClusterKeys::derive(&config.cluster, config.secret.as_ref());
        let transport = transport::build(&key, &keys)
            .map_err(|error| P2pError::Transport(error.to_string()))?;
        let settings = swarm::Config::with_tokio_executor()
            .with_idle_connection_timeout(Duration::from_secs(u64::MAX));
        let mut swarm = Swarm::new(
            transport,
            Net::build(&key, &config, &topic)?,
            local,
            settings,
        );
        listen(&mut swarm, config.listen)?;
        let (handle, commands, shared) = Handle::open(Peer(local));
        let (outbox, events) = Outbox::open();
        let now = Instant::now();
        let mut event_loop = Self {
            swarm,
            local,
            topic,
            listen: config.listen,
            advertise: config.advertise,
            shared,
            commands,
            outbox,
            book: Book::of(local, &config, now),
            peers: Peers::default(),
            resolver: Resolver::new(),
            dialling: HashMap::new(),
            asking: HashMap::new(),
            asked: HashMap::new(),
            inbound_ids: HashMap::new(),
            next_inbound: 1,
            newcomers: Vec::new(),
            pace: Pace::of(0),
            ticked: now,
            hurried: now,
            swept: now,
            exchanged: now,
            listening: true,
        };
        for address in config.peers.into_iter().chain(config.dns) {
            event_loop.dial(address);
        }
        Ok((handle, events, event_loop))
    }

    /// Works until told to stop, or until nobody needs it any more.
    async fn run(mut self) -> LoopEnd {
        let mut ticks = time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let events = self.outbox.watch();
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                command = self.commands.recv() => match command {
                    Some(Command::Shutdown) => {
                        self.close().await;
                        return LoopEnd::Shutdown;
                    }
                    Some(command) => self.on_command(command),
                    None => break,
                },
                Some(found) = self.resolver.found() => self.on_found(found),
                _ = ticks.tick() => self.on_tick(Instant::now()),
                () = events.closed() => break,
                true = self.outbox.drain_one(), if self.outbox.has_backlog() => {}
            }
        }
        self.close().await;
        LoopEnd::Abandoned
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Publish(bytes) => self.publish(bytes),
            Command::Request { peer, id, bytes } => self.ask(peer.0, id, bytes),
            Command::Respond { to, bytes } => self.answer(to, bytes),
            Command::Dial(address) => self.dial(address),
            Command::Disconnect { peer, pause } => self.ban(peer.0, pause),
            // Taken care of by `run`.
            Command::Shutdown => {}
            #[cfg(test)]
            Command::Panic => panic!("asked to"),
            #[cfg(test)]
            Command::Fill => {
                while self.outbox.takes_request() {
                    self.outbox.tell(Event::Listening(self.listen));
                }
            }
            #[cfg(test)]
            Command::Oversize(peer) => {
                let frame = super::codec::Frame::TooLong(u32::MAX);
                self.swarm.behaviour_mut().sync.send_request(&peer.0, frame);
            }
            #[cfg(test)]
            Command::Unsubscribe => {
                let _ = self.swarm.behaviour_mut().gossip.unsubscribe(&self.topic);
            }
        }
    }

    fn publish(&mut self, bytes: Payload) {
        let counters = &self.shared.counters;
        let length = bytes.len();
        match self
            .swarm
            .behaviour_mut()
            .gossip
            .publish(self.topic.clone(), bytes.into_vec())
        {
            Ok(_) => {
                counters.gossip_out.add(1);
                counters.gossip_out_bytes.add(length);
            }
            Err(PublishError::NoPeersSubscribedToTopic) => counters.gossip_unheard.add(1),
            Err(error) => {
                counters.gossip_failed.add(1);
                log::debug!("gossip of {length} bytes was not published: {error}");
            }
        }
    }

    fn dial(&mut self, address: Address) {
        match address {
            Address::Socket(address) => {
                self.book
                    .learn(address, Origin::Static, None, Instant::now())
            }
            Address::Name { host, port } => {
                if !self.resolver.watch(host, port) {
                    log::warn!("too many peer names are looked up already; one more was ignored");
                }
            }
        }
    }

    /// Disconnects a peer and keeps it out for `pause`.
    fn ban(&mut self, peer: PeerId, pause: Duration) {
        let now = Instant::now();
        // A century is for ever, and `Instant` cannot be added to without bound.
        let until = now + pause.min(Duration::from_secs(100 * 365 * 24 * 60 * 60));
        self.shared.counters.bans.add(1);
        self.swarm.behaviour_mut().gate.ban(peer, until);
        self.book.postpone(&peer, until);
        // An error means that the peer is not connected.
        let _ = self.swarm.disconnect_peer_id(peer);
    }

    /// Sends what was accepted, then closes connections in good order, so that peers notice at
    /// once.
    async fn close(&mut self) {
        let flushed = time::sleep(FLUSH);
        tokio::pin!(flushed);
        loop {
            tokio::select! {
                () = &mut flushed => break,
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
            }
        }
        let connected: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in connected {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let closed = async {
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.select_next_some().await;
            }
        };
        // Connections that are not closed by then are cut with the swarm.
        let _ = time::timeout(CLOSING_MAX, closed).await;
    }
}

// === impl AbortOnDrop ===

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs the loop in a task of its own, so that a panic is an outcome and not the caller's.
pub(crate) async fn supervise(event_loop: EventLoop) -> LoopEnd {
    let task = tokio::spawn(event_loop.run());
    let _abort = AbortOnDrop(task.abort_handle());
    match task.await {
        Ok(end) => end,
        Err(error) if error.is_panic() => LoopEnd::Panicked(message_of(&*error.into_panic())),
        // Only `_abort` cancels the task, or the runtime at its end.
        Err(_) => LoopEnd::Abandoned,
    }
}

/// Binds the listener.
///
/// libp2p sets SO_REUSEPORT, with which a second process would silently take half of the
/// connections; so the port is first asked for without it.
fn listen(swarm: &mut Swarm<Net>, at: SocketAddr) -> Result<(), P2pError> {
    let failed = |reason: String| P2pError::Listen { listen: at, reason };
    if at.port() != 0 {
        drop(TcpListener::bind(at).map_err(|error| failed(error.to_string()))?);
    }
    match swarm.listen_on(address::multiaddr_of(at)) {
        Ok(_) => Ok(()),
        Err(TransportError::Other(error)) => Err(failed(error.to_string())),
        Err(TransportError::MultiaddrNotSupported(_)) => {
            Err(failed("the address family is not supported".to_owned()))
        }
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown panic".to_owned())
}
