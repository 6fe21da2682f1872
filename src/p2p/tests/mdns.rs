//! Multicast discovery, only inside a private network namespace (libp2p binds every interface that
//! is not loopback):
//!
//! ```text
//! unshare -n sh -c 'ip link set lo up && ip addr add 10.77.0.1/24 dev lo &&
//!     RIG_NETNS_TEST=1 cargo test --offline p2p::tests::mdns -- --nocapture'
//! ```

use super::*;

#[tokio::test]
async fn nodes_that_know_nobody_find_each_other_by_multicast() {
    if std::env::var_os("RIG_NETNS_TEST").is_none() {
        eprintln!("not run: set RIG_NETNS_TEST=1 inside a network namespace of its own");
        return;
    }
    let listen = SocketAddr::from(([10, 77, 0, 1], 0));
    let begun = Instant::now();
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(
            Node::with(Config {
                mdns: true,
                listen,
                ..config(&[])
            })
            .await,
        );
    }
    mesh(&mut nodes).await;
    eprintln!(
        "three nodes found each other by multicast after {:?}",
        begun.elapsed()
    );
    let text = b"multicast only for discovery".to_vec();
    nodes[0].handle.publish(text.clone()).unwrap();
    for node in &mut nodes[1..] {
        node.gossip(&text).await;
    }
}
