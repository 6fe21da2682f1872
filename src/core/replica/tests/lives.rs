//! Properties 19 to 26: starts, restarts, names and clocks.

use std::collections::BTreeSet;

use super::bench::{Bench, WALL, entry, id, put, version};
use crate::core::replica::{
    digest::Digest,
    input::{Action, Input, Loaded},
    output::Fact,
    stamp::Stamp,
};

fn of_three(file: &[Loaded]) -> Bench {
    Bench::settled(&[file, file, file])
}

fn restart(bench: &mut Bench, node: usize, file: &[Loaded]) {
    bench.crash(node);
    bench.run(500);
    bench.start(node, file);
    bench.link_all();
}

fn deviations(bench: &Bench, node: usize) -> Vec<Fact> {
    let facts = bench.facts(node).into_iter();
    facts
        .filter(|fact| matches!(fact, Fact::FileDeviates { .. }))
        .collect()
}

#[test]
fn at_a_cluster_start_the_plurality_of_the_files_wins_then_the_newest() {
    let (old, new) = (entry(2, "old", 900), entry(2, "new", 100));
    for (files, winner) in [
        ([&old, &old, &new], "old"),
        ([&new, &old, &new], "new"),
        ([&old, &new, &entry(2, "mid", 500)], "new"),
    ] {
        let files: Vec<[Loaded; 1]> = files.iter().map(|file| [(*file).clone()]).collect();
        let files: Vec<&[Loaded]> = files.iter().map(|file| file.as_slice()).collect();
        let mut bench = Bench::settled(&files);
        assert_eq!(bench.agreed(), version(2, winner));
    }
}

#[test]
fn a_newcomer_with_another_file_of_the_same_ref_adopts_what_runs() {
    let mut bench = of_three(&[entry(1, "x", 900)]);
    let joined = bench.now;
    bench.start(3, &[entry(1, "y", 1)]);
    bench.link_all();
    bench.run(60_000);
    assert_eq!(bench.agreed(), version(1, "x"));
    for node in 0..3 {
        assert!(
            bench
                .served(node)
                .iter()
                .all(|(_, shown)| *shown == version(1, "x"))
        );
    }
    let switched = bench.served(3).last().map(|(at, _)| at - joined);
    assert!(
        switched.is_some_and(|after| after <= bench.params.round_hold + 100),
        "{switched:?}"
    );
    assert_eq!(
        deviations(&bench, 3),
        [Fact::FileDeviates {
            id: id("a"),
            older_ref: false
        }]
    );
}

#[test]
fn a_newcomer_with_a_newer_file_convinces_a_single_node() {
    let mut bench = Bench::settled(&[&[entry(1, "x", 900)]]);
    bench.start(1, &[entry(1, "y", 1)]);
    bench.link_all();
    bench.run(60_000);
    assert_eq!(bench.agreed(), version(1, "y"));
}

#[test]
fn a_rolling_restart_with_a_changed_file_changes_nothing_and_everybody_says_so() {
    let mut bench = of_three(&[entry(1, "x", 900)]);
    for node in 0..3 {
        restart(&mut bench, node, &[entry(1, "y", 1)]);
        bench.run(20_000);
    }
    assert_eq!(bench.agreed(), version(1, "x"));
    for node in 0..3 {
        assert_eq!(deviations(&bench, node).len(), 1, "n{node}");
    }
}

#[test]
fn a_crash_loop_under_one_name_does_not_outvote_the_cluster() {
    let mut bench = of_three(&[entry(1, "x", 900)]);
    for round in 0..15 {
        restart(&mut bench, 2, &[entry(1, "y", 1)]);
        bench.run(500 + 450 * round);
    }
    bench.run(60_000);
    assert_eq!(bench.agreed(), version(1, "x"));
    let round = bench.nodes[&0].registry().get(&id("a")).unwrap();
    assert_eq!(round.ballots().len(), 3);
}

#[test]
fn a_majority_that_restarts_at_once_with_a_changed_file_brings_it() {
    let mut bench = of_three(&[entry(1, "x", 900)]);
    bench.crash(1);
    bench.crash(2);
    bench.run(100);
    bench.start(1, &[entry(1, "y", 1)]);
    bench.start(2, &[entry(1, "y", 1)]);
    // The two meet before they hear of the third.
    bench.link(1, 2);
    bench.run(10_000);
    bench.link_all();
    bench.run(60_000);
    assert_eq!(bench.agreed(), version(1, "y"));
}

