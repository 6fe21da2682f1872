//! Floor 3: the only wiring. Builds the cores, starts the actors, opens the ports, closes them.
//!
//! [`start`] reads from top to bottom as the boot order: `ground`, `actors` (with `cluster` and
//! `events`), `inbound`, `admin`; [`Running::until_stopped`] is the way out ([`drain`]). Knows everyone
//! and decides nothing.

mod actors;
mod admin;
mod cluster;
pub mod demo;
pub mod drain;
mod events;
mod ground;
mod inbound;
pub mod ports;
mod start_error;
#[cfg(test)]
mod tests;

use std::{process::ExitCode, sync::Arc};

use actix_rt::System;
use actix_web::dev::ServerHandle;
use tokio::sync::mpsc;

pub use self::start_error::StartError;
use self::{actors::Actors, ground::Ground, inbound::Inbound, ports::Ports};
use crate::{
    config::{Config, node::Shutdown},
    http::tls::{CertificateCell, Files},
    telemetry::health::{Health, Phase},
};

/// The process could not start although its configuration is sound (a port is taken, say).
const EXIT_START_FAILED: u8 = 1;

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
    let admin = admin::start(&ground, &actors, &config)?;
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
