//! Tokens good and bad, and the classic attacks.

use jsonwebtoken::EncodingKey;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::core::auth::{
    algorithm::Algorithm,
    fixture::{self, ANYBODY, NOW, SECRET, with},
    jwks::Jwks,
};

fn good() -> Value {
    json!({"exp": NOW + 60, "jti": "s1"})
}

fn check(token: &str, keys: &KeySet) -> Option<Rejection> {
    verify(token, keys, &ANYBODY, NOW).err()
}

/// Signs with the HS256 secret under any header text.
fn under(header: &str) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    fixture::sign_text(Algorithm::Hs256, &key, header, &good().to_string())
}

#[test]
fn each_algorithm_accepts_its_own_tokens_and_no_other() {
    let tokens = Algorithm::ALL.map(|algorithm| fixture::sign(algorithm, &good()));
    for algorithm in Algorithm::ALL {
        let keys = fixture::key_set(algorithm);
        for (signed_with, token) in Algorithm::ALL.into_iter().zip(&tokens) {
            let expected = (signed_with != algorithm).then_some(Rejection::Forged);
            assert_eq!(check(token, &keys), expected, "{algorithm} {signed_with}");
        }
    }
}

#[test]
fn the_claims_of_a_valid_token_are_returned() {
    let keys = fixture::key_set(Algorithm::Hs256);
    let claims = verify(
        &fixture::sign(Algorithm::Hs256, &good()),
        &keys,
        &ANYBODY,
        NOW,
    )
    .unwrap();
    assert_eq!(Value::Object(claims.value().unwrap()), good());
    assert_eq!(claims.expires(), NOW + 60);
}

#[test]
fn a_disturbed_token_is_forged() {
    for algorithm in [Algorithm::Hs256, Algorithm::Es256, Algorithm::EdDsa] {
        let keys = fixture::key_set(algorithm);
        let token = fixture::sign(algorithm, &good());
        for index in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let disturbed = String::from_utf8(bytes).unwrap();
            assert_eq!(check(&disturbed, &keys), Some(Rejection::Forged), "{index}");
        }
    }
}

