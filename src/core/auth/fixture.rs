//! Keys and a signer for the tests of this room.
//!
//! The keys were generated for this purpose alone and protect nothing; `rsa.*`, `ec.*` and `ed.*`
//! are the same key in different clothes, `*.other.*` another one.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, crypto};
use serde_json::{Value, json};

use crate::core::auth::{
    algorithm::{Algorithm, Family},
    claims::Requirements,
    keys::KeySet,
};

pub(in crate::core) const RSA_CERTIFICATE: &str = include_str!("fixture/rsa.certificate.pem");
pub(in crate::core) const RSA_PUBLIC: &str = include_str!("fixture/rsa.public.pem");
pub(in crate::core) const RSA_PUBLIC_PKCS1: &str = include_str!("fixture/rsa.public.pkcs1.pem");
pub(in crate::core) const RSA_PKCS8: &str = include_str!("fixture/rsa.pkcs8.pem");
pub(in crate::core) const RSA_PKCS1: &str = include_str!("fixture/rsa.pkcs1.pem");
pub(in crate::core) const RSA_1024_PUBLIC: &str = include_str!("fixture/rsa.1024.public.pem");
pub(in crate::core) const RSA_OTHER_PUBLIC: &str = include_str!("fixture/rsa.other.public.pem");
pub(in crate::core) const RSA_OTHER_PKCS8: &str = include_str!("fixture/rsa.other.pkcs8.pem");
pub(in crate::core) const EC_PUBLIC: &str = include_str!("fixture/ec.public.pem");
pub(in crate::core) const EC_COMPRESSED_PUBLIC: &str =
    include_str!("fixture/ec.compressed.public.pem");
pub(in crate::core) const EC_PKCS8: &str = include_str!("fixture/ec.pkcs8.pem");
pub(in crate::core) const EC_SEC1: &str = include_str!("fixture/ec.sec1.pem");
pub(in crate::core) const EC_ENCRYPTED: &str = include_str!("fixture/ec.encrypted.pem");
pub(in crate::core) const EC_P384_PUBLIC: &str = include_str!("fixture/ec.p384.public.pem");
pub(in crate::core) const ED_PUBLIC: &str = include_str!("fixture/ed.public.pem");
pub(in crate::core) const ED_PKCS8: &str = include_str!("fixture/ed.pkcs8.pem");

/// The time of the recordings of the original; their tokens expire at 1795460942.
pub(in crate::core) const NOW: u64 = 1_795_460_400;
/// Shared secret of the recordings.
pub(in crate::core) const SECRET: &str = "mysecret";
/// Asks for nothing.
pub(in crate::core) const ANYBODY: Requirements = Requirements {
    issuer: None,
    audience: None,
};

/// The private key that belongs to [`public`].
pub(in crate::core) fn private(algorithm: Algorithm) -> EncodingKey {
    match algorithm.family() {
        Family::Hmac => EncodingKey::from_secret(SECRET.as_bytes()),
        Family::Rsa => EncodingKey::from_rsa_pem(RSA_PKCS8.as_bytes()).unwrap(),
        Family::P256 => EncodingKey::from_ec_pem(EC_PKCS8.as_bytes()).unwrap(),
        Family::Ed25519 => EncodingKey::from_ed_pem(ED_PKCS8.as_bytes()).unwrap(),
    }
}

/// What `JWT_SECRET_KEY` holds for it.
pub(in crate::core) fn public(algorithm: Algorithm) -> &'static str {
    match algorithm.family() {
        Family::Hmac => SECRET,
        Family::Rsa => RSA_PUBLIC,
        Family::P256 => EC_PUBLIC,
        Family::Ed25519 => ED_PUBLIC,
    }
}

/// A key set with the fixed key of `algorithm` only.
pub(in crate::core) fn key_set(algorithm: Algorithm) -> KeySet {
    KeySet::new(algorithm, Some(public(algorithm))).unwrap()
}

/// Signs any header and payload text, however absurd.
pub(in crate::core) fn sign_text(
    algorithm: Algorithm,
    key: &EncodingKey,
    header: &str,
    payload: &str,
) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = crypto::sign(message.as_bytes(), key, algorithm.library()).unwrap();
    format!("{message}.{signature}")
}

/// A proper token with these claims, signed with the usual key.
pub(in crate::core) fn sign(algorithm: Algorithm, claims: &Value) -> String {
    let header = json!({"alg": algorithm.as_str(), "typ": "JWT"}).to_string();
    sign_text(algorithm, &private(algorithm), &header, &claims.to_string())
}

/// A proper RS256 token that names its key.
pub(in crate::core) fn sign_rs256(private: &str, kid: Option<&str>) -> String {
    let key = EncodingKey::from_rsa_pem(private.as_bytes()).unwrap();
    let header = match kid {
        Some(kid) => json!({"alg": "RS256", "kid": kid}),
        None => json!({"alg": "RS256"}),
    };
    let claims = json!({"exp": NOW + 60});
    sign_text(
        Algorithm::Rs256,
        &key,
        &header.to_string(),
        &claims.to_string(),
    )
}

/// The JWK of a private key in PKCS#8 PEM, without `kid`.
pub(in crate::core) fn jwk(algorithm: Algorithm, private: &str) -> Value {
    let key = match algorithm.family() {
        Family::Hmac => EncodingKey::from_secret(private.as_bytes()),
        Family::Rsa => EncodingKey::from_rsa_pem(private.as_bytes()).unwrap(),
        Family::P256 => EncodingKey::from_ec_pem(private.as_bytes()).unwrap(),
        Family::Ed25519 => EncodingKey::from_ed_pem(private.as_bytes()).unwrap(),
    };
    let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&key, algorithm.library()).unwrap();
    serde_json::to_value(jwk).unwrap()
}

/// `value` with one member set; `null` removes it.
pub(in crate::core) fn with(mut value: Value, member: &str, content: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        if content.is_null() {
            object.remove(member);
        } else {
            object.insert(member.to_owned(), content);
        }
    }
    value
}
