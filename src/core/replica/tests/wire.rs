//! Properties 34 to 39: what goes over the wire, and what must not come in.

use std::{collections::BTreeSet, sync::Arc};

use super::bench::{Bench, WALL, body, entry, id, put, version};
use crate::core::replica::{
    digest::{Body, Content, Digest},
    id::{ApiId, PeerId, Voter},
    input::{Input, Loaded},
    limits::{BAD_MESSAGES_MAX, GOSSIP_INLINE_BYTES_MAX, REF_MAX},
    lineage::Lineage,
    output::{Fact, Output, Reject},
    stamp::Stamp,
    wire::{
        Answer, Envelope, Gossip, Nominee, Part, Request, Sender, Version, encode_answer,
        encode_gossip,
    },
};

fn many(count: usize, text: &str) -> Vec<Loaded> {
    (0..count)
        .map(|number| Loaded {
            id: id(&format!("api-{number}")),
            ref_number: 0,
            content: Content::Defined(body(&format!("{text} {number}"))),
            wall: WALL - 1_000,
        })
        .collect()
}

/// Two linked nodes with those files, and the requests of one sync that node 0 starts.
fn one_sync(left: &[Loaded], right: &[Loaded]) -> (Bench, Vec<Request>) {
    let mut bench = Bench::new();
    bench.start(0, left);
    bench.start(1, right);
    bench.link(0, 1);
    // Only node 0 asks.
    let asked = bench.requests.iter().filter(|(node, _)| *node == 1).count();
    assert_eq!(asked, 1);
    bench.drain();
    let requests = bench.requests.iter().filter(|(node, _)| *node == 0);
    let requests = requests.map(|(_, request)| request.clone()).collect();
    (bench, requests)
}

#[test]
fn equal_registries_exchange_one_request_whatever_their_size() {
    for count in [0, 10, 3_000] {
        let file = many(count, "x");
        let (_, requests) = one_sync(&file, &file);
        assert!(
            matches!(requests.as_slice(), [Request::Sync1 { .. }]),
            "{requests:?}"
        );
    }
}

