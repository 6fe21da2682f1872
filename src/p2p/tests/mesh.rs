//! How nodes find each other.

use super::*;

#[tokio::test]
async fn two_nodes_of_which_one_knows_the_other_are_up_on_both_sides() {
    let mut first = Node::start(&[]).await;
    let begun = Instant::now();
    let mut second = Node::start(&[first.address]).await;
    assert_eq!(second.up(first.peer()).await, first.address);
    assert_eq!(first.up(second.peer()).await, second.address);
    eprintln!("two nodes up on both sides after {:?}", begun.elapsed());
}

#[tokio::test]
async fn three_nodes_that_know_all_addresses_end_with_one_connection_each() {
    let first = Node::start(&[]).await;
    let second = Node::start(&[first.address]).await;
    let addresses = [first.address, second.address];
    let third = Node::start(&addresses).await;
    first.handle.dial(Address::Socket(second.address)).unwrap();
    first.handle.dial(Address::Socket(third.address)).unwrap();
    second.handle.dial(Address::Socket(third.address)).unwrap();
    let mut nodes = [first, second, third];
    mesh(&mut nodes).await;
    for node in &nodes {
        let end = Instant::now() + PATIENCE;
        while node.handle.stats().connections != 2 {
            assert!(Instant::now() < end, "{:?}", node.handle.stats());
            time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(node.handle.stats().peers, 2);
    }
}

#[tokio::test]
async fn a_star_of_six_around_one_seed_becomes_a_mesh() {
    let (mut nodes, took) = star(6).await;
    eprintln!("a star of six became a mesh after {took:?}");
    // Gossip reaches all, whoever speaks.
    for speaker in 0..nodes.len() {
        let text = format!("from {speaker}").into_bytes();
        nodes[speaker].handle.publish(text.clone()).unwrap();
        let author = nodes[speaker].peer();
        for listener in (0..nodes.len()).filter(|listener| *listener != speaker) {
            assert_eq!(nodes[listener].gossip(&text).await, author);
        }
    }
}

#[tokio::test]
async fn a_mesh_made_from_a_star_outlives_its_seed() {
    let (mut nodes, _) = star(4).await;
    let seed = nodes.remove(0);
    let gone = seed.peer();
    seed.kill().await;
    for node in &mut nodes {
        node.down(gone).await;
    }
    nodes[0].handle.publish(b"still here".to_vec()).unwrap();
    for node in &mut nodes[1..] {
        node.gossip(b"still here").await;
    }
}

#[tokio::test]
async fn a_name_is_looked_up_and_dialled() {
    let mut first = Node::start(&[]).await;
    let name = Address::Name {
        host: "localhost".to_owned(),
        port: first.address.port(),
    };
    let mut second = Node::with(Config {
        peers: vec![name],
        ..config(&[])
    })
    .await;
    second.up(first.peer()).await;
    first.up(second.peer()).await;
}

#[tokio::test]
async fn the_addresses_behind_the_dns_name_are_peers() {
    let mut first = Node::start(&[]).await;
    let dns = Some(Address::Name {
        host: "localhost".to_owned(),
        port: first.address.port(),
    });
    let second = Node::with(Config { dns, ..config(&[]) }).await;
    first.up(second.peer()).await;
}

#[tokio::test]
async fn a_node_told_its_own_address_dials_it_once_at_most() {
    let node = Node::start(&[]).await;
    node.handle.dial(Address::Socket(node.address)).unwrap();
    let mut other = Node::start(&[node.address]).await;
    other.up(node.peer()).await;
    assert!(node.handle.stats().dials <= 1, "{:?}", node.handle.stats());
    assert_eq!(node.handle.stats().connections, 1);
}

#[tokio::test]
async fn an_advertised_address_is_what_peers_are_told() {
    // The relay stands for a published port: the only address others may use.
    let relay = super::failure::Relay::open().await;
    let advertise = Some(relay.address);
    let hidden = Node::with(Config {
        advertise,
        ..config(&[])
    })
    .await;
    relay.towards(hidden.address);
    let seed = Node::start(&[hidden.address]).await;
    let mut seed_and_hidden = [seed, hidden];
    mesh(&mut seed_and_hidden).await;
    let [seed, hidden] = seed_and_hidden;
    let end = Instant::now() + PATIENCE;
    // The hidden node's own address and its advertised one.
    while seed.handle.stats().addresses < 2 {
        assert!(Instant::now() < end, "{:?}", seed.handle.stats());
        time::sleep(Duration::from_millis(20)).await;
    }
    drop(hidden);
}

#[tokio::test]
#[ignore = "a measurement; run with --release --ignored"]
async fn a_star_of_forty_becomes_a_mesh() {
    let (nodes, took) = star(40).await;
    let dials: u64 = nodes.iter().map(|node| node.handle.stats().dials).sum();
    let connections: u64 = nodes
        .iter()
        .map(|node| node.handle.stats().connections)
        .sum();
    eprintln!("a star of forty became a mesh after {took:?}: {dials} dials, {connections} ends");
    assert_eq!(
        nodes
            .iter()
            .map(|node| node.handle.stats().peers)
            .sum::<u64>(),
        40 * 39
    );
}
