//! Events of another node that are none for this software, as while nodes are updated.

use bytes::Bytes;

use super::town::{Town, peer};
use crate::core::hub::{
    input::Input,
    output::{Output, SubmitRefusal},
    params::{Ack, Params},
    position::{NodeId, Vector},
    wire::{Answer, Batch, Events, Numbered, Request, Text, decode, encode},
};

const GOOD: &str = r#"{"specversion":"1.0","type":"a","id":"e","source":"x"}"#;

fn event(seq: u64, text: &'static str) -> Numbered {
    Numbered {
        seq,
        text: Text(Bytes::from_static(text.as_bytes())),
    }
}

fn batch(keep: Option<u64>) -> Input {
    let batch = Batch {
        origin: NodeId::new(2),
        version: 9,
        from: 0,
        to: 3,
        lost: None,
        keep,
        events: vec![event(1, GOOD), event(2, "?"), event(3, GOOD)],
    };
    Input::Request {
        from: peer(1),
        exchange: 1,
        bytes: encode(&Request::Batch(batch)),
    }
}

fn took(said: &[Output]) -> (u64, Option<u64>) {
    let answers = said.iter().filter_map(|output| match output {
        Output::Reply { bytes, .. } => decode::<Answer>(bytes).ok(),
        _other => None,
    });
    let Some(Answer::Took { have, kept }) = answers.last() else {
        panic!("not taken");
    };
    (have, kept)
}

#[test]
fn what_cannot_be_read_is_a_gap_once_and_the_rest_is_delivered() {
    let mut town = Town::of(2);
    town.want(0, "a");
    for (time, (events, gaps)) in [(1, (2, 1)), (2, (0, 0))] {
        let said = town.step(0, batch(None));
        assert_eq!(took(&said), (3, None));
        let delivered = said
            .iter()
            .filter(|output| matches!(output, Output::Deliver(_)));
        assert_eq!(delivered.count(), events, "time {time}");
        let told = said.iter().filter_map(|output| match output {
            Output::Gap(gap) => Some((gap.from, gap.to)),
            _other => None,
        });
        assert_eq!(
            told.collect::<Vec<_>>(),
            vec![(2, Some(2)); gaps],
            "time {time}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_a_gap_for_who_comes_back() {
    let mut town = Town::of(2);
    town.silent.push(1);
    let said = town.step(0, super::resume::replay(1, Vector::default(), &["a"]));
    let exchange = said.iter().find_map(|output| match output {
        Output::Ask { exchange, .. } => Some(*exchange),
        _other => None,
    });
    let bytes = encode(&Answer::Events(Events {
        from: 0,
        to: 3,
        more: false,
        events: vec![event(1, GOOD), event(2, "?"), event(3, GOOD)],
    }));
    let exchange = exchange.unwrap();
    let said = town.step(0, Input::Answer { exchange, bytes });
    let page = said.into_iter().find_map(|output| match output {
        Output::Replayed { replayed, .. } => replayed,
        _other => None,
    });
    let page = page.unwrap();
    assert_eq!(page.events.len(), 2);
    let gaps: Vec<_> = page.gaps.iter().map(|gap| (gap.from, gap.to)).collect();
    assert_eq!(gaps, [(2, Some(2))]);
}

#[test]
fn a_keeper_of_copies_says_what_it_could_not_keep() {
    let mut town = Town::of(2);
    let said = town.step(0, batch(Some(0)));
    let (have, kept) = took(&said);
    assert_eq!(have, 3);
    assert!(kept.is_some_and(|kept| kept < 2), "{kept:?}");
}

#[test]
fn what_no_keeper_could_keep_is_not_confirmed() {
    // What the keeper says: a keeper of an older version says nothing.
    for (kept, result) in [
        (Some(1), Ok(())),
        (None, Ok(())),
        (Some(0), Err(SubmitRefusal::NotReplicated)),
    ] {
        let params = Params {
            ack: Ack::Cluster,
            ..Params::default()
        };
        let mut town = Town::with(params, 2);
        town.silent.push(1);
        let text = Bytes::from_static(GOOD.as_bytes());
        let event = std::sync::Arc::new(crate::core::event::Event::parse(text).unwrap());
        let events = vec![event];
        let said = town.step(0, Input::Submit { ticket: 1, events });
        let batch = said.iter().find_map(|output| match output {
            Output::Ask { exchange, .. } => Some(*exchange),
            _other => None,
        });
        let bytes = encode(&Answer::Took { have: 1, kept });
        let exchange = batch.unwrap();
        let said = town.step(0, Input::Answer { exchange, bytes });
        let results = said.iter().filter_map(|output| match output {
            Output::Submitted { result, .. } => Some(*result),
            _other => None,
        });
        assert_eq!(results.collect::<Vec<_>>(), [result], "{kept:?}");
    }
}
