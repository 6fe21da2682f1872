//! The forms of messages, and what is not one.

use bytes::Bytes;
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
