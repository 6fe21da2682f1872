//! Revoked sessions: told, confirmed, and known to who joins.

use super::town::{Town, peer};
use crate::core::{
    hub::{
        input::Input,
        output::{Fact, Output, Spread},
    },
    session::Name,
};

#[test]
fn a_revocation_is_confirmed_by_all_and_names_who_is_silent() {
    let mut town = Town::of(3);
    town.said(1);
    let session = Name::new("s1").unwrap();
    let revoke = |ticket| Input::Revoke {
        ticket,
        session: session.clone(),
        until: 100,
        wait: 2_000,
    };
    town.tell(0, revoke(1));
    let told = town.said(1);
    assert!(
        told.iter()
            .any(|output| matches!(output, Output::Revoked(names) if *names == [session.clone()]))
    );
    let spread = |said: Vec<Output>| {
        said.into_iter().find_map(|output| match output {
            Output::RevokeDone { spread, .. } => spread.ok(),
            _other => None,
        })
    };
    let all = spread(town.said(0)).unwrap();
    assert_eq!((all.confirmed.len(), all.missing.len()), (3, 0));
    town.silent.push(2);
    town.tell(0, revoke(2));
    assert_eq!(spread(town.said(0)), None);
    town.pass(2_000);
    let some = spread(town.said(0)).unwrap();
    assert_eq!(some.missing, ["node-2"]);
}

fn spread(town: &mut Town) -> Option<Spread> {
    town.said(0).into_iter().find_map(|output| match output {
        Output::RevokeDone { spread, .. } => spread.ok(),
        _other => None,
    })
}

fn revoke(wait: u64) -> Input {
    Input::Revoke {
        ticket: 1,
        session: Name::new("s1").unwrap(),
        until: 100,
        wait,
    }
}

#[test]
fn a_revocation_names_members_that_are_cut_off_and_waits_for_them() {
    let mut town = Town::of(3);
    town.cut(0, 2);
    town.tell(0, revoke(0));
    assert_eq!(spread(&mut town).unwrap().missing, ["node-1", "node-2"]);
    town.tell(0, revoke(2_000));
    assert_eq!(spread(&mut town), None);
    town.pass(500);
    town.link(0, 2);
    let all = spread(&mut town).unwrap();
    assert_eq!((all.confirmed.len(), all.missing.len()), (3, 0));
    // The link may also break while somebody waits.
    town.silent.push(2);
    town.tell(0, revoke(2_000));
    town.cut(0, 2);
    town.silent.clear();
    town.link(0, 2);
    assert_eq!(spread(&mut town).unwrap().missing.len(), 0);
}

#[test]
fn a_member_that_left_in_peace_is_not_missing_at_a_revocation() {
    let mut town = Town::of(3);
    town.tell(2, Input::Leave);
    town.cut(0, 2);
    town.tell(0, revoke(2_000));
    let all = spread(&mut town).unwrap();
    assert_eq!((all.confirmed.len(), all.missing.len()), (2, 0));
}

#[test]
fn a_node_that_joins_has_the_blacklist_before_it_is_ready() {
    let mut town = Town::of(1);
    town.pass(5_000);
    let session = Name::new("s1").unwrap();
    let input = Input::Revoke {
        ticket: 1,
        session: session.clone(),
        until: 100,
        wait: 0,
    };
    town.tell(0, input);
    town.join(9);
    town.tell(0, Input::LinkOpened(peer(1)));
    town.tell(1, Input::LinkOpened(peer(0)));
    assert!(!town.hubs[1].is_ready());
    town.pass(300);
    assert!(town.hubs[1].is_ready());
    assert!(town.hubs[1].blacklist_mut().is_revoked(&session, 50));
}

#[test]
fn a_node_that_is_ready_without_a_comparison_says_with_whom() {
    let mut town = Town::of(1);
    town.pass(5_000);
    town.join(9);
    town.link(0, 1);
    town.cut(0, 1);
    town.silent.push(0);
    town.tell(1, Input::LinkOpened(peer(0)));
    town.pass(10_000);
    assert!(town.hubs[1].is_ready());
    let names = town.said(1).into_iter().find_map(|output| match output {
        Output::Fact(Fact::Incomplete(names)) => Some(names),
        _other => None,
    });
    assert_eq!(names.map(|names| names.len()), Some(1));
}
