//! The settings of a gateway: read once, checked together, handed out as values, a sub-struct per
//! room. Nobody else reads the environment, except for targets with `use_env`.
//!
//! Sources in this order: flag, environment, default (`reader.rs`). What there is to set is a table
//! ([`settings`]). Everything is read before anything is reported, so an operator sees all faults at
//! once, what is in named files included. Deliberately absent: sockets, logging, keeping keys. Spec:
//! `config.md`, `names.md`.

pub mod cluster;
pub mod document;
pub mod events;
pub mod faults;
pub mod files;
pub mod jwt;
pub mod listeners;
pub mod logs;
pub mod node;
pub mod proxy;
mod reader;
pub mod secret;
pub mod seed;
pub mod settings;
#[cfg(test)]
mod tests;
pub mod vars;

use std::fmt;

use ipnet::IpNet;

use crate::{
    config::{
        cluster::Cluster,
        events::Events,
        faults::ConfigFaults,
        files::Files,
        jwt::Jwt,
        listeners::{Admin, Guard, Inbound, TlsFiles},
        logs::Log,
        node::Shutdown,
        proxy::{Cors, Limits, Proxy},
        reader::Reader,
        secret::Secret,
        seed::Loaded,
        vars::{Flags, Vars},
    },
    core::api::{seed::Seed, validate::Surroundings},
};

/// All settings of a gateway. `Debug` shows no secrets and no definitions.
pub struct Config {
    /// `NODE_NAME`, else `NODE_HOST`, else the host name; at most 128 bytes, no control characters.
    pub node_name: String,
    /// `HOST`: how `forwarded: by=` names this gateway; a host name or an IP address.
    pub host: String,
    /// `WORKERS`: threads for the proxy's ports, at least 1.
    pub workers: usize,
    /// The proxy's listeners.
    pub inbound: Inbound,
    /// The management API's listeners and its guard.
    pub admin: Admin,
    /// The cluster this node belongs to; `None`: it is on its own.
    pub cluster: Option<Cluster>,
    /// HTTPS for both, if configured.
    pub tls: Option<TlsFiles>,
    /// How requests are forwarded.
    pub proxy: Proxy,
    /// How tokens are verified.
    pub jwt: Jwt,
    /// What clients may send.
    pub limits: Limits,
    /// What browsers are told.
    pub cors: Cors,
    /// `TRUSTED_PROXIES`: whose forwarding headers are kept and extended.
    pub trusted_proxies: Vec<IpNet>,
    /// Events, and the connections they are delivered on.
    pub events: Events,
    /// How the gateway ends.
    pub shutdown: Shutdown,
    /// What is logged.
    pub log: Log,
    /// `PROMETHEUS_METRICS_ENABLED`: count, and answer on `/metrics`.
    pub metrics: bool,
    /// `PROXY_CONFIG_FILE`: the definitions to start with, in the order of the file.
    pub seeds: Vec<Seed>,
    /// When the file of `PROXY_CONFIG_FILE` was last changed, in milliseconds since the epoch; `None`
    /// if there is no file.
    pub seeds_modified_ms: Option<u64>,
    /// What an operator should know of this configuration, for the log at `info`.
    pub notices: Vec<String>,
    /// What an operator should look at, for the log at `warn`.
    pub warnings: Vec<String>,
}

// === impl Config ===

impl Config {
    /// Reads all settings. `flags` are named by their variables.
    ///
    /// # Errors
    /// At least one setting is faulty; all faults are in there, and nothing was started.
    pub fn load(
        flags: &Flags,
        environment: &dyn Vars,
        files: &dyn Files,
    ) -> Result<Self, ConfigFaults> {
        let mut reader = Reader::new(flags, environment, files);
        let config = Self::read(&mut reader);
        reader.finish(config)
    }

    /// `DEFINITION_BYTES_MAX` alone, for checking definitions without a gateway.
    ///
    /// # Errors
    /// It is faulty; other settings are not looked at.
    pub fn definition_bytes_max(
        flags: &Flags,
        environment: &dyn Vars,
        files: &dyn Files,
    ) -> Result<usize, ConfigFaults> {
        let mut reader = Reader::new(flags, environment, files);
        let bytes = proxy::definition_bytes_max(&mut reader);
        reader.finish(bytes)
    }

