//! Gossip, requests and answers.

use super::*;
use crate::p2p::{
    GOSSIP_BYTES_MAX, InboundId, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, RequestError, RequestId,
};

async fn pair() -> (Node, Node) {
    let (nodes, _) = star(2).await;
    let [first, second] = <[Node; 2]>::try_from(nodes).ok().expect("two nodes");
    (first, second)
}

async fn request(node: &mut Node, from: Peer) -> (InboundId, Vec<u8>) {
    node.next(|event| match event {
        Event::Request { peer, id, bytes } if *peer == from => Some((*id, bytes.to_vec())),
        _ => None,
    })
    .await
}

async fn response(node: &mut Node, wanted: RequestId) -> Result<Vec<u8>, RequestError> {
    node.next(|event| match event {
        Event::Response { id, result } if *id == wanted => Some(
            result
                .as_ref()
                .map(|bytes| bytes.to_vec())
                .map_err(|error| *error),
        ),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_question_is_answered_in_both_directions() {
    let (mut a, mut b) = pair().await;
    for _ in 0..2 {
        let asked = a
            .handle
            .request(b.peer(), b"what have you?".to_vec())
            .unwrap();
        let (id, bytes) = request(&mut b, a.peer()).await;
        assert_eq!(bytes, b"what have you?");
        b.handle.respond(id, b"this".to_vec()).unwrap();
        // A second answer to the same question is ignored.
        b.handle.respond(id, b"that".to_vec()).unwrap();
        assert_eq!(response(&mut a, asked).await.as_deref(), Ok(&b"this"[..]));
        (a, b) = (b, a);
    }
}

#[tokio::test]
async fn frames_of_the_largest_size_pass() {
    let (mut a, mut b) = pair().await;
    let begun = Instant::now();
    let asked = a
        .handle
        .request(b.peer(), vec![7; REQUEST_BYTES_MAX])
        .unwrap();
    let (id, bytes) = request(&mut b, a.peer()).await;
    assert_eq!(bytes.len(), REQUEST_BYTES_MAX);
    b.handle.respond(id, vec![9; RESPONSE_BYTES_MAX]).unwrap();
    assert_eq!(
        response(&mut a, asked).await.map(|bytes| bytes.len()),
        Ok(RESPONSE_BYTES_MAX)
    );
    eprintln!("1 MiB there and 9 MiB back in {:?}", begun.elapsed());
    let text = vec![3; GOSSIP_BYTES_MAX];
    a.handle.publish(text.clone()).unwrap();
    b.gossip(&text).await;
}

#[tokio::test]
async fn a_request_without_connection_fails_at_once() {
    let mut node = Node::start(&[]).await;
    let nobody = Peer(libp2p::PeerId::random());
    let asked = node.handle.request(nobody, Vec::new()).unwrap();
    assert_eq!(
        response(&mut node, asked).await,
        Err(RequestError::NotConnected)
    );
}

#[tokio::test]
async fn a_request_whose_peer_dies_ends_with_an_error() {
    let (mut a, mut b) = pair().await;
    let asked = a.handle.request(b.peer(), b"?".to_vec()).unwrap();
    request(&mut b, a.peer()).await;
    b.kill().await;
    assert_eq!(response(&mut a, asked).await, Err(RequestError::Closed));
}

#[tokio::test]
async fn a_request_that_is_not_answered_ends_after_ten_seconds() {
    let (mut a, mut b) = pair().await;
    let begun = Instant::now();
    let asked = a.handle.request(b.peer(), b"?".to_vec()).unwrap();
    let (id, _) = request(&mut b, a.peer()).await;
    assert!(response(&mut a, asked).await.is_err());
    assert!(begun.elapsed() >= Duration::from_secs(9));
    // The late answer goes nowhere and harms nobody.
    b.handle.respond(id, b"late".to_vec()).unwrap();
    let again = a.handle.request(b.peer(), b"again".to_vec()).unwrap();
    let (id, _) = request(&mut b, a.peer()).await;
    b.handle.respond(id, b"in time".to_vec()).unwrap();
    assert_eq!(
        response(&mut a, again).await.as_deref(),
        Ok(&b"in time"[..])
    );
}

#[tokio::test]
async fn the_same_bytes_published_twice_arrive_twice() {
    let (a, mut b) = pair().await;
    for _ in 0..2 {
        a.handle.publish(b"same".to_vec()).unwrap();
    }
    for _ in 0..2 {
        assert_eq!(b.gossip(b"same").await, a.peer());
    }
    assert_eq!(
        (a.handle.stats().gossip_out, b.handle.stats().gossip_in),
        (2, 2)
    );
}

#[tokio::test]
async fn a_lone_node_may_publish() {
    let node = Node::start(&[]).await;
    node.handle.publish(b"anybody?".to_vec()).unwrap();
    let end = Instant::now() + PATIENCE;
    while node.handle.stats().gossip_unheard == 0 {
        assert!(Instant::now() < end);
        time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn five_hundred_messages_arrive_and_their_latency_is_told() {
    let (a, mut b) = pair().await;
    let mut took = Vec::new();
    for number in 0..500u32 {
        let text = number.to_be_bytes().to_vec();
        let begun = Instant::now();
        a.handle.publish(text.clone()).unwrap();
        b.gossip(&text).await;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    eprintln!(
        "gossip one by one: p50 {:?}, p99 {:?}, max {:?}",
        took[250], took[495], took[499]
    );
    let mut took = Vec::new();
    let mut a = a;
    for _ in 0..200 {
        let begun = Instant::now();
        let asked = a.handle.request(b.peer(), vec![1; 100]).unwrap();
        let (id, _) = request(&mut b, a.peer()).await;
        b.handle.respond(id, vec![2; 100]).unwrap();
        response(&mut a, asked).await.unwrap();
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    eprintln!(
        "question and answer: p50 {:?}, p99 {:?}",
        took[100], took[198]
    );
}
