//! `rig demo`: a gateway on loopback with a back end of its own and something to try.
//!
//! The definitions are `priv/demo.json`; only their port is filled in, once the back end
//! (`demo/upstream.rs`) has one.

mod nodes;
mod upstream;

use std::{process::ExitCode, time::SystemTime};

use actix_rt::System;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::{
    app::{EXIT_START_FAILED, Running, start},
    config::{
        Config,
        vars::{Flags, Vars},
    },
    core::api::{seed::seeds, validate::Surroundings},
};

const DEFINITIONS: &str = include_str!("../../priv/demo.json");

/// Known to everybody who reads this, therefore for the demo only.
const DEMO_SECRET: &str = "demo-secret-known-to-everybody";

/// How long the printed token is valid, in seconds.
const TOKEN_SECONDS: u64 = 24 * 60 * 60;

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
        let ended = match definitions() {
            Ok((definitions, port)) => nodes::run(count, &definitions, port, DEMO_SECRET).await,
            Err(error) => Err(std::io::Error::other(error)),
        };
        ended.unwrap_or_else(|error| {
            eprintln!("rig: the demo cannot start: {error}");
            ExitCode::from(EXIT_START_FAILED)
        })
    })
}

/// Starts the back end; the definitions that lead to it, and its port.
fn definitions() -> Result<(Value, u16), Box<dyn std::error::Error + Send + Sync>> {
    let port = upstream::start()?;
    let mut definitions: Value = serde_json::from_str(DEFINITIONS)?;
    for definition in definitions.as_array_mut().into_iter().flatten() {
        definition["proxy"]["port"] = json!(port);
    }
    Ok((definitions, port))
}

async fn begin(mut config: Config) -> Result<Running, Box<dyn std::error::Error + Send + Sync>> {
    let (definitions, _port) = definitions()?;
    config.seeds = seeds(&definitions, &Surroundings { has_key: true })?;
    let token = token(&config)?;
    let running = start(config).await?;
    let (inbound, api) = (running.ports.inbound.first(), running.ports.api.first());
    if let (Some(inbound), Some(api)) = (inbound, api) {
        println!(
            "{}",
            leaflet(
                &inbound.address.to_string(),
                &api.address.to_string(),
                &token
            )
        );
    }
    Ok(running)
}

/// A token for `/till`, if the demo's own secret is in use.
fn token(config: &Config) -> Result<String, jsonwebtoken::errors::Error> {
    let Some(secret) = config
        .jwt
        .secret_key
        .as_ref()
        .filter(|key| key.expose() == DEMO_SECRET)
    else {
        return Ok("YOUR_TOKEN".to_owned());
    };
    let now = SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |elapsed| elapsed.as_secs());
    let claims = json!({ "sub": "demo", "jti": "demo-session", "exp": now + TOKEN_SECONDS });
    encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(secret.expose().as_bytes()),
    )
}

fn leaflet(inbound: &str, api: &str, token: &str) -> String {
    let definition = r#"{"id":"mine","name":"mine","version_data":{"default":{"endpoints":[{"id":"greet","method":"GET","path_regex":"/greet/(.+)","path_replacement":"/hello?name=\\1"}]}},"proxy":{"target_url":"127.0.0.1","port":PORT}}"#;
    format!(
        r#"
The gateway proxies on http://{inbound} and is managed on http://{api}. Try, in another terminal:

# a request through the gateway; the back end tells what it saw
curl -i http://{inbound}/hello

# its path is rewritten and a header is added on the way
curl http://{inbound}/shops/berlin/items/42

# an upload and an endless stream, both passed on as they come
head -c 100000000 /dev/zero | curl -T - -X POST http://{inbound}/upload
curl -N http://{inbound}/stream

# a back end that is too slow for the endpoint's time limit: 504
curl -i http://{inbound}/slow

# an endpoint that wants a token: 401 without, 200 with it
curl -i http://{inbound}/till
curl -i -H 'Authorization: Bearer {token}' http://{inbound}/till

# add an API while the gateway runs, use it, see its version, remove it
PORT=$(curl -s http://{api}/v3/apis/demo | sed 's/.*"port":\([0-9]*\).*/\1/')
curl -i -H 'content-type: application/json' http://{api}/v3/apis -d "$(echo '{definition}' | sed "s/PORT/$PORT/")"
curl http://{inbound}/greet/you
curl -i http://{api}/v3/apis/mine
curl -i -X DELETE http://{api}/v3/apis/mine

# which endpoint would answer, and what would be sent? (nothing is sent)
curl -H 'content-type: application/json' http://{api}/v3/probe -d '{{"method":"GET","path":"/shops/berlin/items/42"}}'

# the API's documentation for a browser, and the metrics
http://{api}/swagger-ui
curl http://{api}/metrics

Ctrl-C stops the demo."#
    )
}
