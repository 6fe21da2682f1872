//! Whole nodes over 127.0.0.1, several in one process: the room as the floor above sees it.
//!
//! Every wait has a deadline and an event that ends it. mDNS stays off except in `mdns`, which
//! needs a private network namespace.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time;

use super::address::Address;
use super::config::{Config, Secret};
use super::handle::Handle;
use super::{Event, LoopEnd, Peer, start};

mod admission;
mod failure;
mod mesh;
mod overload;
mod traffic;

/// Ends a wait that would never end; far above every expected time, because test machines are busy.
const PATIENCE: Duration = Duration::from_secs(30);
const SECRET: &str = "a secret of the test cluster";

/// One running node.
struct Node {
    handle: Handle,
    events: mpsc::Receiver<Event>,
    /// Events that were not asked for yet.
    unread: Vec<Event>,
    task: JoinHandle<LoopEnd>,
    address: SocketAddr,
}

// === impl Node ===

impl Node {
    /// A node at a free port that knows `peers`.
    async fn start(peers: &[SocketAddr]) -> Self {
        Self::with(config(peers)).await
    }

    async fn with(config: Config) -> Self {
        let address = config.listen;
        let (handle, events, future) = start(config).expect("the node starts");
        let mut node = Self {
            handle,
            events,
            unread: Vec::new(),
            task: tokio::spawn(future),
            address,
        };
        node.address = node
            .next(|event| match event {
                Event::Listening(address) => Some(*address),
                _ => None,
            })
            .await;
        node
    }

    fn peer(&self) -> Peer {
        self.handle.local()
    }

    /// The first event, read or unread, that `wanted` makes something of; it is consumed.
    async fn next<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        if let Some((at, value)) = self
            .unread
            .iter()
            .enumerate()
            .find_map(|(at, event)| Some((at, wanted(event)?)))
        {
            self.unread.remove(at);
            return value;
        }
        let end = time::Instant::now() + PATIENCE;
        loop {
            let event = time::timeout_at(end, self.events.recv()).await;
            let event =
                event.unwrap_or_else(|_| panic!("waited in vain; {:?}", self.handle.stats()));
            let event = event.expect("the loop goes on");
            if let Some(value) = wanted(&event) {
                return value;
            }
            self.unread.push(event);
        }
    }

    async fn up(&mut self, peer: Peer) -> SocketAddr {
        self.next(|event| match event {
            Event::PeerUp {
                peer: came,
                address,
            } if *came == peer => Some(*address),
            _ => None,
        })
        .await
    }

    async fn down(&mut self, peer: Peer) {
        self.next(|event| {
            matches!(event, Event::PeerDown { peer: gone } if *gone == peer).then_some(())
        })
        .await;
    }

    async fn gossip(&mut self, text: &[u8]) -> Peer {
        self.next(|event| match event {
            Event::Gossip { from, bytes } if bytes == text => Some(*from),
            _ => None,
        })
        .await
    }

    async fn refused(&mut self) -> super::Refusal {
        self.next(|event| match event {
            Event::Refused { reason, .. } => Some(*reason),
            _ => None,
        })
        .await
    }

    /// Ends the node as a crash would: no farewell.
    async fn kill(self) {
        self.task.abort();
        drop(self.task.await);
    }
}

fn config(peers: &[SocketAddr]) -> Config {
    Config {
        secret: Some(Secret::new(SECRET)),
        peers: peers.iter().copied().map(Address::Socket).collect(),
        ..Config::new("test", SocketAddr::from(([127, 0, 0, 1], 0)))
    }
}

/// `count` nodes of which all but the first know only the first, and the time until each had seen
/// all others.
async fn star(count: usize) -> (Vec<Node>, Duration) {
    let mut nodes = vec![Node::start(&[]).await];
    let seed = [nodes[0].address];
    let begun = Instant::now();
    for _ in 1..count {
        nodes.push(Node::start(&seed).await);
    }
    mesh(&mut nodes).await;
    (nodes, begun.elapsed())
}

/// Waits until every node has heard that every other is up.
async fn mesh(nodes: &mut [Node]) {
    let everybody: Vec<Peer> = nodes.iter().map(Node::peer).collect();
    for node in nodes {
        let own = node.peer();
        for peer in everybody.iter().filter(|peer| **peer != own) {
            node.up(*peer).await;
        }
    }
}
