//! Clients that change one API on several nodes at once.
//!
//! Whether two changes really meet is up to the scheduler, so a story is told until they have; what
//! must hold is checked every time.

use std::collections::BTreeMap;

use crate::{
    cluster::{
        conflicts::{creations, update_and_deletion, updates},
        lan::{
            met, repeats,
            verdict::{Taken, judge},
        },
        unserved,
    },
    support::{
        lan::{Lan, Told},
        orders::{Managed, Order, at_once},
    },
};

/// Times a story is told in vain before it counts as impossible.
const ATTEMPTS_MAX: usize = 40;

/// Gives order `n` to node `n`, all at once; what was acknowledged.
fn taken_at_once(lan: &Lan, orders: &[Order]) -> Vec<Taken> {
    let answers = at_once(|node| lan.node(node), orders);
    let answers = answers.iter().enumerate();
    answers
        .filter_map(|(node, answer)| taken(node, answer))
        .collect()
}

/// Gives each order as soon as the one before was acknowledged; what was acknowledged.
fn in_turn(lan: &Lan, orders: &[(usize, Order)]) -> Vec<Taken> {
    let carried_out = orders
        .iter()
        .map(|(node, order)| (*node, lan.node(*node).carry_out(order)));
    carried_out
        .filter_map(|(node, answer)| taken(node, &answer))
        .collect()
}

fn taken(node: usize, answer: &Told) -> Option<Taken> {
    let version = answer.change();
    // Whoever has heard of the other change may find nothing, or something, to be changed.
    assert!(
        version.is_some() || matches!(answer.status(), 404 | 409),
        "{answer:?}"
    );
    Some(Taken {
        node,
        version: version?,
    })
}

/// Tells the story about new APIs, existing before or not, until so many votes took place.
fn meet(title: &str, size: usize, existing: bool, orders: impl Fn(&str) -> Vec<Order>) {
    let Some(mut lan) = met() else { return };
    (size..3).for_each(|node| lan.kill(node));
    lan.until_met();
    let (mut attempts, mut decided, mut lost) = (0, BTreeMap::new(), 0);
    for run in 0..repeats() {
        let met = (0..ATTEMPTS_MAX).any(|attempt| {
            attempts += 1;
            let id = format!("contested-{run}-{attempt}");
            if existing {
                let written = lan.node(0).write(&unserved(&id, "start"));
                lan.until_all_show(&id, &written);
            }
            let verdict = judge(&lan, &id, &taken_at_once(&lan, &orders(&id)));
            lost += verdict.losers;
            let rule = verdict.decided_by;
            rule.map(|rule| *decided.entry(rule).or_insert(0) += 1)
                .is_some()
        });
        assert!(met, "no two changes met in {ATTEMPTS_MAX} attempts");
    }
    println!("{title}: {attempts} attempts, votes decided by {decided:?}, {lost} changes lost");
}

#[test]
fn two_updates_at_once_end_as_one_on_a_lan() {
    meet("PUT/PUT", 3, true, |id| updates(id, &["left", "right"]));
}

#[test]
fn an_update_next_to_a_deletion_ends_as_one_of_both_on_a_lan() {
    meet("PUT/DELETE", 3, true, update_and_deletion);
}

#[test]
fn two_creations_of_one_id_end_as_one_on_a_lan() {
    meet("POST/POST", 3, false, |id| {
        creations(id, &["left", "right"])
    });
}

#[test]
fn three_updates_at_once_end_as_one_on_a_lan() {
    meet("PUT/PUT/PUT", 3, true, |id| {
        updates(id, &["left", "middle", "right"])
    });
}

#[test]
fn two_updates_at_once_on_two_nodes_end_as_one_on_a_lan() {
    meet("PUT/PUT, two nodes", 2, true, |id| {
        updates(id, &["left", "right"])
    });
}

#[test]
fn an_update_next_to_a_deletion_on_two_nodes_ends_as_one_of_both_on_a_lan() {
    meet("PUT/DELETE, two nodes", 2, true, update_and_deletion);
}

#[test]
fn three_creations_of_one_id_end_as_one_on_a_lan() {
    meet("POST/POST/POST", 3, false, |id| {
        creations(id, &["left", "middle", "right"])
    });
}

/// What is written on one node right after another one has acknowledged a change. Where the first has
/// arrived, the second one is built upon it; else there is a vote. In no case is one lost unheard.
#[test]
fn changes_on_two_nodes_one_right_after_the_other_end_as_one_on_a_lan() {
    let Some(lan) = met() else { return };
    let put = |id: &str, text: &str| Order::Update(unserved(id, text));
    type Orders<'a> = &'a dyn Fn(&str) -> Vec<(usize, Order)>;
    let delete = |id: &str| Order::Delete(id.to_owned());
    let five = |id: &str| {
        (0..5)
            .map(|n| (0, put(id, &n.to_string())))
            .collect::<Vec<_>>()
    };
    let stories: [(&str, Orders<'_>); 6] = [
        ("PUT, then PUT", &|id| {
            vec![(0, put(id, "first")), (1, put(id, "second"))]
        }),
        ("DELETE, then PUT", &|id| {
            vec![(0, delete(id)), (1, put(id, "second"))]
        }),
        ("PUT, then DELETE", &|id| {
            vec![(0, put(id, "first")), (1, delete(id))]
        }),
        ("DELETE, then POST", &|id| {
            vec![(0, delete(id)), (1, Order::Create(unserved(id, "again")))]
        }),
        ("five PUTs, then PUT", &|id| {
            five(id)
                .into_iter()
                .chain([(1, put(id, "sixth"))])
                .collect()
        }),
        ("five PUTs, then DELETE", &|id| {
            five(id).into_iter().chain([(1, delete(id))]).collect()
        }),
    ];
    for (title, orders) in stories {
        let (mut refused, mut voted, mut lost) = (0, 0, 0);
        for run in 0..repeats() {
            let id = format!("{}-{run}", title.replace([' ', ','], "-"));
            let written = lan.node(0).write(&unserved(&id, "start"));
            lan.until_all_show(&id, &written);
            let orders = orders(&id);
            let taken = in_turn(&lan, &orders);
            let verdict = judge(&lan, &id, &taken);
            refused += orders.len() - taken.len();
            voted += usize::from(verdict.decided_by.is_some());
            lost += verdict.losers;
        }
        println!(
            "{title}: {} runs, {refused} refused, {voted} votes, {lost} changes lost",
            repeats()
        );
    }
}
