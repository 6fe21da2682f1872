//! The classic attacks on token verification, one a test (RFC 8725).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};

use super::*;
use crate::core::auth::{
    algorithm::Algorithm,
    fixture::{self, ANYBODY, NOW, with},
    jwks::Jwks,
};

fn good() -> Value {
    json!({"exp": NOW + 60})
}

fn check(token: &str, keys: &KeySet) -> Option<Rejection> {
    verify(token, keys, &ANYBODY, NOW).err()
}

/// The attacker removes the signature and says there is none (RFC 8725 2.1).
#[test]
fn alg_none_is_never_accepted() {
    for algorithm in Algorithm::ALL {
        let keys = fixture::key_set(algorithm);
        let token = fixture::sign(algorithm, &good());
        let (message, signature) = token.rsplit_once('.').unwrap();
        let payload = message.split_once('.').unwrap().1;
        for name in ["none", "None", "NONE", "nOnE"] {
            let header = URL_SAFE_NO_PAD.encode(json!({ "alg": name }).to_string());
            for signature in ["", signature] {
                let token = format!("{header}.{payload}.{signature}");
                assert_eq!(check(&token, &keys), Some(Rejection::Forged), "{token}");
            }
        }
    }
}

/// The attacker takes the public key for an HMAC secret (RFC 8725 2.1): in whatever form the
/// gateway may hold it, and whether or not the header tells the truth.
#[test]
fn a_public_key_signs_nothing() {
    let texts = [
        fixture::RSA_PUBLIC,
        fixture::RSA_PUBLIC.trim_end(),
        fixture::RSA_PUBLIC_PKCS1,
        fixture::RSA_CERTIFICATE,
    ];
    let jwk = fixture::jwk(Algorithm::Rs256, fixture::RSA_PKCS8);
    let number = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let mut secrets: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    secrets.extend([number("n"), number("e"), vec![]]);
    let published = Jwks::parse(
        Algorithm::Rs256,
        json!({"keys": [with(jwk, "kid", json!("a"))]})
            .to_string()
            .as_bytes(),
    )
    .unwrap();
    for keys in [
        fixture::key_set(Algorithm::Rs256),
        KeySet::new(Algorithm::Rs256, Some(fixture::RSA_CERTIFICATE)).unwrap(),
        KeySet::new(Algorithm::Rs256, None)
            .unwrap()
            .with_published(published),
    ] {
        for secret in &secrets {
            for header in [
                r#"{"alg":"HS256"}"#,
                r#"{"alg":"RS256"}"#,
                r#"{"alg":"RS256","kid":"a"}"#,
                r#"{"alg":"HS256","kid":"a"}"#,
            ] {
                let key = EncodingKey::from_secret(secret);
                let payload = good().to_string();
                let token = fixture::sign_text(Algorithm::Hs256, &key, header, &payload);
                assert_eq!(check(&token, &keys), Some(Rejection::Forged), "{header}");
            }
        }
    }
}

/// The attacker puts their own key, or a place to fetch it from, into the header (RFC 8725 2.10).
#[test]
fn keys_in_the_token_are_ignored() {
    let key = EncodingKey::from_rsa_pem(fixture::RSA_OTHER_PKCS8.as_bytes()).unwrap();
    let header = json!({
        "alg": "RS256",
        "jwk": fixture::jwk(Algorithm::Rs256, fixture::RSA_OTHER_PKCS8),
        "jku": "https://attacker.example/keys",
        "x5u": "https://attacker.example/certificate",
    });
    let token = fixture::sign_text(
        Algorithm::Rs256,
        &key,
        &header.to_string(),
        &good().to_string(),
    );
    let keys = fixture::key_set(Algorithm::Rs256);
    assert_eq!(check(&token, &keys), Some(Rejection::Forged));
}

/// All-zero signatures verified in a well-known defect of another platform's ECDSA.
#[test]
fn an_all_zero_signature_is_forged() {
    let keys = fixture::key_set(Algorithm::Es256);
    let token = fixture::sign(Algorithm::Es256, &good());
    let message = token.rsplit_once('.').unwrap().0;
    let zero = format!("{message}.{}", URL_SAFE_NO_PAD.encode([0; 64]));
    assert_eq!(check(&zero, &keys), Some(Rejection::Forged));
}
