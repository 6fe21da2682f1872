//! The cluster actor: owns the network part (`p2p`) and speaks for the registry and hub actors. Whose
//! a message is, its first byte says.
//!
//! The swarm runs in its own task, so that a defect in it cannot take an actor down. When that task
//! ends, the actor opens a new one after a pause, with a new identity; everything else goes on
//! meanwhile, and the replica catches up. Deliberately absent: what the bytes mean.

mod counting;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Recipient, Supervised, WrapFuture,
};
use tokio::sync::mpsc;

use crate::{
    actor::{Alarm, MAILBOX_MESSAGES_MAX, cluster::counting::Counting},
    core::{
        hub::{self, HUB_MAJOR},
        replica::{id::PeerId, input::Input},
    },
    message::cluster::{Heard, HeardByHub, Tell},
    p2p::{
        self, Event, InboundId, LoopEnd, Peer, Refusal, RequestError, RequestId,
        config::Config,
        handle::{Handle, HandleError},
        payload::Payload,
    },
    telemetry::network::NetworkMetrics,
};

/// How often the counters of the network part are carried over to the metrics.
const COUNTING_INTERVAL: Duration = Duration::from_secs(1);

/// First pause before the network part is opened again; doubled up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(200);

/// Longest pause before the network part is opened again.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// A network part that lived this long was sound; the next pause is short again.
const SOUND_AFTER: Duration = Duration::from_secs(30);

/// Questions of peers that may wait for an answer of the replica or the hub. A further one is left
/// unanswered; its asker's time limit ends it.
const QUESTIONS_MAX: usize = 1_024;

/// Owns the network part.
pub struct ClusterActor {
    config: Config,
    registry: Recipient<Heard>,
    hub: Recipient<HeardByHub>,
    metrics: Arc<NetworkMetrics>,
    network: Option<Network>,
    pause: Duration,
    /// Ours for the next question of a peer. Goes on when the network part is opened again: a late answer
    /// must not meet a new question.
    next_question: u64,
    /// The node has left its cluster; nothing is opened again.
    closed: bool,
    _alarm: Alarm,
}

/// One life of the network part.
struct Network {
    handle: Handle,
    opened: Instant,
    /// Our questions by the network's number, with the asker's number.
    asked: HashMap<RequestId, (Owner, u64)>,
    /// Peers' questions by our number.
    questions: HashMap<u64, InboundId>,
    peers: Vec<Peer>,
    counting: Counting,
}

/// Whom a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Registry,
    Hub,
}

// === impl ClusterActor ===

impl ClusterActor {
    /// Connects as `config` says and tells `registry` and `hub` what happens.
    pub fn new(
        config: Config,
        registry: Recipient<Heard>,
        hub: Recipient<HeardByHub>,
        metrics: Arc<NetworkMetrics>,
        alarm: Alarm,
    ) -> Self {
        Self {
            config,
            registry,
            hub,
            metrics,
            network: None,
            pause: PAUSE_MIN,
            next_question: 0,
            closed: false,
            _alarm: alarm,
        }
    }

    /// Opens the network part, or tries again later.
    fn open(&mut self, ctx: &mut Context<Self>) {
        let (handle, events, event_loop) = match p2p::start(self.config.clone()) {
            Ok(parts) => parts,
            Err(error) => {
                log::error!("the cluster port cannot be opened: {error}");
                self.metrics.port_failures.inc();
                self.tell(Heard::Port(Err(error.to_string())));
                self.open_later(ctx);
                return;
            }
        };
        log::info!(
            listener = "cluster",
            address = self.config.listen.to_string().as_str();
            "opening the cluster port as {}", hex(&handle.local().to_bytes())
        );
        self.tell(Heard::Identity(identity(handle.local())));
        self.network = Some(Network {
            handle,
            opened: Instant::now(),
            asked: HashMap::new(),
            questions: HashMap::new(),
            peers: Vec::new(),
            counting: Counting::default(),
        });
        forward(events, ctx);
        // A task of its own: it must outlive nothing and share nothing with this actor.
        let ended = tokio::spawn(event_loop);
        ctx.spawn(ended.into_actor(self).map(|ended, actor, ctx| {
            let end = ended.unwrap_or_else(|panic| LoopEnd::Panicked(panic.to_string()));
            actor.close();
            if actor.closed {
                log::info!("the cluster port is closed");
                actor.tell(Heard::Closed);
                return;
            }
            log::error!("the network part ended ({end:?}); a new one is opened");
            actor.metrics.port_failures.inc();
            actor.tell(Heard::Port(Err("its network part ended".to_owned())));
            actor.open_later(ctx);
        }));
    }

