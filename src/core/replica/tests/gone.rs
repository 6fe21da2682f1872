//! Members that leave or are forgotten, and what an operator asks about others.

use super::bench::{Bench, body, entry, id, post, put, version};
use crate::core::replica::{
    diff::{Diff, Difference, Side},
    input::{Input, Until, Wait},
    output::{Fact, Output},
    wire::Version,
};

fn members(bench: &Bench, node: usize) -> usize {
    bench.nodes[&node].members().count()
}

fn three() -> Bench {
    Bench::settled(&[&[entry(0, "x", 9)], &[], &[]])
}

#[test]
fn a_node_that_leaves_is_no_member_at_once_and_stays_away() {
    let mut bench = three();
    bench.step(2, Input::Leave);
    bench.drain();
    assert_eq!((members(&bench, 0), members(&bench, 1)), (1, 1));
    let name = "n2".to_owned();
    assert!(bench.facts(0).contains(&Fact::Gone { name, left: true }));
    // Its connections are still open, and others may tell of it.
    bench.run(60_000);
    assert_eq!((members(&bench, 0), members(&bench, 1)), (1, 1));
}

#[test]
fn a_forgotten_member_is_gone_everywhere_and_its_vote_is_not_waited_for() {
    let mut bench = three();
    let gone = bench.peer(2);
    // It stands still: its connections stay open, and it says nothing.
    bench.nodes.remove(&2);
    bench.drain();
    bench.step(0, Input::Forget(vec![gone]));
    bench.drain();
    assert_eq!((members(&bench, 0), members(&bench, 1)), (1, 1));
    bench.run(6_000);
    assert_eq!((members(&bench, 0), members(&bench, 1)), (1, 1));
    bench.write(0, put("y")).unwrap();
    bench.write(1, put("z")).unwrap();
    bench.run(500);
    assert!(bench.nodes[&0].members_missing_votes() == 0);
    bench.agreed();
}

#[test]
fn a_forgotten_member_that_lives_is_back_at_once() {
    let mut bench = three();
    let alive = bench.peer(2);
    bench.step(0, Input::Forget(vec![alive]));
    assert_eq!(members(&bench, 0), 1);
    bench.run(1);
    for node in 0..3 {
        assert_eq!(members(&bench, node), 2, "n{node}");
    }
    assert!(bench.facts(2).contains(&Fact::Forgotten));
}

#[test]
fn nobody_who_is_no_member_is_told_of_as_forgotten() {
    let mut bench = three();
    let (own, before) = (bench.peer(0), bench.outputs.len());
    bench.step(0, Input::Forget(vec![own]));
    bench.drain();
    assert_eq!(bench.outputs.len(), before);
}

#[test]
fn members_without_a_vote_are_counted_as_long_as_a_round_is_open() {
    let mut bench = three();
    bench.write(0, put("y")).unwrap();
    bench.write(1, put("z")).unwrap();
    let silent = bench.nodes.remove(&2);
    bench.drain();
    assert_eq!(bench.nodes[&0].members_missing_votes(), 1);
    let states = bench.nodes[&0].api_states();
    assert_eq!((states.contested, states.active), (1, 0));
    bench.nodes.insert(2, silent.unwrap());
    bench.run(10_000);
    assert_eq!(bench.nodes[&0].members_missing_votes(), 0);
    assert_eq!(bench.nodes[&0].api_states().active, 1);
}

fn diff(bench: &mut Bench, node: usize, with: usize) -> Option<Diff> {
    let peer = bench.peer(with);
    bench.step(node, Input::Diff { ticket: 5, peer });
    bench.drain();
    let outputs = bench.outputs.iter().rev();
    let mut diffs = outputs.filter_map(|(_, _, output)| match output {
        Output::Diffed { ticket: 5, diff } => Some(diff.clone()),
        _ => None,
    });
    diffs.next().expect("an answer")
}

