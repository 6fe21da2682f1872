//! Property 11 where no vote is taken: what a higher ref replaced unseen is told and logged, an
//! ordinary further change is not.

use super::bench::{Bench, entry, id, put, version};
use crate::core::replica::{
    limits::ANCESTORS_MAX, limits::GOSSIP_INLINE_BYTES_MAX, output::Fact, round::DecidedBy,
    wire::Version,
};

fn three() -> Bench {
    Bench::settled(&[&[entry(0, "x", 9)], &[], &[]])
}

fn cut_off(bench: &mut Bench) {
    bench.unlink(0, 1);
    bench.unlink(0, 2);
    bench.run(30_000);
}

fn write(bench: &mut Bench, node: usize, text: &str) -> Version {
    let written = bench.write(node, put(text)).unwrap();
    bench.run(100);
    written
}

/// What a node says of its lost writes.
fn told(bench: &Bench, node: usize) -> Vec<Version> {
    let facts = bench.facts(node).into_iter();
    facts
        .filter_map(|fact| match fact {
            Fact::Superseded { lost, by_ref, .. } => {
                assert!(by_ref);
                Some(lost)
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_change_made_in_knowledge_of_mine_is_no_loss() {
    let mut bench = three();
    for (node, text) in [(0, "a"), (1, "b"), (2, "c"), (0, "d"), (1, "e")] {
        write(&mut bench, node, text);
    }
    bench.run(10_000);
    assert_eq!(bench.agreed(), version(5, "e"));
    for node in 0..3 {
        assert_eq!(told(&bench, node), [], "n{node}");
        assert_eq!(bench.nodes[&node].conflicts_since(0).count(), 0, "n{node}");
    }
}

#[test]
fn a_write_that_a_newer_and_higher_one_replaced_unseen_is_told_and_logged() {
    let mut bench = three();
    cut_off(&mut bench);
    let mine = [write(&mut bench, 0, "m1"), write(&mut bench, 0, "m2")];
    for text in ["t1", "t2", "t3"] {
        write(&mut bench, 1, text);
    }
    bench.link_all();
    bench.run(10_000);
    let winner = bench.agreed();
    assert_eq!(winner, version(3, "t3"));
    assert_eq!(told(&bench, 0), mine);
    let log: Vec<_> = bench.nodes[&0].conflicts_since(0).collect();
    assert_eq!(log.len(), 1);
    assert!(log[0].own_client_lost && log[0].decided_by == DecidedBy::Ref);
    assert!(mine.iter().all(|lost| log[0].losers.contains(&lost.digest)));
    for node in [1, 2] {
        assert_eq!(told(&bench, node), [], "n{node}");
        assert_eq!(bench.nodes[&node].conflicts_since(0).count(), 0, "n{node}");
    }
}

/// Its client had not read the write of node 0, although its node knew of it.
#[test]
fn a_write_on_top_of_a_rival_in_an_undecided_round_is_told_to_both_sides() {
    let mut bench = three();
    let mine = bench.write(0, put("mine")).unwrap();
    bench.now += 5;
    let theirs = bench.write(2, put("theirs")).unwrap();
    let over = bench.write(2, put("over")).unwrap();
    bench.run(10_000);
    assert_eq!(bench.agreed(), over);
    assert_eq!(told(&bench, 0), [mine]);
    assert_eq!(
        told(&bench, 2),
        [],
        "{theirs:?} was replaced by its own client"
    );
}

#[test]
fn a_node_that_missed_many_changes_knows_as_far_as_the_bound_and_warns_beyond() {
    for (missed, warns) in [(ANCESTORS_MAX, false), (ANCESTORS_MAX + 1, true)] {
        let mut bench = three();
        let mine = write(&mut bench, 0, "mine");
        cut_off(&mut bench);
        for number in 0..missed {
            write(&mut bench, 1, &format!("edit {number}"));
        }
        bench.link_all();
        bench.run(10_000);
        let expected = if warns { vec![mine] } else { Vec::new() };
        assert_eq!(told(&bench, 0), expected, "{missed}");
    }
}

#[test]
fn a_node_that_hears_of_every_change_never_warns_however_many() {
    let mut bench = three();
    write(&mut bench, 0, "mine");
    for number in 0..ANCESTORS_MAX * 3 {
        write(&mut bench, 1, &format!("edit {number}"));
    }
    assert_eq!(told(&bench, 0), []);
}

#[test]
fn ancestors_survive_a_fetch_of_the_body() {
    let mut bench = three();
    write(&mut bench, 0, "mine");
    write(&mut bench, 1, &"long".repeat(GOSSIP_INLINE_BYTES_MAX));
    bench.run(10_000);
    assert_eq!(bench.agreed().ref_number, 2);
    assert_eq!(told(&bench, 0), []);
    for node in 0..3 {
        let round = bench.nodes[&node].registry().get(&id("a")).unwrap();
        let (_, candidate) = round.candidates().iter().next().unwrap();
        assert!(candidate.ancestors.holds(&version(1, "mine")), "n{node}");
    }
}
