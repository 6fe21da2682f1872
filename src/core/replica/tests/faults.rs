//! Properties 29 to 32 in their plainest form; 27, 28 and 33 are checked in every simulated run.

use super::bench::{Bench, entry, id, post, put, version};
use crate::core::replica::{digest::Digest, input::Action};

/// Five nodes, cut into 0-1 and 2-3-4, with a write on each side.
fn cut_and_written(left: usize, right: usize) -> Bench {
    let mut bench = Bench::settled(&[&[entry(0, "x", 9)], &[], &[], &[], &[]]);
    for a in 0..2 {
        for b in 2..5 {
            bench.unlink(a, b);
        }
    }
    bench.run(20_000);
    for number in 0..left {
        bench.write(0, put(&format!("left {number}"))).unwrap();
        bench.run(1_000);
    }
    for number in 0..right {
        bench.write(4, put(&format!("right {number}"))).unwrap();
        bench.run(1_000);
    }
    bench.run(20_000);
    bench.link_all();
    bench.run(60_000);
    bench
}

#[test]
fn after_a_cut_the_larger_side_wins_at_the_same_ref() {
    // The left write is older here and newer there; the side decides.
    assert_eq!(cut_and_written(1, 1).agreed(), version(1, "right 0"));
}

#[test]
fn after_a_cut_the_higher_ref_wins_whatever_the_sides() {
    assert_eq!(cut_and_written(2, 1).agreed(), version(2, "left 1"));
}

#[test]
fn after_a_cut_of_equal_sides_the_newer_write_wins() {
    let mut bench = Bench::settled(&[&[entry(0, "x", 9)], &[]]);
    bench.unlink(0, 1);
    bench.run(20_000);
    bench.write(1, put("older")).unwrap();
    bench.run(1_000);
    bench.write(0, put("newer")).unwrap();
    bench.run(20_000);
    bench.link_all();
    bench.run(60_000);
    assert_eq!(bench.agreed(), version(1, "newer"));
}

#[test]
fn without_gossip_anti_entropy_alone_brings_everything() {
    let mut bench = Bench::settled(&[&[entry(0, "x", 9)], &[], &[], &[]]);
    bench.gossip = false;
    bench.write(0, put("y")).unwrap();
    bench.write(3, put("z")).unwrap();
    bench.run(90_000);
    assert_eq!(bench.agreed().ref_number, 1);
    bench.write(2, Action::Delete).unwrap();
    bench.run(60_000);
    assert_eq!(bench.agreed().digest, Digest::DELETED);
}

#[test]
fn with_neighbours_only_everything_arrives_and_far_votes_are_waited_for() {
    let mut bench = Bench::new();
    for node in 0..5 {
        let text = if node < 3 { "x" } else { "y" };
        bench.start(node, &[entry(0, text, if node < 3 { 900 } else { 100 })]);
    }
    for node in 0..4 {
        bench.link(node, node + 1);
    }
    bench.run(90_000);
    assert_eq!(bench.agreed(), version(0, "x"));
    let members = bench.nodes[&0].members().count();
    assert_eq!(members, 4, "not only the neighbour");
}

#[test]
fn one_survivor_brings_everything_to_new_nodes() {
    let mut bench = Bench::settled(&[&[entry(0, "x", 9)], &[], &[]]);
    bench.write(1, Action::Delete).unwrap();
    bench.run(10_000);
    bench.crash(0);
    bench.crash(1);
    bench.run(20_000);
    bench.start(7, &[]);
    bench.start(8, &[entry(0, "x", 9)]);
    bench.link_all();
    bench.run(20_000);
    let agreed = bench.agreed();
    assert_eq!((agreed.ref_number, agreed.digest), (1, Digest::DELETED));
    assert_eq!(bench.nodes[&7].registry().len(), 1);
    assert_eq!(bench.write(7, post("again")), Ok(version(2, "again")));
    assert!(bench.nodes[&7].registry().get(&id("a")).is_some());
}