    fn open_later(&mut self, ctx: &mut Context<Self>) {
        ctx.run_later(self.pause, |actor, ctx| {
            if !actor.closed {
                actor.open(ctx);
            }
        });
        self.pause = (self.pause * 2).min(PAUSE_MAX);
    }

    /// Forgets a network part that has ended.
    fn close(&mut self) {
        self.count();
        let Some(network) = self.network.take() else {
            return;
        };
        self.metrics.port_open.set(0);
        self.metrics.peers.set(0);
        self.metrics.connections.set(0);
        if network.opened.elapsed() >= SOUND_AFTER {
            self.pause = PAUSE_MIN;
        }
        for (owner, exchange) in network.asked.into_values() {
            self.failed(owner, exchange);
        }
        for peer in network.peers {
            self.tell(Heard::Input(Input::LinkClosed(identity(peer))));
            self.tell_hub(hub::input::Input::LinkClosed(identity(peer)));
        }
    }

    /// Closes all connections in good order; the loop's end tells when.
    fn part(&mut self, ctx: &mut Context<Self>) {
        self.closed = true;
        let Some(network) = &self.network else {
            self.tell(Heard::Closed);
            return;
        };
        let handle = network.handle.clone();
        ctx.spawn(async move { handle.shutdown().await }.into_actor(self));
    }

    fn count(&mut self) {
        if let Some(network) = &mut self.network {
            let stats = network.handle.stats();
            network.counting.carry(stats, &self.metrics);
        }
    }

    fn tell(&self, heard: Heard) {
        // The rate is bounded by the network part's own queues.
        self.registry.do_send(heard);
    }

    fn tell_hub(&self, input: hub::input::Input) {
        self.hub.do_send(HeardByHub(input));
    }

    fn failed(&self, owner: Owner, exchange: u64) {
        match owner {
            Owner::Registry => self.tell(Heard::Input(Input::Failed { exchange })),
            Owner::Hub => self.tell_hub(hub::input::Input::Failed { exchange }),
        }
    }

    fn answered(&self, owner: Owner, exchange: u64, result: Result<Payload, RequestError>) {
        let bytes = match result {
            Ok(bytes) => bytes.into_vec(),
            Err(error) => {
                log::debug!("a node does not answer: {error}");
                self.failed(owner, exchange);
                return;
            }
        };
        match owner {
            Owner::Registry => self.tell(Heard::Input(Input::Answer { exchange, bytes })),
            Owner::Hub => self.tell_hub(hub::input::Input::Answer { exchange, bytes }),
        }
    }

    /// A peer asks.
    fn asked(&self, from: PeerId, exchange: u64, bytes: Vec<u8>) {
        match Owner::of(&bytes) {
            Owner::Hub => self.tell_hub(hub::input::Input::Request {
                from,
                exchange,
                bytes,
            }),
            Owner::Registry => self.tell(Heard::Input(Input::Request {
                from,
                exchange,
                bytes,
            })),
        }
    }

    fn happened(&mut self, event: Event) {
        let Some(network) = &mut self.network else {
            return;
        };
        let input = match event {
            Event::Listening(address) => {
                log::info!(
                    listener = "cluster",
                    address = address.to_string().as_str();
                    "listening"
                );
                self.metrics.port_open.set(1);
                self.tell(Heard::Port(Ok(())));
                return;
            }
            Event::PeerUp { peer, address } => {
                log::info!("connected to the node at {address}");
                network.peers.push(peer);
                self.tell_hub(hub::input::Input::LinkOpened(identity(peer)));
                Input::LinkOpened(identity(peer))
            }
            Event::PeerDown { peer } => {
                log::info!("a node's connection is gone");
                network.peers.retain(|up| *up != peer);
                self.tell_hub(hub::input::Input::LinkClosed(identity(peer)));
                Input::LinkClosed(identity(peer))
            }
            Event::Gossip { from, bytes } => {
                let author = identity(from);
                Input::Gossip {
                    relay: author.clone(),
                    author,
                    bytes,
                }
            }
            Event::Request { peer, id, bytes } => {
                if network.take_question(id, self.next_question) {
                    let exchange = self.next_question;
                    self.next_question += 1;
                    self.asked(identity(peer), exchange, bytes.into_vec());
                }
                return;
            }
            Event::Response { id, result } => {
                let Some((owner, exchange)) = network.asked.remove(&id) else {
                    return;
                };
                self.answered(owner, exchange, result);
                return;
            }
            Event::Refused { address, reason } => {
                log::warn!("no connection with {address}: {reason}");
                self.tell(Heard::Refused {
                    address: address.ip(),
                    reason: word(reason),
                    words: reason.to_string(),
                });
                return;
            }
        };
        self.tell(Heard::Input(input));
    }
}

