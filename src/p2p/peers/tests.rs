//! Decisions about peers without a network: time is an argument.

use super::*;

fn connection(id: usize, dialled: bool, since: Instant) -> Connection {
    let remote = SocketAddr::from(([10, 0, 0, 1], 1));
    let id = ConnectionId::new_unchecked(id);
    Connection {
        id,
        remote,
        dialled,
        last_ok: since,
        pace: Pace::of(0),
        since,
    }
}

fn one(peer: PeerId, identified: bool, subscribed: bool, now: Instant) -> Peers {
    let mut peers = Peers::default();
    peers.opened(peer, connection(1, true, now));
    peers.get_mut(&peer).unwrap().identified = identified;
    peers.subscribed(&peer, subscribed, now);
    peers
}

#[test]
fn a_peer_is_up_when_it_is_identified_and_subscribed() {
    let (local, peer, now) = (PeerId::random(), PeerId::random(), Instant::now());
    assert_eq!(
        one(peer, true, true, now).steps(&local, now),
        [Step::Up(peer)]
    );
    assert_eq!(one(peer, false, true, now).steps(&local, now), []);
    assert_eq!(one(peer, true, false, now).steps(&local, now), []);
}

#[test]
fn an_unsubscribed_peer_is_healed_twice_and_then_accepted() {
    let (local, peer, now) = (PeerId::random(), PeerId::random(), Instant::now());
    let mut peers = one(peer, true, false, now);
    let later = now + GRACE + Duration::from_millis(1);
    peers.pinged(&peer, ConnectionId::new_unchecked(1), later);
    let steps: Vec<_> = (0..3).flat_map(|_| peers.steps(&local, later)).collect();
    assert_eq!(steps, [Step::Heal(peer), Step::Heal(peer), Step::Up(peer)]);
}

#[test]
fn a_peer_that_does_not_identify_itself_is_a_stranger_after_its_grace() {
    let (local, peer, now) = (PeerId::random(), PeerId::random(), Instant::now());
    let mut peers = one(peer, false, true, now);
    assert_eq!(peers.steps(&local, now + GRACE), []);
    let later = now + GRACE + Duration::from_nanos(1);
    peers.pinged(&peer, ConnectionId::new_unchecked(1), later);
    assert_eq!(peers.steps(&local, later), [Step::Stranger(peer)]);
}

#[test]
fn silence_closes_a_connection_unless_we_stood_still_ourselves() {
    let (local, peer, now) = (PeerId::random(), PeerId::random(), Instant::now());
    let mut peers = one(peer, true, true, now);
    peers.get_mut(&peer).unwrap().up = true;
    let late = now + Duration::from_secs(4);
    assert_eq!(
        peers.steps(&local, late),
        [Step::Late(ConnectionId::new_unchecked(1))]
    );
    peers.excuse(Duration::from_secs(2));
    assert_eq!(peers.steps(&local, late), []);
}

#[test]
fn exactly_one_side_closes_a_second_connection() {
    let (a, b, now) = (PeerId::random(), PeerId::random(), Instant::now());
    let (small, large) = (a.min(b), a.max(b));
    let after = now + DUPLICATE_GRACE + Duration::from_millis(1);
    // Connection 1 was dialled by the smaller, connection 2 by the larger.
    let seen = |local: PeerId, peer: PeerId| {
        let mut peers = Peers::default();
        peers.opened(peer, connection(1, local == small, now));
        peers.opened(peer, connection(2, local == large, now));
        peers.get_mut(&peer).unwrap().identified = true;
        peers
    };
    assert_eq!(seen(small, large).steps(&small, after), []);
    assert_eq!(
        seen(large, small).steps(&large, after),
        [Step::Duplicate(ConnectionId::new_unchecked(2))]
    );
    assert_eq!(seen(large, small).steps(&large, now), []);
    let mut busy = seen(large, small);
    busy.get_mut(&small).unwrap().busy = 1;
    assert_eq!(busy.steps(&large, after), []);
}

#[test]
fn a_hundred_malformed_frames_a_minute_are_borne() {
    let (peer, now) = (PeerId::random(), Instant::now());
    let mut peers = one(peer, true, true, now);
    assert!(!(0..MALFORMED_MAX).any(|_| peers.malformed(&peer, now)));
    assert!(peers.malformed(&peer, now));
    assert!(!peers.malformed(&peer, now + MINUTE + Duration::from_secs(1)));
}
