//! Names that are looked up again and again, one task each, so that a dead name server holds nobody
//! up.
//!
//! Uses the system's resolver through tokio (A and AAAA, hosts file, search domains). Deliberately
//! absent: SRV records; the system's resolver does not offer them and a DNS client of our own is
//! not worth its risk.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time;

use super::config::PLACES_MAX;

/// Between two lookups of one name; what a headless Kubernetes service needs to be noticed soon.
const LOOKUP_INTERVAL: Duration = Duration::from_secs(5);
/// The blocking lookup cannot be cancelled, only no longer waited for.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
/// Addresses taken from one answer; a full mesh has not more peers.
const ANSWERS_MAX: usize = 256;
/// Answers waiting for the event loop; the tasks wait when it is full.
const QUEUE: usize = 16;

/// Looks names up until dropped.
pub(crate) struct Resolver {
    names: Vec<(String, u16)>,
    tasks: JoinSet<()>,
    sender: mpsc::Sender<Found>,
    receiver: mpsc::Receiver<Found>,
}

/// The outcome of one lookup.
pub(crate) struct Found {
    /// Number of the name, from [`Resolver::watch`].
    pub(crate) name: usize,
    /// `None` if the lookup failed or gave nothing.
    pub(crate) addresses: Option<Vec<SocketAddr>>,
}

// === impl Resolver ===

impl Resolver {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self {
            names: Vec::new(),
            tasks: JoinSet::new(),
            sender,
            receiver,
        }
    }

    /// Starts to look up a name; `false` if there are too many already. A known name is not watched
    /// twice.
    pub(crate) fn watch(&mut self, host: String, port: u16) -> bool {
        let name = (host, port);
        if self.names.contains(&name) {
            return true;
        }
        if self.names.len() >= PLACES_MAX {
            return false;
        }
        self.tasks.spawn(look_up_for_ever(
            self.names.len(),
            name.clone(),
            self.sender.clone(),
        ));
        self.names.push(name);
        true
    }

    /// The next outcome.
    pub(crate) async fn found(&mut self) -> Option<Found> {
        self.receiver.recv().await
    }
}

async fn look_up_for_ever(name: usize, (host, port): (String, u16), found: mpsc::Sender<Found>) {
    let mut failing = false;
    loop {
        let answer = time::timeout(
            LOOKUP_TIMEOUT,
            tokio::net::lookup_host((host.as_str(), port)),
        )
        .await;
        let addresses: Option<Vec<_>> = match answer {
            Ok(Ok(addresses)) => Some(addresses.map(canonical).take(ANSWERS_MAX).collect()),
            Ok(Err(_)) | Err(_) => None,
        };
        let addresses = addresses.filter(|addresses| !addresses.is_empty());
        if failing != addresses.is_none() {
            failing = !failing;
            let outcome = if failing {
                "has no address"
            } else {
                "has an address again"
            };
            log::warn!(
                "cluster peer {host} {outcome}; looked up every {} s",
                LOOKUP_INTERVAL.as_secs()
            );
        }
        if found.send(Found { name, addresses }).await.is_err() {
            return;
        }
        time::sleep(LOOKUP_INTERVAL.mul_f64(0.9 + fastrand::f64() / 5.0)).await;
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_looked_up_at_once_and_once_only() {
        let mut resolver = Resolver::new();
        assert!(
            resolver.watch("localhost".to_owned(), 4020)
                && resolver.watch("localhost".to_owned(), 4020)
        );
        assert_eq!(resolver.tasks.len(), 1);
        let found = resolver.found().await.unwrap();
        assert!(
            found
                .addresses
                .unwrap()
                .iter()
                .all(|address| address.ip().is_loopback() && address.port() == 4020)
        );
    }

    #[tokio::test]
    async fn a_name_without_addresses_is_a_failed_lookup() {
        let mut resolver = Resolver::new();
        // A label has at most 63 bytes, so this fails without a question to a name server.
        assert!(resolver.watch("x".repeat(64), 4020));
        assert!(resolver.found().await.unwrap().addresses.is_none());
    }
}
