//! The forms of messages, and what is not one.

use bytes::Bytes;
use minicbor::{Decode, Encode};
use proptest::prelude::*;

use crate::core::hub::{
    HUB_MAJOR, WireFault,
    position::NodeId,
    wire::{
        Answer, Batch, EventsWanted, Hello, Interest, Memo, Numbered, Pattern, Request, Text, Wish,
        decode, encode,
    },
};

fn text(text: &'static str) -> Text {
    Text(Bytes::from_static(text.as_bytes()))
}

fn requests() -> Vec<Request> {
    let node = NodeId::new(u64::MAX);
    let pattern = || Pattern {
        is_prefix: true,
        text: "order.".to_owned(),
    };
    vec![
        Request::Hello(Hello {
            node,
            name: "a".to_owned(),
            head: 4,
            gone: vec![node],
            gone_for: Some(vec![5]),
            clock: Some(7),
        }),
        Request::Interest(Interest {
            node,
            have: Some(3),
            version: 2,
            reset: true,
            last: false,
            added: vec![Wish {
                pattern: pattern(),
                age: 9,
            }],
            removed: vec![pattern()],
            round: 3,
            page: 0,
            clock: Some(8),
            receivers_clock: None,
        }),
        Request::Batch(Batch {
            origin: node,
            version: 1,
            from: 2,
            to: 9,
            lost: None,
            keep: Some(4),
            events: vec![Numbered {
                seq: 5,
                text: text("{}"),
            }],
        }),
        Request::Events(EventsWanted {
            origin: node,
            after: 1,
            types: Some(vec![pattern()]),
            version: None,
        }),
        Request::Memos(vec![Memo {
            key: text("k"),
            version: 1,
            value: text("v"),
        }]),
        Request::Farewell { node, head: 3 },
    ]
}

#[test]
fn every_request_survives_the_wire() {
    for request in requests() {
        assert_eq!(decode::<Request>(&encode(&request)), Ok(request));
    }
}

/// Requests and answers as they were before some fields came.
mod older {
    use minicbor::{Decode, Encode};

    use crate::core::hub::position::NodeId;

    #[derive(Debug, PartialEq, Encode, Decode)]
    pub(super) enum Request {
        #[n(0)]
        Hello(#[n(0)] Hello),
        #[n(9)]
        Compare(#[n(0)] Vec<u64>),
    }

    #[derive(Debug, PartialEq, Encode, Decode)]
    #[cbor(map)]
    pub(super) struct Hello {
        #[n(0)]
        pub(super) node: NodeId,
        #[n(1)]
        pub(super) name: String,
        #[n(2)]
        pub(super) head: u64,
        #[n(3)]
        pub(super) gone: Vec<NodeId>,
    }

    #[derive(Debug, PartialEq, Encode, Decode)]
    pub(super) enum Answer {
        #[n(3)]
        Known {
            #[n(0)]
            version: u64,
            #[n(1)]
            head: u64,
            #[n(2)]
            clear: bool,
        },
        #[n(4)]
        Took {
            #[n(0)]
            have: u64,
        },
    }
}

/// `new` as an older node reads it, and `old` as this one does.
fn both_ways<Old, New>(old: Old, new: &New, bare: New)
where
    Old: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + std::fmt::Debug,
    New: Encode<()> + for<'b> Decode<'b, ()> + PartialEq + std::fmt::Debug,
{
    let new = minicbor::to_vec(new).unwrap();
    let bytes = minicbor::to_vec(&old).unwrap();
    assert_eq!(minicbor::decode::<Old>(&new).unwrap(), old);
    assert_eq!(minicbor::decode::<New>(&bytes).unwrap(), bare);
}

#[test]
fn older_nodes_skip_what_came_later_and_it_may_be_absent() {
    let node = NodeId::new(3);
    let hello = |gone_for, clock| {
        Request::Hello(Hello {
            node,
            name: "a".to_owned(),
            head: 4,
            gone: vec![node],
            gone_for,
            clock,
        })
    };
    let old = older::Request::Hello(older::Hello {
        node,
        name: "a".to_owned(),
        head: 4,
        gone: vec![node],
    });
    both_ways(old, &hello(Some(vec![8]), Some(9)), hello(None, None));
    let compare = |clock| Request::Compare(vec![1, 2], clock);
    both_ways(
        older::Request::Compare(vec![1, 2]),
        &compare(Some(5)),
        compare(None),
    );
    let known = |clock| Answer::Known {
        version: 1,
        head: 2,
        clear: true,
        clock,
    };
    let old = older::Answer::Known {
        version: 1,
        head: 2,
        clear: true,
    };
    both_ways(old, &known(Some(6)), known(None));
    let took = |kept| Answer::Took { have: 3, kept };
    both_ways(older::Answer::Took { have: 3 }, &took(Some(2)), took(None));
}

#[test]
fn another_schema_and_surplus_are_refused() {
    let mut bytes = encode(&Answer::Done);
    bytes.push(0);
    assert_eq!(decode::<Answer>(&bytes), Err(WireFault::Malformed));
    assert_eq!(decode::<Answer>(&[1, 0x82, 1, 0x80]), Err(WireFault::Major));
    assert_eq!(decode::<Answer>(&[]), Err(WireFault::Malformed));
}

proptest! {
    #[test]
    fn no_bytes_bring_the_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut message = vec![HUB_MAJOR];
        message.extend(bytes);
        let _request = decode::<Request>(&message);
        let _answer = decode::<Answer>(&message);
    }

    #[test]
    fn no_damaged_message_brings_the_reader_down(
        which in 0_usize..6, at in 0_usize..200, byte in any::<u8>(), cut in 0_usize..200,
    ) {
        let mut message = encode(&requests()[which]);
        let length = message.len();
        message[at % length] = byte;
        message.truncate(length - cut % length);
        let _request = decode::<Request>(&message);
        let _answer = decode::<Answer>(&message);
    }
}
