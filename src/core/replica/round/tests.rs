//! The laws of the lattice (cluster.md, part 14, properties 1 to 4), over small spaces so that
//! collisions of refs, stamps and ballots are common.

use proptest::prelude::*;

use super::*;
use crate::core::replica::{digest::Content, lineage::Ancestor, registry::Registry, wire::Part};

fn content(number: u8) -> Content {
    match number {
        0 => Content::Deleted,
        number => Content::Defined(Body::from([number].as_slice())),
    }
}

fn id() -> ApiId {
    ApiId::new("api").unwrap()
}

fn voter(number: u8) -> Voter {
    Voter::from_bytes([number; 16])
}

fn rounds(ref_max: u64) -> impl Strategy<Value = Round> {
    let candidates = prop::collection::vec((0..4_u8, 0..4_u64, lineages()), 1..4);
    let ballots = prop::collection::vec((0..4_u8, 0..3_u64, 0..3_u32, 0..4_u8), 0..6);
    (0..=ref_max, candidates, ballots).prop_map(|(ref_number, candidates, ballots)| {
        let mut round = Round::empty(ref_number);
        for (version, stamp, ancestors) in candidates {
            let candidate = Candidate {
                ancestors,
                ..Candidate::new(content(version), Stamp::at(stamp))
            };
            round.propose(content(version).digest(), candidate);
        }
        for (by, incarnation, seq, version) in ballots {
            let digest = content(version).digest();
            round.vote(
                voter(by),
                Ballot {
                    incarnation,
                    seq,
                    digest,
                },
            );
        }
        round
    })
}

/// Some of them full, so that joins have to leave out the farthest.
fn lineages() -> impl Strategy<Value = Lineage> {
    let ancestor =
        (0..12_u64, 0..3_u64).prop_map(|(ref_number, prefix)| Ancestor { ref_number, prefix });
    prop::collection::vec(ancestor, 0..24).prop_map(Lineage::of)
}

/// The round as if nothing were known of ancestors.
fn without_ancestors(round: &Round) -> Round {
    let mut plain = Round::empty(round.ref_number());
    for (digest, candidate) in round.candidates().iter() {
        let ancestors = Lineage::default();
        plain.propose(
            *digest,
            Candidate {
                ancestors,
                ..candidate.clone()
            },
        );
    }
    for (by, ballot) in round.ballots().iter() {
        plain.vote(*by, *ballot);
    }
    plain
}

fn joined(a: &Round, b: &Round) -> Round {
    let mut result = a.clone();
    result.join(b);
    result
}

/// The state that remains of rounds that are merged as Parts into an empty registry.
fn merged<'a>(rounds: impl Iterator<Item = &'a Round>) -> Option<Round> {
    let mut registry = Registry::default();
    for round in rounds {
        registry.join(&id(), round);
    }
    registry.get(&id()).cloned()
}

/// Cuts a round into Parts of one candidate each and one with all ballots.
fn cut(round: &Round) -> Vec<Round> {
    let mut pieces: Vec<Round> = round
        .candidates()
        .iter()
        .map(|(digest, candidate)| Round::new(round.ref_number(), *digest, candidate.clone()))
        .collect();
    for (voter, ballot) in round.ballots().iter() {
        for piece in &mut pieces {
            if piece.candidates().get(&ballot.digest).is_some() {
                piece.vote(*voter, *ballot);
            }
        }
        if let Some(first) = pieces.first_mut() {
            first.vote(*voter, *ballot);
        }
    }
    pieces
}

