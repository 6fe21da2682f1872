//! Rule N where the network makes it hard; each story was found by the simulation.

use super::{
    bench::{Bench, body, entry, id, version},
    puppet::{is_there, round, says},
};
use crate::core::replica::{id::PeerId, input::Input, wire::Gossip};

/// A process that runs "mine" of its file, and is still new although its membership is calm: no
/// sync over its one connection succeeds.
fn blind_newcomer() -> Bench {
    let mut bench = Bench::new();
    bench.start(0, &[entry(1, "mine", 1)]);
    bench.step(0, Input::LinkOpened(PeerId::new(b"p")));
    for _ in 0..3 {
        for name in ["p", "q"] {
            is_there(&mut bench, name);
        }
        bench.run(3_000);
    }
    assert!(!bench.nodes[&0].is_established());
    bench
}

/// `SEED=4000216 CLASS=rolling`: the first it heard of the running version was the whole round,
/// its own earlier life's ballot included. All votes were in, so it had nothing to wait for; it
/// voted for what it served, and that was still its file. The next to restart then made two of it.
#[test]
fn a_newcomer_that_meets_a_finished_vote_late_joins_its_winner() {
    let mut bench = blind_newcomer();
    let ballots = [("p", "run"), ("q", "run"), ("n0", "run")];
    let part = round(&["mine", "run"], &ballots);
    says(&mut bench, "p", Gossip::Delta(vec![part]));
    bench.run(100);
    let node = &bench.nodes[&0];
    assert_eq!(node.serving(&id("a")), Some(version(1, "run")));
    let known = node.registry().get(&id("a")).unwrap();
    let own = known.ballots().get(&node.voter()).unwrap();
    assert_eq!(own.incarnation, node.incarnation());
    assert_eq!(own.digest, body("run").digest());
}

/// The counterpart: its vote makes the difference, so its newer file counts.
#[test]
fn a_newcomer_that_meets_a_finished_vote_late_still_decides_a_tie() {
    let mut bench = blind_newcomer();
    let part = round(&["mine", "run"], &[("p", "run"), ("q", "mine")]);
    says(&mut bench, "p", Gossip::Delta(vec![part]));
    bench.run(100);
    let node = &bench.nodes[&0];
    let known = node.registry().get(&id("a")).unwrap();
    let own = known.ballots().get(&node.voter()).unwrap();
    assert_eq!(own.digest, body("mine").digest());
    assert_eq!(node.serving(&id("a")), Some(version(1, "mine")));
}

/// `SEED=2001407 CLASS=loser-returns`: a restarted node could not compare for 30 s. After 15 s it
/// took itself for established, so that its file counted as a version that runs.
#[test]
fn a_newcomer_whose_syncs_fail_for_half_a_minute_still_votes_last() {
    let mut bench = blind_newcomer();
    for _ in 0..8 {
        for name in ["p", "q"] {
            is_there(&mut bench, name);
        }
        bench.run(3_000);
    }
    let part = round(&["mine", "run"], &[("p", "run")]);
    says(&mut bench, "p", Gossip::Delta(vec![part]));
    bench.run(1);
    assert_eq!(bench.casts(), (0, 0));
    let part = round(&["run"], &[("q", "run")]);
    says(&mut bench, "q", Gossip::Delta(vec![part]));
    bench.run(1);
    assert_eq!(bench.nodes[&0].serving(&id("a")), Some(version(1, "run")));
}

/// It does not stay new for ever.
#[test]
fn a_newcomer_that_can_compare_with_nobody_is_established_after_the_patience() {
    let mut bench = blind_newcomer();
    let patience = bench.params.concede_patience;
    bench.run(patience);
    assert!(bench.nodes[&0].is_established());
}
