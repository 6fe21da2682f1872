//! `rig --local N`: nodes 1 to 9 of a cluster on this machine, so that separate terminals find each
//! other without any setting (names.md).
//!
//! Presets stand between the environment and the defaults: whatever somebody set explicitly wins.
//! Deliberately absent: starting anything. The shared secret is [`mod@cookie`]'s business.

pub mod cookie;
#[cfg(test)]
mod tests;

use crate::{
    cli::local::cookie::cookie,
    config::{
        faults::{ConfigFault, ConfigFaults},
        vars::{Flags, Vars},
    },
};

/// Most nodes: what fits in steps of 100 without leaving the four thousands, and more than a person
/// keeps in sight.
pub const NODES_MAX: u8 = 9;

/// From one node's ports to the next's. Larger than the ports of one node are apart.
const PORT_STEP: u16 = 100;

/// Ports of node 1, those of a node without settings.
const PORTS: [(&str, u16); 4] = [
    ("INBOUND_PORT", 4000),
    ("INBOUND_HTTPS_PORT", 4001),
    ("API_HTTP_PORT", 4010),
    ("API_HTTPS_PORT", 4011),
];
const CLUSTER_PORT: u16 = 4020;

/// The cluster secret and the file with it.
const SECRET_VARIABLES: [&str; 2] = ["NODE_COOKIE", "NODE_COOKIE_FILE"];

/// An environment with a local node's presets behind it. No `Debug`: it holds the secret.
pub struct Local<'a> {
    environment: &'a dyn Vars,
    presets: Flags,
}

// === impl Local ===

impl<'a> Local<'a> {
    /// The environment of local node `node`, 1 to [`NODES_MAX`]. Makes the secret that local nodes share
    /// unless `flags` or `environment` give one.
    ///
    /// # Errors
    /// There is no place for the secret, or it is not private; the text says what to do.
    pub fn new(node: u8, flags: &Flags, environment: &'a dyn Vars) -> Result<Self, ConfigFaults> {
        let presets = overrides(node).into_iter();
        let mut presets: Flags = presets
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let is_set = |vars: &dyn Vars, name: &str| vars.get(name).is_some_and(|v| !v.is_empty());
        let is_given = |name: &&str| is_set(flags, name) || is_set(environment, name);
        if !SECRET_VARIABLES.iter().any(is_given) {
            let secret = cookie(environment).map_err(|fault| {
                ConfigFaults(vec![ConfigFault::new("--local", fault.to_string())])
            })?;
            presets.insert(SECRET_VARIABLES[0].to_owned(), secret.expose().to_owned());
        }
        Ok(Self {
            environment,
            presets,
        })
    }
}

impl Vars for Local<'_> {
    fn get(&self, name: &str) -> Option<String> {
        let given = self.environment.get(name).filter(|value| !value.is_empty());
        given.or_else(|| Vars::get(&self.presets, name))
    }
}

/// The settings that make a node number `node` of this machine, without the secret, by variable.
/// Everything is on loopback.
pub fn overrides(node: u8) -> Vec<(&'static str, String)> {
    const LOOPBACK: &str = "127.0.0.1";
    let cluster = |node| format!("{LOOPBACK}:{}", port(CLUSTER_PORT, node));
    let peers: Vec<String> = (1..=NODES_MAX).map(cluster).collect();
    let mut overrides = vec![
        ("NODE_NAME", format!("local-{node}")),
        ("INBOUND_BIND", LOOPBACK.to_owned()),
        ("API_BIND", LOOPBACK.to_owned()),
        ("CLUSTER_LISTEN", cluster(node)),
        ("CLUSTER_PEERS", peers.join(",")),
    ];
    overrides.extend(PORTS.map(|(name, first)| (name, port(first, node).to_string())));
    overrides
}

fn port(first: u16, node: u8) -> u16 {
    first + PORT_STEP * u16::from(node.saturating_sub(1))
}
