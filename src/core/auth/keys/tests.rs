//! Which key judges which token.

use serde_json::{Value, json};

use super::*;
use crate::core::auth::fixture::{self, RSA_OTHER_PKCS8, RSA_PKCS8, with};

const RS256: Algorithm = Algorithm::Rs256;

/// A set of published keys with these ids.
fn published(keys: &[(&str, Option<&str>)]) -> Jwks {
    let keys: Vec<Value> = keys
        .iter()
        .map(|(private, kid)| with(fixture::jwk(RS256, private), "kid", json!(kid)))
        .collect();
    Jwks::parse(RS256, json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn judge(keys: &KeySet, private: &str, kid: Option<&str>) -> Verdict {
    let token = fixture::sign_rs256(private, kid);
    let (message, signature) = token.rsplit_once('.').unwrap();
    keys.judge(kid, message.as_bytes(), signature)
}

fn none() -> KeySet {
    KeySet::new(RS256, None).unwrap()
}

fn fixed() -> KeySet {
    fixture::key_set(RS256)
}

#[test]
fn without_a_key_every_token_is_forged() {
    for secret in [None, Some("")] {
        let keys = KeySet::new(Algorithm::Hs256, secret).unwrap();
        assert!(keys.is_empty());
        let empty_key = jsonwebtoken::EncodingKey::from_secret(b"");
        let token = fixture::sign_text(Algorithm::Hs256, &empty_key, "{}", "{}");
        let (message, signature) = token.rsplit_once('.').unwrap();
        let verdict = keys.judge(None, message.as_bytes(), signature);
        assert_eq!(verdict, Verdict::Forged);
    }
    assert_eq!(judge(&none(), RSA_PKCS8, None), Verdict::Forged);
}

#[test]
fn without_published_keys_the_kid_means_nothing() {
    let keys = fixed();
    assert!(!keys.is_empty());
    assert_eq!(judge(&keys, RSA_PKCS8, None), Verdict::Genuine);
    assert_eq!(judge(&keys, RSA_PKCS8, Some("x")), Verdict::Genuine);
    assert_eq!(judge(&keys, RSA_OTHER_PKCS8, None), Verdict::Forged);
    assert_eq!(judge(&keys, RSA_OTHER_PKCS8, Some("x")), Verdict::Forged);
}

#[test]
fn while_published_keys_are_awaited_a_kid_is_unknown() {
    let keys = none().awaiting_published().unwrap();
    assert!(keys.is_empty());
    assert_eq!(judge(&keys, RSA_PKCS8, Some("a")), Verdict::UnknownKid);
    assert_eq!(judge(&keys, RSA_PKCS8, None), Verdict::Forged);

    let keys = fixed().awaiting_published().unwrap();
    assert_eq!(judge(&keys, RSA_PKCS8, Some("a")), Verdict::Genuine);
    assert_eq!(judge(&keys, RSA_PKCS8, None), Verdict::Genuine);
    assert_eq!(
        judge(&keys, RSA_OTHER_PKCS8, Some("a")),
        Verdict::UnknownKid
    );
}

#[test]
fn a_known_kid_decides_alone() {
    let jwks = published(&[(RSA_PKCS8, Some("a")), (RSA_OTHER_PKCS8, Some("b"))]);
    for keys in [
        none().with_published(jwks.clone()),
        fixed().with_published(jwks),
    ] {
        assert!(!keys.is_empty());
        assert_eq!(judge(&keys, RSA_PKCS8, Some("a")), Verdict::Genuine);
        assert_eq!(judge(&keys, RSA_OTHER_PKCS8, Some("b")), Verdict::Genuine);
        // Confusion: a genuine key under another key's name.
        assert_eq!(judge(&keys, RSA_PKCS8, Some("b")), Verdict::Forged);
        assert_eq!(judge(&keys, RSA_OTHER_PKCS8, Some("a")), Verdict::Forged);
        for kid in ["", "A", "c", "../a", "a\0"] {
            let verdict = judge(&keys, RSA_OTHER_PKCS8, Some(kid));
            assert_eq!(verdict, Verdict::UnknownKid, "{kid:?}");
        }
    }
}

#[test]
fn the_fixed_key_stands_in_for_unknown_and_missing_kids() {
    let keys = fixed().with_published(published(&[(RSA_OTHER_PKCS8, Some("b"))]));
    assert_eq!(judge(&keys, RSA_PKCS8, Some("x")), Verdict::Genuine);
    assert_eq!(judge(&keys, RSA_PKCS8, None), Verdict::Genuine);
    assert_eq!(judge(&keys, RSA_OTHER_PKCS8, None), Verdict::Forged);
}

#[test]
fn without_kid_and_fixed_key_a_sole_published_key_is_used() {
    for kid in [Some("a"), None] {
        let keys = none().with_published(published(&[(RSA_PKCS8, kid)]));
        assert_eq!(judge(&keys, RSA_PKCS8, None), Verdict::Genuine);
        assert_eq!(judge(&keys, RSA_OTHER_PKCS8, None), Verdict::Forged);
    }
    let two = published(&[(RSA_PKCS8, Some("a")), (RSA_OTHER_PKCS8, Some("b"))]);
    let keys = none().with_published(two);
    assert_eq!(judge(&keys, RSA_PKCS8, None), Verdict::Forged);
}

#[test]
fn a_shared_secret_is_not_mixed_with_published_keys() {
    let keys = fixture::key_set(Algorithm::Hs256);
    assert_eq!(
        keys.awaiting_published().err(),
        Some(JwksFault::Symmetric(Algorithm::Hs256))
    );
}

#[test]
fn the_generation_changes_if_and_only_if_the_keys_do() {
    let a = || published(&[(RSA_PKCS8, Some("a"))]);
    let generations = [
        none().generation(),
        fixed().generation(),
        KeySet::new(RS256, Some(fixture::RSA_OTHER_PUBLIC))
            .unwrap()
            .generation(),
        KeySet::new(Algorithm::Rs384, Some(fixture::RSA_PUBLIC))
            .unwrap()
            .generation(),
        none().with_published(a()).generation(),
        fixed().with_published(a()).generation(),
        none()
            .with_published(published(&[(RSA_PKCS8, Some("b"))]))
            .generation(),
        none()
            .with_published(published(&[(RSA_OTHER_PKCS8, Some("a"))]))
            .generation(),
    ];
    for (index, one) in generations.iter().enumerate() {
        for other in &generations[index + 1..] {
            assert!(one != other, "{index}");
        }
    }
    assert_eq!(fixed().generation(), fixed().generation());
    let certificate = KeySet::new(RS256, Some(fixture::RSA_CERTIFICATE)).unwrap();
    assert_eq!(fixed().generation(), certificate.generation());
    let refreshed = fixed().with_published(a()).with_published(a());
    assert_eq!(
        fixed().with_published(a()).generation(),
        refreshed.generation()
    );
}

#[test]
fn nothing_about_a_shared_secret_can_be_learned_from_outside() {
    let one = KeySet::new(Algorithm::Hs256, Some("one")).unwrap();
    let other = KeySet::new(Algorithm::Hs256, Some("other")).unwrap();
    assert_eq!(one.generation(), other.generation());
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}
