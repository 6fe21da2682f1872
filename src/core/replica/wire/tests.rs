//! The forms of messages, and what is not one (cluster.md, part 14, property 37).

use proptest::prelude::*;

use super::*;
use crate::core::replica::{
    digest::{Body, Digest},
    id::{ApiId, PeerId},
    lineage::Lineage,
    stamp::Stamp,
};

fn sender() -> Sender {
    Sender {
        cluster: "rig".to_owned(),
        voter: Voter::of("rig", "a"),
        incarnation: 7,
        established: true,
    }
}

fn part() -> Part {
    let body = Body::from(b"{\"id\":\"x\"}".as_slice());
    let digest = body.digest();
    Part {
        id: ApiId::new("x").unwrap(),
        ref_number: 3,
        candidates: vec![
            Nominee {
                digest,
                stamp: Stamp::at(5),
                body: Some(body),
                ancestors: Lineage::default().with(Version {
                    ref_number: 2,
                    digest,
                }),
            },
            Nominee {
                digest: Digest::DELETED,
                stamp: Stamp::at(6),
                body: None,
                ancestors: Lineage::default(),
            },
        ],
        ballots: vec![Vote {
            voter: Voter::of("rig", "b"),
            incarnation: 1,
            seq: 2,
            digest,
        }],
    }
}

fn presence() -> Presence {
    let (name, software) = ("a".to_owned(), "0.1.0".to_owned());
    Presence {
        peer: PeerId::new(&[1, 2, 3]),
        name,
        software,
        apis: 1,
        root: 2,
        wall: 3,
    }
}

fn hearsay() -> Hearsay {
    Hearsay {
        sender: sender(),
        presence: presence(),
        age: 9,
    }
}

fn gossip() -> Vec<Gossip> {
    vec![
        Gossip::Delta(vec![part(), part()]),
        Gossip::Presence(presence()),
        Gossip::Gone(vec![PeerId::new(b"gone"), PeerId::new(&[1, 2, 3])]),
    ]
}

fn requests() -> Vec<Request> {
    let id = ApiId::new("x").unwrap();
    vec![
        Request::Sync1 {
            root: u64::MAX,
            count: 0,
        },
        Request::Sync2 { inner: vec![0, 31] },
        Request::Sync3 {
            leaves: vec![0, 1023],
        },
        Request::Pull {
            wanted: vec![1, 2],
            parts: vec![part()],
            members: vec![hearsay()],
        },
        Request::Body {
            id: id.clone(),
            digest: Digest::DELETED,
        },
        Request::Status { id },
        Request::Describe { hashed: vec![7] },
    ]
}

fn answers() -> Vec<Answer> {
    let version = Version {
        ref_number: 1,
        digest: Digest::DELETED,
    };
    let status = Status {
        winner: Some(version),
        serving: None,
        contested: true,
    };
    vec![
        Answer::Same,
        Answer::Inner(vec![1; 32]),
        Answer::Leaves(vec![LeafHashes {
            inner: 3,
            hashes: vec![9; 32],
        }]),
        Answer::Keys(vec![KeySignature {
            hashed: 1,
            signature: 2,
        }]),
        Answer::Parts {
            parts: vec![part()],
            more: vec![4],
            members: vec![hearsay()],
        },
        Answer::Body(None),
        Answer::Body(Some(Body::from(vec![0; 9]))),
        Answer::Status(status),
        Answer::Descriptions(vec![Description {
            id: ApiId::new("x").unwrap(),
            winner: version,
            contested: false,
        }]),
    ]
}

/// A message as it is sent, and how it is read.
#[derive(Debug)]
struct Message {
    bytes: Vec<u8>,
    /// Reads bytes of its kind and writes what was understood.
    read: fn(&[u8]) -> Result<Vec<u8>, WireFault>,
}

