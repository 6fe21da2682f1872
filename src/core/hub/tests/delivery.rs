//! Events on their way from one node to others.

use super::town::Town;
use crate::core::{
    hub::{Hub, input::Input, params::Rules},
    subscription::TypePattern,
};

#[test]
fn an_event_reaches_the_nodes_that_want_it_and_no_other() {
    let mut town = Town::of(3);
    assert!(town.hubs.iter().all(Hub::is_ready));
    town.want(1, "a");
    town.said(2);
    town.submit(0, 1);
    assert_eq!(town.delivered(1), ["e1"]);
    assert!(town.delivered(2).is_empty());
}

#[test]
fn a_desk_that_does_not_keep_up_holds_up_what_comes_from_others() {
    let mut town = Town::of(2);
    town.want(1, "a");
    town.hubs[1].set_overloaded(true);
    town.submit(0, 1);
    assert!(town.delivered(1).is_empty());
    town.hubs[1].set_overloaded(false);
    town.pass(500);
    assert_eq!(town.delivered(1), ["e1"]);
}

#[test]
fn a_wish_that_is_told_late_counts_from_when_it_began() {
    for bounce in [true, false] {
        let rules = Rules {
            bounce,
            ..Rules::default()
        };
        let mut town = Town::under(rules, 2);
        // Node 0 can speak, but does not hear.
        town.silent.push(0);
        let input = Input::InterestChanged {
            ticket: 1,
            added: vec![TypePattern::Exact("a".into())],
            removed: Vec::new(),
        };
        town.tell(1, input);
        town.submit(0, 1);
        // By now node 0 tells how far it is, and node 1 gives up its question.
        town.pass(5_000);
        town.silent.clear();
        town.pass(500);
        town.pass(500);
        let expected: &[&str] = if bounce { &["e1"] } else { &[] };
        assert_eq!(town.delivered(1), expected, "bounce: {bounce}");
    }
}
