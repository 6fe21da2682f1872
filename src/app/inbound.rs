//! The workers of the inbound ports: one thread each, with an event loop, a desk and a pool of its own.

use std::{rc::Rc, sync::Arc};

use actix_rt::Arbiter;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::{
    actor::Alarm,
    app::{
        StartError,
        actors::Actors,
        events,
        ground::Ground,
        ports::{self, Listener},
    },
    config::Config,
    http::inbound::{
        events::{
            checks::{Check, Checks},
            service::{self, Inbox},
        },
        listener,
        refusal::Cors,
        worker::{Settings, Shared, Worker},
    },
    upstream,
};

/// The workers of the inbound ports.
pub(super) struct Inbound {
    pub(super) shared: Arc<Shared>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) workers: Vec<Arbiter>,
}

// === impl Inbound ===

impl Inbound {
    pub(super) async fn start(
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
    let desk_service = actix_rt::spawn(service::serve(Rc::clone(&desk), reception, inbox));
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
    let accepting = async {
        // Dropped here, so that the socket closes with the loops.
        for accept in loops {
            accept.await?;
        }
        drop(stopped.wait_for(|stopped| *stopped).await);
        Ok::<_, tokio::task::JoinError>(())
    };
    // A worker without its desk would take streams that never hear of anything.
    let ended = tokio::select! {
        accepted = accepting => accepted,
        served = desk_service => match served {
            Ok(()) => {
                log::error!("the hub actor has left a desk");
                return;
            }
            Err(error) => Err(error),
        },
    };
    if let Err(error) = ended {
        log::error!("an accept loop or the desk died: {error}");
        return;
    }
    worker.drain();
    alarm.disarm();
}
