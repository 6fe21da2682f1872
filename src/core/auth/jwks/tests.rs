//! What of a key set is used, and what is passed over.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::core::auth::fixture::{self, with};

fn parse(algorithm: Algorithm, keys: Vec<Value>) -> Result<Jwks, JwksFault> {
    Jwks::parse(algorithm, json!({ "keys": keys }).to_string().as_bytes())
}

fn rsa() -> Value {
    fixture::jwk(Algorithm::Rs256, fixture::RSA_PKCS8)
}

fn ids(set: &Jwks) -> Vec<Option<&str>> {
    set.iter().map(|(kid, _)| kid).collect()
}

#[test]
fn keys_of_each_asymmetric_algorithm_are_read() {
    for (algorithm, private) in [
        (Algorithm::Rs256, fixture::RSA_PKCS8),
        (Algorithm::Rs384, fixture::RSA_PKCS8),
        (Algorithm::Rs512, fixture::RSA_PKCS8),
        (Algorithm::Es256, fixture::EC_PKCS8),
        (Algorithm::EdDsa, fixture::ED_PKCS8),
    ] {
        let key = with(fixture::jwk(algorithm, private), "kid", json!("a"));
        let set = parse(algorithm, vec![key]).unwrap();
        let token = fixture::sign(algorithm, &json!({}));
        let (message, signature) = token.rsplit_once('.').unwrap();
        let key = set.find("a").unwrap();
        assert!(key.verifies(message.as_bytes(), signature), "{algorithm}");
    }
}

#[test]
fn a_mixed_set_gives_only_the_keys_that_fit() {
    let bad = with(rsa(), "kid", json!("bad"));
    let long = "k".repeat(KID_BYTES_MAX + 1);
    let mut keys = vec![
        with(bad.clone(), "alg", json!("RS512")),
        with(bad.clone(), "alg", json!("rs256")),
        with(bad.clone(), "use", json!("enc")),
        with(bad.clone(), "key_ops", json!(["sign", "encrypt"])),
        with(bad.clone(), "kid", json!(5)),
        with(bad.clone(), "kid", json!(long)),
        with(bad.clone(), "kty", json!("oct")),
        with(bad.clone(), "kty", json!("EC")),
        with(bad.clone(), "kty", Value::Null),
        with(bad.clone(), "n", Value::Null),
        with(bad.clone(), "n", json!("AQAB")),
        with(bad.clone(), "n", json!("!!")),
        with(bad.clone(), "e", json!("AQ")),
        with(
            fixture::jwk(Algorithm::Es256, fixture::EC_PKCS8),
            "kid",
            json!("bad"),
        ),
        json!({"kty": "oct", "kid": "bad", "alg": "RS256", "k": "bXlzZWNyZXQ"}),
        json!("text"),
        json!(["RSA"]),
        json!(null),
    ];
    let passed_over = keys.len() + 1;
    let good = |kid| with(rsa(), "kid", json!(kid));
    keys.extend([
        good("plain"),
        with(good("no-alg"), "alg", Value::Null),
        with(good("use"), "use", json!("sig")),
        with(good("operations"), "key_ops", json!(["verify"])),
        good("plain"),
    ]);
    let set = parse(Algorithm::Rs256, keys).unwrap();
    let expected = ["plain", "no-alg", "use", "operations"].map(Some);
    assert_eq!(ids(&set), expected);
    assert_eq!((set.len(), set.passed_over()), (4, passed_over));
}

#[test]
fn curves_and_coordinates_must_fit() {
    let ec = fixture::jwk(Algorithm::Es256, fixture::EC_PKCS8);
    let ed = fixture::jwk(Algorithm::EdDsa, fixture::ED_PKCS8);
    for (algorithm, key) in [
        (Algorithm::Es256, with(ec.clone(), "crv", json!("P-384"))),
        (Algorithm::Es256, with(ec.clone(), "crv", Value::Null)),
        (Algorithm::Es256, with(ec.clone(), "y", ec["x"].clone())),
        (Algorithm::Es256, with(ec.clone(), "y", Value::Null)),
        (Algorithm::Es256, with(ec, "x", json!(""))),
        (Algorithm::EdDsa, with(ed.clone(), "crv", json!("X25519"))),
        (Algorithm::EdDsa, with(ed.clone(), "x", json!("AQAB"))),
        (Algorithm::EdDsa, with(ed, "x", json!(""))),
    ] {
        assert_eq!(
            parse(algorithm, vec![key.clone()]).err(),
            Some(JwksFault::NoneUsable(algorithm)),
            "{key}"
        );
    }
}

