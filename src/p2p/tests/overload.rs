//! A floor above that does not take its events, and peers that send what they must not.

use super::*;
use crate::p2p::RequestError;
use crate::p2p::handle::Command;

#[tokio::test]
async fn a_slow_receiver_loses_gossip_but_no_fact() {
    let (nodes, _) = star(2).await;
    let [slow, loud] = <[Node; 2]>::try_from(nodes).ok().expect("two nodes");
    let mut slow = slow;
    let flood = 3_000;
    for number in 0u64..flood {
        // One at a time, because the sender's own queue for a peer is bounded too.
        loud.handle.publish(number.to_be_bytes().to_vec()).unwrap();
        let end = Instant::now() + PATIENCE;
        while slow.handle.stats().gossip_in + slow.handle.stats().gossip_dropped <= number {
            assert!(Instant::now() < end, "{:?}", slow.handle.stats());
            tokio::task::yield_now().await;
        }
    }
    let stats = slow.handle.stats();
    assert!(stats.gossip_dropped > flood / 2, "{stats:?}");
    let gone = loud.peer();
    loud.kill().await;
    slow.down(gone).await;
}

#[tokio::test]
async fn a_node_that_does_not_take_requests_answers_busy() {
    let (nodes, _) = star(2).await;
    let [slow, mut asks] = <[Node; 2]>::try_from(nodes).ok().expect("two nodes");
    slow.handle.send(Command::Fill).unwrap();
    let asked = asks.handle.request(slow.peer(), b"?".to_vec()).unwrap();
    let error = asks
        .next(|event| match event {
            Event::Response {
                id,
                result: Err(error),
            } if *id == asked => Some(*error),
            _ => None,
        })
        .await;
    assert_eq!(error, RequestError::PeerBusy);
    assert_eq!(slow.handle.stats().requests_shed, 1);
}

#[tokio::test]
async fn a_hundred_oversized_requests_get_a_peer_sent_away() {
    let (nodes, _) = star(2).await;
    let [mut node, hostile] = <[Node; 2]>::try_from(nodes).ok().expect("two nodes");
    for number in 1..=101 {
        hostile.handle.send(Command::Oversize(node.peer())).unwrap();
        let end = Instant::now() + PATIENCE;
        while node.handle.stats().malformed < number {
            assert!(Instant::now() < end, "{:?}", node.handle.stats());
            tokio::task::yield_now().await;
        }
    }
    node.down(hostile.peer()).await;
    let stats = node.handle.stats();
    assert_eq!((stats.malformed, stats.requests_in), (101, 0));
}
