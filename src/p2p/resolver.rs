//! Names that are looked up again and again, one task each, so that a dead name server holds nobody
//! up.
//!
//! Uses the system's resolver through tokio (A and AAAA, hosts file, search domains). A name that
//! begins with `_`, as those of services do (RFC 2782), is first looked up as SRV (`services`); its
//! targets are nodes, each with its own port.

mod services;

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time;

use super::config::PLACES_MAX;
use services::{Servers, Service};

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
    servers: Servers,
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
            servers: Servers::OfTheSystem,
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
            self.servers,
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

async fn look_up_for_ever(
    name: usize,
    (host, port): (String, u16),
    servers: Servers,
    found: mpsc::Sender<Found>,
) {
    let mut failing = false;
    loop {
        let answer = time::timeout(LOOKUP_TIMEOUT, look_up(&host, port, servers)).await;
        let addresses = answer.unwrap_or_default();
        let addresses = (!addresses.is_empty()).then_some(addresses);
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

/// The addresses behind a name; none if there are none or the lookup fails.
async fn look_up(host: &str, port: u16, servers: Servers) -> Vec<SocketAddr> {
    if host.starts_with('_') {
        let services = services::of(host, servers).await;
        if !services.is_empty() {
            let hosts = services.iter().map(target);
            let all = join_all(hosts).await;
            return all.into_iter().flatten().take(ANSWERS_MAX).collect();
        }
    }
    addresses(host, port).await
}

/// The addresses of a service's target. It is a full name, with a dot at the end; hosts files have names
/// without.
async fn target(Service { host, port }: &Service) -> Vec<SocketAddr> {
    let found = addresses(host, *port).await;
    match host.strip_suffix('.') {
        Some(bare) if found.is_empty() => addresses(bare, *port).await,
        Some(_) | None => found,
    }
}

async fn addresses(host: &str, port: u16) -> Vec<SocketAddr> {
    match tokio::net::lookup_host((host, port)).await {
        Ok(addresses) => addresses.map(canonical).take(ANSWERS_MAX).collect(),
        Err(error) => {
            log::debug!("{host} cannot be looked up: {error}");
            Vec::new()
        }
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

    /// A DNS server on loopback that answers every question with `answer`, given the question's
    /// bytes; the socket dies with the task.
    async fn server(answer: fn(&[u8]) -> Vec<u8>) -> SocketAddr {
        let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut question = [0; 512];
            while let Ok((length, asker)) = socket.recv_from(&mut question).await {
                let bytes = answer(&question[..length]);
                let _ = socket.send_to(&bytes, asker).await;
            }
        });
        address
    }

    /// The head of an answer to `question` with so many records, and the question again (RFC 1035,
    /// 4.1).
    fn head(question: &[u8], code: u8, records: u8) -> Vec<u8> {
        let name_end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap();
        let mut answer = question[..2].to_vec();
        answer.extend([0x81, 0x80 | code, 0, 1, 0, records, 0, 0, 0, 0]);
        answer.extend(&question[12..name_end + 5]);
        answer
    }

    /// An SRV record of the name asked for (RFC 2782).
    fn record(port: u16, target: &[u8]) -> Vec<u8> {
        let mut record = vec![0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 5];
        record.extend(u16::try_from(6 + target.len()).unwrap().to_be_bytes());
        record.extend([0, 0, 0, 0]);
        record.extend(port.to_be_bytes());
        record.extend(target);
        record
    }

    async fn looked_up(host: &str, answer: fn(&[u8]) -> Vec<u8>) -> Option<Vec<SocketAddr>> {
        let mut resolver = Resolver::new();
        resolver.servers = Servers::Only(server(answer).await);
        assert!(resolver.watch(host.to_owned(), 4020));
        resolver.found().await.unwrap().addresses
    }

    #[tokio::test]
    async fn the_targets_of_a_service_are_nodes_with_ports_of_their_own() {
        let found = looked_up("_rig._tcp.example.", |question| {
            let mut answer = head(question, 0, 4);
            for (port, target) in [
                (4021, &b"\x09localhost\0"[..]),
                (4022, b"\x09localhost\0"),
                // Without a port, and "not here" (RFC 2782): nobody to connect to.
                (0, b"\x09localhost\0"),
                (4023, b"\0"),
            ] {
                answer.extend(record(port, target));
            }
            answer
        });
        let found = found.await.expect("nodes");
        assert!(found.iter().all(|address| address.ip().is_loopback()));
        let mut ports: Vec<u16> = found.iter().map(SocketAddr::port).collect();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports, [4021, 4022]);
    }

    #[tokio::test]
    async fn a_service_that_is_none_and_garbage_are_failed_lookups() {
        // No such name.
        let none = looked_up("_none._tcp.example.", |question| head(question, 3, 0)).await;
        assert_eq!(none, None);
        // The head claims a record that is not there.
        let cut = looked_up("_cut._tcp.example.", |question| head(question, 0, 1));
        let cut = time::timeout(LOOKUP_TIMEOUT * 2, cut).await.unwrap();
        assert_eq!(cut, None);
    }

    #[tokio::test]
    async fn a_name_without_addresses_is_a_failed_lookup() {
        let mut resolver = Resolver::new();
        // A label has at most 63 bytes, so this fails without a question to a name server.
        assert!(resolver.watch("x".repeat(64), 4020));
        assert!(resolver.found().await.unwrap().addresses.is_none());
    }
}
