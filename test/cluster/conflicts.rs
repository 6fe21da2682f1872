//! Changes of one API on several nodes at once: all nodes end with one of them, and the node that
//! acknowledged another says that it lost (cluster.md, parts 5 and 11).
//!
//! Whether two changes really meet is up to the scheduler, so each story is told until it has
//! happened once; what must hold is checked every time.

use std::time::Duration;

use crate::{
    cluster::unserved,
    support::{
        client::Answer,
        fleet::{Acknowledged, Fleet},
        orders::{Order, at_once},
    },
};

/// Times a story is told in vain before it counts as impossible.
const ATTEMPTS_MAX: usize = 40;
/// The loser learns of its loss with the version that won.
const TOLD_MAX: Duration = Duration::from_secs(5);

/// Writes of a node that lost to another one of the same number.
const LOST_BY_VOTE: &str = "rig_registry_superseded_total{by=\"votes\"}";

/// An update on each node.
pub(super) fn updates(id: &str, versions: &[&str]) -> Vec<Order> {
    let update = |version: &&str| Order::Update(unserved(id, version));
    versions.iter().map(update).collect()
}

/// A creation on each node.
pub(super) fn creations(id: &str, versions: &[&str]) -> Vec<Order> {
    let create = |version: &&str| Order::Create(unserved(id, version));
    versions.iter().map(create).collect()
}

/// An update on one node, a deletion on the next.
pub(super) fn update_and_deletion(id: &str) -> Vec<Order> {
    vec![
        Order::Update(unserved(id, "updated")),
        Order::Delete(id.to_owned()),
    ]
}

/// How many votes the changes taken by each node have lost so far.
pub(super) fn lost_before(fleet: &Fleet) -> Vec<f64> {
    fleet.live().map(|node| node.metric(LOST_BY_VOTE)).collect()
}

/// All nodes show the same acknowledged version, of the highest ref; who lost at that ref says so, and
/// has counted it since `before`. Gives how many lost.
pub(super) fn converges(fleet: &Fleet, id: &str, before: &[f64], answers: &[Answer]) -> usize {
    let served = fleet.settled(id);
    let acknowledged: Vec<_> = answers.iter().map(Acknowledged::of).collect();
    for (answer, acknowledged) in answers.iter().zip(&acknowledged) {
        assert!(
            acknowledged.is_some() || matches!(answer.status, 404 | 409),
            "{}: {}",
            answer.status,
            answer.json()
        );
    }
    let taken = || acknowledged.iter().flatten();
    let highest = taken().map(Acknowledged::ref_number).max();
    let won = |change: &Acknowledged| {
        Some(change.ref_number()) == highest
            && match &served {
                Some(version) => change.version == *version,
                None => change.status == 204,
            }
    };
    assert!(taken().any(&won), "{served:?} is none of {acknowledged:?}");
    let mut losers = 0;
    for (node, change) in acknowledged.iter().enumerate() {
        let Some(change) = change else { continue };
        if Some(change.ref_number()) == highest && !won(change) {
            let told = format!(
                "API {id} accepted here, {}, was superseded by",
                change.version
            );
            let loser = fleet.node(node);
            loser.await_log(&told, 1, TOLD_MAX);
            // Counted before it is logged.
            assert!(loser.metric(LOST_BY_VOTE) > before[node] + 0.5);
            losers += 1;
        }
    }
    losers
}

/// Tells the story for new APIs, existing before or not, until somebody lost; no fewer than three times.
fn until_somebody_loses(existing: bool, size: usize, orders: impl Fn(&str) -> Vec<Order>) {
    let fleet = Fleet::running(size);
    let mut losers = 0;
    for attempt in 1..=ATTEMPTS_MAX {
        let id = format!("contested-{attempt}");
        if existing {
            let created = fleet.node(0).create(&unserved(&id, "start"));
            fleet.until_all_show(&id, &Acknowledged::expected(&created).version);
        }
        let before = lost_before(&fleet);
        let answers = at_once(|node| fleet.node(node), &orders(&id));
        losers += converges(&fleet, &id, &before, &answers);
        if losers > 0 && attempt >= 3 {
            println!("{losers} acknowledged changes lost in {attempt} attempts");
            return;
        }
    }
    panic!("no two changes met in {ATTEMPTS_MAX} attempts");
}

#[test]
fn two_updates_at_once_end_as_one() {
    until_somebody_loses(true, 2, |id| updates(id, &["left", "right"]));
}

#[test]
fn an_update_next_to_a_deletion_ends_as_one_of_both() {
    until_somebody_loses(true, 3, update_and_deletion);
}

#[test]
fn two_creations_of_one_id_end_as_one() {
    until_somebody_loses(false, 3, |id| creations(id, &["left", "right"]));
}

#[test]
fn three_updates_at_once_end_as_one() {
    until_somebody_loses(true, 3, |id| updates(id, &["left", "middle", "right"]));
}

#[test]
fn the_same_deletion_on_two_nodes_is_no_conflict() {
    let fleet = Fleet::running(2);
    for attempt in 0..3 {
        let id = format!("gone-{attempt}");
        let created = fleet.node(0).create(&unserved(&id, "start"));
        fleet.until_all_show(&id, &Acknowledged::expected(&created).version);
        let orders = [Order::Delete(id.clone()), Order::Delete(id.clone())];
        let before = lost_before(&fleet);
        let answers = at_once(|node| fleet.node(node), &orders);
        assert_eq!(converges(&fleet, &id, &before, &answers), 0);
        assert_eq!(fleet.settled(&id), None);
    }
    for node in fleet.live() {
        assert!(!node.log().contains("superseded"));
    }
}