#[test]
fn the_first_of_two_keys_with_one_id_counts_and_a_key_without_id_is_only_good_alone() {
    let other = fixture::jwk(Algorithm::Rs256, fixture::RSA_OTHER_PKCS8);
    let twice = vec![
        with(rsa(), "kid", json!("a")),
        with(other.clone(), "kid", json!("a")),
    ];
    let set = parse(Algorithm::Rs256, twice).unwrap();
    let token = fixture::sign_rs256(fixture::RSA_PKCS8, Some("a"));
    let (message, signature) = token.rsplit_once('.').unwrap();
    let first = set.find("a").unwrap();
    assert!(first.verifies(message.as_bytes(), signature));
    assert!(set.sole().is_some());

    let unnamed = parse(Algorithm::Rs256, vec![rsa(), other]).unwrap();
    assert_eq!(ids(&unnamed), [None, None]);
    assert!(unnamed.sole().is_none());
    assert!(unnamed.find("").is_none());
}

#[test]
fn shared_secrets_are_never_taken_from_a_url() {
    let oct = json!({"kty": "oct", "kid": "a", "k": "bXlzZWNyZXQ"});
    assert_eq!(
        parse(Algorithm::Hs256, vec![oct.clone()]).err(),
        Some(JwksFault::Symmetric(Algorithm::Hs256))
    );
    assert_eq!(
        parse(Algorithm::Rs256, vec![oct]).err(),
        Some(JwksFault::NoneUsable(Algorithm::Rs256))
    );
}

#[test]
fn a_document_that_is_no_set_or_too_large_is_refused() {
    let check = |document: &[u8]| Jwks::parse(Algorithm::Rs256, document).err();
    for text in [
        "",
        "{}",
        "[]",
        "[[]]",
        "null",
        r#"{"keys":{}}"#,
        r#"{"keys":[}"#,
        "<html>",
    ] {
        assert_eq!(check(text.as_bytes()), Some(JwksFault::NotASet), "{text}");
    }
    assert_eq!(check(&[0xff, 0xfe]), Some(JwksFault::NotASet));
    let nested = format!("{{\"keys\":{}", "[".repeat(100_000));
    assert_eq!(check(nested.as_bytes()), Some(JwksFault::NotASet));
    assert_eq!(
        check(br#"{"keys":[]}"#),
        Some(JwksFault::NoneUsable(Algorithm::Rs256))
    );
    assert_eq!(
        check(&vec![b' '; JWKS_BYTES_MAX + 1]),
        Some(JwksFault::TooLong)
    );
    let many = |count| parse(Algorithm::Rs256, vec![rsa(); count]).err();
    assert_eq!(many(JWKS_KEYS_MAX), None);
    assert_eq!(many(JWKS_KEYS_MAX + 1), Some(JwksFault::TooMany));
}

proptest! {
    #[test]
    fn no_document_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for algorithm in Algorithm::ALL {
            prop_assert!(Jwks::parse(algorithm, &bytes).is_err());
        }
    }

    #[test]
    fn no_member_panics(n in "[A-Za-z0-9_-]{0,400}", x in "[A-Za-z0-9_-]{0,90}") {
        for (algorithm, kty, crv) in [
            (Algorithm::Rs256, "RSA", ""),
            (Algorithm::Es256, "EC", "P-256"),
            (Algorithm::EdDsa, "OKP", "Ed25519"),
        ] {
            let key = json!({"kty": kty, "crv": crv, "n": n, "e": "AQAB", "x": x, "y": x});
            let _ = parse(algorithm, vec![key]);
        }
    }
}
