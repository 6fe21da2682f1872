//! Who gets in. Each test is an attack or a mistake.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::*;
use crate::p2p::{P2pError, Refusal};

/// Starts `b` towards a node `a`; waits for a refusal on either side and proves that no peer came
/// up.
async fn stay_apart(a: Config, b: Config, expected: Refusal) {
    let mut a = Node::with(a).await;
    let mut b = Node::with(Config {
        peers: vec![Address::Socket(a.address)],
        ..b
    })
    .await;
    let (heard_by_a, heard_by_b) = (a.handle.clone(), b.handle.clone());
    let reason = tokio::select! {
        reason = a.refused() => reason,
        reason = b.refused() => reason,
    };
    assert_eq!(reason, expected);
    b.handle.publish(b"let me in".to_vec()).unwrap();
    // Several dials later it is still the same.
    let end = Instant::now() + PATIENCE;
    while heard_by_b.stats().dials < 3 {
        assert!(Instant::now() < end);
        time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((heard_by_a.stats().peers, heard_by_b.stats().peers), (0, 0));
    assert_eq!(
        (heard_by_a.stats().gossip_in, heard_by_a.stats().addresses),
        (0, 0)
    );
}

#[tokio::test]
async fn a_node_with_another_secret_gets_nothing() {
    let other = Config {
        secret: Some(Secret::new("a secret of another cluster")),
        ..config(&[])
    };
    stay_apart(config(&[]), other, Refusal::Handshake).await;
}

#[tokio::test]
async fn a_node_without_the_secret_gets_nothing() {
    let without = Config {
        secret: None,
        loopback_without_secret: true,
        ..config(&[])
    };
    stay_apart(config(&[]), without, Refusal::Handshake).await;
}

#[tokio::test]
async fn a_cluster_of_another_name_is_another_cluster_even_with_the_same_secret() {
    stay_apart(
        config(&[]),
        Config {
            cluster: "other".to_owned(),
            ..config(&[])
        },
        Refusal::Handshake,
    )
    .await;
}

#[tokio::test]
async fn without_secrets_the_name_alone_keeps_clusters_apart() {
    let open = |name: &str| Config {
        secret: None,
        loopback_without_secret: true,
        cluster: name.to_owned(),
        ..config(&[])
    };
    stay_apart(open("one"), open("two"), Refusal::Handshake).await;
    let mut first = Node::with(open("one")).await;
    let second = Node::with(Config {
        peers: vec![Address::Socket(first.address)],
        ..open("one")
    })
    .await;
    first.up(second.peer()).await;
}

#[tokio::test]
async fn an_address_outside_the_allow_list_is_not_let_in() {
    let strict = Config {
        allow: vec!["10.0.0.0/8".parse().unwrap()],
        ..config(&[])
    };
    stay_apart(strict, config(&[]), Refusal::AllowList).await;
}

#[tokio::test]
async fn an_address_outside_the_allow_list_is_not_dialled() {
    let strict = Config {
        allow: vec!["10.0.0.0/8".parse().unwrap()],
        ..config(&[])
    };
    stay_apart(config(&[]), strict, Refusal::AllowList).await;
}

#[tokio::test]
async fn an_allow_list_with_the_peer_in_it_lets_it_in() {
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    let mut first = Node::with(Config {
        allow: allow.clone(),
        ..config(&[])
    })
    .await;
    let second = Node::with(Config {
        allow,
        ..config(&[first.address])
    })
    .await;
    first.up(second.peer()).await;
}

#[tokio::test]
async fn a_full_node_refuses_one_more_peer() {
    let mut full = Node::with(Config {
        peers_max: 1,
        ..config(&[])
    })
    .await;
    let first = Node::start(&[full.address]).await;
    full.up(first.peer()).await;
    let _second = Node::start(&[full.address]).await;
    assert_eq!(full.refused().await, Refusal::Limit);
    assert_eq!(full.handle.stats().peers, 1);
}

#[tokio::test]
async fn a_stranger_that_sends_garbage_is_turned_down_and_harms_nobody() {
    let (mut nodes, _) = star(2).await;
    let mut stranger = TcpStream::connect(nodes[0].address).await.unwrap();
    // The node may close while we still write.
    drop(stranger.write_all(&[0xff; 4096]).await);
    assert_eq!(nodes[0].refused().await, Refusal::Handshake);
    nodes[1].handle.publish(b"unharmed".to_vec()).unwrap();
    nodes[0].gossip(b"unharmed").await;
}

#[tokio::test]
async fn a_cluster_beyond_loopback_does_not_open_without_a_secret() {
    let open = Config {
        secret: None,
        loopback_without_secret: true,
        listen: SocketAddr::from(([0, 0, 0, 0], 0)),
        ..config(&[])
    };
    assert!(matches!(
        start(open).map(|_| ()),
        Err(P2pError::SecretMissing { .. })
    ));
}

#[tokio::test]
async fn a_taken_port_is_an_error_with_the_address() {
    let first = Node::start(&[]).await;
    let error = start(Config {
        listen: first.address,
        ..config(&[])
    })
    .map(|_| ())
    .unwrap_err();
    assert!(
        matches!(error, P2pError::Listen { listen, .. } if listen == first.address),
        "{error}"
    );
}

#[test]
fn outside_a_runtime_the_room_does_not_open() {
    assert!(matches!(
        start(config(&[])).map(|_| ()),
        Err(P2pError::NoRuntime)
    ));
}
