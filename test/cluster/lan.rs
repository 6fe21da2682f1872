//! Nodes that find each other by multicast, on a network that is cut and mended (cluster.md, parts 4.2,
//! 5.1 and 11).
//!
//! The network is made of namespaces; see [`lan`](crate::support::lan). Multicast never leaves them.

use std::time::{Duration, Instant};

use crate::{
    cluster::unserved,
    support::{
        fleet::until,
        lan::{Host, Lan},
    },
};

const SWITCH: &str = "RIG_TEST_NETNS";
/// A mended network converges within some seconds: a multicast answer or the next dial, then one
/// exchange, then rule M3's `hold_max`.
const HEAL_MAX: Duration = Duration::from_secs(15);

/// Three nodes that have met, or `None`, said aloud, if such stories are not wanted here.
fn network() -> Option<Lan> {
    if std::env::var(SWITCH).as_deref() != Ok("1") {
        println!("SKIPPED: needs root and network namespaces; set {SWITCH}=1");
        return None;
    }
    let started = Instant::now();
    let lan = Lan::running(3).unwrap_or_else(|error| panic!("no network: {error}"));
    for node in lan.nodes() {
        until_members(node, 2);
    }
    println!("3 nodes met by mDNS after {:?}", started.elapsed());
    Some(lan)
}

fn until_members(node: &Host, members: usize) {
    // A cut is noticed when notices expire, after 15 s.
    until(&format!("{members} members"), || {
        (node.members() == members).then_some(())
    });
}

/// Waits until all nodes show this version; since `since`.
fn until_all_show(lan: &Lan, version: &str, since: Instant) -> Duration {
    for node in lan.nodes() {
        until(&format!("version {version}"), || {
            (node.version("api").as_deref() == Some(version)).then_some(())
        });
    }
    since.elapsed()
}

/// The last node is cut off, `write` happens on both sides, and the network is mended; gives what
/// was written, and the moment of the mending.
fn cut_and_mend<T>(lan: &Lan, set: impl Fn(bool), write: impl FnOnce() -> T) -> (T, Instant) {
    set(false);
    let cut = Instant::now();
    for (node, members) in [(0, 1), (1, 1), (2, 0)] {
        until_members(lan.node(node), members);
    }
    println!("the cut was noticed by all after {:?}", cut.elapsed());
    let written = write();
    set(true);
    (written, Instant::now())
}

/// A write of the bigger side, on both its nodes.
fn write_on_bigger_side(lan: &Lan, version: &str) -> String {
    let written = lan.node(0).write(&unserved("api", version));
    until("the bigger side's version on its other node", || {
        (lan.node(1).version("api").as_ref() == Some(&written)).then_some(())
    });
    written
}

#[test]
fn nodes_find_each_other_by_multicast_and_a_change_reaches_all() {
    let Some(lan) = network() else { return };
    for (writer, version) in [(0, "first"), (1, "second"), (2, "third")] {
        let written = lan.node(writer).write(&unserved("api", version));
        let spread = until_all_show(&lan, &written, Instant::now());
        println!("a change on node {writer} was everywhere after {spread:?}");
    }
    for node in lan.nodes() {
        // Nothing listens at the target; that it was tried shows the route.
        assert_eq!(node.ask_proxy("/api").status(), 502);
        assert_eq!(node.ask_proxy("/other").status(), 404);
    }
}

#[test]
fn at_equal_refs_the_bigger_side_of_a_cut_wins() {
    let Some(lan) = network() else { return };
    let start = lan.node(0).write(&unserved("api", "start"));
    until_all_show(&lan, &start, Instant::now());
    let ((bigger, smaller), mended) = cut_and_mend(
        &lan,
        |up| lan.set_link(2, up),
        || {
            let bigger = write_on_bigger_side(&lan, "bigger");
            // Later, so by its time alone it would win.
            (bigger, lan.node(2).write(&unserved("api", "smaller")))
        },
    );
    let healed = until_all_show(&lan, &bigger, mended);
    println!("link down at the node, equal refs: healed after {healed:?}");
    assert!(healed < HEAL_MAX, "{healed:?}");
    let told = format!("accepted here, {smaller}, was superseded by {bigger}");
    lan.node(2).gateway().await_log(&told, 1, HEAL_MAX);
}

#[test]
fn the_side_with_the_higher_ref_wins_a_cut_even_if_it_is_smaller() {
    let Some(lan) = network() else { return };
    let start = lan.node(0).write(&unserved("api", "start"));
    until_all_show(&lan, &start, Instant::now());
    let ((bigger, smaller), mended) = cut_and_mend(
        &lan,
        |up| lan.set_port(2, up),
        || {
            lan.node(2).write(&unserved("api", "once"));
            let smaller = lan.node(2).write(&unserved("api", "twice"));
            (write_on_bigger_side(&lan, "bigger"), smaller)
        },
    );
    let healed = until_all_show(&lan, &smaller, mended);
    println!("link down at the switch, higher ref: healed after {healed:?}");
    assert!(healed < HEAL_MAX, "{healed:?}");
    let told = format!("accepted here, {bigger}, was superseded by {smaller}");
    lan.node(0).gateway().await_log(&told, 1, HEAL_MAX);
}

/// Too short for any node to be missed; connections outlive it.
#[test]
fn a_cut_that_nobody_notices_is_no_different() {
    let Some(lan) = network() else { return };
    let start = lan.node(0).write(&unserved("api", "start"));
    until_all_show(&lan, &start, Instant::now());
    lan.set_port(2, false);
    let lost = lan.node(2).write(&unserved("api", "one"));
    let kept = write_on_bigger_side(&lan, "two");
    lan.set_port(2, true);
    let healed = until_all_show(&lan, &kept, Instant::now());
    println!("short cut: healed after {healed:?}");
    assert!(healed < HEAL_MAX, "{healed:?}");
    let told = format!("accepted here, {lost}, was superseded by {kept}");
    lan.node(2).gateway().await_log(&told, 1, HEAL_MAX);
}
