//! Nodes that find each other by multicast, on a network that is cut and mended, and whose clients
//! disagree (cluster.md, parts 4.2, 5.1 and 11).
//!
//! The network is made of namespaces; see [`lan`](crate::support::lan). Multicast never leaves them.
//! Stories are told once, or as often as `RIG_TEST_REPEAT` says.

mod conflicts;
mod cuts;
mod lives;
mod starts;
mod verdict;

use std::time::Instant;

use crate::{cluster::unserved, support::lan::Lan};

const SWITCH: &str = "RIG_TEST_NETNS";
const REPEAT: &str = "RIG_TEST_REPEAT";

/// Three hosts without nodes, or `None`, said aloud, if such stories are not wanted here.
fn network() -> Option<Lan> {
    if std::env::var(SWITCH).as_deref() != Ok("1") {
        println!("SKIPPED: needs root and network namespaces; set {SWITCH}=1");
        return None;
    }
    Some(Lan::laid(3).unwrap_or_else(|error| panic!("no network: {error}")))
}

/// The same with nodes that have met and have no definitions.
fn met() -> Option<Lan> {
    let mut lan = network()?;
    let started = Instant::now();
    lan.start_all(&vec![Vec::new(); 3]);
    println!("3 nodes met by mDNS after {:?}", started.elapsed());
    Some(lan)
}

/// How often a story is told.
fn repeats() -> usize {
    let set = std::env::var(REPEAT).ok();
    set.map_or(1, |times| times.parse().expect("a number of repeats"))
}

#[test]
fn nodes_find_each_other_by_multicast_and_a_change_reaches_all() {
    let Some(lan) = met() else { return };
    for (writer, version) in [(0, "first"), (1, "second"), (2, "third")] {
        let written = lan.node(writer).write(&unserved("api", version));
        let since = Instant::now();
        lan.until_all_show("api", &written);
        println!(
            "a change on node {writer} was everywhere after {:?}",
            since.elapsed()
        );
    }
    for node in lan.nodes() {
        // Nothing listens at the target; that it was tried shows the route.
        assert_eq!(node.ask_proxy("/api").status(), 502);
        assert_eq!(node.ask_proxy("/other").status(), 404);
    }
}
