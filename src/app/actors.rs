//! The supervised actors, started in the order in which they tell each other.

use std::{io, sync::Arc};

use actix::{Addr, Recipient, Supervisor};
use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use crate::{
    actor::{
        Alarm,
        keys::KeysActor,
        proxy::ProxyActor,
        registry::{RegistryActor, wall_ms},
    },
    app::{
        StartError, cluster,
        events::{self, Events},
        ground::Ground,
    },
    config::{Config, jwt::Jwt},
    core::{
        api::seed::Seed,
        auth::{claims::Requirements, keys::KeySet},
        seal::Purpose,
        session::Field,
    },
    http::{inbound::gate::Gate, sealer::Sealer},
    message::keys::RefreshKeys,
};

/// The ends that keep the supervised actors alive.
pub(super) struct Actors {
    pub(super) registry: Addr<RegistryActor>,
    /// Told when the node may take writes; taken once the ports are open.
    pub(super) is_ready: Option<oneshot::Receiver<()>>,
    pub(super) gate: Gate,
    pub(super) events: Events,
    /// Told when the node may take events; taken once the ports are open.
    pub(super) hub_is_ready: Option<oneshot::Receiver<()>>,
    _keys: Option<Addr<KeysActor>>,
}

// === impl Actors ===

impl Actors {
    /// Told, not asked: the registry tells the proxy, the proxy publishes, handlers read.
    pub(super) async fn start(
        ground: &Ground,
        config: &Config,
        seeds: Vec<Seed>,
    ) -> Result<Self, StartError> {
        let proxy = {
            let (snapshot, metrics) = (Arc::clone(&ground.snapshot), Arc::clone(&ground.metrics));
            let alarm = Alarm::new("the proxy actor", &ground.alarm);
            Supervisor::start(move |_ctx| {
                ProxyActor::new(snapshot, metrics, |name| std::env::var(name).ok(), alarm)
            })
        };
        let (ready, is_ready) = oneshot::channel();
        let parts = cluster::registry_parts(config, proxy.clone().recipient(), ground, ready)?;
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
            connections_max: config.limits.connections_max,
            config: &config.events,
            name: config.node_name.clone(),
            params: events::params(config),
            sessions: Arc::clone(&ground.sessions),
            ready: hub_ready,
            alarm: Alarm::new("the hub actor", &ground.alarm),
        })?;
        if let Some(cell) = events.extractors.take() {
            registry.publish_extractors(cell);
        }
        let registry = cluster::start_registry(registry, &events.hub, config, ground)?;
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
