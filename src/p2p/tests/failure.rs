//! Nodes that die, fall silent, come back, or must be sent away.

use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::p2p::handle::{Command, HandleError};

/// Forwards TCP until told to swallow everything: a cut cable, not a closed connection.
pub(super) struct Relay {
    pub(super) address: SocketAddr,
    target: Arc<Mutex<Option<SocketAddr>>>,
    cut: watch::Sender<bool>,
    task: JoinHandle<()>,
}

// === impl Relay ===

impl Relay {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = Arc::new(Mutex::new(None::<SocketAddr>));
        let (cut, watched) = watch::channel(false);
        let to = Arc::clone(&target);
        let task = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (to, mut watched) = (*to.lock().unwrap(), watched.clone());
                tokio::spawn(async move {
                    let Some(to) = to else { return };
                    let Ok(mut far) = TcpStream::connect(to).await else {
                        return;
                    };
                    let is_cut = async { drop(watched.wait_for(|cut| *cut).await) };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => return,
                        () = is_cut => {}
                    }
                    // Both sockets stay open, and nothing passes.
                    std::future::pending::<()>().await;
                });
            }
        });
        Self {
            address,
            target,
            cut,
            task,
        }
    }

    pub(super) fn towards(&self, target: SocketAddr) {
        *self.target.lock().unwrap() = Some(target);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn a_node_that_dies_is_noticed_at_once() {
    let (nodes, _) = star(2).await;
    let [mut stays, dies] = <[Node; 2]>::try_from(nodes).ok().expect("two nodes");
    let gone = dies.peer();
    let begun = Instant::now();
    dies.kill().await;
    stays.down(gone).await;
    eprintln!("a dead node was noticed after {:?}", begun.elapsed());
    assert_eq!(stays.handle.stats().deadlines_missed, 0);
}

#[tokio::test]
async fn a_restarted_node_is_back_in_the_mesh_within_two_seconds() {
    let (mut nodes, _) = star(3).await;
    let dies = nodes.pop().expect("three nodes");
    let (old, address, seed) = (dies.peer(), dies.address, nodes[0].address);
    dies.kill().await;
    for node in &mut nodes {
        node.down(old).await;
    }
    let begun = Instant::now();
    let again = Node::with(Config {
        listen: address,
        ..config(&[seed])
    })
    .await;
    assert_ne!(again.peer(), old);
    nodes.push(again);
    let new = nodes[2].peer();
    nodes[0].up(new).await;
    nodes[1].up(new).await;
    eprintln!("a restarted node was back after {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(2));
    nodes[2].handle.publish(b"back".to_vec()).unwrap();
    nodes[1].gossip(b"back").await;
}

#[tokio::test]
async fn a_restarted_seed_that_knows_nobody_is_found_again_within_two_seconds() {
    let (mut nodes, _) = star(3).await;
    let seed = nodes.remove(0);
    let (old, address) = (seed.peer(), seed.address);
    seed.kill().await;
    for node in &mut nodes {
        node.down(old).await;
    }
    let begun = Instant::now();
    let mut seed = Node::with(Config {
        listen: address,
        ..config(&[])
    })
    .await;
    for node in &mut nodes {
        node.up(seed.peer()).await;
        seed.up(node.peer()).await;
    }
    eprintln!("a restarted seed was found after {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_peer_that_falls_silent_is_given_up_and_found_again() {
    let relay = Relay::open().await;
    let mut hidden = Node::start(&[]).await;
    relay.towards(hidden.address);
    let mut node = Node::start(&[relay.address]).await;
    node.up(hidden.peer()).await;
    hidden.up(node.peer()).await;
    let begun = Instant::now();
    relay.cut.send(true).unwrap();
    node.down(hidden.peer()).await;
    let took = begun.elapsed();
    eprintln!("silence was noticed after {took:?}");
    assert!((Duration::from_secs(1)..Duration::from_secs(8)).contains(&took));
    // Its real address is known from its own words.
    node.up(hidden.peer()).await;
}

#[tokio::test]
async fn a_panic_ends_the_future_and_a_new_room_can_be_opened_at_the_same_address() {
    let (nodes, _) = star(2).await;
    let [mut stays, breaks] = <[Node; 2]>::try_from(nodes).ok().expect("two nodes");
    let old = breaks.peer();
    breaks.handle.send(Command::Panic).unwrap();
    assert_eq!(
        breaks.task.await.unwrap(),
        LoopEnd::Panicked("asked to".to_owned())
    );
    assert_eq!(breaks.handle.publish(Vec::new()), Err(HandleError::Closed));
    stays.down(old).await;
    let rebuilt = Node::with(Config {
        listen: breaks.address,
        ..config(&[stays.address])
    })
    .await;
    stays.up(rebuilt.peer()).await;
}

#[tokio::test]
async fn a_shutdown_says_farewell_and_dropping_the_handles_ends_the_loop() {
    let (nodes, _) = star(3).await;
    let [mut stays, shuts, dropped] = <[Node; 3]>::try_from(nodes).ok().expect("three nodes");
    let (first, second) = (shuts.peer(), dropped.peer());
    shuts.handle.publish(b"farewell".to_vec()).unwrap();
    shuts.handle.shutdown().await;
    assert_eq!(shuts.task.await.unwrap(), LoopEnd::Shutdown);
    stays.gossip(b"farewell").await;
    stays.down(first).await;
    drop(dropped.handle);
    assert_eq!(dropped.task.await.unwrap(), LoopEnd::Abandoned);
    stays.down(second).await;
}

#[tokio::test]
async fn dropping_the_receiver_of_events_ends_the_loop() {
    let node = Node::start(&[]).await;
    drop(node.events);
    assert_eq!(node.task.await.unwrap(), LoopEnd::Abandoned);
}

#[tokio::test]
async fn a_peer_that_is_sent_away_stays_away_for_the_time_and_then_returns() {
    let (mut nodes, _) = star(2).await;
    let peers = [nodes[0].peer(), nodes[1].peer()];
    let begun = Instant::now();
    nodes[0]
        .handle
        .disconnect(peers[1], Duration::from_secs(3))
        .unwrap();
    nodes[0].down(peers[1]).await;
    nodes[1].down(peers[0]).await;
    nodes[0].up(peers[1]).await;
    assert!(begun.elapsed() >= Duration::from_secs(3));
    nodes[1].up(peers[0]).await;
    let banned = 3;
    assert!(nodes[0].handle.stats().refused[banned] > 0);
}

#[tokio::test]
async fn a_peer_without_subscription_is_healed_twice_and_then_accepted() {
    let (mut nodes, _) = star(2).await;
    let silent = nodes[1].peer();
    nodes[1].handle.send(Command::Unsubscribe).unwrap();
    nodes[0].down(silent).await;
    nodes[0].up(silent).await;
    assert_eq!(nodes[0].handle.stats().unsubscribed_healed, 2);
    // Requests still reach it.
    nodes[0].handle.request(silent, b"?".to_vec()).unwrap();
    nodes[1]
        .next(|event| matches!(event, Event::Request { .. }).then_some(()))
        .await;
}
