//! The laws of lineages.

use proptest::prelude::*;

use super::*;
use crate::core::digest::Digest;

fn version(ref_number: u64, text: &str) -> Version {
    let digest = Digest::of(text.as_bytes());
    Version { ref_number, digest }
}

fn lineages() -> impl Strategy<Value = Lineage> {
    let ancestor =
        (0..12_u64, 0..3_u64).prop_map(|(ref_number, prefix)| Ancestor { ref_number, prefix });
    prop::collection::vec(ancestor, 0..24).prop_map(Lineage::of)
}

fn joined(a: &Lineage, b: &Lineage) -> Lineage {
    let mut result = a.clone();
    let grew = result.join(b);
    assert_eq!(grew, result != *a);
    result
}

proptest! {
    #[test]
    fn joins_give_the_same_in_any_order_and_grouping_and_stay_bounded(
        a in lineages(), b in lineages(), c in lineages(),
    ) {
        prop_assert_eq!(joined(&a, &b), joined(&b, &a));
        prop_assert_eq!(joined(&joined(&a, &b), &c), joined(&a, &joined(&b, &c)));
        prop_assert_eq!(joined(&a, &a), a.clone());
        prop_assert!(joined(&a, &b).len() <= ANCESTORS_MAX);
    }
}

#[test]
fn a_chain_is_remembered_as_far_as_the_bound() {
    let mut chain = Lineage::default();
    for ref_number in 0..=ANCESTORS_MAX as u64 {
        chain = chain.with(version(ref_number, "x"));
    }
    assert_eq!(chain.len(), ANCESTORS_MAX);
    assert!(chain.holds(&version(1, "x")) && chain.reaches(1));
    assert!(!chain.holds(&version(0, "x")) && !chain.reaches(0));
    assert!(!chain.holds(&version(3, "y")) && chain.reaches(3));
}

#[test]
fn what_lies_beneath_a_common_ancestor_lies_beneath_both() {
    let common = Lineage::default().with(version(5, "c"));
    let (left, right) = (
        common.with(version(6, "l")),
        common.with(version(6, "r")).with(version(7, "r")),
    );
    assert!(left.meets(&right, 4));
    assert!(
        !left.meets(&right, 5),
        "the common one itself is not above 5"
    );
}
