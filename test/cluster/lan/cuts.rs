//! A network that falls apart and comes together again.

use std::time::{Duration, Instant};

use crate::{
    cluster::{
        lan::{
            met, repeats,
            verdict::{Taken, is_told_of_its_loss_by_ref, judge},
        },
        unserved,
    },
    support::{
        fleet::until,
        lan::{Host, Lan},
    },
};

/// A mended network converges within some seconds: a multicast answer or the next dial, then one
/// exchange, then rule M3's `hold_max`.
const HEAL_MAX: Duration = Duration::from_secs(15);

fn until_members(node: &Host, members: usize) {
    until(&format!("{members} members"), || {
        (node.members() == members).then_some(())
    });
}

/// Those nodes are cut off, each for itself, until all have noticed.
fn cut(lan: &Lan, off: &[usize], set: &impl Fn(usize, bool)) {
    off.iter().for_each(|node| set(*node, false));
    let started = Instant::now();
    let together = lan.nodes().count() - off.len();
    for (number, node) in lan.nodes().enumerate() {
        let others = if off.contains(&number) {
            0
        } else {
            together - 1
        };
        until_members(node, others);
    }
    println!("the cut was noticed by all after {:?}", started.elapsed());
}

/// Plugs all in again; the moment.
fn mend(off: &[usize], set: &impl Fn(usize, bool)) -> Instant {
    off.iter().for_each(|node| set(*node, true));
    Instant::now()
}

/// An acknowledged change of this node.
fn taken(lan: &Lan, node: usize, id: &str, version: &str) -> Taken {
    let version = lan.node(node).write(&unserved(id, version));
    Taken { node, version }
}

fn deleted(lan: &Lan, node: usize, id: &str) -> Taken {
    let told = lan.node(node).delete(id);
    let version = told.change().unwrap_or_else(|| panic!("{told:?}"));
    Taken { node, version }
}

/// Nodes 0 and 1 show the same.
fn until_bigger_side_agrees(lan: &Lan, id: &str) {
    until(&format!("{id} on both nodes of the bigger side"), || {
        (lan.node(0).version(id) == lan.node(1).version(id)).then_some(())
    });
}

/// What happens on the two sides of one cut, by API.
struct Story {
    id: &'static str,
    /// It is there before.
    exists: bool,
    happens: fn(&Lan, &str) -> Vec<Taken>,
    /// The change that must win, by its place in what happened.
    wins: usize,
    /// The change that a higher ref took the place of, although it was later.
    loses_by_ref: Option<usize>,
}

/// What the original lost, deleted or kept apart for good (sync.md, 4.9), among others. Nodes 0 and 1
/// are the bigger side. At equal refs the smaller one writes last, so by time alone it would win.
const STORIES: [Story; 7] = [
    Story {
        id: "put-put",
        exists: true,
        happens: |lan, id| vec![taken(lan, 0, id, "bigger"), taken(lan, 2, id, "smaller")],
        wins: 0,
        loses_by_ref: None,
    },
    Story {
        id: "put-delete",
        exists: true,
        happens: |lan, id| vec![taken(lan, 0, id, "bigger"), deleted(lan, 2, id)],
        wins: 0,
        loses_by_ref: None,
    },
    Story {
        id: "delete-put",
        exists: true,
        happens: |lan, id| vec![deleted(lan, 0, id), taken(lan, 2, id, "smaller")],
        wins: 0,
        loses_by_ref: None,
    },
    Story {
        id: "post-post",
        exists: false,
        happens: |lan, id| vec![taken(lan, 1, id, "bigger"), taken(lan, 2, id, "smaller")],
        wins: 0,
        loses_by_ref: None,
    },
    Story {
        id: "put-2-puts",
        exists: true,
        happens: |lan, id| {
            vec![
                taken(lan, 2, id, "once"),
                taken(lan, 2, id, "twice"),
                taken(lan, 0, id, "bigger"),
            ]
        },
        wins: 1,
        loses_by_ref: Some(2),
    },
    Story {
        id: "delete-2-puts",
        exists: true,
        happens: |lan, id| {
            vec![
                deleted(lan, 0, id),
                taken(lan, 2, id, "once"),
                taken(lan, 2, id, "twice"),
            ]
        },
        wins: 2,
        loses_by_ref: None,
    },
    Story {
        id: "only-smaller",
        exists: true,
        happens: |lan, id| vec![deleted(lan, 2, id)],
        wins: 0,
        loses_by_ref: None,
    },
];

