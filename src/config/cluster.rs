//! The cluster this node belongs to, if any (issue 3; names.md, cluster.md part 6).
//!
//! There is one as soon as somebody says where to listen or how to find others. Who may join is
//! decided here, before a socket exists: beyond loopback nobody starts without a secret.
//! Deliberately absent: sockets, lookups, the name of the node ([`super::node`]).

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::{
    config::{
        faults::shown,
        reader::Reader,
        secret::Secret,
        settings::{
            defaults::DEFAULT_CLUSTER_LISTEN,
            places,
            table::cluster::{DNS, MDNS},
        },
    },
    p2p::config::{DEFAULT_PORT, PLACES_MAX, SECRET_BYTES_MIN},
};

/// What only means something in a cluster. `NODE_COOKIE` is not among them: it has further uses.
const IDLE: [&str; 4] = [
    "CLUSTER_ADVERTISE",
    "CLUSTER_NAME",
    "CLUSTER_ALLOW",
    "DNS_NAME",
];

/// A node's place in its cluster. `Debug` does not show the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// `CLUSTER_NAME`: clusters with other names are not heard; 1 to 128 bytes, no control characters.
    pub name: String,
    /// `CLUSTER_LISTEN`: where peers connect to; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// `CLUSTER_ADVERTISE`: the address told to others; it can be dialled. `None`: what they see.
    pub advertise: Option<SocketAddr>,
    /// `CLUSTER_PEERS`: nodes to connect to, each as `host:port`, an IPv6 address in brackets; no
    /// duplicates; may name this node. At most [`PLACES_MAX`] together with [`Self::dns`].
    pub peers: Vec<String>,
    /// `CLUSTER_ALLOW`: the networks peers may be in; empty admits all.
    pub allow: Vec<IpNet>,
    /// `DISCOVERY_TYPE` holds `mdns`: look for nodes by multicast.
    pub mdns: bool,
    /// `DISCOVERY_TYPE` holds `dns`: the `host:port` of `DNS_NAME`, whose every address is a node.
    pub dns: Option<String>,
    /// `NODE_COOKIE`, at least [`SECRET_BYTES_MIN`] bytes. `None` only if [`Self::listen`] is loopback.
    pub secret: Option<Secret>,
}

// === impl Cluster ===

impl Cluster {
    /// The cluster, if one is wanted. All its settings are read anyway, so that a faulty one is told
    /// on the day it is written and not on the day the cluster is switched on.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let listen = reader.socket("CLUSTER_LISTEN");
        let discovery = reader.words("DISCOVERY_TYPE");
        let dns_name = reader.lookup("DNS_NAME");
        let cluster = Self {
            name: reader.text("CLUSTER_NAME").unwrap_or_default(),
            listen: listen.unwrap_or_else(default_listen),
            advertise: reader.socket("CLUSTER_ADVERTISE"),
            peers: reader.peers("CLUSTER_PEERS"),
            allow: reader.networks("CLUSTER_ALLOW"),
            mdns: discovery.contains(&MDNS),
            dns: dns_name.filter(|_| discovery.contains(&DNS)),
            secret: secret(reader),
        };
        let is_wanted = listen.is_some() || !discovery.is_empty() || !cluster.peers.is_empty();
        if !is_wanted {
            for variable in IDLE {
                if reader.is_given(variable) {
                    reader.warn(format!(
                        "{variable} has no effect: there is no cluster without CLUSTER_LISTEN, \
                         CLUSTER_PEERS or DISCOVERY_TYPE"
                    ));
                }
            }
            return None;
        }
        cluster.check_secret(reader);
        cluster.check_places(reader);
        cluster.check_discovery(reader);
        Some(cluster)
    }

    /// Whoever can connect and knows the secret is a member, and a member can change every API.
    fn check_secret(&self, reader: &mut Reader<'_>) {
        let is_told = |reader: &Reader<'_>| {
            ["CLUSTER_LISTEN", "NODE_COOKIE"]
                .iter()
                .any(|variable| reader.is_faulty(variable))
        };
        match &self.secret {
            Some(_) => {}
            None if is_told(reader) => {}
            None if self.is_loopback() => reader.warn(
                "the cluster has no secret: everybody on this machine can join it and change its \
                 APIs; set NODE_COOKIE to prevent that",
            ),
            None => {
                let message = format!(
                    "it is missing, and the cluster listens on {}, which other machines can reach: \
                     set NODE_COOKIE or NODE_COOKIE_FILE to one secret of at least \
                     {SECRET_BYTES_MIN} bytes on all nodes, made for example with: openssl rand \
                     -hex 32; or listen on loopback only: CLUSTER_LISTEN=127.0.0.1:{}",
                    self.listen, DEFAULT_PORT
                );
                reader.fault("NODE_COOKIE", message);
            }
        }
    }

    fn check_places(&self, reader: &mut Reader<'_>) {
        if let Some(advertise) = self.advertise
            && !can_be_dialled(advertise)
        {
            let message = format!(
                "nobody can connect to {}: give the address and the port that others reach this \
                 node at",
                shown(&advertise.to_string())
            );
            reader.fault("CLUSTER_ADVERTISE", message);
        }
        let places = self.peers.len() + usize::from(self.dns.is_some());
        if places > PLACES_MAX {
            let message = format!(
                "{} peers are too many: name at most {}, they know the others",
                self.peers.len(),
                PLACES_MAX - usize::from(self.dns.is_some())
            );
            reader.fault("CLUSTER_PEERS", message);
        }
        for peer in &self.peers {
            let outside = peer
                .parse::<SocketAddr>()
                .is_ok_and(|peer| !self.admits(peer.ip()));
            if outside {
                reader.warn(format!(
                    "CLUSTER_PEERS: {peer} is in no network of CLUSTER_ALLOW, so it is not connected to"
                ));
            }
        }
    }

    fn check_discovery(&self, reader: &mut Reader<'_>) {
        if self.mdns && self.is_loopback() {
            reader.warn(format!(
                "DISCOVERY_TYPE: mdns finds nodes on the network, but {} can be reached from this \
                 machine only: set CLUSTER_LISTEN",
                self.listen
            ));
        }
        if self.dns.is_none() && reader.is_given("DNS_NAME") {
            reader.warn("DNS_NAME has no effect without DISCOVERY_TYPE=dns");
        }
    }

    fn is_loopback(&self) -> bool {
        self.listen.ip().to_canonical().is_loopback()
    }

    fn admits(&self, ip: IpAddr) -> bool {
        self.allow.is_empty() || self.allow.iter().any(|network| network.contains(&ip))
    }
}

/// `NODE_COOKIE`, if it is long enough.
fn secret(reader: &mut Reader<'_>) -> Option<Secret> {
    let secret = reader.secret("NODE_COOKIE")?;
    let bytes = secret.expose().len();
    if bytes >= SECRET_BYTES_MIN {
        return Some(secret);
    }
    let message = format!(
        "{bytes} bytes are too few, it can be guessed: give it at least {SECRET_BYTES_MIN}, made for \
         example with: openssl rand -hex 32"
    );
    reader.fault("NODE_COOKIE", message);
    None
}

fn default_listen() -> SocketAddr {
    places::socket(DEFAULT_CLUSTER_LISTEN).expect("the default is an address")
}

fn can_be_dialled(socket: SocketAddr) -> bool {
    socket.port() != 0 && !socket.ip().is_unspecified() && !socket.ip().is_multicast()
}
