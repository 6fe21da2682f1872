//! The values this room is opened with, and the checks that must hold before a socket exists.
//!
//! Reading variables is the config room's work; times and sizes that nobody should have to tune are
//! constants in the files that use them.

use std::fmt;
use std::net::SocketAddr;

use ipnet::IpNet;

use super::P2pError;
use super::address::Address;

/// Shortest cluster secret: 16 random bytes are 128 bits.
pub const SECRET_BYTES_MIN: usize = 16;
/// Configured addresses and names together; each name costs a task, each address a dial now and
/// then.
pub const PLACES_MAX: usize = 256;
/// A full mesh of more nodes than this costs more in pings than it brings.
pub const PEERS_MAX_MAX: usize = 1_000;
/// Default of [`Config::peers_max`]: a full mesh of 100 nodes was measured, with room for a rolling
/// restart.
pub const PEERS_MAX: usize = 128;
/// Port that is tried for the addresses of [`Config::dns`].
pub const DEFAULT_PORT: u16 = 4020;
/// Limit of the cluster name: it is part of the gossip topic.
const CLUSTER_BYTES_MAX: usize = 128;

/// What [`super::start`] needs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Clusters with other names never hear each other: the name is mixed into the keys and the
    /// topic.
    pub cluster: String,
    /// Where to accept peers; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The address told to peers, if the one they see is not the one they must dial.
    pub advertise: Option<SocketAddr>,
    /// Shared by all nodes of the cluster. Without it only loopback works.
    pub secret: Option<Secret>,
    /// Permits a loopback listener without a secret (tests, one developer's machine).
    pub loopback_without_secret: bool,
    /// Peers dialled for ever. Addresses of this node among them are harmless.
    pub peers: Vec<Address>,
    /// A name whose every A and AAAA record is a peer (port [`DEFAULT_PORT`] unless the name gives
    /// another), or, if it begins with `_`, whose every SRV record is.
    pub dns: Option<Address>,
    /// Multicast discovery on every interface that is not loopback.
    pub mdns: bool,
    /// Ranges that may connect or be dialled; empty admits all.
    pub allow: Vec<IpNet>,
    /// Most peers at once, 1 to 1,000. Connections are bounded by twice that.
    pub peers_max: usize,
}

/// A cluster secret; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

// === impl Config ===

impl Config {
    /// A node that listens at `listen`, knows nobody and has no secret.
    #[must_use]
    pub fn new(cluster: &str, listen: SocketAddr) -> Self {
        Self {
            cluster: cluster.to_owned(),
            listen,
            advertise: None,
            secret: None,
            loopback_without_secret: false,
            peers: Vec::new(),
            dns: None,
            mdns: false,
            allow: Vec::new(),
            peers_max: PEERS_MAX,
        }
    }

    pub(crate) fn check(&self) -> Result<(), P2pError> {
        let named = (1..=CLUSTER_BYTES_MAX).contains(&self.cluster.len());
        if !named || self.cluster.chars().any(char::is_control) {
            return Err(P2pError::ClusterName);
        }
        match &self.secret {
            Some(secret) if secret.0.len() < SECRET_BYTES_MIN => {
                return Err(P2pError::SecretShort {
                    bytes: secret.0.len(),
                });
            }
            Some(_) => {}
            None if !self.listen.ip().to_canonical().is_loopback() => {
                return Err(P2pError::SecretMissing {
                    listen: self.listen,
                });
            }
            None if !self.loopback_without_secret => {
                return Err(P2pError::SecretMissingOnLoopback {
                    listen: self.listen,
                });
            }
            None => {}
        }
        let count = self.peers.len() + usize::from(self.dns.is_some());
        if count > PLACES_MAX {
            return Err(P2pError::TooManyPlaces { count });
        }
        if !(1..=PEERS_MAX_MAX).contains(&self.peers_max) {
            return Err(P2pError::PeerLimit);
        }
        Ok(())
    }
}

// === impl Secret ===

impl Secret {
    /// Takes the secret as it was configured; its length is checked by [`super::start`].
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(listen: &str) -> Config {
        Config::new("rig", listen.parse().unwrap())
    }

    #[test]
    fn a_cluster_beyond_loopback_needs_a_secret() {
        for listen in ["0.0.0.0:0", "10.0.0.1:4020", "[::]:0"] {
            let config = Config {
                loopback_without_secret: true,
                ..at(listen)
            };
            assert!(
                matches!(config.check(), Err(P2pError::SecretMissing { .. })),
                "{listen}"
            );
        }
    }

    #[test]
    fn loopback_without_a_secret_must_be_asked_for() {
        let config = at("127.0.0.1:0");
        assert!(matches!(
            config.check(),
            Err(P2pError::SecretMissingOnLoopback { .. })
        ));
        assert!(
            Config {
                loopback_without_secret: true,
                ..config
            }
            .check()
            .is_ok()
        );
    }

    #[test]
    fn a_secret_has_sixteen_bytes_and_is_never_printed() {
        let with = |secret: &str| Config {
            secret: Some(Secret::new(secret)),
            ..at("0.0.0.0:0")
        };
        assert!(matches!(
            with("fifteen bytes !").check(),
            Err(P2pError::SecretShort { bytes: 15 })
        ));
        assert!(with("sixteen bytes !!").check().is_ok());
        assert!(!format!("{:?}", with("sixteen bytes !!")).contains("sixteen"));
    }

    #[test]
    fn a_cluster_name_is_short_and_printable() {
        for name in ["", "a\nb", &"x".repeat(129)] {
            let config = Config {
                loopback_without_secret: true,
                ..Config::new(name, "127.0.0.1:0".parse().unwrap())
            };
            assert!(
                matches!(config.check(), Err(P2pError::ClusterName)),
                "{name:?}"
            );
        }
    }
}
