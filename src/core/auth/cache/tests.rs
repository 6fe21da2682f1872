//! What is remembered, and for how long.

use super::*;
use crate::core::auth::{algorithm::Algorithm, fixture, keys::KeySet};

fn generation() -> Generation {
    fixture::key_set(Algorithm::Es256).generation()
}

#[test]
fn a_token_is_remembered_until_the_second_it_expires() {
    let mut cache = SignatureCache::new();
    let generation = generation();
    assert!(!cache.get("a", 0, generation));
    cache.insert("a", 100, generation);
    assert!(cache.get("a", 99, generation));
    assert!(!cache.get("b", 99, generation));
    assert!(!cache.get("a", 100, generation));
    // The dead entry is gone, whatever the clock says next.
    assert!(!cache.get("a", 99, generation));
    assert!(cache.is_empty());
}

#[test]
fn a_change_of_keys_forgets_a_token() {
    let mut cache = SignatureCache::new();
    let before = generation();
    let after = KeySet::new(Algorithm::Es256, None).unwrap().generation();
    cache.insert("a", 100, before);
    assert!(!cache.get("a", 1, after));
    assert!(!cache.get("a", 1, before));
}

#[test]
fn the_cache_never_outgrows_its_bound_and_keeps_what_is_in_use() {
    let mut cache = SignatureCache::new();
    let generation = generation();
    cache.insert("busy", u64::MAX, generation);
    for number in 0..3 * CACHED_TOKENS_MAX {
        cache.insert(&number.to_string(), u64::MAX, generation);
        assert!(cache.len() <= CACHED_TOKENS_MAX);
        if number % 1000 == 0 {
            assert!(cache.get("busy", 0, generation), "{number}");
        }
    }
    assert!(!cache.get("0", 0, generation));
    let newest = (3 * CACHED_TOKENS_MAX - 1).to_string();
    assert!(cache.get(&newest, 0, generation));
}
