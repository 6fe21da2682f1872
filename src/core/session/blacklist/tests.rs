//! The laws of the join, and the bounds.

use proptest::prelude::*;

use super::*;

const NOW: u64 = 1_000;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn of(entries: &[(Name, u64)], room: usize) -> Blacklist {
    let mut list = Blacklist::with_room_for(room);
    list.merge(entries.iter().cloned(), NOW);
    list
}

/// What it holds, whatever way it came there.
fn held(list: &Blacklist) -> Vec<(u64, Name)> {
    let mut held: Vec<(u64, Name)> = (list.buckets.iter())
        .flat_map(|bucket| bucket.iter().map(|(name, until)| (until, name.clone())))
        .collect();
    held.sort();
    assert_eq!(
        held,
        Vec::from_iter(list.by_expiry.iter().cloned()),
        "both orders hold the same"
    );
    held
}

fn entries() -> impl Strategy<Value = Vec<(Name, u64)>> {
    let entry = ("[a-f]{1,2}", NOW - 5..NOW + 20);
    let entry = entry.prop_map(|(text, until)| (name(&text), until));
    proptest::collection::vec(entry, 0..24)
}

fn joined(a: &Blacklist, b: &Blacklist) -> Blacklist {
    let mut joined = a.clone();
    joined.merge(held(b).into_iter().map(|(until, name)| (name, until)), NOW);
    joined
}

proptest! {
    #[test]
    fn merging_is_a_join(a in entries(), b in entries(), c in entries(), room in 1_usize..40) {
        let (a, b, c) = (of(&a, room), of(&b, room), of(&c, room));
        prop_assert_eq!(held(&joined(&a, &a)), held(&a), "idempotent");
        prop_assert_eq!(held(&joined(&a, &b)), held(&joined(&b, &a)), "commutative");
        let left = joined(&joined(&a, &b), &c);
        prop_assert_eq!(held(&left), held(&joined(&a, &joined(&b, &c))), "associative");
        prop_assert!(left.len() <= room);
    }

    #[test]
    fn exchanging_the_differing_pages_makes_two_nodes_equal(a in entries(), b in entries()) {
        let (mut a, mut b) = (of(&a, 1_000), of(&b, 1_000));
        let expected = held(&joined(&a, &b));
        for index in a.differing(b.digests()) {
            let (mine, theirs) = (a.page(index, None), b.page(index, None));
            prop_assert!(!mine.more && !theirs.more);
            a.merge(theirs.entries, NOW);
            b.merge(mine.entries, NOW);
        }
        prop_assert_eq!(&held(&a), &expected);
        prop_assert_eq!(&held(&b), &expected);
        prop_assert_eq!(a.differing(b.digests()), Vec::<usize>::new());
    }

    #[test]
    fn the_changed_buckets_are_all_a_reader_needs(steps in proptest::collection::vec(entries(), 0..6)) {
        let mut list = Blacklist::with_room_for(10);
        let mut published: Vec<_> = (0..BUCKETS).map(|_index| Arc::<Bucket>::default()).collect();
        for (round, step) in (0..).zip(steps) {
            list.merge(step, NOW + round);
            list.expire(NOW + 2 * round);
            for (index, bucket) in list.take_changed() {
                published[index] = bucket;
            }
            prop_assert_eq!(&published, &list.buckets);
            prop_assert!(list.take_changed().is_empty());
        }
    }
}

#[test]
fn a_revocation_extends_and_never_shortens() {
    let (mut list, one) = (Blacklist::new(), name("one"));
    for (until, now, expected) in [
        (NOW, NOW, Change::Nothing),
        (NOW + 10, NOW, Change::New),
        (NOW + 10, NOW, Change::Nothing),
        (NOW + 5, NOW, Change::Nothing),
        (NOW + 20, NOW, Change::Extended),
        // It was free for a moment before it was cleared away.
        (NOW + 40, NOW + 20, Change::New),
        (u64::MAX, NOW, Change::Extended),
    ] {
        assert_eq!(list.revoke(&one, until, now), Ok(expected), "{until}");
        assert!(list.len() <= 1);
    }
}

#[test]
fn a_name_is_revoked_until_its_second_comes() {
    let (mut list, one) = (Blacklist::new(), name("one"));
    list.revoke(&one, NOW + 2, NOW).unwrap();
    assert!(list.is_revoked(&one, NOW + 1));
    assert!(!list.is_revoked(&one, NOW + 2));
    assert!(!list.is_revoked(&name("other"), NOW));
    assert_eq!((list.expire(NOW + 1), list.len()), (0, 1));
    assert_eq!((list.expire(NOW + 2), list.len()), (1, 0));
    assert!(held(&list).is_empty());
    let empty = Blacklist::new().digests().to_vec();
    assert_eq!(list.differing(&empty), Vec::<usize>::new());
}

#[test]
fn only_names_that_were_free_before_are_newly_revoked() {
    let mut list = Blacklist::new();
    list.revoke(&name("known"), NOW + 5, NOW).unwrap();
    let entries = [
        (name("known"), NOW + 9),
        (name("new"), NOW + 9),
        (name("over"), NOW),
        (name("new"), NOW + 10),
    ];
    assert_eq!(list.merge(entries, NOW), [name("new")]);
}

#[test]
fn a_full_list_refuses_a_new_name_but_not_what_others_accepted() {
    let mut list = Blacklist::with_room_for(2);
    list.revoke(&name("a"), NOW + 5, NOW).unwrap();
    list.revoke(&name("b"), NOW + 9, NOW).unwrap();
    assert_eq!(list.revoke(&name("c"), NOW + 7, NOW), Err(Full));
    assert_eq!(list.revoke(&name("a"), NOW + 6, NOW), Ok(Change::Extended));
    assert_eq!(list.revoke(&name("c"), NOW, NOW), Ok(Change::Nothing));

    let newly = list.merge([(name("c"), NOW + 7), (name("d"), NOW + 1)], NOW);
    assert_eq!(newly, [name("c"), name("d")], "their streams end even so");
    assert_eq!(held(&list), [(NOW + 7, name("c")), (NOW + 9, name("b"))]);
    assert_eq!((list.evicted(), list.added()), (2, 3));

    // Room that expired entries take is room.
    assert_eq!(list.revoke(&name("e"), NOW + 20, NOW + 7), Ok(Change::New));
}

#[test]
fn a_large_bucket_comes_in_pages() {
    let names = (0_u32..).map(|number| format!("{number:0>256}"));
    let names: Vec<Name> = (names.filter(|text| bucket_of(text) == 3))
        .take(2 * PAGE_BYTES_MAX / 256 + 10)
        .map(|text| name(&text))
        .collect();
    let entries: Vec<(Name, u64)> = names.iter().map(|name| (name.clone(), NOW + 1)).collect();
    let list = of(&entries, 10_000);
    let (mut got, mut pages) = (Vec::new(), 0);
    loop {
        let page = list.page(3, got.last());
        pages += 1;
        got.extend(page.entries.into_iter().map(|(name, _until)| name));
        if !page.more {
            break;
        }
    }
    assert_eq!((got, pages), (names, 3));
    let none = Page {
        entries: Vec::new(),
        more: false,
    };
    assert_eq!(list.page(BUCKETS, None), none);
}

#[test]
fn digests_of_another_length_differ_everywhere() {
    assert_eq!(Blacklist::new().differing(&[0; 3]).len(), BUCKETS);
}