#[test]
fn what_is_not_a_compact_jws_is_forged() {
    let keys = fixture::key_set(Algorithm::Hs256);
    let token = fixture::sign(Algorithm::Hs256, &good());
    assert_eq!(check("", &keys), Some(Rejection::Empty));
    let (message, signature) = token.rsplit_once('.').unwrap();
    for text in [
        "abc".to_owned(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        message.to_owned(),
        format!("{message}."),
        format!(".{token}"),
        format!("{token}."),
        format!("{token}.{signature}"),
        format!("{token}="),
        format!("{token} "),
        format!(" {token}"),
        format!("Bearer {token}"),
        format!("\"{token}\""),
        format!("{message}.{}", &signature[..signature.len() - 2]),
        format!("{message}.{signature}AA"),
    ] {
        assert_eq!(check(&text, &keys), Some(Rejection::Forged), "{text}");
    }
}

#[test]
fn a_token_beyond_the_bound_is_not_looked_at() {
    let keys = fixture::key_set(Algorithm::Hs256);
    let sized = |padding: usize| {
        fixture::sign(
            Algorithm::Hs256,
            &with(good(), "pad", json!("x".repeat(padding))),
        )
    };
    let fits = sized(TOKEN_BYTES_MAX * 3 / 4 - 200);
    assert!(fits.len() <= TOKEN_BYTES_MAX);
    assert_eq!(check(&fits, &keys), None);
    let longer = sized(TOKEN_BYTES_MAX * 3 / 4);
    assert_eq!(check(&longer, &keys), Some(Rejection::TooLong));
}

#[test]
fn the_header_must_be_an_object_that_agrees_with_the_pinned_algorithm() {
    let keys = fixture::key_set(Algorithm::Hs256);
    for header in [
        r#"{"alg":"HS256"}"#,
        r#" {"alg":"HS256","kid":"any","typ":5,"jwk":{"kty":"oct"}}"#,
        r#"{"\u0061lg":"HS\u0032\u0035\u0036"}"#,
    ] {
        assert_eq!(check(&under(header), &keys), None, "{header}");
    }
    for header in [
        "",
        "{}",
        "null",
        r#"["HS256"]"#,
        r#"["HS256",null,null]"#,
        r#""HS256""#,
        r#"{"alg":"hs256"}"#,
        r#"{"alg":"HS256 "}"#,
        r#"{"alg":""}"#,
        r#"{"alg":null}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"ALG":"HS256"}"#,
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","kid":5}"#,
        r#"{"alg":"HS256","crit":["exp"]}"#,
        r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#,
        r#"{"alg":"HS256"}{}"#,
    ] {
        assert_eq!(
            check(&under(header), &keys),
            Some(Rejection::Forged),
            "{header}"
        );
    }
}

#[test]
fn an_unknown_kid_is_told_unless_it_is_absurdly_long() {
    let jwk = fixture::jwk(Algorithm::Rs256, fixture::RSA_PKCS8);
    let set = json!({"keys": [with(jwk, "kid", json!("a"))]}).to_string();
    let keys = KeySet::new(Algorithm::Rs256, None)
        .unwrap()
        .with_published(Jwks::parse(Algorithm::Rs256, set.as_bytes()).unwrap());
    let token = |kid: &str| fixture::sign_rs256(fixture::RSA_PKCS8, Some(kid));
    assert_eq!(check(&token("a"), &keys), None);
    assert_eq!(
        check(&token("b"), &keys),
        Some(Rejection::UnknownKid("b".into()))
    );
    let long = "k".repeat(KID_BYTES_MAX + 1);
    assert_eq!(check(&token(&long), &keys), Some(Rejection::Forged));
}

#[test]
fn the_signature_is_judged_before_the_claims() {
    let keys = fixture::key_set(Algorithm::Hs256);
    let key = EncodingKey::from_secret(b"guess");
    let header = r#"{"alg":"HS256"}"#;
    for payload in ["{}", "[]", "", r#"{"exp":1}"#] {
        let token = fixture::sign_text(Algorithm::Hs256, &key, header, payload);
        assert_eq!(check(&token, &keys), Some(Rejection::Forged));
    }
}

#[test]
fn the_texts_are_those_of_the_original() {
    for (rejection, text) in [
        (Rejection::Empty, "not a token: \"\""),
        (Rejection::Forged, "Invalid signature"),
        (Rejection::UnknownKid("a".into()), "Invalid signature"),
        (Rejection::Unreadable, "Could not verify token"),
        (Rejection::Expired, "token expired"),
    ] {
        assert_eq!(rejection.to_string(), text);
    }
}

#[test]
fn the_cache_spares_the_signature_and_nothing_else() {
    let mut cache = SignatureCache::new();
    let keys = fixture::key_set(Algorithm::Es256);
    let token = fixture::sign(Algorithm::Es256, &json!({"exp": NOW + 60, "iss": "us"}));
    let mut check = |token: &str, keys: &KeySet, requirements: &Requirements, now| {
        verify_cached(token, keys, requirements, now, &mut cache).err()
    };
    assert_eq!(check(&token, &keys, &ANYBODY, NOW), None);
    assert_eq!(check(&token, &keys, &ANYBODY, NOW), None);
    let them = Requirements {
        issuer: Some("them".into()),
        audience: None,
    };
    assert_eq!(
        check(&token, &keys, &them, NOW),
        Some(Rejection::OtherIssuer)
    );
    assert_eq!(
        check(&token, &keys, &ANYBODY, NOW + 60),
        Some(Rejection::Expired)
    );
    let without_key = KeySet::new(Algorithm::Es256, None).unwrap();
    assert_eq!(
        check(&token, &without_key, &ANYBODY, NOW),
        Some(Rejection::Forged)
    );
}

#[test]
fn only_valid_tokens_of_slow_algorithms_are_remembered() {
    let mut cache = SignatureCache::new();
    for (algorithm, claims, remembered) in [
        (Algorithm::Hs256, good(), 0),
        (Algorithm::Es256, json!({"exp": NOW}), 0),
        (Algorithm::Es256, json!({}), 0),
        (Algorithm::Es256, good(), 1),
    ] {
        let token = fixture::sign(algorithm, &claims);
        let keys = fixture::key_set(algorithm);
        let _ = verify_cached(&token, &keys, &ANYBODY, NOW, &mut cache);
        let mut forged = token.clone();
        forged.pop();
        assert!(verify_cached(&forged, &keys, &ANYBODY, NOW, &mut cache).is_err());
        assert_eq!(cache.len(), remembered, "{claims}");
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_none_is_valid(token in "(\\PC|[.A-Za-z0-9_=-]){0,120}") {
        for algorithm in Algorithm::ALL {
            prop_assert!(check(&token, &fixture::key_set(algorithm)).is_some());
        }
    }

    #[test]
    fn no_parts_panic_and_none_are_valid(
        header in "(\\{\"alg\":\"HS256\"\\}|\\PC{0,40})",
        payload in "(\\{\"exp\":9999999999\\}|\\PC{0,40})",
        signature in proptest::collection::vec(any::<u8>(), 0..70),
    ) {
        let token = [header.as_bytes(), payload.as_bytes(), &signature]
            .map(|part| URL_SAFE_NO_PAD.encode(part))
            .join(".");
        let keys = fixture::key_set(Algorithm::Hs256);
        prop_assert_eq!(check(&token, &keys), Some(Rejection::Forged));
    }

    #[test]
    fn signed_nonsense_never_panics(header in "\\PC{0,40}", payload in "\\PC{0,40}") {
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let keys = fixture::key_set(Algorithm::Hs256);
        let token = fixture::sign_text(Algorithm::Hs256, &key, &header, &payload);
        prop_assert!(check(&token, &keys).is_some());
        let token = fixture::sign_text(Algorithm::Hs256, &key, r#"{"alg":"HS256"}"#, &payload);
        prop_assert!(check(&token, &keys).is_some());
    }
}
