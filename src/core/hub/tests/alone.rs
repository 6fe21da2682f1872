//! One node without others.

use std::sync::Arc;

use bytes::Bytes;

use crate::core::{
    event::Event,
    hub::{
        Hub, cursor,
        floor::Floor,
        input::{From, Input},
        output::{Output, SubmitRefusal},
        params::{Ack, Params},
        position::{NodeId, Reached, Vector},
    },
    replica::stamp::Now,
    subscription::TypePattern,
};

fn event(event_type: &str, id: u32) -> Arc<Event> {
    let text = format!(r#"{{"specversion":"1.0","type":"{event_type}","id":"{id}","source":"x"}}"#);
    Arc::new(Event::parse(Bytes::from(text)).unwrap())
}

fn at(monotonic: u64) -> Now {
    Now { monotonic, wall: 0 }
}

fn lone(params: Params) -> Hub {
    let mut hub = Hub::new(NodeId::new(7), "seven".to_owned(), params, at(0));
    hub.step(at(0), Input::Tick);
    hub
}

fn submit(hub: &mut Hub, events: Vec<Arc<Event>>) -> (Result<(), SubmitRefusal>, Vec<Output>) {
    let out = hub.step(at(1), Input::Submit { ticket: 1, events });
    let result = out.iter().find_map(|output| match output {
        Output::Submitted { result, .. } => Some(*result),
        _other => None,
    });
    (result.unwrap(), out)
}

fn alone() -> Params {
    Params {
        clustered: false,
        ..Params::default()
    }
}

fn replay(hub: &mut Hub, from: From) -> (Vec<u64>, usize, bool, Vector) {
    let types = vec![
        TypePattern::Exact("a".into()),
        TypePattern::Prefix("b.".into()),
    ];
    let input = Input::Replay {
        ticket: 2,
        from,
        types,
    };
    let out = hub.step(at(2), input);
    let replayed = out.into_iter().find_map(|output| match output {
        Output::Replayed { replayed, .. } => replayed,
        _other => None,
    });
    let replayed = replayed.unwrap();
    let seqs = replayed.events.iter().map(|event| event.seq).collect();
    (seqs, replayed.gaps.len(), replayed.more, replayed.upto)
}

#[test]
fn a_node_without_a_cluster_is_ready_at_once_and_delivers_in_order() {
    let mut hub = lone(alone());
    assert!(hub.is_ready());
    let (result, out) = submit(&mut hub, vec![event("a", 1), event("c", 2)]);
    assert_eq!(result, Ok(()));
    let seqs: Vec<u64> = out
        .iter()
        .filter_map(|output| match output {
            Output::Deliver(delivery) => {
                let at = cursor::decode(&delivery.cursor).unwrap();
                assert_eq!(at.get(NodeId::new(7)), Some(Reached::at(delivery.seq)));
                Some(delivery.seq)
            }
            _other => None,
        })
        .collect();
    assert_eq!(seqs, [1, 2]);
}

#[test]
fn a_node_of_a_cluster_takes_nothing_before_it_has_joined_or_waited() {
    let mut hub = lone(Params::default());
    let refused = submit(&mut hub, vec![event("a", 1)]).0;
    assert_eq!(refused, Err(SubmitRefusal::NotReady));
    assert!(hub.next_wakeup() <= 3_000);
    hub.step(at(3_000), Input::Tick);
    assert_eq!(submit(&mut hub, vec![event("a", 1)]).0, Ok(()));
}

#[test]
fn what_desks_cannot_keep_up_with_is_not_accepted() {
    let mut hub = lone(alone());
    hub.set_overloaded(true);
    let refused = submit(&mut hub, vec![event("a", 1)]).0;
    assert_eq!(refused, Err(SubmitRefusal::Overloaded));
    hub.set_overloaded(false);
    assert_eq!(submit(&mut hub, vec![event("a", 1)]).0, Ok(()));
}

#[test]
fn the_cluster_mode_accepts_nothing_without_another_node() {
    let mut hub = lone(Params {
        ack: Ack::Cluster,
        ..alone()
    });
    let (result, out) = submit(&mut hub, vec![event("a", 1)]);
    assert_eq!(result, Err(SubmitRefusal::NoKeeper));
    assert!(
        !out.iter()
            .any(|output| matches!(output, Output::Deliver(_)))
    );
}

#[test]
fn a_client_gets_what_it_missed_by_cursor_and_by_the_events_id() {
    let mut hub = lone(alone());
    let interest = Input::InterestChanged {
        ticket: 3,
        added: vec![TypePattern::Prefix("b.".into())],
        removed: Vec::new(),
    };
    hub.step(at(0), interest);
    let types = ["a", "b.x", "c", "a"];
    let events = types.iter().zip(1..).map(|(name, id)| event(name, id));
    let events = events.collect();
    assert_eq!(submit(&mut hub, events).0, Ok(()));
    let from = |seq| -> Vector { std::iter::once((NodeId::new(7), Reached::at(seq))).collect() };
    let (seqs, gaps, more, upto) = replay(&mut hub, From::Vector(from(1)));
    assert_eq!((seqs, gaps, more), (vec![2, 4], 0, false));
    assert_eq!(upto, from(4));
    let by_id = From::Event {
        id: "2".into(),
        node: None,
    };
    assert_eq!(replay(&mut hub, by_id).0, [4]);
    // Nobody was to see the third event, and nobody has ever seen the last.
    for id in ["3", "nobody"] {
        let unknown = From::Event {
            id: id.into(),
            node: None,
        };
        let (seqs, gaps, _more, upto) = replay(&mut hub, unknown);
        assert_eq!((seqs, gaps), (vec![], 1), "{id}");
        // What came since the client connected is not part of the gap.
        assert_eq!(upto, Vector::default());
    }
}

#[test]
fn what_the_log_has_given_up_is_a_gap() {
    let mut hub = lone(Params {
        log_bytes_max: 1_000,
        ..alone()
    });
    for id in 1..=10 {
        assert_eq!(submit(&mut hub, vec![event("a", id)]).0, Ok(()));
    }
    let from = From::Vector(std::iter::once((NodeId::new(7), Reached::at(1))).collect());
    let (seqs, gaps, _more, _upto) = replay(&mut hub, from);
    assert_eq!(gaps, 1);
    assert!(seqs.len() < 9 && seqs.last() == Some(&10));
}

#[test]
fn a_long_replay_comes_in_pages_that_join() {
    let mut hub = lone(alone());
    let pad = "x".repeat(100_000);
    for id in 1..=7 {
        let text = format!(
            r#"{{"specversion":"1.0","type":"a","id":"{id}","source":"x","data":"{pad}"}}"#
        );
        let event = Arc::new(Event::parse(Bytes::from(text)).unwrap());
        assert_eq!(submit(&mut hub, vec![event]).0, Ok(()));
    }
    let mut from = Vector::default();
    let mut all = Vec::new();
    loop {
        let (seqs, _gaps, more, upto) = replay(&mut hub, From::Vector(from));
        all.extend(seqs);
        if !more {
            break;
        }
        from = upto;
    }
    assert_eq!(all, [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_page_ends_after_so_many_events_even_if_none_is_wanted() {
    let mut hub = lone(alone());
    for _batch in 0..5 {
        let events = (0..1_000).map(|id| event("z", id)).collect();
        assert_eq!(submit(&mut hub, events).0, Ok(()));
    }
    assert_eq!(submit(&mut hub, vec![event("a", 1)]).0, Ok(()));
    let (seqs, gaps, more, upto) = replay(&mut hub, From::Vector(Vector::default()));
    assert_eq!((seqs, gaps, more), (vec![], 0, true));
    assert_eq!(upto.seq(NodeId::new(7)), 4_096);
    let (seqs, gaps, more, _upto) = replay(&mut hub, From::Vector(upto));
    assert_eq!((seqs, gaps, more), (vec![5_001], 0, false));
}

#[test]
fn a_floor_hides_what_was_replayed_and_keeps_the_client_ahead() {
    let mut hub = lone(alone());
    let (_result, out) = submit(&mut hub, vec![event("a", 1), event("a", 2)]);
    let ahead: Vector = [
        (NodeId::new(7), Reached::at(1)),
        (NodeId::new(9), Reached::at(5)),
    ]
    .into_iter()
    .collect();
    let mut floor = Floor::new(ahead);
    let admitted: Vec<Option<Vector>> = out
        .iter()
        .filter_map(|output| match output {
            Output::Deliver(delivery) => Some(
                floor
                    .admit(delivery)
                    .map(|text| cursor::decode(&text).unwrap()),
            ),
            _other => None,
        })
        .collect();
    assert_eq!(admitted.first(), Some(&None));
    let second = admitted.get(1).cloned().flatten().unwrap();
    assert_eq!(second.seq(NodeId::new(9)), 5);
    assert_eq!(second.seq(NodeId::new(7)), 2);
}