    /// `API_TOKEN` alone, for asking the management API of a node that runs.
    ///
    /// # Errors
    /// It is faulty; other settings are not looked at.
    pub fn api_token(
        flags: &Flags,
        environment: &dyn Vars,
        files: &dyn Files,
    ) -> Result<Option<Secret>, ConfigFaults> {
        let mut reader = Reader::new(flags, environment, files);
        let token = listeners::token(&mut reader);
        reader.finish(token)
    }

    /// A draft: where the reader met a fault, it holds a default.
    fn read(reader: &mut Reader<'_>) -> Self {
        for warning in settings::later::warnings(reader.environment()) {
            reader.warn(warning);
        }
        let inbound = Inbound::read(reader);
        let admin = Admin::read(reader);
        let tls = TlsFiles::read(reader);
        let cluster = Cluster::read(reader);
        listeners::check_ports(reader, &inbound, &admin, tls.as_ref(), cluster.as_ref());
        let jwt = Jwt::read(reader);
        let limits = Limits::read(reader);
        let notices = notices(reader, &admin);
        let events = Events::read(reader, cluster.as_ref(), limits.definition_bytes_max);
        let loaded = seeds(reader, &jwt, &limits);
        Self {
            node_name: node::name(reader, cluster.is_some()),
            host: reader.text("HOST").unwrap_or_default(),
            workers: node::workers(reader),
            inbound,
            admin,
            cluster,
            tls,
            proxy: Proxy::read(reader),
            seeds: loaded.seeds,
            seeds_modified_ms: loaded.modified_ms,
            jwt,
            limits,
            cors: Cors::read(reader),
            trusted_proxies: trusted_proxies(reader),
            events,
            shutdown: Shutdown::read(reader),
            log: Log::read(reader),
            metrics: reader.switch("PROMETHEUS_METRICS_ENABLED"),
            notices,
            warnings: reader.take_warnings(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("node_name", &self.node_name)
            .field("host", &self.host)
            .field("workers", &self.workers)
            .field("inbound", &self.inbound)
            .field("admin", &self.admin)
            .field("cluster", &self.cluster)
            .field("tls", &self.tls)
            .field("proxy", &self.proxy)
            .field("jwt", &self.jwt)
            .field("limits", &self.limits)
            .field("cors", &self.cors)
            .field("trusted_proxies", &self.trusted_proxies)
            .field("events", &self.events)
            .field("shutdown", &self.shutdown)
            .field("log", &self.log)
            .field("metrics", &self.metrics)
            // Their number only: `add_headers` of a definition may hold a password.
            .field("seeds", &self.seeds.len())
            .field("seeds_modified_ms", &self.seeds_modified_ms)
            .field("notices", &self.notices)
            .field("warnings", &self.warnings)
            .finish()
    }
}

fn notices(reader: &mut Reader<'_>, admin: &Admin) -> Vec<String> {
    let mut notices = Vec::new();
    match admin.guard {
        Guard::Nobody => reader.warn(admin.guard.to_string()),
        Guard::Token(_) | Guard::Loopback => notices.push(admin.guard.to_string()),
    }
    if !reader.is_given("PROXY_CONFIG_FILE") {
        notices.push("no API definitions to start with: PROXY_CONFIG_FILE is not set".to_owned());
    }
    notices
}

fn trusted_proxies(reader: &mut Reader<'_>) -> Vec<IpNet> {
    let networks = reader.networks("TRUSTED_PROXIES");
    if networks.iter().any(|network| network.prefix_len() == 0) {
        reader.warn("TRUSTED_PROXIES holds every address: any client can pretend to be another");
    }
    networks
}

fn seeds(reader: &mut Reader<'_>, jwt: &Jwt, limits: &Limits) -> Loaded {
    let nothing = Loaded {
        seeds: Vec::new(),
        modified_ms: None,
    };
    let Some(value) = reader.text("PROXY_CONFIG_FILE") else {
        return nothing;
    };
    let surroundings = Surroundings {
        has_key: jwt.has_key(),
    };
    let files = reader.files();
    match seed::load(&value, limits.definition_bytes_max, files, &surroundings) {
        Ok(loaded) => {
            for warning in loaded.seeds.iter().flat_map(|seed| &seed.warnings) {
                reader.warn(format!(
                    "PROXY_CONFIG_FILE: {}: {}",
                    warning.path, warning.message
                ));
            }
            loaded
        }
        Err(fault) => {
            reader.fault("PROXY_CONFIG_FILE", fault.to_string());
            nothing
        }
    }
}
