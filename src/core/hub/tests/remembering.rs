//! Memos: on all nodes, also on those that missed one.

use bytes::Bytes;

use super::town::Town;
use crate::core::hub::{input::Input, output::Output};

#[test]
fn a_memo_is_known_everywhere_and_found_by_who_missed_it() {
    let mut town = Town::of(2);
    let key = Bytes::from_static(b"key");
    for value in ["old", "new"] {
        let value = Bytes::from(value);
        let key = key.clone();
        town.tell(0, Input::Remember { key, value });
    }
    town.silent.push(1);
    let late = Input::Remember {
        key: Bytes::from_static(b"late"),
        value: Bytes::from_static(b"v"),
    };
    town.tell(0, late);
    town.silent.clear();
    for (key, value) in [("key", Some("new")), ("late", Some("v")), ("none", None)] {
        let key = Bytes::from(key);
        town.tell(1, Input::Recall { ticket: 3, key });
        let recalled = town.said(1).into_iter().find_map(|output| match output {
            Output::Recalled { value, .. } => Some(value),
            _other => None,
        });
        assert_eq!(recalled, Some(value.map(Bytes::from)));
    }
}

fn recalled(town: &mut Town, node: usize) -> Option<Option<Bytes>> {
    town.said(node).into_iter().find_map(|output| match output {
        Output::Recalled { value, .. } => Some(value),
        _other => None,
    })
}

fn remember(key: &'static str, value: &'static str) -> Input {
    Input::Remember {
        key: Bytes::from(key),
        value: Bytes::from(value),
    }
}

fn recall(key: &'static str) -> Input {
    let key = Bytes::from(key);
    Input::Recall { ticket: 3, key }
}

#[test]
fn after_a_cut_the_latest_memo_counts_also_if_an_older_one_is_here() {
    for waits in [false, true] {
        let mut town = Town::of(2);
        town.tell(0, remember("k", "old"));
        town.cut(0, 1);
        town.tell(0, remember("k", "new"));
        // Node 1 hears nothing from node 0 by itself yet; it asks.
        town.link(0, 1);
        if waits {
            town.pass(500);
            town.cut(0, 1);
        }
        town.said(1);
        town.tell(1, recall("k"));
        assert_eq!(
            recalled(&mut town, 1),
            Some(Some(Bytes::from("new"))),
            "{waits}"
        );
    }
}

#[test]
fn nobody_waits_long_for_a_memo_of_a_silent_node() {
    let mut town = Town::of(2);
    town.tell(0, remember("k", "v"));
    town.silent.push(0);
    town.tell(1, recall("k"));
    assert_eq!(recalled(&mut town, 1), None);
    assert!(town.hubs[1].next_wakeup() <= town.now + 2_000);
    town.pass(2_000);
    assert_eq!(recalled(&mut town, 1), Some(Some(Bytes::from("v"))));
}

#[test]
fn a_node_that_is_new_gets_the_memos_of_those_that_are_there() {
    let mut town = Town::of(2);
    town.cut(0, 1);
    town.tell(0, remember("k", "v"));
    town.link(0, 1);
    town.pass(500);
    town.cut(0, 1);
    town.said(1);
    town.tell(1, recall("k"));
    assert_eq!(recalled(&mut town, 1), Some(Some(Bytes::from("v"))));
}
