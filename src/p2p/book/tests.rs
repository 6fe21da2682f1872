//! The address book without a network: time is an argument.

use super::*;

const NOBODY: fn(&PeerId) -> bool = |_| false;

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

/// Two identities, the smaller first.
fn two() -> (PeerId, PeerId) {
    let (a, b) = (PeerId::random(), PeerId::random());
    (a.min(b), a.max(b))
}

fn book(local: PeerId) -> (Book, Instant) {
    (
        Book::new(local, fastrand::Rng::with_seed(7)),
        Instant::now(),
    )
}

#[test]
fn an_address_is_dialled_at_once_and_only_once_at_a_time() {
    let (mut book, now) = book(PeerId::random());
    book.learn(at(1), Origin::Static, None, now);
    assert_eq!(book.due(now, 9, NOBODY), [at(1)]);
    assert!(book.due(now, 9, NOBODY).is_empty());
}

#[test]
fn a_dead_configured_address_is_dialled_for_ever_with_growing_pauses() {
    let (mut book, mut now) = book(PeerId::random());
    book.learn(at(1), Origin::Static, None, now);
    let mut pauses = Vec::new();
    for _ in 0..40 {
        assert_eq!(book.due(now, 9, NOBODY), [at(1)]);
        book.failed(at(1), now);
        let failed_at = now;
        while book.entries[&at(1)].next > now {
            now += Duration::from_millis(10);
        }
        pauses.push(now - failed_at);
        book.sweep(now, NOBODY);
    }
    assert!(pauses[0] <= Duration::from_millis(320) && pauses[3] > pauses[0]);
    assert!(
        pauses
            .iter()
            .all(|pause| *pause <= BACKOFF_MAX.mul_f64(1.25) + Duration::from_millis(10))
    );
}

#[test]
fn the_smaller_identity_dials_and_the_other_waits_a_second() {
    let (small, large) = two();
    let (mut ours, now) = book(small);
    ours.learn(at(1), Origin::Told, Some(large), now);
    assert_eq!(ours.due(now, 9, NOBODY), [at(1)]);
    let (mut theirs, now) = book(large);
    theirs.learn(at(2), Origin::Told, Some(small), now);
    assert!(theirs.due(now, 9, NOBODY).is_empty());
    assert_eq!(theirs.due(now + GIVE_WAY, 9, NOBODY), [at(2)]);
}

#[test]
fn a_connected_peer_is_not_dialled_and_a_peer_with_two_addresses_only_at_one() {
    let (small, large) = two();
    let (mut book, now) = book(small);
    for port in 1..=2 {
        book.learn(at(port), Origin::Told, Some(large), now);
    }
    assert!(book.due(now, 9, |peer| *peer == large).is_empty());
    assert_eq!(book.due(now, 9, NOBODY).len(), 1);
    assert!(book.due(now, 9, NOBODY).is_empty());
}

#[test]
fn our_own_address_is_remembered_and_tried_again_much_later() {
    let local = PeerId::random();
    let (mut book, now) = book(local);
    book.learn(at(1), Origin::Static, None, now);
    book.due(now, 9, NOBODY);
    book.ours(at(1), now);
    assert!(
        book.due(now + OWN_LIFETIME - Duration::from_secs(1), 9, NOBODY)
            .is_empty()
    );
    assert_eq!(book.due(now + OWN_LIFETIME, 9, NOBODY), [at(1)]);
    book.learn(at(2), Origin::Told, Some(local), now);
    assert!(!book.entries.contains_key(&at(2)));
}

#[test]
fn what_a_peer_told_is_forgotten_after_minutes_and_what_was_configured_never() {
    let (mut book, now) = book(PeerId::random());
    let connected = PeerId::random();
    book.learn(at(1), Origin::Static, None, now);
    book.learn(at(2), Origin::Told, Some(PeerId::random()), now);
    book.learn(at(3), Origin::Told, Some(connected), now);
    book.sweep(now + TOLD_LIFETIME, |peer| *peer == connected);
    assert_eq!(
        book.entries.keys().copied().collect::<Vec<_>>(),
        [at(1), at(3)]
    );
    book.learn(at(1), Origin::Told, None, now);
    book.sweep(now + TOLD_LIFETIME * 9, NOBODY);
    assert_eq!(book.entries.keys().copied().collect::<Vec<_>>(), [at(1)]);
}

#[test]
fn a_failing_lookup_keeps_addresses_and_a_changed_answer_drops_them() {
    let (mut book, now) = book(PeerId::random());
    book.learn(at(1), Origin::Name(0), None, now);
    book.learn(at(2), Origin::Name(1), None, now);
    book.name_failed(0, now + NAMED_LIFETIME / 2);
    book.sweep(now + NAMED_LIFETIME, NOBODY);
    assert_eq!(book.entries.keys().copied().collect::<Vec<_>>(), [at(1)]);
}

#[test]
fn a_new_identity_at_a_known_address_is_dialled_without_the_old_back_off() {
    let (small, large) = two();
    let (mut book, now) = book(small);
    book.learn(at(1), Origin::Told, Some(PeerId::random()), now);
    for _ in 0..6 {
        book.failed(at(1), now);
    }
    book.learn(at(1), Origin::Told, Some(large), now);
    assert_eq!(book.due(now, 9, NOBODY), [at(1)]);
}

#[test]
fn a_peer_that_turns_us_down_is_backed_off_and_a_proven_one_is_redialled_soon() {
    let (small, large) = two();
    let (mut book, now) = book(small);
    book.learn(at(1), Origin::Static, None, now);
    for _ in 0..5 {
        book.reached(at(1), large, now);
        book.lost(&large, now);
    }
    assert!(book.entries[&at(1)].next > now + BACKOFF_MAX / 2);
    book.proven(&large, now);
    book.lost(&large, now);
    assert!(book.entries[&at(1)].next <= now + REDIAL * 2);
    book.postpone(&large, now + Duration::from_secs(60));
    assert!(
        book.due(now + Duration::from_secs(59), 9, NOBODY)
            .is_empty()
    );
}

#[test]
fn the_book_is_bounded_and_configured_addresses_stay() {
    let (mut book, now) = book(PeerId::random());
    book.learn(at(60_000), Origin::Static, None, now);
    for port in 0..5_000 {
        book.learn(
            at(port),
            Origin::Told,
            None,
            now + Duration::from_millis(u64::from(port)),
        );
    }
    assert_eq!(book.len(), ADDRESSES_MAX);
    assert!(book.entries.contains_key(&at(60_000)) && book.entries.contains_key(&at(4_999)));
}

#[test]
fn only_connected_peers_are_shared_and_loopback_only_with_loopback() {
    let (mut book, now) = book(PeerId::random());
    let (here, gone) = (PeerId::random(), PeerId::random());
    let near = SocketAddr::from(([127, 0, 0, 1], 1));
    book.learn(near, Origin::Told, Some(here), now);
    book.learn(at(2), Origin::Told, Some(gone), now);
    let shared = |book: &Book, reader: SocketAddr| book.share(reader.ip(), |peer| *peer == here);
    assert_eq!(shared(&book, near), [(here, near)]);
    assert!(shared(&book, at(9)).is_empty());
    book.learn(at(3), Origin::Told, Some(here), now);
    assert_eq!(shared(&book, at(9)), [(here, at(3))]);
}
