//! Clients that come back with many subscriptions, over many pages, or many at once.

use std::sync::Arc;

use bytes::Bytes;

use super::town::Town;
use crate::core::{
    event::Event,
    hub::{
        delivery::Replayed,
        input::{From, Input},
        limits::{PATTERNS_MAX, REPLAY_WAIT},
        output::Output,
        position::{NodeId, Reached, Vector},
        wire::{Answer, Request, decode, encode},
    },
    subscription::TypePattern,
};

pub(super) fn replay(ticket: u64, from: Vector, types: &[&str]) -> Input {
    let types = types.iter();
    Input::Replay {
        ticket,
        from: From::Vector(from),
        types: types
            .map(|name| TypePattern::Exact((*name).into()))
            .collect(),
    }
}

fn replayed(said: Vec<Output>) -> Vec<Replayed> {
    let said = said.into_iter();
    said.filter_map(|output| match output {
        Output::Replayed { replayed, .. } => Some(replayed.unwrap()),
        _other => None,
    })
    .collect()
}

/// Where a client is that knows these nodes, and has nothing of them.
fn at_the_beginning(nodes: &[u64]) -> Vector {
    let nodes = nodes.iter();
    nodes
        .map(|node| (NodeId::new(*node), Reached::at(0)))
        .collect()
}

#[test]
fn a_client_with_many_subscriptions_gets_all_that_it_missed() {
    let names: Vec<String> = (0..PATTERNS_MAX)
        .map(|number| format!("x{number}"))
        .collect();
    let names = || names.iter().map(String::as_str);
    // More than may be asked for; and, what claims and the client both name, twice.
    let many: Vec<&str> = names().chain(["a"]).collect();
    let twice: Vec<&str> = names()
        .skip(1)
        .chain(names().skip(1))
        .chain(["a"])
        .collect();
    for types in [many, twice] {
        let mut town = Town::of(2);
        town.want(1, "a");
        town.submit(0, 1);
        // On the node that has the events, and on another one.
        for node in [0, 1] {
            town.said(node);
            town.tell(node, replay(1, at_the_beginning(&[1, 2]), &types));
            let pages = replayed(town.said(node));
            assert_eq!(pages[0].events.len(), 1, "on node {node}");
        }
    }
}

#[test]
fn a_node_that_is_silent_over_many_pages_is_one_gap_at_the_end() {
    let mut town = Town::of(3);
    town.want(2, "a");
    let pad = "x".repeat(100_000);
    for id in 1..=7 {
        let text = format!(
            r#"{{"specversion":"1.0","type":"a","id":"{id}","source":"x","data":"{pad}"}}"#
        );
        let events = vec![Arc::new(Event::parse(Bytes::from(text)).unwrap())];
        town.tell(0, Input::Submit { ticket: 1, events });
    }
    town.said(2);
    town.silent.push(1);
    let mut from = at_the_beginning(&[1, 2, 3]);
    let mut gaps = Vec::new();
    let mut events = 0;
    loop {
        town.tell(2, replay(1, from, &["a"]));
        town.pass(2_000);
        let page = replayed(town.said(2)).remove(0);
        gaps.push(page.gaps.len());
        events += page.events.len();
        if !page.more {
            break;
        }
        from = page.upto;
    }
    assert_eq!(events, 7);
    assert!(gaps.len() > 2);
    let (last, earlier) = gaps.split_last().unwrap();
    assert_eq!((*last, earlier.iter().sum::<usize>()), (1, 0), "{gaps:?}");
}

#[test]
fn nobody_waits_for_ever_to_resume_behind_others() {
    let mut town = Town::of(2);
    let mut open = Vec::new();
    let mut done = 0;
    let mut take = |said: Vec<Output>, open: &mut Vec<u64>| {
        for output in said {
            match output {
                Output::Ask {
                    exchange, bytes, ..
                } if matches!(decode::<Request>(&bytes), Ok(Request::Events(_))) => {
                    open.push(exchange);
                }
                Output::Replayed { replayed, .. } => {
                    let _page = replayed.expect("an explicit answer");
                    done += 1;
                }
                _other => {}
            }
        }
        done
    };
    let clients = 500;
    for ticket in 0..clients {
        let said = town.step(0, replay(ticket, at_the_beginning(&[1, 2]), &["a"]));
        take(said, &mut open);
    }
    // The other node takes its time for each question, but answers.
    let each = 1_900;
    for _turn in 0..REPLAY_WAIT / each + 2 {
        let said = town.step_after(0, each, Input::Tick);
        take(said, &mut open);
        for exchange in std::mem::take(&mut open) {
            let bytes = encode(&Answer::Unknown);
            let said = town.step(0, Input::Answer { exchange, bytes });
            take(said, &mut open);
        }
    }
    let said = town.step(0, Input::Tick);
    assert_eq!(take(said, &mut open), clients);
}

#[test]
fn a_client_resumes_on_another_node_by_cursor_and_by_event_id() {
    let mut town = Town::of(2);
    town.want(0, "a");
    for id in 1..=3 {
        town.submit(0, id);
    }
    town.said(1);
    let start: Vector = std::iter::once((NodeId::new(1), Reached::at(1))).collect();
    let by_id = |node| From::Event {
        id: "e1".into(),
        node,
    };
    for from in [
        From::Vector(start),
        by_id(None),
        by_id(Some(NodeId::new(1))),
    ] {
        let types = vec![TypePattern::Exact("a".into())];
        let input = Input::Replay {
            ticket: 4,
            from,
            types,
        };
        town.tell(1, input);
        let replayed = town.said(1).into_iter().find_map(|output| match output {
            Output::Replayed { replayed, .. } => replayed,
            _other => None,
        });
        let replayed = replayed.unwrap();
        let ids: Vec<&str> = replayed
            .events
            .iter()
            .map(|event| &*event.event.id)
            .collect();
        assert_eq!(ids, ["e2", "e3"]);
        assert!(replayed.gaps.is_empty() && !replayed.more);
    }
}

#[test]
fn a_client_that_has_all_of_a_node_that_left_in_peace_resumes_without_a_gap() {
    // Where the client is with the events of node 0, which has accepted two, and how node 0 went.
    for (seq, leaves, gaps) in [(2, true, 0), (1, true, 1), (2, false, 1)] {
        let mut town = Town::of(2);
        town.submit(0, 1);
        town.submit(0, 2);
        if leaves {
            town.tell(0, Input::Leave);
        }
        town.cut(0, 1);
        town.said(1);
        let from: Vector = [(1, seq), (2, 0)]
            .map(|(node, seq)| (NodeId::new(node), Reached::at(seq)))
            .into_iter()
            .collect();
        let input = Input::Replay {
            ticket: 4,
            from: From::Vector(from),
            types: vec![TypePattern::Exact("a".into())],
        };
        town.tell(1, input);
        let replayed = town.said(1).into_iter().find_map(|output| match output {
            Output::Replayed { replayed, .. } => replayed,
            _other => None,
        });
        let replayed = replayed.unwrap();
        assert_eq!(replayed.gaps.len(), gaps, "at {seq}, left: {leaves}");
        let reached = replayed.upto.get(NodeId::new(1)).unwrap();
        assert!(reached.ended);
    }
}
