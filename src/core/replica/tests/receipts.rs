//! Receipts (cluster.md, part 5.3).

use super::bench::{Bench, entry, id, put, version};
use crate::core::replica::{
    input::{Input, Until, Wait},
    output::Output,
    receipt::{Missing, Outcome, Receipt},
    round::DecidedBy,
    wire::Version,
};

fn wait(bench: &mut Bench, node: usize, version: Version, until: Until) -> Option<Receipt> {
    let wait = Wait {
        ticket: 3,
        id: id("a"),
        version,
        until,
        timeout: 5_000,
    };
    bench.step(node, Input::Wait(wait));
    bench.run(6_000);
    bench
        .outputs
        .iter()
        .rev()
        .find_map(|(_, _, output)| match output {
            Output::Receipt(receipt) => Some(receipt.clone()),
            _ => None,
        })
}

#[test]
fn a_change_that_is_everywhere_is_done() {
    for until in [Until::All, Until::Count(3), Until::Settled] {
        let mut bench = Bench::settled(&[&[entry(0, "x", 9)], &[], &[]]);
        let accepted = bench.write(0, put("y")).unwrap();
        let receipt = wait(&mut bench, 0, accepted, until).unwrap();
        assert_eq!(receipt.outcome, Outcome::Done, "{until:?}");
    }
}

#[test]
fn a_member_that_cannot_be_asked_is_named() {
    let mut bench = Bench::settled(&[&[entry(0, "x", 9)], &[], &[]]);
    bench.unlink(0, 2);
    bench.run(10_000);
    let accepted = bench.write(0, put("y")).unwrap();
    let receipt = wait(&mut bench, 0, accepted, Until::All).unwrap();
    assert_eq!(receipt.outcome, Outcome::Pending);
    assert_eq!(receipt.serving, ["n1"]);
    let missing = [("n2".to_owned(), Missing::Unreachable)];
    assert_eq!(receipt.missing, missing);
}

/// Waits on node 0 for all of three, of which node 2 is silent, while `meanwhile` happens.
fn waited(meanwhile: impl FnOnce(&mut Bench)) -> Receipt {
    let mut bench = Bench::settled(&[&[entry(0, "x", 9)], &[], &[]]);
    bench.unlink(1, 2);
    let silent = bench.nodes.remove(&2);
    let version = bench.write(0, put("y")).unwrap();
    bench.step(
        0,
        Input::Wait(Wait {
            ticket: 1,
            id: id("a"),
            version,
            until: Until::All,
            timeout: 3_000,
        }),
    );
    bench.run(100);
    bench.nodes.extend(silent.map(|node| (2, node)));
    meanwhile(&mut bench);
    bench.run(6_000);
    let mut said = bench.outputs.iter();
    let receipt = said.find_map(|(_, _, output)| match output {
        Output::Receipt(receipt) => Some(receipt.clone()),
        _ => None,
    });
    receipt.expect("a receipt")
}

/// Else a change would be everywhere as soon as those that lack it are cut off.
#[test]
fn a_member_that_is_lost_while_somebody_waits_is_named() {
    let receipt = waited(|bench| bench.unlink(0, 2));
    assert_eq!(receipt.outcome, Outcome::Pending);
    assert_eq!(receipt.serving, ["n1"]);
    let missing = [("n2".to_owned(), Missing::Unreachable)];
    assert_eq!(receipt.missing, missing);
}

#[test]
fn a_member_that_is_forgotten_or_back_as_another_process_is_not_waited_for() {
    let forgotten = waited(|bench| {
        let peer = bench.peer(2);
        bench.nodes.remove(&2);
        bench.step(0, Input::Forget(vec![peer]));
    });
    assert_eq!(forgotten.outcome, Outcome::Done);
    assert_eq!(forgotten.serving, ["n1"]);
    let restarted = waited(|bench| {
        bench.unlink(0, 2);
        bench.start(2, &[]);
        bench.link_all();
    });
    assert_eq!(restarted.outcome, Outcome::Done);
    assert_eq!(restarted.serving, ["n1", "n2"]);
}

#[test]
fn a_superseded_change_names_its_winner_and_the_rule() {
    let mut bench = Bench::settled(&[&[entry(0, "x", 9)], &[], &[]]);
    bench.write(0, put("first")).unwrap();
    let lost = bench.write(2, put("second")).unwrap();
    bench.run(1_000);
    let receipt = wait(&mut bench, 2, lost, Until::All).unwrap();
    let winner = version(1, "first");
    assert_eq!(
        receipt.outcome,
        Outcome::Superseded {
            winner,
            by: DecidedBy::Votes
        }
    );
}
