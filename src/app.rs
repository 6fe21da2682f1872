//! Floor 3: the only wiring. Builds the cores, starts the actors, opens the ports, closes them.
//!
//! [`start`] reads from top to bottom as the boot order; [`Running::until_stopped`] is the way out
//! ([`drain`]). Knows everyone and decides nothing.

pub mod demo;
pub mod drain;
mod events;
pub mod ports;
#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, process::ExitCode, rc::Rc, sync::Arc, time::Instant};

use actix::{Addr, AsyncContext, Context, Recipient, Supervisor};
use actix_rt::{Arbiter, System};
use actix_web::dev::ServerHandle;
use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_rustls::TlsAcceptor;

use crate::{
    actor::{
        Alarm,
        cluster::ClusterActor,
        hub::HubActor,
        keys::KeysActor,
        proxy::ProxyActor,
        registry::{Parts, RegistryActor, extractors::Given, wall_ms},
    },
    app::{
        events::Events,
        ports::{Listener, Ports},
    },
    config::{
        Config, cluster::Cluster, events::SubmissionAck, jwt::Jwt, listeners::Guard, node::Shutdown,
    },
    core::{
        api::{seed::Seed, validate::Surroundings},
        auth::{claims::Requirements, keys::KeySet},
        hub::{self, position::NodeId},
        registry::{Registry, activatable},
        replica::{Identity, Replica, id::PeerId, params::Params, stamp::Now},
        seal::Purpose,
        session::{Field, FieldFault},
    },
    http::{
        admin::{
            self, AdminState, guard::BearerToken, responses::Responses, server::ServerOptions,
            session_blacklist::Sessions,
        },
        awaited::Awaited,
        inbound::{
            events::{
                checks::{Check, CheckFault, Checks},
                service::{self, Inbox},
            },
            gate::Gate,
            listener,
            refusal::Cors,
            worker::{Settings, Shared, Worker},
        },
        sealer::{self, Sealer},
        tls::{CertificateCell, Files},
    },
    message::{
        cluster::Joined,
        keys::RefreshKeys,
        proxy::{ApisPublished, SnapshotCell},
        session::SessionCell,
    },
    p2p,
    telemetry::{
        cluster::ClusterMetrics,
        health::{Health, Phase},
        metrics::Metrics,
        network::NetworkMetrics,
    },
    upstream,
};

