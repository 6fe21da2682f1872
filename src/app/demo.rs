//! `rig demo`: a gateway on loopback with a back end of its own and something to try.
//!
//! The definitions are `priv/demo.json`; only their port is filled in, once the back end
//! (`demo/upstream.rs`) has one.

mod examples;
mod leaflet;
mod nodes;
mod upstream;

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
    sync::Arc,
};

use actix_rt::System;
use serde_json::{Value, json};

use crate::{
    app::{EXIT_START_FAILED, Running, start},
    config::{
        Config,
        vars::{Flags, Vars},
    },
    core::{
        api::{seed::seeds, validate::Surroundings},
        subscription::extractors::Extractors,
    },
};
use examples::Office;

const DEFINITIONS: &str = include_str!("../../priv/demo.json");

/// What constraints of subscriptions can name.
const EXTRACTORS: &str = include_str!("../../priv/examples/extractors.json");

/// Known to everybody who reads this, therefore for the demo only.
const DEMO_SECRET: &str = "demo-secret-known-to-everybody";

/// The session of the printed token.
const DEMO_SESSION: &str = "demo-session";

/// The management port of the first of several nodes.
const FIRST_ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4010);

/// The settings of the demo: with its own key, unless somebody gave another.
pub fn flags(mut flags: Flags, environment: &dyn Vars) -> Flags {
    let is_set = |vars: &dyn Vars, name: &str| vars.get(name).is_some_and(|v| !v.is_empty());
    let keys = ["JWT_SECRET_KEY", "JWT_SECRET_KEY_FILE", "JWT_JWKS_URL"];
    let is_given = keys
        .iter()
        .any(|name| is_set(&flags, name) || is_set(environment, name));
    if !is_given {
        flags.insert("JWT_SECRET_KEY".to_owned(), DEMO_SECRET.to_owned());
        flags.insert("JWT_ALG".to_owned(), "HS256".to_owned());
    }
    flags
}

/// Runs the demo until it is told to stop. `config` is bound to loopback and has no definitions.
pub fn run(config: Config) -> ExitCode {
    System::new().block_on(async move {
        match begin(config).await {
            Ok(running) => running.until_stopped().await,
            Err(error) => {
                log::error!("the demo cannot start: {error}");
                ExitCode::from(EXIT_START_FAILED)
            }
        }
    })
}

/// Runs the demo with several nodes until it is told to stop.
pub fn run_nodes(count: u8) -> ExitCode {
    System::new().block_on(async move {
        let office = Arc::new(Office::default());
        // Each is set once, here.
        let _unset = office.secret.set(DEMO_SECRET);
        let _unset = office.admin.set(FIRST_ADMIN);
        let ended = match definitions(&office) {
            Ok((definitions, port)) => nodes::run(count, &definitions, port).await,
            Err(error) => Err(std::io::Error::other(error)),
        };
        ended.unwrap_or_else(|error| {
            eprintln!("rig: the demo cannot start: {error}");
            ExitCode::from(EXIT_START_FAILED)
        })
    })
}

/// Starts the back end; the definitions that lead to it, and its port.
fn definitions(
    office: &Arc<Office>,
) -> Result<(Value, u16), Box<dyn std::error::Error + Send + Sync>> {
    let port = upstream::start(office)?;
    let mut definitions: Value = serde_json::from_str(DEFINITIONS)?;
    for definition in definitions.as_array_mut().into_iter().flatten() {
        definition["proxy"]["port"] = json!(port);
    }
    Ok((definitions, port))
}

async fn begin(mut config: Config) -> Result<Running, Box<dyn std::error::Error + Send + Sync>> {
    let office = Arc::new(Office::default());
    let (definitions, port) = definitions(&office)?;
    config.seeds = seeds(&definitions, &Surroundings { has_key: true })?;
    let is_own = (config.jwt.secret_key.as_ref()).is_some_and(|key| key.expose() == DEMO_SECRET);
    if is_own {
        let _unset = office.secret.set(DEMO_SECRET);
    }
    if !config.events.extractors_given {
        config.events.extractors = Arc::new(Extractors::parse(EXTRACTORS)?);
        // As if they were: the registry shows them, too.
        config.events.extractors_given = true;
    }
    let running = start(config).await?;
    let (inbound, api) = (running.ports.inbound.first(), running.ports.api.first());
    if let (Some(inbound), Some(api)) = (inbound, api) {
        let _unset = office.admin.set(api.address);
        let token = office.token(DEMO_SESSION);
        println!(
            "{}",
            leaflet::leaflet(
                &inbound.address.to_string(),
                &api.address.to_string(),
                port,
                token.as_deref().unwrap_or("YOUR_TOKEN"),
            )
        );
    }
    Ok(running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_and_extractors_of_the_demo_are_valid() {
        let definitions = serde_json::from_str(DEFINITIONS).expect("JSON");
        let seeds = seeds(&definitions, &Surroundings { has_key: true });
        assert_eq!(seeds.map(|seeds| seeds.len()).map_err(|_faults| ()), Ok(2));
        let extractors = Extractors::parse(EXTRACTORS).expect("extractors");
        assert!(extractors.fields("chatroom_message").is_some());
    }

    #[test]
    fn a_token_is_made_only_with_the_demos_own_key() {
        let office = Office::default();
        assert_eq!(office.token("s"), None);
        assert_eq!(office.secret.set(DEMO_SECRET), Ok(()));
        assert!(
            office
                .token("s")
                .is_some_and(|token| token.split('.').count() == 3)
        );
    }
}
