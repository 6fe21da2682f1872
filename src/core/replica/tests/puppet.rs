//! Members that only say what they are told to, for one machine under test (node 0).

use super::bench::{Bench, WALL, body, id};
use crate::core::replica::{
    id::{PeerId, Voter},
    input::Input,
    lineage::Lineage,
    stamp::Stamp,
    wire::{Envelope, Gossip, Nominee, Part, Presence, Sender, Vote, encode_gossip},
};

/// A member that only says what it is told to.
fn member(name: &str) -> (PeerId, Sender) {
    let voter = Voter::of("bench", name);
    let cluster = "bench".to_owned();
    (
        PeerId::new(name.as_bytes()),
        Sender {
            cluster,
            voter,
            incarnation: 1,
            established: true,
        },
    )
}

pub(super) fn says(bench: &mut Bench, name: &str, content: Gossip) {
    let (peer, sender) = member(name);
    let bytes = encode_gossip(&Envelope { sender, content });
    bench.step(
        0,
        Input::Gossip {
            relay: peer.clone(),
            author: peer,
            bytes,
        },
    );
}

pub(super) fn is_there(bench: &mut Bench, name: &str) {
    let (peer, _) = member(name);
    let wall = WALL + bench.now;
    let (name_text, software) = (name.to_owned(), "1".to_owned());
    let presence = Presence {
        peer,
        name: name_text,
        software,
        apis: 0,
        root: 0,
        wall,
    };
    says(bench, name, Gossip::Presence(presence));
}

pub(super) fn votes(bench: &mut Bench, name: &str, text: &str) {
    let part = round(&[text], &[(name, text)]);
    says(bench, name, Gossip::Delta(vec![part]));
}

/// Ref 1 of API "a" with these versions and ballots.
pub(super) fn round(texts: &[&str], ballots: &[(&str, &str)]) -> Part {
    let nominee = |text: &&str| {
        let content = body(text);
        Nominee {
            digest: content.digest(),
            stamp: Stamp::at(WALL),
            body: Some(content),
            ancestors: Lineage::default(),
        }
    };
    let vote = |(name, text): &(&str, &str)| Vote {
        voter: Voter::of("bench", name),
        incarnation: 1,
        seq: 1,
        digest: body(text).digest(),
    };
    Part {
        id: id("a"),
        ref_number: 1,
        candidates: texts.iter().map(nominee).collect(),
        ballots: ballots.iter().map(vote).collect(),
    }
}