/// The process could not start although its configuration is sound (a port is taken, say).
const EXIT_START_FAILED: u8 = 1;

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be opened.
    #[error("{name} cannot listen on {address}: {reason}")]
    Bind {
        /// Which listener.
        name: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the system says.
        reason: io::Error,
    },
    /// A worker's thread or the management API cannot start.
    #[error("the gateway cannot start: {0}")]
    Start(#[from] io::Error),
    /// The HTTPS certificate.
    #[error(transparent)]
    Certificate(#[from] crate::http::tls::CertificateError),
    /// Trust for targets.
    #[error(transparent)]
    Trust(#[from] upstream::tls::TrustError),
    /// TLS settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The token key.
    #[error("JWT_SECRET_KEY: {0}")]
    Key(#[from] crate::core::auth::key::KeyFault),
    /// The key URL.
    #[error("JWT_JWKS_URL: {0}")]
    Jwks(#[from] crate::core::auth::jwks::JwksFault),
    /// The algorithm.
    #[error("JWT_ALG: {0}")]
    Algorithm(#[from] crate::core::auth::algorithm::UnknownAlgorithm),
    /// A peer's address.
    #[error("CLUSTER_PEERS or DNS_NAME: {address}: {reason}")]
    Peer {
        /// The address.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A check's URL.
    #[error("SUBSCRIPTION_CHECK or SUBMISSION_CHECK {0}")]
    Check(#[from] CheckFault),
    /// Where sessions are found.
    #[error("JWT_SESSION_FIELD {0}")]
    SessionField(#[from] FieldFault),
    /// Tokens cannot be sealed.
    #[error(transparent)]
    Randomness(#[from] sealer::NoRandomness),
    /// Meters.
    #[error("metrics cannot be set up: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// A node that serves.
pub struct Running {
    /// Where the ports really are (`0` in the configuration lets the system choose).
    pub ports: Ports,
    health: Arc<Health>,
    inbound: Inbound,
    admin: ServerHandle,
    bell: mpsc::UnboundedReceiver<&'static str>,
    certificate: Option<(Arc<CertificateCell>, Files)>,
    shutdown: Shutdown,
    /// Actors live as long as somebody can talk to them.
    actors: Actors,
}

/// Runs a node until it is told to stop.
pub fn serve(config: Config) -> ExitCode {
    System::new().block_on(async move {
        match start(config).await {
            Ok(running) => running.until_stopped().await,
            Err(error) => {
                log::error!("{error}");
                ExitCode::from(EXIT_START_FAILED)
            }
        }
    })
}

/// Starts a node on the current actix system.
///
/// # Errors
/// [`StartError`]; whatever was opened is closed again.
pub async fn start(mut config: Config) -> Result<Running, StartError> {
    let ground = Ground::lay(&config)?;
    let seeds = std::mem::take(&mut config.seeds);
    let mut actors = Actors::start(&ground, &config, seeds).await?;
    let inbound = Inbound::start(&ground, &mut actors, &mut config).await?;
    let admin = start_admin(&ground, &actors, &config)?;
    ground.ports.log();
    let (apis, endpoints) = (ground.metrics.apis.get(), ground.metrics.endpoints.get());
    log::info!("{apis} APIs with {endpoints} endpoints");
    if let Some((is_ready, hub_is_ready)) = actors.is_ready.take().zip(actors.hub_is_ready.take()) {
        let health = Arc::clone(&ground.health);
        let become_ready = async move {
            if is_ready.await.is_ok() && hub_is_ready.await.is_ok() {
                health.advance(Phase::Ready);
                log::info!("ready");
            }
        };
        if config.cluster.is_some() {
            // Requests are served by what is loaded while the node joins its cluster.
            actix_rt::spawn(become_ready);
        } else {
            become_ready.await;
        }
    }
    let Ground {
        ports,
        health,
        bell,
        certificate,
        ..
    } = ground;
    Ok(Running {
        ports,
        health,
        inbound,
        admin,
        bell,
        certificate,
        shutdown: config.shutdown,
        actors,
    })
}

/// What everything else stands on.
struct Ground {
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    snapshot: Arc<SnapshotCell>,
    sessions: Arc<SessionCell>,
    awaited: Arc<Awaited>,
    /// This process, for other nodes' events.
    node: NodeId,
    /// Of tokens that this cluster gives out.
    secret: sealer::Secret,
    /// Given to whoever must not die.
    alarm: mpsc::UnboundedSender<&'static str>,
    bell: mpsc::UnboundedReceiver<&'static str>,
    upstream_tls: Arc<rustls::ClientConfig>,
    certificate: Option<(Arc<CertificateCell>, Files)>,
    ports: Ports,
}

/// The ends that keep the supervised actors alive.
struct Actors {
    registry: Addr<RegistryActor>,
    /// Told when the node may take writes; taken once the ports are open.
    is_ready: Option<oneshot::Receiver<()>>,
    gate: Gate,
    events: Events,
    /// Told when the node may take events; taken once the ports are open.
    hub_is_ready: Option<oneshot::Receiver<()>>,
    _keys: Option<Addr<KeysActor>>,
}

/// The workers of the inbound ports.
pub struct Inbound {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    workers: Vec<Arbiter>,
}

// === impl Ground ===

impl Ground {
    fn lay(config: &Config) -> Result<Self, StartError> {
        let (alarm, bell) = mpsc::unbounded_channel();
        let metrics = Metrics::new()?;
        let (node, secret) = (NodeId::new(fastrand::u64(..)), secret(config)?);
        Ok(Self {
            awaited: Awaited::new(
                node.as_u64(),
                Sealer::new(&secret, Purpose::Correlation),
                metrics.awaited_answers.clone(),
            ),
            node,
            secret,
            metrics,
            sessions: Arc::new(SessionCell::new()),
            health: Arc::new(Health::default()),
            snapshot: Arc::new(SnapshotCell::default()),
            alarm,
            bell,
            upstream_tls: upstream::tls::client_config(config.proxy.ca_certfile.as_deref())?,
            certificate: certificate(config)?,
            // Last, so that a faulty file leaves no port open behind it.
            ports: Ports::bind(config)?,
        })
    }

    fn server_tls(&self, protocols: &[&[u8]]) -> Result<Option<rustls::ServerConfig>, StartError> {
        let Some((certificate, _files)) = &self.certificate else {
            return Ok(None);
        };
        Ok(Some(certificate.server_config(protocols)?))
    }
}

// === impl Actors ===

impl Actors {
    /// Told, not asked: the registry tells the proxy, the proxy publishes, handlers read.
    async fn start(ground: &Ground, config: &Config, seeds: Vec<Seed>) -> Result<Self, StartError> {
        let proxy = {
            let (snapshot, metrics) = (Arc::clone(&ground.snapshot), Arc::clone(&ground.metrics));
            let alarm = Alarm::new("the proxy actor", &ground.alarm);
            Supervisor::start(move |_ctx| {
                ProxyActor::new(snapshot, metrics, |name| std::env::var(name).ok(), alarm)
            })
        };
        let (ready, is_ready) = oneshot::channel();
        let parts = registry_parts(config, proxy.clone().recipient(), ground, ready)?;
        let file_ms = config.seeds_modified_ms.unwrap_or_else(wall_ms);
        let alarm = Alarm::new("the registry actor", &ground.alarm);
        let (mut registry, published) = RegistryActor::new(parts, seeds, file_ms, alarm);
        // Published before any port answers; the actor's own first publication changes nothing.
        proxy.send(published).await.map_err(io::Error::other)?;
        let (gate, keys) = gate(&config.jwt, &config.events.session_field, ground)?;
        let (hub_ready, hub_is_ready) = oneshot::channel();
        let mut events = Events::start(events::Parts {
            node: ground.node,
            sealer: Sealer::new(&ground.secret, Purpose::Connection),
            gate: gate.clone(),
            awaited: Arc::clone(&ground.awaited),
            metrics: &ground.metrics,
            workers: config.workers,
            config: &config.events,
            name: config.node_name.clone(),
            params: hub_params(config),
            sessions: Arc::clone(&ground.sessions),
            ready: hub_ready,
            alarm: Alarm::new("the hub actor", &ground.alarm),
        })?;
        if let Some(cell) = events.extractors.take() {
            registry.publish_extractors(cell);
        }
        let registry = start_registry(registry, &events.hub, config, ground)?;
        Ok(Self {
            events,
            hub_is_ready: Some(hub_is_ready),
            registry,
            is_ready: Some(is_ready),
            gate,
            _keys: keys,
        })
    }
}

// === impl Inbound ===

impl Inbound {
    async fn start(
        ground: &Ground,
        actors: &mut Actors,
        config: &mut Config,
    ) -> Result<Self, StartError> {
        let settings = Settings {
            head_timeout: config.proxy.recv_timeout,
            answer_pause_max: config.proxy.stream_idle_timeout,
            body_pause_max: config.limits.body_timeout,
            body_bytes_max: config.limits.body_bytes_max,
            header_timeout: config.limits.header_timeout,
            header_bytes_max: config.limits.header_bytes_max,
            connections_max: config.limits.connections_max,
            trusted_proxies: std::mem::take(&mut config.trusted_proxies),
            by: ports::own_address(&config.host).await,
            cors: Cors::new(&config.cors.allow_origin),
            request_log: config.log.requests,
            late_answer_timeout: config.events.async_response_timeout,
        };
        let shared = Shared::new(
            Arc::clone(&ground.snapshot),
            actors.gate.clone(),
            Arc::clone(&actors.events.reception),
            Arc::clone(&ground.metrics),
            Arc::clone(&ground.health),
            settings,
        );
        let upstream = Arc::new(upstream::Settings {
            connect_timeout: config.proxy.connect_timeout,
            tls: Arc::clone(&ground.upstream_tls),
            connections: ground.metrics.upstream_connections.clone(),
        });
        let tls = ground.server_tls(&[b"h2", b"http/1.1"])?;
        let acceptor = tls.map(|tls| TlsAcceptor::from(Arc::new(tls)));
        let (stop, stopped) = watch::channel(false);
        let inboxes = std::mem::take(&mut actors.events.inboxes);
        let workers = inboxes.into_iter().enumerate().map(|(number, inbox)| {
            spawn_worker(WorkerParts {
                number,
                inbox,
                checks: actors.events.checks.clone(),
                shared: Arc::clone(&shared),
                upstream: Arc::clone(&upstream),
                listeners: ground.ports.inbound.clone(),
                acceptor: acceptor.clone(),
                stopped: stopped.clone(),
                alarm: Alarm::new("an inbound worker", &ground.alarm),
            })
        });
        let workers = workers.collect();
        Ok(Self {
            shared,
            stop,
            workers,
        })
    }
}

/// The replica and what it works with. A node without a cluster is ready at once.
fn registry_parts(
    config: &Config,
    proxy: Recipient<ApisPublished>,
    ground: &Ground,
    ready: oneshot::Sender<()>,
) -> Result<Parts, StartError> {
    let definition_bytes_max = config.limits.definition_bytes_max;
    let cluster = config.cluster.as_ref();
    let mut params = Params {
        definition_bytes_max,
        ..Params::default()
    };
    if cluster.is_none() {
        params.join_timeout = 0;
    }
    let identity = Identity {
        cluster: cluster.map_or_else(String::new, |cluster| cluster.name.clone()),
        name: config.node_name.clone(),
        // The cluster actor tells it once the transport runs.
        peer: PeerId::new(&[]),
        software: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let now = Now {
        monotonic: 0,
        wall: wall_ms(),
    };
    let seed = fastrand::u64(..);
    Ok(Parts {
        replica: Replica::new(identity, params, Arc::new(activatable), seed, now),
        registry: Registry::new(
            Surroundings {
                has_key: config.jwt.has_key(),
            },
            definition_bytes_max,
        ),
        extractors: config.events.extractors_given.then(|| Given {
            extractors: Arc::clone(&config.events.extractors),
            wall_ms: (config.events.extractors_modified_ms).unwrap_or_else(wall_ms),
        }),
        proxy,
        metrics: ClusterMetrics::new(&ground.metrics)?,
        ready,
        began: Instant::now(),
    })
}

/// Starts the registry actor and, if there is a cluster, the cluster actor with it: each needs the
/// other's address.
fn start_registry(
    mut registry: RegistryActor,
    hub: &Addr<HubActor>,
    config: &Config,
    ground: &Ground,
) -> Result<Addr<RegistryActor>, StartError> {
    let network = config.cluster.as_ref().map(network).transpose()?;
    let hub = hub.clone();
    let alarm = network
        .is_some()
        .then(|| Alarm::new("the cluster actor", &ground.alarm));
    let metrics = network
        .is_some()
        .then(|| NetworkMetrics::new(&ground.metrics))
        .transpose()?;
    Ok(Supervisor::start(
        move |ctx: &mut Context<RegistryActor>| {
            if let (Some(network), Some(metrics), Some(alarm)) = (network, metrics, alarm) {
                let heard = ctx.address().recipient();
                let heard_by_hub = hub.clone().recipient();
                let cluster = Supervisor::start(move |_ctx| {
                    ClusterActor::new(network, heard, heard_by_hub, metrics, alarm)
                });
                hub.do_send(Joined(cluster.clone().recipient()));
                registry.connect(cluster.recipient());
            }
            registry
        },
    ))
}

/// Times and sizes of the hub.
fn hub_params(config: &Config) -> hub::params::Params {
    hub::params::Params {
        clustered: config.cluster.is_some(),
        log_bytes_max: config.events.replay_buffer_bytes_max,
        ack: match config.events.submission_ack {
            SubmissionAck::Local => hub::params::Ack::Local,
            SubmissionAck::Cluster => hub::params::Ack::Cluster,
        },
        ..hub::params::Params::default()
    }
}

/// The settings of the network part.
fn network(cluster: &Cluster) -> Result<p2p::config::Config, StartError> {
    let address = |text: &String| {
        text.parse()
            .map_err(|error: p2p::address::AddressError| StartError::Peer {
                address: text.clone(),
                reason: error.to_string(),
            })
    };
    let mut network = p2p::config::Config::new(&cluster.name, cluster.listen);
    network.advertise = cluster.advertise;
    network.secret = cluster
        .secret
        .as_ref()
        .map(|secret| p2p::config::Secret::new(secret.expose().as_bytes()));
    network.loopback_without_secret = true;
    network.peers = cluster
        .peers
        .iter()
        .map(address)
        .collect::<Result<_, _>>()?;
    network.dns = cluster.dns.as_ref().map(address).transpose()?;
    network.mdns = cluster.mdns;
    network.allow.clone_from(&cluster.allow);
    Ok(network)
}

fn start_admin(
    ground: &Ground,
    actors: &Actors,
    config: &Config,
) -> Result<ServerHandle, StartError> {
    let (metrics, gate) = (Arc::clone(&ground.metrics), actors.gate.clone());
    let state = AdminState {
        propose: actors.registry.clone().recipient(),
        list: actors.registry.clone().recipient(),
        get: actors.registry.clone().recipient(),
        extractors: actors.registry.clone().recipient(),
        submit: Some(actors.events.hub.clone().recipient()),
        cluster: admin::cluster::Cluster {
            nodes: actors.registry.clone().recipient(),
            rounds: actors.registry.clone().recipient(),
            conflicts: actors.registry.clone().recipient(),
            find: actors.registry.clone().recipient(),
            spread: actors.registry.clone().recipient(),
            compare: actors.registry.clone().recipient(),
            diff: actors.registry.clone().recipient(),
            join: actors.registry.clone().recipient(),
            forget: actors.registry.clone().recipient(),
            leave: actors.registry.clone().recipient(),
        },
        sessions: Sessions {
            revoke: actors.events.hub.clone().recipient(),
            revoked: Arc::clone(&ground.sessions),
        },
        responses: Responses {
            awaited: Arc::clone(&ground.awaited),
            carry: actors.events.hub.clone().recipient(),
        },
        snapshot: Arc::clone(&ground.snapshot),
        health: Arc::clone(&ground.health),
        metrics: config
            .metrics
            .then(|| Arc::new(move || metrics.render()) as Arc<dyn Fn() -> String + Send + Sync>),
        token_check: Arc::new(move |auth, headers, query| {
            gate.judge(auth, headers, query)
                .map_err(|refused| refused.to_string())
        }),
        node_name: config.node_name.clone(),
        token: match &config.admin.guard {
            Guard::Token(token) => Some(BearerToken::new(token.expose().as_bytes())),
            Guard::Loopback | Guard::Nobody => None,
        },
        definition_bytes_max: config.limits.definition_bytes_max,
    };
    let tls = ground.ports.admin_tls()?.zip(ground.server_tls(&[])?);
    let server = admin::server(state, ground.ports.admin()?, tls, ServerOptions::default())?;
    let handle = server.handle();
    actix_rt::spawn(server);
    Ok(handle)
}

fn certificate(config: &Config) -> Result<Option<(Arc<CertificateCell>, Files)>, StartError> {
    let Some(tls) = &config.tls else {
        return Ok(None);
    };
    let files = Files {
        certificate: tls.certfile.clone(),
        key: tls.keyfile.clone(),
        pass: tls
            .keyfile_pass
            .as_ref()
            .map(|pass| pass.expose().to_owned()),
    };
    Ok(Some((CertificateCell::load(&files)?, files)))
}

fn gate(
    jwt: &Jwt,
    session_field: &str,
    ground: &Ground,
) -> Result<(Gate, Option<Addr<KeysActor>>), StartError> {
    let secret = jwt.secret_key.as_ref().map(|secret| secret.expose());
    let mut keys = KeySet::new(jwt.algorithm()?, secret)?;
    if jwt.jwks_url.is_some() {
        keys = keys.awaiting_published()?;
    }
    let keys = Arc::new(ArcSwap::from_pointee(keys));
    let requirements = Requirements {
        issuer: jwt.issuer.clone(),
        audience: jwt.audience.clone(),
    };
    let actor = jwt.jwks_url.clone().map(|url| {
        let (tls, keys) = (Arc::clone(&ground.upstream_tls), Arc::clone(&keys));
        let alarm = Alarm::new("the keys actor", &ground.alarm);
        Supervisor::start(move |_ctx| KeysActor::new(url, tls, keys, alarm))
    });
    let refresh: Option<Recipient<RefreshKeys>> = actor.clone().map(Addr::recipient);
    let sessions = Arc::clone(&ground.sessions);
    let gate = Gate::new(
        keys,
        requirements,
        refresh,
        sessions,
        Field::parse(session_field)?,
    );
    Ok((gate, actor))
}

/// Requests that wait for asynchronous answers. Their ids are good on all nodes with the same secret.
/// What seals the tokens that this node gives out.
fn secret(config: &Config) -> Result<sealer::Secret, StartError> {
    let cookie = config
        .cluster
        .as_ref()
        .and_then(|cluster| cluster.secret.as_ref());
    Ok(match cookie {
        Some(cookie) => sealer::Secret::shared(cookie.expose().as_bytes()),
        None => sealer::Secret::own()?,
    })
}

/// What a worker's thread is given.
struct WorkerParts {
    number: usize,
    inbox: Inbox,
    checks: (Check, Check),
    shared: Arc<Shared>,
    upstream: Arc<upstream::Settings>,
    listeners: Vec<Listener>,
    acceptor: Option<TlsAcceptor>,
    stopped: watch::Receiver<bool>,
    alarm: Alarm,
}

/// An inbound worker: an actix arbiter, that is a thread with its own event loop.
fn spawn_worker(parts: WorkerParts) -> Arbiter {
    let arbiter = Arbiter::new();
    arbiter.spawn_fn(move || {
        actix_rt::spawn(run_worker(parts));
    });
    arbiter
}

async fn run_worker(parts: WorkerParts) {
    let WorkerParts {
        number,
        inbox,
        checks: (subscription, submission),
        shared,
        upstream,
        listeners,
        acceptor,
        mut stopped,
        alarm,
    } = parts;
    let reception = Arc::clone(&shared.events);
    let desk = events::desk(&reception, number);
    let tls = Arc::clone(&upstream.tls);
    let checks = Checks::new(subscription, submission, shared.gate.clone(), tls);
    actix_rt::spawn(service::serve(Rc::clone(&desk), reception, inbox));
    let worker = Worker::start(shared, upstream, desk, checks);
    let mut loops = Vec::new();
    for listener in listeners {
        let tls = if listener.tls { acceptor.clone() } else { None };
        let shared_socket = match listener::share(&listener.socket) {
            Ok(socket) => socket,
            Err(error) => {
                log::error!("{} cannot be accepted on: {error}", listener.name);
                return;
            }
        };
        let accept = listener::accept(worker.clone(), shared_socket, tls, stopped.clone());
        loops.push(actix_rt::spawn(accept));
    }
    // Dropped here, so that the socket closes with the loops.
    for accept in loops {
        if let Err(error) = accept.await {
            log::error!("an accept loop died: {error}");
            return;
        }
    }
    drop(stopped.wait_for(|stopped| *stopped).await);
    worker.drain();
    alarm.disarm();
}