// === impl Owner ===

impl Owner {
    fn of(bytes: &[u8]) -> Self {
        if bytes.first() == Some(&HUB_MAJOR) {
            Self::Hub
        } else {
            Self::Registry
        }
    }
}

impl Actor for ClusterActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_MESSAGES_MAX);
        self.close();
        ctx.run_interval(COUNTING_INTERVAL, |actor, _ctx| actor.count());
        if !self.closed {
            self.open(ctx);
        }
    }
}

impl Supervised for ClusterActor {
    fn restarting(&mut self, _ctx: &mut Self::Context) {
        log::warn!("the cluster actor restarts");
    }
}

impl Handler<Tell> for ClusterActor {
    type Result = ();

    fn handle(&mut self, told: Tell, ctx: &mut Self::Context) {
        let failed = match &told {
            Tell::Ask {
                exchange, bytes, ..
            } => Some((Owner::of(bytes), *exchange)),
            Tell::Close => return self.part(ctx),
            Tell::Everybody { .. }
            | Tell::Reply { .. }
            | Tell::Refuse { .. }
            | Tell::Dial { .. } => None,
        };
        let sent = match &mut self.network {
            Some(network) => network.send(told),
            None => Err(HandleError::Closed),
        };
        if let Err(error) = sent {
            log::debug!("not sent: {error}");
            if let Some((owner, exchange)) = failed {
                self.failed(owner, exchange);
            }
        }
    }
}

impl actix::Message for Event {
    type Result = ();
}

impl Handler<Event> for ClusterActor {
    type Result = ();

    fn handle(&mut self, event: Event, _ctx: &mut Self::Context) {
        self.happened(event);
    }
}

// === impl Network ===

impl Network {
    fn send(&mut self, told: Tell) -> Result<(), HandleError> {
        match told {
            Tell::Everybody { bytes } => self.handle.publish(bytes),
            Tell::Ask {
                to,
                exchange,
                bytes,
            } => {
                let peer = Peer::from_bytes(to.as_bytes()).ok_or(HandleError::Closed)?;
                let owner = Owner::of(&bytes);
                let id = self.handle.request(peer, bytes)?;
                self.asked.insert(id, (owner, exchange));
                Ok(())
            }
            Tell::Reply { exchange, bytes } => match self.questions.remove(&exchange) {
                Some(id) => self.handle.respond(id, bytes),
                None => Ok(()),
            },
            Tell::Refuse { peer, for_ms } => match Peer::from_bytes(peer.as_bytes()) {
                Some(peer) => self.handle.disconnect(peer, Duration::from_millis(for_ms)),
                None => Ok(()),
            },
            Tell::Dial { address } => match address.parse() {
                Ok(address) => self.handle.dial(address),
                Err(_checked_before) => Ok(()),
            },
            // Taken care of by the actor.
            Tell::Close => Ok(()),
        }
    }

    /// Keeps a peer's question under our number for it; false if too many wait.
    fn take_question(&mut self, id: InboundId, number: u64) -> bool {
        let has_room = self.questions.len() < QUESTIONS_MAX;
        if has_room {
            self.questions.insert(number, id);
        }
        has_room
    }
}

/// Hands events to the actor. A task instead of a stream in the context, which a restart would lose;
/// it waits for the actor, so that the network part's own bounds hold.
fn forward(mut events: mpsc::Receiver<Event>, ctx: &mut Context<ClusterActor>) {
    let actor = ctx.address();
    actix_rt::spawn(async move {
        while let Some(event) = events.recv().await {
            if actor.send(event).await.is_err() {
                return;
            }
        }
    });
}

/// The label of `rig_cluster_refused_total`.
const fn word(reason: Refusal) -> &'static str {
    match reason {
        Refusal::Handshake => "handshake",
        Refusal::AllowList => "allow_list",
        Refusal::Limit => "limit",
        Refusal::Banned => "banned",
        Refusal::Protocol => "protocol",
    }
}

fn identity(peer: Peer) -> PeerId {
    PeerId::new(&peer.to_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .rev()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