#[test]
fn exactly_what_differs_is_pulled_in_four_round_trips() {
    let left = many(3_000, "x");
    let mut right = left.clone();
    let changed = [5, 77, 2_999];
    for at in changed {
        right[at].content = Content::Defined(body("other"));
    }
    right.push(Loaded {
        id: id("only-right"),
        ..right[0].clone()
    });
    let (mut bench, requests) = one_sync(&left, &right);
    let pulled: BTreeSet<u64> = requests
        .iter()
        .filter_map(|request| match request {
            Request::Pull { wanted, .. } => Some(wanted.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    let mut expected: BTreeSet<u64> = changed.iter().map(|at| left[*at].id.hashed()).collect();
    expected.insert(id("only-right").hashed());
    assert_eq!(pulled, expected);
    assert!(requests.len() <= 4, "{}", requests.len());
    bench.run(1_000);
    assert_eq!(bench.nodes[&0].registry().len(), 3_001);
}

#[test]
fn a_new_node_gets_ten_thousand_apis_in_pages() {
    let (mut bench, requests) = one_sync(&[], &many(10_000, "x"));
    bench.run(1_000);
    assert_eq!(bench.nodes[&0].registry().len(), 10_000);
    let root = bench.nodes.get_mut(&0).unwrap().root();
    assert_eq!(bench.nodes.get_mut(&1).unwrap().root(), root);
    assert!(requests.len() > 4);
}

#[test]
fn a_long_body_is_announced_and_fetched() {
    let mut bench = Bench::settled(&[&[entry(0, "x", 9)], &[], &[]]);
    bench.requests.clear();
    let long = "y".repeat(GOSSIP_INLINE_BYTES_MAX);
    bench.write(0, put(&long)).unwrap();
    let (_, parts) = bench.deltas.last().unwrap();
    assert!(parts[0].candidates[0].body.is_none());
    bench.run(1_000);
    assert_eq!(bench.agreed(), version(1, &long));
    let fetched = |(_, request): &&(usize, Request)| matches!(request, Request::Body { .. });
    assert_eq!(bench.requests.iter().filter(fetched).count(), 2);
}

// --- bad messages, told to node 0

fn stranger() -> PeerId {
    PeerId::new(b"stranger")
}

fn sender(cluster: &str) -> Sender {
    let voter = Voter::of(cluster, "stranger");
    Sender {
        cluster: cluster.to_owned(),
        voter,
        incarnation: 1,
        established: true,
    }
}

fn part(ref_number: u64, digest: Digest, body: Option<Body>) -> Part {
    let candidates = vec![Nominee {
        ancestors: Lineage::default(),
        digest,
        stamp: Stamp::at(WALL),
        body,
    }];
    Part {
        id: id("a"),
        ref_number,
        candidates,
        ballots: Vec::new(),
    }
}

fn delta(cluster: &str, part: Part) -> Vec<u8> {
    let content = Gossip::Delta(vec![part]);
    encode_gossip(&Envelope {
        sender: sender(cluster),
        content,
    })
}

fn tell(bench: &mut Bench, bytes: Vec<u8>) {
    bench.step(
        0,
        Input::Gossip {
            relay: stranger(),
            author: stranger(),
            bytes,
        },
    );
}

fn rejects(bench: &Bench) -> Vec<Reject> {
    let facts = bench.facts(0).into_iter();
    facts
        .filter_map(|fact| match fact {
            Fact::Rejected { reason, .. } => Some(reason),
            _ => None,
        })
        .collect()
}

#[test]
fn what_is_not_a_good_message_is_counted_and_changes_nothing() {
    let good = body("y");
    let mut other_major = delta("bench", part(9, good.digest(), Some(good.clone())));
    other_major[0] = 9;
    let mut cut = delta("bench", part(9, good.digest(), Some(good.clone())));
    cut.truncate(cut.len() / 2);
    for (bytes, reason) in [
        (vec![], Reject::Malformed),
        (vec![1, 0xff, 0xff], Reject::Malformed),
        (cut, Reject::Malformed),
        (other_major, Reject::Major),
        (vec![1; 70_000], Reject::Oversized),
        (
            delta("other", part(9, good.digest(), Some(good.clone()))),
            Reject::Cluster,
        ),
        (
            delta(
                "bench",
                part(REF_MAX + 1, good.digest(), Some(good.clone())),
            ),
            Reject::RefTooHigh,
        ),
        (
            delta("bench", part(9, body("z").digest(), Some(good.clone()))),
            Reject::WrongBody,
        ),
    ] {
        let mut bench = Bench::settled(&[&[entry(0, "x", 9)]]);
        let root = bench.nodes.get_mut(&0).unwrap().root();
        tell(&mut bench, bytes);
        assert_eq!(rejects(&bench), [reason]);
        assert_eq!(bench.nodes.get_mut(&0).unwrap().root(), root);
        assert_eq!(bench.agreed(), version(0, "x"));
    }
}

#[test]
fn a_peer_that_sends_garbage_is_disconnected_for_a_minute() {
    let mut bench = Bench::settled(&[&[entry(0, "x", 9)]]);
    let disconnects = |bench: &Bench| {
        let is = |output: &Output| {
            matches!(
                output,
                Output::Disconnect {
                    refuse_for: 60_000,
                    ..
                }
            )
        };
        bench
            .outputs
            .iter()
            .filter(|(_, _, output)| is(output))
            .count()
    };
    for _ in 0..BAD_MESSAGES_MAX {
        tell(&mut bench, vec![7]);
    }
    assert_eq!(disconnects(&bench), 0);
    tell(&mut bench, vec![7]);
    assert_eq!(disconnects(&bench), 1);
}

#[test]
fn a_fetched_body_with_the_wrong_bytes_is_not_merged() {
    let mut bench = Bench::settled(&[&[entry(0, "x", 9)]]);
    bench.step(0, Input::LinkOpened(stranger()));
    tell(
        &mut bench,
        delta("bench", part(1, body("y").digest(), None)),
    );
    bench.requests.clear();
    bench.step(0, Input::Tick);
    assert!(matches!(
        bench.requests.first(),
        Some((0, Request::Body { .. }))
    ));
    // Exchange 1 was the sync after connecting, 2 is the body.
    let content = Answer::Body(Some(body("not y")));
    let bytes = encode_answer(&Envelope {
        sender: sender("bench"),
        content,
    });
    bench.step(0, Input::Answer { exchange: 2, bytes });
    assert_eq!(rejects(&bench), [Reject::WrongBody]);
    assert_eq!(bench.agreed(), version(0, "x"));
}

#[test]
fn a_definition_that_cannot_be_activated_is_kept_forwarded_and_reported() {
    let mut bench = Bench::new();
    bench.start(0, &[entry(0, "x", 9)]);
    let old: crate::core::replica::Judge =
        Arc::new(|_: &ApiId, body: &Body| body.as_bytes() != b"modern");
    bench.start_judged(1, "old", &[], 0, old);
    bench.start(2, &[]);
    // Node 2 hears of it through node 1 only.
    bench.link(0, 1);
    bench.link(1, 2);
    bench.run(20_000);
    bench.gossip = false;
    bench.write(0, put("modern")).unwrap();
    bench.run(60_000);
    let modern = Some(version(1, "modern"));
    assert_eq!(bench.serving(), [modern, Some(version(0, "x")), modern]);
    let reported = bench.facts(1);
    let reported = reported
        .iter()
        .filter(|fact| matches!(fact, Fact::NotActivatable { .. }));
    assert_eq!(reported.count(), 1);
    let status = bench.nodes[&1].status(&id("a"));
    assert_eq!(status.winner, modern);
    assert_eq!(bench.casts(), (0, 0));
}

#[test]
fn thousands_of_contested_apis_travel_in_pages_and_converge() {
    const APIS: usize = 10_000;
    let mut bench = Bench::new();
    let older: Vec<Loaded> = many(APIS, "older");
    let newer: Vec<Loaded> = many(APIS, "newer")
        .into_iter()
        .map(|e| Loaded {
            wall: WALL - 1,
            ..e
        })
        .collect();
    bench.start(0, &older);
    bench.start(1, &newer);
    bench.link_all();
    bench.run(60_000);
    let roots: BTreeSet<u64> = bench.nodes.values_mut().map(|node| node.root()).collect();
    assert_eq!(roots.len(), 1);
    for node in bench.nodes.values() {
        for entry in &newer {
            let expected = Version {
                ref_number: 0,
                digest: entry.content.digest(),
            };
            assert_eq!(node.serving(&entry.id), Some(expected));
        }
        assert_eq!(node.rounds_open(), 0);
    }
    let told: usize = bench.deltas.iter().map(|(_, parts)| parts.len()).sum();
    assert!(told < APIS / 10, "{told} parts were gossiped");
}