proptest! {
    #[test]
    fn joins_give_the_same_in_any_order_and_grouping(
        a in rounds(2), b in rounds(2), c in rounds(2),
    ) {
        prop_assert_eq!(joined(&a, &b), joined(&b, &a));
        prop_assert_eq!(joined(&joined(&a, &b), &c), joined(&a, &joined(&b, &c)));
        prop_assert_eq!(joined(&a, &a), a.clone());
    }

    #[test]
    fn a_join_never_goes_down(a in rounds(2), b in rounds(2)) {
        let both = joined(&a, &b);
        // x <= y means that joining x into y changes nothing.
        prop_assert_eq!(joined(&both, &a), both.clone());
        prop_assert_eq!(joined(&both, &b), both.clone());
        let mut again = both.clone();
        let change = again.join(&a);
        prop_assert!(!change.any() && !change.lineage);
    }

    #[test]
    fn a_change_is_reported_exactly_if_there_is_one(a in rounds(1), b in rounds(1)) {
        let mut after = a.clone();
        let change = after.join(&b);
        prop_assert_eq!(change.any() || change.lineage, after != a);
        prop_assert_eq!(change.any(), without_ancestors(&after) != without_ancestors(&a));
        prop_assert_eq!(change.ref_grew, after.ref_number() != a.ref_number());
    }

    #[test]
    fn parts_in_any_order_with_repetitions_give_one_state(
        rounds in prop::collection::vec(rounds(1), 1..5),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let pieces: Vec<Round> = rounds.iter().flat_map(cut).collect();
        let straight = merged(pieces.iter());
        let mixed = order.iter().map(|index| index.get(&pieces)).chain(pieces.iter().rev());
        let mixed = merged(mixed);
        prop_assert_eq!(&straight, &mixed);
        let (Some(straight), Some(mixed)) = (straight, mixed) else { return Ok(()) };
        prop_assert_eq!(straight.winner(), mixed.winner());
        prop_assert_eq!(straight.signature(&id()), mixed.signature(&id()));
    }

    #[test]
    fn signatures_are_equal_exactly_if_nothing_needs_to_be_exchanged(
        a in rounds(1), b in rounds(1),
    ) {
        let digests = |round: &Round| round.candidates().keys().copied().collect::<Vec<_>>();
        let same_versions = a.ref_number() == b.ref_number() && digests(&a) == digests(&b);
        let same_state = without_ancestors(&a) == without_ancestors(&b);
        let same = same_versions && (!a.contested() || same_state);
        prop_assert_eq!(a.signature(&id()) == b.signature(&id()), same);
    }

    /// What is known of ancestors must not matter to who wins, nor make nodes differ.
    #[test]
    fn ancestors_decide_nothing(a in rounds(1), b in rounds(1)) {
        let both = joined(&a, &b);
        let plain = joined(&without_ancestors(&a), &without_ancestors(&b));
        prop_assert_eq!(both.winner(), plain.winner());
        prop_assert_eq!(both.decided_by(), plain.decided_by());
        prop_assert_eq!(both.signature(&id()), plain.signature(&id()));
    }

    #[test]
    fn a_winner_stays_when_others_lose_votes_or_it_gains_one(a in rounds(0), gone in 0..4_u8) {
        let winner = a.winner().unwrap();
        let mut fewer = Round::empty(a.ref_number());
        for (digest, candidate) in a.candidates().iter() {
            fewer.propose(*digest, candidate.clone());
        }
        for (by, ballot) in a.ballots().iter() {
            if *by != voter(gone) || ballot.digest == winner {
                fewer.vote(*by, *ballot);
            }
        }
        prop_assert_eq!(fewer.winner(), Some(winner));
        let mut more = a.clone();
        more.vote(voter(99), Ballot { incarnation: 1, seq: 1, digest: winner });
        prop_assert_eq!(more.winner(), Some(winner));
    }

    #[test]
    fn a_part_of_a_round_holds_all_of_it(a in rounds(2)) {
        let part = Part::of(&id(), &a);
        let mut back = Round::empty(part.ref_number);
        for nominee in &part.candidates {
            let candidate = Candidate {
                stamp: nominee.stamp,
                body: nominee.body.clone(),
                ancestors: nominee.ancestors.clone(),
            };
            back.propose(nominee.digest, candidate);
        }
        for vote in &part.ballots {
            back.vote(vote.voter, vote.ballot());
        }
        prop_assert_eq!(back, a);
    }
}

#[test]
fn the_rules_decide_in_their_order() {
    let deleted = content(0).digest();
    let (one, two) = (content(1).digest(), content(2).digest());
    let make = |versions: &[(u8, u64)], votes: &[(u8, Digest)]| {
        let mut round = Round::empty(5);
        for (version, stamp) in versions {
            let candidate = Candidate::new(content(*version), Stamp::at(*stamp));
            round.propose(content(*version).digest(), candidate);
        }
        for (by, digest) in votes {
            round.vote(
                voter(*by),
                Ballot {
                    incarnation: 1,
                    seq: 1,
                    digest: *digest,
                },
            );
        }
        round
    };
    for (round, winner, by) in [
        (make(&[(1, 1)], &[]), one, DecidedBy::Ref),
        (
            make(&[(1, 1), (2, 9)], &[(1, one), (2, one), (3, two)]),
            one,
            DecidedBy::Votes,
        ),
        (
            make(&[(1, 1), (2, 9)], &[(1, one), (3, two)]),
            two,
            DecidedBy::Timestamp,
        ),
        (
            make(&[(0, 4), (1, 4), (2, 4)], &[]),
            deleted,
            DecidedBy::Tie,
        ),
        (make(&[(1, 4), (2, 4)], &[]), one.max(two), DecidedBy::Tie),
    ] {
        assert_eq!(
            (round.winner(), round.decided_by()),
            (Some(winner), by),
            "{round:?}"
        );
    }
    let mut low = make(&[(1, 9)], &[(1, one), (2, one)]);
    let high = Round::new(6, two, Candidate::new(content(2), Stamp::at(0)));
    assert!(low.join(&high).ref_grew);
    assert_eq!(low.winner(), Some(two));
}

#[test]
fn a_ballot_is_replaced_only_by_a_later_one_of_its_voter() {
    let (one, two) = (content(1).digest(), content(2).digest());
    let mut round = Round::empty(0);
    let ballot = |incarnation, seq, digest| Ballot {
        incarnation,
        seq,
        digest,
    };
    for (cast, any, incarnation) in [
        (ballot(5, 1, one), true, true),
        (ballot(5, 2, two), true, false),
        (ballot(5, 1, one), false, false),
        (ballot(4, 9, one), false, false),
        (ballot(6, 0, one), true, true),
    ] {
        let change = round.vote(voter(1), cast);
        assert_eq!(
            (change.any(), change.incarnation),
            (any, incarnation),
            "{cast:?}"
        );
    }
}