/// Node 2 is cut off as often as stories are to be told, changes happen on both sides, and they meet.
fn two_sides(title: &str, set: impl Fn(&Lan, usize, bool)) {
    let Some(lan) = met() else { return };
    let mut heals = Vec::new();
    for run in 0..repeats() {
        let id = |story: &Story| format!("{}-{run}", story.id);
        for story in STORIES.iter().filter(|story| story.exists) {
            let start = taken(&lan, 0, &id(story), "start");
            lan.until_all_show(&id(story), &start.version);
        }
        let set = |node, up| set(&lan, node, up);
        cut(&lan, &[2], &set);
        let happened: Vec<_> = STORIES
            .iter()
            .map(|story| (story.happens)(&lan, &id(story)))
            .collect();
        for story in &STORIES {
            until_bigger_side_agrees(&lan, &id(story));
        }
        let mended = mend(&[2], &set);
        let mut verdicts = Vec::new();
        for (story, changes) in STORIES.iter().zip(&happened) {
            let verdict = judge(&lan, &id(story), changes);
            verdicts.push((story, changes, verdict));
        }
        let healed = mended.elapsed();
        for (story, changes, verdict) in verdicts {
            let wanted = &changes[story.wins].version;
            // A deleted API has no version to show; the judge has seen that it was a deletion that won.
            let served = verdict.served.as_ref();
            assert!(
                served.is_none_or(|it| it == wanted),
                "{}: {verdict:?}",
                story.id
            );
            if let Some(loser) = story.loses_by_ref {
                is_told_of_its_loss_by_ref(&lan, &changes[loser], &changes[story.wins]);
            }
        }
        assert!(healed < HEAL_MAX, "{healed:?}");
        lan.until_met();
        heals.push(healed);
    }
    heals.sort();
    println!(
        "{title}, {} stories each: all settled and checked after {heals:.1?}",
        STORIES.len()
    );
}

#[test]
fn both_sides_of_a_link_that_was_down_agree() {
    two_sides("split, link down at the node", Lan::set_link);
}

#[test]
fn both_sides_of_a_port_that_was_down_agree() {
    two_sides("split, link down at the switch", Lan::set_port);
}

/// The original's three-way split: each node keeps its own. The newest write wins, one vote each.
#[test]
fn three_nodes_that_were_each_alone_agree() {
    let Some(lan) = met() else { return };
    let mut heals = Vec::new();
    for run in 0..repeats() {
        let id = format!("apart-{run}");
        let start = taken(&lan, 0, &id, "start");
        lan.until_all_show(&id, &start.version);
        let set = |node, up| lan.set_port(node, up);
        cut(&lan, &[0, 1, 2], &set);
        let changes: Vec<_> = [1, 2, 0]
            .into_iter()
            .map(|node| taken(&lan, node, &id, &format!("node {node}")))
            .collect();
        let mended = mend(&[0, 1, 2], &set);
        let verdict = judge(&lan, &id, &changes);
        // Two of them may have met, decided and conceded before the third one came, which then
        // stands alone. So the newest wins, or the newer of the two.
        let newest = &changes[2].version;
        let second = &changes[1].version;
        let served = verdict.served.as_ref().expect("a version");
        assert!([newest, second].contains(&served), "{verdict:?}");
        heals.push((mended.elapsed(), served == newest));
        lan.until_met();
    }
    println!("split in three: settled and checked after, by the newest: {heals:.1?}");
}

/// Too short for any node to be missed; connections outlive it.
#[test]
fn a_cut_that_nobody_notices_is_no_different() {
    let Some(lan) = met() else { return };
    for run in 0..repeats() {
        let id = format!("short-{run}");
        let start = taken(&lan, 0, &id, "start");
        lan.until_all_show(&id, &start.version);
        lan.set_port(2, false);
        let lost = taken(&lan, 2, &id, "one");
        let kept = taken(&lan, 0, &id, "two");
        until_bigger_side_agrees(&lan, &id);
        lan.set_port(2, true);
        let mended = Instant::now();
        let verdict = judge(&lan, &id, &[lost, kept.clone()]);
        println!("short cut: healed after {:?}", mended.elapsed());
        assert_eq!(verdict.served, Some(kept.version));
        lan.until_met();
    }
}
