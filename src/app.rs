//! Floor 3: the only wiring. Builds the cores, starts the actors, opens the ports, closes them.
//!
//! [`start`] reads from top to bottom as the boot order; [`Running::until_stopped`] is the way out
//! ([`drain`]). Knows everyone and decides nothing.

pub mod demo;
pub mod drain;
pub mod ports;
#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, process::ExitCode, sync::Arc};

use actix::{Recipient, Supervisor};
use actix_rt::{Arbiter, System};
use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use crate::{
    actor::{
        Alarm,
        keys::KeysActor,
        proxy::ProxyActor,
        registry::{RegistryActor, now_ms},
    },
    app::ports::{Listener, Ports},
    config::{Config, listeners::Guard},
    core::{
        api::validate::Surroundings,
        auth::{claims::Requirements, keys::KeySet},
        registry::Registry,
    },
    http::{
        admin::{self, guard::BearerToken, server::ServerOptions},
        inbound::{
            gate::Gate,
            listener,
            refusal::Cors,
            worker::{Settings, Shared, Worker},
        },
        tls::{CertificateCell, Files},
    },
    message::{keys::RefreshKeys, proxy::SnapshotCell},
    telemetry::{
        health::{Health, Phase},
        metrics::Metrics,
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
    /// Meters.
    #[error("metrics cannot be set up: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// A node that serves.
pub struct Running {
    /// Where the ports really are (`0` in the configuration lets the system choose).
    pub ports: Ports,
    health: Arc<Health>,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    workers: Vec<Arbiter>,
    admin: actix_web::dev::ServerHandle,
    bell: mpsc::UnboundedReceiver<&'static str>,
    certificate: Option<(Arc<CertificateCell>, Files)>,
    shutdown: crate::config::node::Shutdown,
    /// Actors live as long as somebody can talk to them.
    _actors: Actors,
}

/// The ends that keep the supervised actors alive.
struct Actors {
    _registry: actix::Addr<RegistryActor>,
    _keys: Option<actix::Addr<KeysActor>>,
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
pub async fn start(config: Config) -> Result<Running, StartError> {
    let metrics = Metrics::new()?;
    let health = Arc::new(Health::default());
    let snapshot = Arc::new(SnapshotCell::default());
    let (alarm, bell) = mpsc::unbounded_channel();
    let upstream_tls = upstream::tls::client_config(config.proxy.ca_certfile.as_deref())?;
    let ports = Ports::bind(&config)?;
    let certificate = certificate(&config)?;

    // Told, not asked: the registry tells the proxy, the proxy publishes, handlers read.
    let proxy = {
        let (snapshot, metrics) = (Arc::clone(&snapshot), Arc::clone(&metrics));
        let alarm = Alarm::new("proxy", &alarm);
        Supervisor::start(move |_ctx| {
            ProxyActor::new(snapshot, metrics, |name| std::env::var(name).ok(), alarm)
        })
    };
    let mut registry = Registry::new(
        Surroundings { has_key: config.jwt.has_key() },
        config.limits.definition_bytes_max,
    );
    registry.load(config.seeds, now_ms());
    // Published before any port answers; the actor's own first publication changes nothing.
    let published = RegistryActor::published(&registry, None);
    if let Err(error) = proxy.send(published).await {
        return Err(StartError::Start(io::Error::other(error)));
    }
    let registry = {
        let (proxy, alarm) = (proxy.recipient(), Alarm::new("registry", &alarm));
        Supervisor::start(move |_ctx| RegistryActor::new(registry, proxy, alarm))
    };
    let (gate, keys) = gate(&config.jwt, &upstream_tls, &alarm)?;

    let settings = Settings {
        head_timeout: config.proxy.recv_timeout,
        answer_pause_max: config.proxy.stream_idle_timeout,
        body_pause_max: config.limits.body_timeout,
        body_bytes_max: config.limits.body_bytes_max,
        header_timeout: config.limits.header_timeout,
        header_bytes_max: config.limits.header_bytes_max,
        connections_max: config.limits.connections_max,
        trusted_proxies: config.trusted_proxies,
        by: ports::own_address(&config.host).await,
        cors: Cors::new(&config.cors.allow_origin),
        request_log: config.log.requests,
    };
    let shared = Shared::new(
        Arc::clone(&snapshot),
        gate.clone(),
        Arc::clone(&metrics),
        Arc::clone(&health),
        settings,
    );
    let upstream = Arc::new(upstream::Settings {
        connect_timeout: config.proxy.connect_timeout,
        tls: upstream_tls,
        connections: metrics.upstream_connections.clone(),
    });
    let (stop, stopped) = watch::channel(false);
    let acceptor = match &certificate {
        Some((cell, _files)) => {
            Some(TlsAcceptor::from(Arc::new(cell.server_config(&[b"h2", b"http/1.1"])?)))
        }
        None => None,
    };
    let mut workers = Vec::with_capacity(config.workers);
    for _ in 0..config.workers {
        let parts = WorkerParts {
            shared: Arc::clone(&shared),
            upstream: Arc::clone(&upstream),
            listeners: ports.inbound.clone(),
            acceptor: acceptor.clone(),
            stopped: stopped.clone(),
            alarm: Alarm::new("an inbound worker", &alarm),
        };
        workers.push(spawn_worker(parts));
    }

    let state = admin::AdminState {
        propose: registry.clone().recipient(),
        list: registry.clone().recipient(),
        get: registry.clone().recipient(),
        snapshot,
        health: Arc::clone(&health),
        metrics: config.metrics.then(|| {
            let metrics = Arc::clone(&metrics);
            Arc::new(move || metrics.render()) as Arc<dyn Fn() -> String + Send + Sync>
        }),
        token_check: Arc::new(move |auth, headers, query| {
            gate.judge(auth, headers, query).map_err(|refused| refused.to_string())
        }),
        node_name: config.node_name,
        token: match &config.admin.guard {
            Guard::Token(token) => Some(BearerToken::new(token.expose().as_bytes())),
            Guard::Loopback | Guard::Nobody => None,
        },
        definition_bytes_max: config.limits.definition_bytes_max,
    };
    let admin_tls = match &certificate {
        Some((cell, _files)) => ports.admin_tls()?.zip(Some(cell.server_config(&[])?)),
        None => None,
    };
    let admin = admin::server(state, ports.admin()?, admin_tls, ServerOptions::default())?;
    let admin_handle = admin.handle();
    actix_rt::spawn(admin);

    ports.log();
    log::info!(
        "{} APIs with {} endpoints",
        metrics.apis.get(),
        metrics.endpoints.get()
    );
    health.advance(Phase::Ready);
    Ok(Running {
        ports,
        health,
        shared,
        stop,
        workers,
        admin: admin_handle,
        bell,
        certificate,
        shutdown: config.shutdown,
        _actors: Actors { _registry: registry, _keys: keys },
    })
}

fn certificate(config: &Config) -> Result<Option<(Arc<CertificateCell>, Files)>, StartError> {
    let Some(tls) = &config.tls else { return Ok(None) };
    let files = Files {
        certificate: tls.certfile.clone(),
        key: tls.keyfile.clone(),
        pass: tls.keyfile_pass.as_ref().map(|pass| pass.expose().to_owned()),
    };
    Ok(Some((CertificateCell::load(&files)?, files)))
}

fn gate(
    jwt: &crate::config::jwt::Jwt,
    tls: &Arc<rustls::ClientConfig>,
    alarm: &mpsc::UnboundedSender<&'static str>,
) -> Result<(Gate, Option<actix::Addr<KeysActor>>), StartError> {
    let secret = jwt.secret_key.as_ref().map(|secret| secret.expose());
    let mut keys = KeySet::new(jwt.algorithm()?, secret)?;
    if jwt.jwks_url.is_some() {
        keys = keys.awaiting_published()?;
    }
    let keys = Arc::new(ArcSwap::from_pointee(keys));
    let requirements =
        Requirements { issuer: jwt.issuer.clone(), audience: jwt.audience.clone() };
    let actor = jwt.jwks_url.clone().map(|url| {
        let (tls, keys, alarm) = (Arc::clone(tls), Arc::clone(&keys), Alarm::new("keys", alarm));
        Supervisor::start(move |_ctx| KeysActor::new(url, tls, keys, alarm))
    });
    let refresh: Option<Recipient<RefreshKeys>> = actor.clone().map(actix::Addr::recipient);
    Ok((Gate::new(keys, requirements, refresh), actor))
}

/// What a worker's thread is given.
struct WorkerParts {
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
    let WorkerParts { shared, upstream, listeners, acceptor, mut stopped, alarm } = parts;
    let worker = Worker::start(shared, upstream);
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
