//! The rows of the table about the cluster (names.md).
//!
//! What they mean together is checked in `config::cluster`.

use crate::config::settings::{
    Setting,
    defaults::{DEFAULT_CLUSTER_NAME, DEFAULT_DNS_NAME},
    kind::Kind,
};

/// The word of `DISCOVERY_TYPE` for multicast.
pub const MDNS: &str = "mdns";

/// The word of `DISCOVERY_TYPE` for looking up `DNS_NAME`.
pub const DNS: &str = "dns";

/// In the order they are shown.
pub(super) const CLUSTER: &[Setting] = &[
    Setting::found(
        "CLUSTER_LISTEN",
        Kind::Socket,
        "no cluster; 0.0.0.0:4020 with CLUSTER_PEERS or DISCOVERY_TYPE",
        "Where other nodes connect to. Beyond loopback, NODE_COOKIE is needed",
    ),
    Setting::found(
        "CLUSTER_ADVERTISE",
        Kind::Socket,
        "what others see",
        "Address of this node that is told to others, where it is not the one they see",
    ),
    Setting::unset(
        "CLUSTER_PEERS",
        Kind::Peers,
        "Nodes to connect to; the others are found through them. May name this node",
    ),
    Setting::unset(
        "DISCOVERY_TYPE",
        Kind::SomeOf(&[MDNS, DNS]),
        "How further nodes are found: mdns by multicast on the local network, dns by looking up \
         DNS_NAME",
    ),
    Setting::new(
        "DNS_NAME",
        Kind::Lookup,
        DEFAULT_DNS_NAME,
        "Name whose A and AAAA records are the nodes, such as a headless service; port 4020 if none \
         is given. One that begins with _ is looked up as SRV first, and the ports are those of the \
         records",
    ),
    Setting::new(
        "CLUSTER_NAME",
        Kind::Name,
        DEFAULT_CLUSTER_NAME,
        "Clusters with other names do not hear each other",
    ),
    Setting::found(
        "CLUSTER_ALLOW",
        Kind::Networks,
        "all",
        "Networks that nodes may be in; others are neither let in nor connected to",
    ),
    Setting::unset(
        "NODE_COOKIE",
        Kind::Secret,
        "Secret of the cluster, the same on all nodes, at least 16 bytes, made for example with \
         openssl rand -hex 32",
    ),
];
