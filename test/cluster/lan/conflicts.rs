//! Clients that change one API on several nodes at once.
//!
//! Whether two changes really meet is up to the scheduler, so a story is told until they have; what
//! must hold is checked every time.

use std::{collections::BTreeMap, sync::Barrier, thread};

use serde_json::Value;

use crate::{
    cluster::{
        lan::{
            met, repeats,
            verdict::{Taken, judge},
        },
        unserved,
    },
    support::lan::{Host, Lan, Told},
};

/// Times a story is told in vain before it counts as impossible.
const ATTEMPTS_MAX: usize = 40;

/// What a node is asked to do.
enum Order {
    Create(Value),
    Update(Value),
    Delete(String),
}

// === impl Order ===

impl Order {
    fn carry_out(&self, node: &Host) -> Told {
        match self {
            Self::Create(definition) => node.create(definition),
            Self::Update(definition) => node.update(definition),
            Self::Delete(id) => node.delete(id),
        }
    }
}

/// Gives order `n` to node `n`, all at once; what was acknowledged.
fn at_once(lan: &Lan, orders: &[Order]) -> Vec<Taken> {
    let barrier = Barrier::new(orders.len());
    let answers: Vec<Told> = thread::scope(|scope| {
        let threads: Vec<_> = orders
            .iter()
            .enumerate()
            .map(|(node, order)| {
                let (barrier, node) = (&barrier, lan.node(node));
                scope.spawn(move || {
                    barrier.wait();
                    order.carry_out(node)
                })
            })
            .collect();
        let answers = threads.into_iter().map(|thread| thread.join());
        answers.map(|answer| answer.expect("an answer")).collect()
    });
    let mut taken = Vec::new();
    for (node, answer) in answers.iter().enumerate() {
        match answer.change() {
            Some(version) => taken.push(Taken { node, version }),
            // Whoever has heard of the other change may find nothing, or something, to be changed.
            None => assert!(matches!(answer.status(), 404 | 409), "{answer:?}"),
        }
    }
    taken
}

/// Tells the story about new APIs, existing before or not, until so many votes took place.
fn meet(title: &str, existing: bool, orders: impl Fn(&str) -> Vec<Order>) {
    let Some(lan) = met() else { return };
    let (mut attempts, mut decided, mut lost) = (0, BTreeMap::new(), 0);
    for run in 0..repeats() {
        let met = (0..ATTEMPTS_MAX).any(|attempt| {
            attempts += 1;
            let id = format!("contested-{run}-{attempt}");
            if existing {
                let written = lan.node(0).write(&unserved(&id, "start"));
                lan.until_all_show(&id, &written);
            }
            let verdict = judge(&lan, &id, &at_once(&lan, &orders(&id)));
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
    meet("PUT/PUT", true, |id| {
        vec![
            Order::Update(unserved(id, "left")),
            Order::Update(unserved(id, "right")),
        ]
    });
}

#[test]
fn an_update_next_to_a_deletion_ends_as_one_of_both_on_a_lan() {
    meet("PUT/DELETE", true, |id| {
        vec![
            Order::Update(unserved(id, "updated")),
            Order::Delete(id.to_owned()),
        ]
    });
}

#[test]
fn two_creations_of_one_id_end_as_one_on_a_lan() {
    meet("POST/POST", false, |id| {
        vec![
            Order::Create(unserved(id, "left")),
            Order::Create(unserved(id, "right")),
        ]
    });
}

#[test]
fn three_updates_at_once_end_as_one_on_a_lan() {
    meet("PUT/PUT/PUT", true, |id| {
        ["left", "middle", "right"]
            .map(|version| Order::Update(unserved(id, version)))
            .into()
    });
}
