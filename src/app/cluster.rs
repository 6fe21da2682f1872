//! The wiring of what nodes share: the replica with its registry actor, and the cluster actor.

use std::{sync::Arc, time::Instant};

use actix::{Addr, AsyncContext, Context, Recipient, Supervisor};
use tokio::sync::oneshot;

use crate::{
    actor::{
        Alarm,
        cluster::ClusterActor,
        hub::HubActor,
        registry::{Parts, RegistryActor, extractors::Given, wall_ms},
    },
    app::{StartError, ground::Ground},
    config::{Config, cluster::Cluster},
    core::{
        api::validate::Surroundings,
        registry::{Registry, activatable},
        replica::{Identity, Replica, id::PeerId, params::Params, stamp::Now},
    },
    message::{cluster::Joined, proxy::ApisPublished},
    p2p,
    telemetry::{cluster::ClusterMetrics, network::NetworkMetrics},
};

/// The replica and what it works with. A node without a cluster is ready at once.
pub(super) fn registry_parts(
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
pub(super) fn start_registry(
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
