//! What a node says it wants.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{INTEREST_BYTES_MAX, Interest, InterestChange, PATTERN_BYTES, PatternChanges};
use crate::core::subscription::TypePattern;

fn pattern(text: &str) -> TypePattern {
    TypePattern::parse(text).expect("a pattern")
}

fn patterns(texts: &[&str]) -> Vec<TypePattern> {
    texts.iter().map(|text| pattern(text)).collect()
}

fn changed(added: &[&str], removed: &[&str]) -> InterestChange {
    InterestChange::Patterns(PatternChanges {
        added: patterns(added),
        removed: patterns(removed),
    })
}

fn told(interest: &Interest) -> Vec<String> {
    interest.iter().map(|pattern| pattern.to_string()).collect()
}

#[test]
fn only_the_first_and_the_last_of_equal_wishes_are_news() {
    let mut interest = Interest::default();
    let a = patterns(&["a"]);
    assert_eq!(interest.change(&a, &[]), changed(&["a"], &[]));
    assert_eq!(interest.change(&a, &[]), InterestChange::Nothing);
    assert_eq!(interest.change(&[], &a), InterestChange::Nothing);
    assert!(interest.covers("a") && !interest.is_empty());
    assert_eq!(interest.change(&[], &a), changed(&[], &["a"]));
    assert!(!interest.covers("a") && interest.is_empty());
    assert_eq!(interest.change(&[], &a), InterestChange::Nothing);
}

#[test]
fn what_comes_and_goes_at_once_is_no_news() {
    let mut interest = Interest::default();
    let (a, b) = (patterns(&["a", "a"]), patterns(&["b.*"]));
    assert_eq!(interest.change(&a, &a), InterestChange::Nothing);
    assert_eq!(interest.change(&a, &[]), changed(&["a"], &[]));
    assert_eq!(interest.change(&b, &a), changed(&["b.*"], &["a"]));
    assert_eq!(told(&interest), ["b.*"]);
}

#[test]
fn a_prefix_covers_what_begins_with_it() {
    let mut interest = Interest::default();
    interest.change(&patterns(&["order.*", "order.eu.*", "ä.*", "news"]), &[]);
    for (event_type, expected) in [
        ("order.shipped", true),
        ("order.eu.lost", true),
        ("order.", true),
        ("order", false),
        ("orders.x", false),
        ("ä.x", true),
        // The length of a prefix ends within this one's second letter.
        ("aä.x", false),
        ("news", true),
        ("news.x", false),
        ("", false),
    ] {
        assert_eq!(interest.covers(event_type), expected, "{event_type:?}");
    }
    interest.change(&[], &patterns(&["order.*"]));
    assert!(interest.covers("order.eu.lost") && !interest.covers("order.shipped"));
}

#[test]
fn beyond_the_bound_everything_is_wanted_until_half_of_it_is_gone() {
    let mut interest = Interest::default();
    let each = PATTERN_BYTES + 1_000;
    let count = INTEREST_BYTES_MAX / each;
    let width = each - PATTERN_BYTES;
    let all: Vec<TypePattern> = (0..=count)
        .map(|at| pattern(&format!("{at:0width$}")))
        .collect();
    let (last, most) = all.split_last().expect("some");
    let last = std::slice::from_ref(last);
    assert!(matches!(
        interest.change(most, &[]),
        InterestChange::Patterns(_)
    ));
    assert!(!interest.covers("whatever"));
    assert_eq!(interest.change(last, &[]), InterestChange::Anew);
    assert_eq!(told(&interest), ["*"]);
    assert!(interest.covers("whatever") && interest.covers(""));
    assert_eq!(interest.change(&[], last), InterestChange::Nothing);
    let (gone, kept) = most.split_at(count / 2 + 1);
    assert_eq!(interest.change(&[], gone), InterestChange::Anew);
    assert!(!interest.covers("whatever"));
    assert_eq!(interest.iter().count(), kept.len());
}

proptest! {
    #[test]
    fn changes_told_one_after_the_other_give_the_whole(
        steps in prop::collection::vec((0..6_usize, any::<bool>()), 0..60),
    ) {
        let names = ["a", "b", "a.*", "a.b.*", "a.b", "b.*"];
        let mut interest = Interest::default();
        let mut heard = std::collections::BTreeSet::new();
        let mut counts = BTreeMap::new();
        for (name, is_added) in steps {
            let one = [pattern(names[name])];
            let count: &mut usize = counts.entry(names[name]).or_default();
            let change = if is_added {
                *count += 1;
                interest.change(&one, &[])
            } else {
                *count = count.saturating_sub(1);
                interest.change(&[], &one)
            };
            if let InterestChange::Patterns(changes) = change {
                for added in changes.added {
                    prop_assert!(heard.insert(added));
                }
                for removed in changes.removed {
                    prop_assert!(heard.remove(&removed));
                }
            }
        }
        let wanted: Vec<TypePattern> = heard.into_iter().collect();
        prop_assert_eq!(interest.iter().collect::<Vec<_>>(), wanted.clone());
        let counted = counts.values().filter(|count| **count > 0).count();
        prop_assert_eq!(interest.len(), counted);
        for event_type in ["a", "b", "a.b", "a.b.c", "b.c", "c"] {
            let expected = wanted.iter().any(|pattern| pattern.covers(event_type));
            prop_assert_eq!(interest.covers(event_type), expected, "{}", event_type);
        }
    }
}
