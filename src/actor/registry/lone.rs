//! For tests: a registry actor of a node that is alone.

use std::{sync::Arc, time::Instant};

use actix::Recipient;
use tokio::sync::oneshot;

use crate::{
    actor::{
        Alarm,
        registry::{Parts, RegistryActor, wall_ms},
    },
    core::{
        api::validate::Surroundings,
        registry::{Registry, activatable},
        replica::{Identity, Replica, id::PeerId, params::Params, stamp::Now},
    },
    message::proxy::ApisPublished,
    telemetry::{cluster::ClusterMetrics, metrics::Metrics},
};

impl RegistryActor {
    /// No cluster, no definitions, ready as soon as it is started.
    pub(crate) fn lone(
        proxy: Recipient<ApisPublished>,
        definition_bytes_max: usize,
        alarm: Alarm,
    ) -> Self {
        let identity = Identity {
            cluster: String::new(),
            name: "lone".to_owned(),
            peer: PeerId::new(&[]),
            software: "test".to_owned(),
        };
        let params = Params {
            join_timeout: 0,
            definition_bytes_max,
            ..Params::default()
        };
        let now = Now {
            monotonic: 0,
            wall: wall_ms(),
        };
        let metrics = Metrics::new().expect("meters");
        let parts = Parts {
            replica: Replica::new(identity, params, Arc::new(activatable), 1, now),
            registry: Registry::new(Surroundings { has_key: true }, definition_bytes_max),
            extractors: None,
            proxy,
            metrics: ClusterMetrics::new(&metrics).expect("meters"),
            ready: oneshot::channel().0,
            began: Instant::now(),
        };
        Self::new(parts, Vec::new(), 0, alarm).0
    }
}