/// One of every kind.
fn messages() -> Vec<Message> {
    fn sent<T>(content: T) -> Envelope<T> {
        Envelope {
            sender: sender(),
            content,
        }
    }
    let gossip = gossip().into_iter().map(|content| Message {
        bytes: encode_gossip(&sent(content)),
        read: |bytes| decode_gossip(bytes).map(|message| encode_gossip(&message)),
    });
    let requests = requests().into_iter().map(|content| Message {
        bytes: encode_request(&sent(content)),
        read: |bytes| decode_request(bytes).map(|message| encode_request(&message)),
    });
    let answers = answers().into_iter().map(|content| Message {
        bytes: encode_answer(&sent(content)),
        read: |bytes| decode_answer(bytes).map(|message| encode_answer(&message)),
    });
    gossip.chain(requests).chain(answers).collect()
}

/// What can happen to bytes.
#[derive(Debug, Clone)]
enum Damage {
    Change(u8),
    Flip(u8),
    Insert(Vec<u8>),
    Remove(usize),
    Cut,
}

fn damage() -> impl Strategy<Value = (prop::sample::Index, Damage)> {
    let damage = prop_oneof![
        any::<u8>().prop_map(Damage::Change),
        (0..8_u8).prop_map(|bit| Damage::Flip(1 << bit)),
        prop::collection::vec(any::<u8>(), 1..9).prop_map(Damage::Insert),
        (1..9_usize).prop_map(Damage::Remove),
        Just(Damage::Cut),
    ];
    (any::<prop::sample::Index>(), damage)
}

impl Damage {
    /// Does it behind the first byte, without which nothing is read.
    fn apply(&self, at: prop::sample::Index, bytes: &mut Vec<u8>) {
        if bytes.len() < 2 {
            return;
        }
        let at = 1 + at.index(bytes.len() - 1);
        match self {
            Self::Change(byte) => bytes[at] = *byte,
            Self::Flip(bit) => bytes[at] ^= bit,
            Self::Insert(more) => drop(bytes.splice(at..at, more.iter().copied())),
            Self::Remove(count) => drop(bytes.drain(at..bytes.len().min(at + count))),
            Self::Cut => bytes.truncate(at),
        }
    }
}

#[test]
fn every_message_survives_the_wire() {
    for content in gossip() {
        let message = Envelope {
            sender: sender(),
            content,
        };
        assert_eq!(decode_gossip(&encode_gossip(&message)), Ok(message));
    }
    for content in requests() {
        let message = Envelope {
            sender: sender(),
            content,
        };
        assert_eq!(decode_request(&encode_request(&message)), Ok(message));
    }
    for content in answers() {
        let message = Envelope {
            sender: sender(),
            content,
        };
        assert_eq!(decode_answer(&encode_answer(&message)), Ok(message));
    }
}

#[test]
fn a_cut_message_and_one_with_a_tail_are_malformed() {
    for message in messages() {
        for length in 0..message.bytes.len() {
            let cut = &message.bytes[..length];
            let fault = (message.read)(cut).err();
            assert_eq!(
                fault,
                Some(WireFault::Malformed),
                "{length} bytes: {message:?}"
            );
        }
        let tail = [message.bytes.as_slice(), &[0]].concat();
        let fault = (message.read)(&tail).err();
        assert_eq!(fault, Some(WireFault::Malformed), "{message:?}");
    }
}

#[test]
fn another_major_and_an_oversized_message_are_named() {
    let mut bytes = encode_gossip(&Envelope {
        sender: sender(),
        content: Gossip::Delta(vec![]),
    });
    bytes[0] = 2;
    assert_eq!(decode_gossip(&bytes), Err(WireFault::Major));
    assert_eq!(
        decode_gossip(&vec![1; GOSSIP_BYTES_MAX + 1]),
        Err(WireFault::Oversized)
    );
    assert_eq!(
        decode_request(&vec![1; EXCHANGE_BYTES_MAX + 1]),
        Err(WireFault::Oversized)
    );
}

