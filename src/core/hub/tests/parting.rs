//! Meeting and parting: what a node has to know before it is ready, and what is left of one that goes.

use super::town::{Town, peer};
use crate::core::{
    hub::{
        input::Input,
        limits::GONE_MAX,
        output::Output,
        params::{Ack, Params},
        position::{NodeId, ORIGINS_MAX},
        wire::{Answer, Hello, Request, decode, encode},
    },
    session::Name,
};

/// What node `node` answers its first peer.
fn answer(town: &mut Town, node: usize, request: &Request) -> Answer {
    let input = Input::Request {
        from: peer(1 - node),
        exchange: 1,
        bytes: encode(request),
    };
    let said = town.step(node, input).into_iter();
    let answers = said.filter_map(|output| match output {
        Output::Reply { bytes, .. } => decode::<Answer>(&bytes).ok(),
        _other => None,
    });
    answers.last().unwrap()
}

fn digests(town: &mut Town, node: usize) -> Request {
    Request::Compare(town.hubs[node].blacklist_mut().digests().to_vec(), None)
}

#[test]
fn nobody_is_compared_with_whom_no_revocation_would_be_sent_to() {
    let mut town = Town::of(1);
    town.join(9);
    town.step(0, Input::LinkOpened(peer(1)));
    let question = digests(&mut town, 1);
    assert_eq!(answer(&mut town, 0, &question), Answer::Later);
    let hello = Request::Hello(Hello {
        node: NodeId::new(9),
        name: "nine".to_owned(),
        head: 0,
        gone: Vec::new(),
        gone_for: None,
        clock: None,
    });
    answer(&mut town, 0, &hello);
    let expected = Answer::Differing(Vec::new());
    assert_eq!(answer(&mut town, 0, &question), expected);
}

#[test]
fn what_has_expired_makes_no_difference_between_two_blacklists() {
    let mut town = Town::of(2);
    let revoke = |name: &str, until| Input::Revoke {
        ticket: 1,
        session: Name::new(name).unwrap(),
        until,
        wait: 0,
    };
    town.tell(0, revoke("short", 3));
    town.tell(0, revoke("long", 100));
    town.now = 3_500;
    // Only one of them has noticed; whoever asks, and whoever is asked.
    town.hubs[0].blacklist_mut().expire(3);
    let question = digests(&mut town, 0);
    let expected = Answer::Differing(Vec::new());
    assert_eq!(answer(&mut town, 1, &question), expected);
    town.hubs[0]
        .blacklist_mut()
        .merge([(Name::new("short").unwrap(), 3)], 2);
    let out = town.step(0, Input::LinkClosed(peer(1)));
    assert!(
        out.iter()
            .all(|output| !matches!(output, Output::Ask { .. }))
    );
    let mut asked = Vec::new();
    for input in [Input::LinkOpened(peer(1)), hello_of(2)] {
        for output in town.step(0, input) {
            if let Output::Ask { bytes, .. } = output
                && let Ok(Request::Compare(digests, _clock)) = decode::<Request>(&bytes)
            {
                asked.push(digests);
            }
        }
    }
    let theirs = town.hubs[1].blacklist_mut().digests().to_vec();
    assert_eq!(asked, [theirs]);
}

fn hello_of(node: u64) -> Input {
    Input::Request {
        from: peer(1),
        exchange: 1,
        bytes: encode(&Request::Hello(Hello {
            node: NodeId::new(node),
            name: "other".to_owned(),
            head: 0,
            gone: Vec::new(),
            gone_for: None,
            clock: None,
        })),
    }
}

#[test]
fn who_has_all_of_a_node_that_left_from_its_copies_is_told_of_no_gap() {
    let params = Params {
        ack: Ack::Cluster,
        ..Params::default()
    };
    let mut town = Town::with(params, 3);
    town.want(2, "a");
    // Node 1 keeps a copy; node 2 takes nothing from node 0 but its farewell.
    town.hubs[2].set_overloaded(true);
    town.submit(0, 1);
    town.tell(0, Input::Leave);
    town.pass(1_500);
    town.hubs[2].set_overloaded(false);
    town.said(2);
    town.cut(0, 1);
    town.cut(0, 2);
    town.pass(10_000);
    let said = town.said(2);
    let count = |is: fn(&Output) -> bool| said.iter().filter(|output| is(output)).count();
    assert_eq!(count(|output| matches!(output, Output::Deliver(_))), 1);
    assert_eq!(count(|output| matches!(output, Output::Gap(_))), 0);
}

#[test]
fn nodes_do_not_remind_each_other_of_one_that_is_gone_for_ever() {
    let mut town = Town::of(2);
    town.cut(0, 1);
    town.pass(550_000);
    let third = town.join(3);
    town.link(0, third);
    let names = |town: &Town, node: usize| town.hubs[node].vector().get(NodeId::new(2)).is_some();
    assert!(names(&town, 0) && names(&town, third));
    // Node 0 forgets it; the third one has heard of it late.
    town.pass(100_000);
    assert!(!names(&town, 0));
    town.cut(0, third);
    town.link(0, third);
    assert!(!names(&town, 0) && !names(&town, third));
}

#[test]
fn a_node_that_has_left_sleeps() {
    let mut town = Town::of(2);
    town.tell(0, Input::Leave);
    town.pass(1_600);
    assert!(
        town.said(0)
            .iter()
            .any(|output| matches!(output, Output::Left))
    );
    assert!(town.wakeup(0) > town.now);
}

#[test]
fn a_position_names_all_that_live_and_nobody_is_given_old_events_for_lack_of_room() {
    let mut town = Town::of(1);
    let live = 128;
    let gone: Vec<NodeId> = (0..GONE_MAX as u64)
        .map(|node| NodeId::new(9_000 + node))
        .collect();
    for number in 1..=live {
        town.step(0, Input::LinkOpened(peer(number)));
        let input = Input::Request {
            from: peer(number),
            exchange: 1,
            bytes: encode(&Request::Hello(Hello {
                node: NodeId::new(number as u64 + 1),
                name: String::new(),
                head: 0,
                gone: gone.clone(),
                gone_for: None,
                clock: None,
            })),
        };
        town.step(0, input);
    }
    let vector = town.hubs[0].vector();
    assert_eq!(vector.len(), ORIGINS_MAX);
    for number in 0..=live {
        assert!(
            vector.get(NodeId::new(number as u64 + 1)).is_some(),
            "{number}"
        );
    }
    let out = town.step(0, super::resume::replay(1, vector, &["a"]));
    let asked = out
        .iter()
        .filter(|output| matches!(output, Output::Ask { .. }));
    assert_eq!(asked.count(), live, "each about its own events");
}

#[test]
fn a_node_that_leaves_in_peace_leaves_no_gap_and_one_that_dies_does() {
    for (leaves, gaps) in [(true, 0), (false, 1)] {
        let mut town = Town::of(2);
        town.want(1, "a");
        town.submit(0, 1);
        if leaves {
            town.tell(0, Input::Leave);
            assert!(
                town.said(0)
                    .iter()
                    .any(|output| matches!(output, Output::Left))
            );
        }
        town.silent.push(0);
        town.tell(1, Input::LinkClosed(peer(0)));
        town.now += 10_000;
        town.tell(1, Input::Tick);
        let said = town.said(1);
        let told = said
            .iter()
            .filter(|output| matches!(output, Output::Gap(_)));
        assert_eq!(told.count(), gaps, "leaves: {leaves}");
    }
}
