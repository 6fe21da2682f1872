//! The node's key pair, and the keys every node of a cluster derives from the shared secret.
//!
//! A key pair lives as long as the event loop and is never written to disk: a peer that comes back
//! under its old identity before the old connection is reaped stays deaf to gossip (rust-libp2p
//! #5097). Two independent keys are derived: one for the private network (pnet), which keeps
//! strangers from speaking at all, and one mixed into the Noise handshake as prologue, which
//! authenticates what pnet only scrambles. Deliberately absent: password stretching; the secret is
//! asked to be random.

use libp2p::identity::Keypair;
use sha2::{Digest, Sha256};

use super::config::Secret;

/// What a cluster has in common.
pub(crate) struct ClusterKeys {
    /// Key of the private network; `None` without a secret.
    pub(crate) network: Option<[u8; 32]>,
    /// Noise prologue; differs between cluster names even without a secret.
    pub(crate) prologue: [u8; 32],
}

// === impl ClusterKeys ===

impl ClusterKeys {
    pub(crate) fn derive(cluster: &str, secret: Option<&Secret>) -> Self {
        let key = |purpose| derive(purpose, cluster, secret.map_or(&[], Secret::bytes));
        Self {
            network: secret.map(|_| key("rig/pnet/1")),
            prologue: key("rig/noise/1"),
        }
    }
}

/// A key pair nobody had before.
pub(crate) fn fresh() -> Keypair {
    Keypair::generate_ed25519()
}

/// Extract and expand in the manner of HKDF (RFC 5869), with SHA-256 over length-prefixed parts in
/// place of HMAC.
fn derive(purpose: &str, cluster: &str, secret: &[u8]) -> [u8; 32] {
    let extracted = hash(&[b"rig/cluster/1", cluster.as_bytes(), secret]);
    hash(&[purpose.as_bytes(), &extracted])
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_and_cluster_name_both_change_both_keys() {
        let keys = |cluster, secret: &str| {
            let keys = ClusterKeys::derive(cluster, Some(&Secret::new(secret)));
            (keys.network, Some(keys.prologue))
        };
        let ours = keys("rig", "sixteen bytes !!");
        assert_eq!(ours, keys("rig", "sixteen bytes !!"));
        for other in [
            keys("rig", "sixteen bytes !?"),
            keys("rag", "sixteen bytes !!"),
            keys("rigs", "ixteen bytes !!"),
        ] {
            assert_ne!(ours.0, other.0);
            assert_ne!(ours.1, other.1);
        }
        assert_ne!(ours.0, ours.1);
    }

    #[test]
    fn without_a_secret_only_the_name_separates_clusters() {
        let (a, b) = (
            ClusterKeys::derive("a", None),
            ClusterKeys::derive("b", None),
        );
        assert!(a.network.is_none());
        assert_ne!(a.prologue, b.prologue);
    }
}
