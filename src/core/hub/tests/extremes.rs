//! Peers that send impossible numbers, or speak for others.

use bytes::Bytes;
use proptest::prelude::*;

use super::town::{Town, peer};
use crate::core::hub::{
    WireFault,
    cursor::SEQ_MAX,
    input::{From, Input},
    output::{Fact, Output},
    position::{NodeId, Vector},
    wire::{
        Answer, Batch, Events, EventsWanted, Hello, Interest, Memo, Numbered, Request, Text,
        decode, encode,
    },
};

/// The node that is asked, and the one that asks, in a [`Town`] of two.
const ME: NodeId = NodeId::new(1);
const OTHER: NodeId = NodeId::new(2);

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(SEQ_MAX - 1),
        Just(SEQ_MAX),
        Just(SEQ_MAX + 1),
        Just(u64::MAX),
    ]
}

fn node() -> impl Strategy<Value = NodeId> {
    prop_oneof![Just(ME), Just(OTHER), Just(NodeId::new(3))]
}

fn event(seq: u64) -> Numbered {
    let text = r#"{"specversion":"1.0","type":"a","id":"e","source":"x"}"#;
    Numbered {
        seq,
        text: Text(Bytes::from_static(text.as_bytes())),
    }
}

fn memo(version: u64) -> Memo {
    Memo {
        key: Text(Bytes::from_static(b"k")),
        version,
        value: Text(Bytes::from_static(b"v")),
    }
}

fn request() -> impl Strategy<Value = Request> {
    (0..6, node(), prop::array::uniform6(number()), any::<bool>()).prop_map(
        |(which, node, [a, b, c, d, e, f], flag)| match which {
            0 => Request::Hello(Hello {
                node,
                name: "x".to_owned(),
                head: a,
                gone: vec![node],
                gone_for: Some(vec![b]),
                clock: flag.then_some(e),
            }),
            1 => Request::Interest(Interest {
                node,
                have: Some(a),
                version: b,
                reset: flag,
                last: true,
                added: Vec::new(),
                removed: Vec::new(),
                round: c,
                page: if flag { 0 } else { u32::MAX },
                clock: flag.then_some(e),
                receivers_clock: Some(f),
            }),
            2 => Request::Batch(Batch {
                origin: node,
                version: a,
                from: b,
                to: c,
                lost: flag.then_some(d),
                keep: flag.then_some(e),
                events: vec![event(f)],
            }),
            3 => Request::Events(EventsWanted {
                origin: node,
                after: a,
                types: flag.then(Vec::new),
                version: Some(b),
            }),
            4 => Request::Memos(vec![memo(a)]),
            _last => Request::Farewell { node, head: a },
        },
    )
}

fn answer() -> impl Strategy<Value = Answer> {
    (0..6, prop::array::uniform3(number()), any::<bool>()).prop_map(|(which, [a, b, c], flag)| {
        match which {
            0 => Answer::Known {
                version: a,
                head: b,
                clear: flag,
                clock: flag.then_some(c),
            },
            1 => Answer::Took {
                have: a,
                kept: flag.then_some(b),
            },
            2 => Answer::Stale { version: a },
            3 => Answer::Memo(memo(a)),
            _more => Answer::Events(Events {
                from: a,
                to: b,
                more: flag,
                events: vec![event(c)],
            }),
        }
    })
}

fn asked(request: &Request) -> Input {
    Input::Request {
        from: peer(1),
        exchange: 1,
        bytes: encode(request),
    }
}

/// What the node says to the shell for a client, so that it counts on.
fn busy(town: &mut Town) -> Vec<Output> {
    let (key, value) = (Bytes::from_static(b"k"), Bytes::from_static(b"w"));
    let mut said = town.step(0, Input::Remember { key, value });
    let replay = Input::Replay {
        ticket: 1,
        from: From::Vector(Vector::default()),
        types: Vec::new(),
    };
    said.extend(town.step(0, replay));
    said.extend(town.step(
        0,
        Input::Recall {
            ticket: 2,
            key: Bytes::from_static(b"k"),
        },
    ));
    said.extend(town.step_after(0, 6_000, Input::Tick));
    said
}

proptest! {
    #[test]
    fn no_number_of_a_peer_brings_the_node_down(
        requests in prop::collection::vec(request(), 1..12),
        answers in prop::collection::vec(answer(), 12),
    ) {
        let mut town = Town::of(2);
        for (request, answer) in requests.iter().zip(&answers) {
            town.step(0, asked(request));
            for output in busy(&mut town) {
                match output {
                    Output::Ask { exchange, bytes, .. } => {
                        prop_assert!(decode::<Request>(&bytes).is_ok());
                        let bytes = encode(answer);
                        town.step(0, Input::Answer { exchange, bytes });
                    }
                    Output::Reply { bytes, .. } => prop_assert!(decode::<Answer>(&bytes).is_ok()),
                    _other => {}
                }
            }
        }
    }
}

#[test]
fn who_speaks_for_another_node_is_not_heard_and_counted() {
    let batch = |origin| {
        Request::Batch(Batch {
            origin,
            version: 9,
            from: 0,
            to: 1,
            lost: None,
            keep: None,
            events: vec![event(1)],
        })
    };
    let farewell = |node| Request::Farewell { node, head: 0 };
    let third = NodeId::new(3);
    for (request, is_heard) in [
        (batch(OTHER), true),
        (batch(third), false),
        (batch(ME), false),
        (farewell(OTHER), true),
        (farewell(third), false),
        (farewell(ME), false),
    ] {
        let said = Town::of(2).step(0, asked(&request));
        let is_rejected = said.iter().any(|output| {
            let Output::Fact(Fact::Rejected { reason, .. }) = output else {
                return false;
            };
            *reason == WireFault::Impostor
        });
        assert_eq!(is_rejected, !is_heard, "{request:?}");
    }
}