#[test]
fn what_another_node_has_otherwise_is_told_and_not_taken() {
    let mut bench = Bench::settled(&[&[entry(0, "x", 9)], &[]]);
    assert_eq!(diff(&mut bench, 0, 1), Some(Diff::default()));
    bench.gossip = false;
    bench.write(0, put("here")).unwrap();
    let other = crate::core::replica::input::Write {
        ticket: 9,
        id: id("b"),
        action: post("there"),
        if_match: None,
    };
    bench.step(1, Input::Write(other));
    let side = |ref_number, text| Side {
        version: version(ref_number, text),
        contested: false,
    };
    let expected = Diff {
        differences: vec![
            Difference {
                id: id("a"),
                here: Some(side(1, "here")),
                there: Some(side(0, "x")),
            },
            Difference {
                id: id("b"),
                here: None,
                there: Some(side(0, "there")),
            },
        ],
        left_out: 0,
    };
    assert_eq!(diff(&mut bench, 0, 1), Some(expected));
    assert!(bench.nodes[&0].registry().get(&id("b")).is_none());
    assert!(!body("there").is_empty());
    bench.unlink(0, 1);
    assert_eq!(diff(&mut bench, 0, 1), None, "it cannot be asked");
}

#[test]
fn a_comparison_that_is_asked_for_shows_who_is_in_sync() {
    let mut bench = three();
    bench.write(0, put("y")).unwrap();
    bench.drain();
    let in_sync = |bench: &mut Bench| {
        let node = bench.nodes.get_mut(&0).unwrap();
        let root = node.root();
        node.members()
            .filter(|(_, member)| member.presence.root == root)
            .count()
    };
    assert_eq!(in_sync(&mut bench), 0, "their notices are older");
    bench.step(0, Input::Compare);
    bench.drain();
    assert!(!bench.nodes[&0].is_comparing());
    assert_eq!(in_sync(&mut bench), 2);
}

#[test]
fn whoever_waits_when_the_node_is_told_to_stop_is_answered() {
    let mut bench = three();
    bench.unlink(0, 2);
    let version = bench.write(0, put("y")).unwrap();
    let wait = |ticket| wait(ticket, version, Until::Count(3));
    bench.step(0, Input::Wait(wait(1)));
    bench.run(100);
    bench.step(0, Input::Leave);
    bench.step(0, Input::Wait(wait(2)));
    bench.run(1_001);
    assert_eq!(last_words(&bench), ["1: Pending", "2: Pending", "left"]);
}

fn wait(ticket: u64, version: Version, until: Until) -> Wait {
    Wait {
        ticket,
        id: id("a"),
        version,
        until,
        timeout: 60_000,
    }
}

/// What was said to those that wait, and that all is done.
fn last_words(bench: &Bench) -> Vec<String> {
    let words = |output: &Output| match output {
        Output::Receipt(receipt) => Some(format!("{}: {:?}", receipt.ticket, receipt.outcome)),
        Output::Left => Some("left".to_owned()),
        _ => None,
    };
    let outputs = bench.outputs.iter();
    outputs.filter_map(|(_, _, output)| words(output)).collect()
}

/// Without its connections it would take itself for the only member.
#[test]
fn a_node_that_stops_does_not_call_done_what_only_it_serves() {
    let mut bench = three();
    bench.nodes.remove(&2);
    let version = bench.write(0, put("y")).unwrap();
    bench.step(0, Input::Wait(wait(1, version, Until::All)));
    bench.run(100);
    bench.unlink(0, 2);
    bench.step(0, Input::Leave);
    bench.run(900);
    assert_eq!(last_words(&bench), [""; 0]);
    bench.run(200);
    bench.unlink(0, 1);
    bench.run(60_001);
    assert_eq!(last_words(&bench), ["1: Pending", "left"]);
}

#[test]
fn a_vote_that_was_over_before_a_node_came_is_no_news_there() {
    let decided = |bench: &Bench, node: usize| {
        let facts = bench.facts(node);
        facts
            .iter()
            .filter(|fact| matches!(fact, Fact::Decided(_)))
            .count()
    };
    let mut bench = three();
    bench.write(0, put("y")).unwrap();
    bench.write(1, put("z")).unwrap();
    bench.run(30_000);
    assert_eq!(decided(&bench, 0), 1);
    let ref_number = bench.agreed().ref_number;
    // One without a file, one with a loser in its file, as after a restart.
    for (node, file) in [(7, vec![]), (8, vec![entry(ref_number, "w", 900)])] {
        bench.start(node, &file);
        bench.link_all();
        bench.run(60_000);
        bench.agreed();
        assert_eq!(decided(&bench, node), 0, "n{node}");
    }
    // The next one is.
    bench.write(0, put("next")).unwrap();
    bench.write(7, put("other")).unwrap();
    bench.run(30_000);
    assert_eq!(decided(&bench, 7), 1);
}