#[test]
fn an_old_file_and_a_deleted_id_do_not_come_back() {
    let mut bench = of_three(&[entry(0, "x", 900)]);
    for text in ["b", "c", "d", "e", "f", "g"] {
        bench.write(0, put(text)).unwrap();
        bench.run(1_000);
    }
    bench.write(1, put("seven")).unwrap();
    bench.run(10_000);
    restart(&mut bench, 2, &[entry(0, "x", 900)]);
    bench.run(10_000);
    assert_eq!(bench.agreed(), version(7, "seven"));
    assert_eq!(
        deviations(&bench, 2),
        [Fact::FileDeviates {
            id: id("a"),
            older_ref: true
        }]
    );

    bench.write(0, Action::Delete).unwrap();
    bench.run(10_000);
    restart(&mut bench, 1, &[entry(0, "x", 900)]);
    bench.run(10_000);
    let agreed = bench.agreed();
    assert_eq!((agreed.ref_number, agreed.digest), (8, Digest::DELETED));
}

#[test]
fn a_restart_with_the_clock_set_back_outbids_its_old_ballots() {
    let mut bench = of_three(&[entry(0, "x", 900)]);
    bench.write(0, put("y")).unwrap();
    bench.write(2, put("z")).unwrap();
    bench.run(60_000);
    let agreed = bench.agreed();
    let voter = bench.nodes[&2].voter();
    let before = *bench.nodes[&0]
        .registry()
        .get(&id("a"))
        .unwrap()
        .ballots()
        .get(&voter)
        .unwrap();
    bench.crash(2);
    bench.run(100);
    bench.start_as(2, "n2", &[], 300_000);
    assert!(bench.nodes[&2].incarnation() < before.incarnation);
    bench.link_all();
    bench.run(60_000);
    assert_eq!(bench.agreed(), agreed);
    let after = *bench.nodes[&0]
        .registry()
        .get(&id("a"))
        .unwrap()
        .ballots()
        .get(&voter)
        .unwrap();
    assert!(after > before && after.incarnation == before.incarnation + 1);
    let outbids = bench
        .facts(2)
        .iter()
        .filter(|f| matches!(f, Fact::Outbid { .. }))
        .count();
    assert_eq!(outbids, 1);
}

#[test]
fn two_live_nodes_with_one_name_end_with_two_votes() {
    let mut bench = Bench::new();
    bench.start(0, &[entry(0, "x", 900)]);
    bench.start_as(1, "twin", &[], 0);
    bench.start_as(2, "twin", &[], 10);
    bench.link_all();
    bench.run(20_000);
    for number in 0..12 {
        bench.write(1, put(&format!("one {number}"))).unwrap();
        bench.write(2, put(&format!("two {number}"))).unwrap();
        bench.run(20_000);
        bench.agreed();
    }
    let voters: BTreeSet<_> = bench.nodes.values().map(|node| node.voter()).collect();
    assert_eq!(voters.len(), 3);
    let clashes: usize = [1, 2]
        .into_iter()
        .map(|node| bench.facts(node))
        .map(|facts| {
            facts
                .iter()
                .filter(|f| matches!(f, Fact::NameClash { .. }))
                .count()
        })
        .sum();
    assert_eq!(clashes, 1);
}

#[test]
fn a_file_from_the_future_is_dated_now_and_said() {
    let mut bench = Bench::new();
    let future = Loaded {
        wall: WALL + 3_600_000,
        ..entry(0, "x", 0)
    };
    bench.start(0, &[future]);
    assert!(
        bench
            .facts(0)
            .contains(&Fact::FileTimeReplaced { id: id("a") })
    );
    let round = bench.nodes[&0].registry().get(&id("a")).unwrap();
    assert!(
        round
            .candidates()
            .iter()
            .all(|(_, candidate)| candidate.stamp < Stamp::at(WALL + 9))
    );
}

#[test]
fn a_peer_from_the_future_is_merged_and_moves_the_clock_by_a_minute_at_most() {
    let mut bench = Bench::settled(&[&[entry(0, "x", 900)]]);
    // Node 1 believes to be an hour ahead: its file is not from the future for itself.
    bench.start_as(1, "n1", &[], 0);
    let ahead = Loaded {
        wall: WALL + 3_600_000,
        ..entry(5, "y", 0)
    };
    let mut future = Bench::new();
    future.now = 3_600_000;
    future.start(1, &[ahead]);
    bench.nodes.insert(1, future.nodes.remove(&1).unwrap());
    bench.link_all();
    bench.run(1_000);
    assert_eq!(bench.agreed(), version(5, "y"));
    bench.step(0, Input::Tick);
    bench.write(0, put("z")).unwrap();
    let round = bench.nodes[&0].registry().get(&id("a")).unwrap();
    let stamp = round
        .candidates()
        .iter()
        .map(|(_, candidate)| candidate.stamp)
        .max()
        .unwrap();
    assert!(stamp.millis() <= WALL + bench.now + 60_000, "{stamp:?}");
    bench.run(10_000);
    assert_eq!(bench.agreed(), version(6, "z"));
}
