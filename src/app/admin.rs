//! The wiring of the management API.

use std::sync::Arc;

use actix_web::dev::ServerHandle;

use crate::{
    app::{StartError, actors::Actors, ground::Ground},
    config::{Config, listeners::Guard},
    http::admin::{
        self, AdminState, guard::BearerToken, responses::Responses, server::ServerOptions,
        session_blacklist::Sessions,
    },
};

/// Opens the management API.
pub(super) fn start(
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
