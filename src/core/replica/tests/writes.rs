//! Properties 5 to 9: writes.

use super::bench::{Bench, body, entry, id, post, put, version};
use crate::core::replica::{
    digest::Digest,
    input::{Action, Input, Tag},
    limits::{FILE_REF_MAX, REF_MAX},
    output::{Fact, Refusal},
    round::DecidedBy,
};

#[test]
fn a_put_is_served_at_once_and_told_once_without_a_ballot() {
    let mut bench = Bench::settled(&[&[entry(4, "x", 9)], &[], &[]]);
    bench.deltas.clear();
    assert_eq!(bench.write(1, put("y")), Ok(version(5, "y")));
    assert_eq!(bench.serving()[1], Some(version(5, "y")));
    bench.run(60_000);
    assert_eq!(bench.agreed(), version(5, "y"));
    assert_eq!(bench.deltas.len(), 1);
    assert!(bench.deltas[0].1[0].ballots.is_empty());
    assert_eq!(bench.casts(), (0, 0));
}

#[test]
fn two_puts_in_one_tick_are_two_refs_and_the_second_stays() {
    let mut bench = Bench::settled(&[&[entry(0, "x", 9)], &[], &[]]);
    assert_eq!(bench.write(0, put("y")), Ok(version(1, "y")));
    assert_eq!(bench.write(0, put("z")), Ok(version(2, "z")));
    bench.run(10_000);
    assert_eq!(bench.agreed(), version(2, "z"));
}

#[test]
fn a_deleted_api_can_only_be_created_again() {
    let mut bench = Bench::settled(&[&[entry(3, "x", 9)], &[]]);
    assert_eq!(bench.write(0, post("y")), Err(Refusal::Exists));
    assert_eq!(
        bench.write(0, Action::Delete).map(|v| v.digest),
        Ok(Digest::DELETED)
    );
    bench.run(10_000);
    assert_eq!(bench.agreed().ref_number, 4);
    assert_eq!(bench.write(1, put("y")), Err(Refusal::Unknown));
    assert_eq!(bench.write(1, Action::Delete), Err(Refusal::Unknown));
    assert_eq!(bench.write(1, post("y")), Ok(version(5, "y")));
    bench.run(10_000);
    assert_eq!(bench.agreed(), version(5, "y"));
}

#[test]
fn a_stale_precondition_changes_nothing() {
    let mut bench = Bench::settled(&[&[entry(3, "x", 9)]]);
    let root = bench.nodes.get_mut(&0).unwrap().root();
    for tags in [
        vec![],
        vec![Tag::of(&version(2, "x"))],
        vec![Tag::of(&version(3, "y"))],
    ] {
        assert_eq!(bench.write_if(0, put("y"), Some(tags)), Err(Refusal::Stale));
    }
    assert_eq!(bench.nodes.get_mut(&0).unwrap().root(), root);
    let tags = vec![Tag::of(&version(9, "n")), Tag::of(&version(3, "x"))];
    assert_eq!(bench.write_if(0, put("y"), Some(tags)), Ok(version(4, "y")));
}

#[test]
fn a_lone_node_takes_writes_and_hands_them_to_a_later_peer() {
    let mut bench = Bench::settled(&[&[]]);
    assert_eq!(bench.write(0, post("x")), Ok(version(0, "x")));
    bench.run(1_000);
    bench.start(1, &[]);
    bench.link_all();
    bench.run(100);
    assert_eq!(bench.agreed(), version(0, "x"));
}

/// Made without knowledge of each other on the two sides of a cut: the higher ref wins although it is
/// older.
#[test]
fn a_write_that_a_higher_and_older_one_replaces_is_told_and_listed() {
    let mut bench = Bench::settled(&[&[entry(0, "x", 9)], &[]]);
    bench.unlink(0, 1);
    assert_eq!(bench.write(0, put("once")), Ok(version(1, "once")));
    assert_eq!(bench.write(0, put("twice")), Ok(version(2, "twice")));
    bench.now += 5;
    assert_eq!(bench.write(1, put("lost")), Ok(version(1, "lost")));
    bench.link_all();
    bench.run(10_000);
    let (lost, winner) = (version(1, "lost"), version(2, "twice"));
    assert_eq!(bench.agreed(), winner);
    assert!(bench.facts(1).contains(&Fact::Superseded {
        id: id("a"),
        lost,
        winner,
        by_ref: true
    }));
    let listed: Vec<_> = bench.nodes[&1].conflicts_since(0).collect();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].winner, &listed[0].losers, listed[0].decided_by),
        (winner.digest, &vec![lost.digest], DecidedBy::Ref)
    );
    assert!(listed[0].own_client_lost);
    assert_eq!(bench.nodes[&0].conflicts_since(0).count(), 0);
}

#[test]
fn writes_are_refused_before_ready_and_when_leaving() {
    let mut bench = Bench::new();
    bench.start(0, &[entry(0, "x", 9)]);
    bench.run(2_999);
    assert_eq!(bench.write(0, put("y")), Err(Refusal::NotReady));
    bench.run(1);
    assert_eq!(bench.write(0, put("y")), Ok(version(1, "y")));
    bench.step(0, crate::core::replica::input::Input::Leave);
    assert_eq!(bench.write(0, put("z")), Err(Refusal::NotReady));
    let left = |output: &crate::core::replica::output::Output| {
        matches!(output, crate::core::replica::output::Output::Left)
    };
    assert_eq!(
        bench
            .outputs
            .iter()
            .filter(|(_, _, output)| left(output))
            .count(),
        1
    );
}

#[test]
fn a_node_is_ready_as_soon_as_an_established_peer_has_synced() {
    let mut bench = Bench::settled(&[&[entry(0, "x", 9)]]);
    bench.start(1, &[]);
    assert!(!bench.nodes[&1].is_ready());
    bench.link_all();
    bench.run(1);
    assert!(bench.nodes[&1].is_ready());
    assert_eq!(bench.agreed(), version(0, "x"));
}

#[test]
fn a_node_that_a_registry_is_arriving_at_is_not_ready_before_it_is_there() {
    for answered in [true, false] {
        let mut bench = Bench::settled(&[&[entry(0, "x", 9)]]);
        bench.start(1, &[]);
        bench.link(0, 1);
        bench.drain_until_pull(1);
        bench.now += bench.params.join_timeout;
        bench.step(1, Input::Tick);
        assert!(!bench.nodes[&1].is_ready());
        let wakeup = bench.nodes[&1].next_wakeup();
        assert!(wakeup > bench.now, "it would spin");
        if answered {
            bench.drain();
        } else {
            bench.now += bench.params.join_timeout_max;
            bench.step(1, Input::Tick);
        }
        assert!(bench.nodes[&1].is_ready());
        assert_eq!(bench.serving()[1].is_some(), answered);
    }
}

#[test]
fn too_long_definitions_and_exhausted_refs_are_refused() {
    let mut bench = Bench::settled(&[&[entry(0, "x", 9)]]);
    let long = "x".repeat(bench.params.definition_bytes_max + 1);
    assert_eq!(bench.write(0, put(&long)), Err(Refusal::TooLarge));

    let mut bench = Bench::settled(&[&[entry(FILE_REF_MAX + 5, "x", 9)]]);
    assert!(bench.facts(0).contains(&Fact::FileRefCut { id: id("a") }));
    assert_eq!(bench.agreed(), version(FILE_REF_MAX, "x"));
    assert!(FILE_REF_MAX < REF_MAX && !body("x").is_empty());
}