#[test]
fn unknown_fields_are_skipped() {
    // {0: sender, 1: same, 99: "later"} with a field more in the sender as well.
    let mut encoder = minicbor::Encoder::new(vec![SCHEMA_MAJOR]);
    encoder.map(3).unwrap();
    encoder.u8(0).unwrap().map(5).unwrap();
    encoder.u8(0).unwrap().str("rig").unwrap();
    encoder
        .u8(1)
        .unwrap()
        .bytes(sender().voter.as_bytes())
        .unwrap();
    encoder.u8(2).unwrap().u64(7).unwrap();
    encoder.u8(3).unwrap().bool(true).unwrap();
    encoder
        .u8(4)
        .unwrap()
        .array(2)
        .unwrap()
        .u8(1)
        .unwrap()
        .str("new")
        .unwrap();
    encoder.u8(1).unwrap().encode(Answer::Same).unwrap();
    encoder.u8(99).unwrap().str("later").unwrap();
    let bytes = encoder.into_writer();
    assert_eq!(
        decode_answer(&bytes),
        Ok(Envelope {
            sender: sender(),
            content: Answer::Same
        })
    );
}

/// A node that does not know of ancestors sends three fields, and skips the fourth.
#[test]
fn a_candidate_without_ancestors_has_the_form_of_older_nodes() {
    let old = Nominee {
        ancestors: Lineage::default(),
        ..part().candidates.remove(0)
    };
    let bytes = minicbor::to_vec(&old).unwrap();
    assert_eq!(bytes.first(), Some(&0x83));
    let read: Nominee = minicbor::decode(&bytes).unwrap();
    assert_eq!(read, old);
    let full = minicbor::to_vec(&part().candidates[0]).unwrap();
    assert_eq!(full.first(), Some(&0x84));
}

#[test]
fn a_lineage_of_half_an_ancestor_is_malformed_and_a_long_one_is_cut() {
    let odd = minicbor::to_vec([1_u64, 2, 3]).unwrap();
    assert!(minicbor::decode::<Lineage>(&odd).is_err());
    let long = minicbor::to_vec(vec![7_u64; 2]).unwrap();
    assert_eq!(minicbor::decode::<Lineage>(&long).unwrap().len(), 1);
    let numbers: Vec<u64> = (0..400).collect();
    let cut = minicbor::decode::<Lineage>(&minicbor::to_vec(numbers).unwrap()).unwrap();
    assert_eq!(cut.len(), crate::core::replica::limits::ANCESTORS_MAX);
    assert!(cut.iter().all(|ancestor| ancestor.ref_number > 300));
}

#[test]
fn the_size_of_a_part_is_not_underestimated() {
    let mut part = part();
    part.ref_number = u64::MAX;
    for nominee in &mut part.candidates {
        nominee.stamp = Stamp::from_u64(u64::MAX);
        let ancestor = |at| crate::core::replica::lineage::Ancestor {
            ref_number: u64::MAX - at,
            prefix: u64::MAX,
        };
        nominee.ancestors = Lineage::of((0..99).map(ancestor).collect());
    }
    for vote in &mut part.ballots {
        (vote.incarnation, vote.seq) = (u64::MAX, u32::MAX);
    }
    let measured = minicbor::to_vec(&part).unwrap().len();
    assert!(
        measured <= part.header_bytes() + part.body_bytes(),
        "{measured}"
    );
}

proptest! {
    #[test]
    fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Some(first) = bytes.first_mut() {
            *first = SCHEMA_MAJOR;
        }
        let _ = decode_gossip(&bytes);
        let _ = decode_request(&bytes);
        let _ = decode_answer(&bytes);
    }

    /// It is refused, or read as a message that means the same at the next node.
    #[test]
    fn a_damaged_message_never_panics(damages in prop::collection::vec(damage(), 1..4)) {
        for message in messages() {
            let mut bytes = message.bytes.clone();
            for (at, damage) in &damages {
                damage.apply(*at, &mut bytes);
            }
            if let Ok(understood) = (message.read)(&bytes) {
                prop_assert_eq!((message.read)(&understood), Ok(understood.clone()));
            }
        }
    }
}
