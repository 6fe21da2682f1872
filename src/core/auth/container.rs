//! The text of `JWT_SECRET_KEY` to a key: a secret, or PEM of a certificate, a public key or a
//! private key, whose public half is taken (spec: `auth.md` 6.1).
//!
//! A certificate only carries its key: dates, names and issuer are not looked at, as in the
//! original. May depend on the DER crates (x509-cert, pkcs8) and on jsonwebtoken for the arithmetic.
//! RFC 5280 4.1 (certificates), RFC 5958 (PKCS#8), RFC 8017 A.1 (PKCS#1), RFC 5915 (SEC1).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    DecodingKey, EncodingKey, errors,
    jwk::{AlgorithmParameters, Jwk},
};
use pkcs8::PrivateKeyInfo;
use x509_cert::{
    Certificate,
    der::{
        Decode, Encode,
        asn1::{AnyRef, ObjectIdentifier},
        referenced::OwnedToRef,
    },
    spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef},
};

use crate::core::auth::{
    algorithm::{Algorithm, Family},
    key::{Key, KeyFault},
    pem,
};

/// `rsaEncryption` (RFC 8017 A.1).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// `id-ecPublicKey` (RFC 5480 2.1.1).
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// `secp256r1` (RFC 5480 2.1.1.1).
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// `id-Ed25519` (RFC 8410 3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Labels of blocks that are no secret.
const PUBLIC_LABELS: [&str; 3] = ["CERTIFICATE", "PUBLIC KEY", "RSA PUBLIC KEY"];
/// Labels of all blocks we read.
const LABELS: [&str; 6] = [
    "CERTIFICATE",
    "PUBLIC KEY",
    "RSA PUBLIC KEY",
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
];

/// Reads `JWT_SECRET_KEY` for `algorithm`: the bytes as they are for HS*, else PEM text, of which
/// the first certificate or key counts.
///
/// # Errors
///
/// The text is no key of the algorithm; see [`KeyFault`].
pub(super) fn read(algorithm: Algorithm, text: &str) -> Result<Key, KeyFault> {
    if !algorithm.is_symmetric() {
        return from_pem(algorithm, text);
    }
    if pem::first(text, &PUBLIC_LABELS).is_ok() {
        return Err(KeyFault::PublicSecret(algorithm));
    }
    Ok(Key::secret(algorithm, text.as_bytes()))
}

fn from_pem(algorithm: Algorithm, text: &str) -> Result<Key, KeyFault> {
    let block = pem::first(text, &LABELS).map_err(|fault| KeyFault::Pem(algorithm, fault))?;
    let der = block.der.as_slice();
    match block.label {
        "CERTIFICATE" => {
            let certificate = Certificate::from_der(der).map_err(|_| KeyFault::Undecodable)?;
            let key = &certificate.tbs_certificate.subject_public_key_info;
            from_spki(algorithm, &key.owned_to_ref())
        }
        "PUBLIC KEY" => {
            let key = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| KeyFault::Undecodable)?;
            from_spki(algorithm, &key)
        }
        "RSA PUBLIC KEY" => from_rsa_public(algorithm, der),
        "RSA PRIVATE KEY" => from_private(algorithm, Family::Rsa, &EncodingKey::from_rsa_der(der)),
        "EC PRIVATE KEY" => from_sec1(algorithm, der),
        _ => {
            let key = PrivateKeyInfo::from_der(der).map_err(|_| KeyFault::Undecodable)?;
            from_pkcs8(algorithm, &key)
        }
    }
}

fn from_spki(algorithm: Algorithm, key: &SubjectPublicKeyInfoRef<'_>) -> Result<Key, KeyFault> {
    let bytes = key
        .subject_public_key
        .as_bytes()
        .ok_or(KeyFault::Undecodable)?;
    match family(&key.algorithm) {
        Some(Family::Rsa) => from_rsa_public(algorithm, bytes),
        Some(Family::P256) => Key::p256(algorithm, bytes),
        Some(Family::Ed25519) => Key::ed25519(algorithm, bytes),
        Some(Family::Hmac) | None => Err(KeyFault::OtherKind(algorithm)),
    }
}

/// The public half is computed; the public key that version 2 may carry along is not trusted.
fn from_pkcs8(algorithm: Algorithm, key: &PrivateKeyInfo<'_>) -> Result<Key, KeyFault> {
    // Re-encoded, because the library wants PKCS#8 without any optional part.
    let der = || {
        PrivateKeyInfo::new(key.algorithm, key.private_key)
            .to_der()
            .map_err(|_| KeyFault::Undecodable)
    };
    match family(&key.algorithm) {
        Some(found @ Family::Rsa) => {
            let private = EncodingKey::from_rsa_der(key.private_key);
            from_private(algorithm, found, &private)
        }
        Some(found @ Family::P256) => {
            from_private(algorithm, found, &EncodingKey::from_ec_der(&der()?))
        }
        Some(found @ Family::Ed25519) => {
            from_private(algorithm, found, &EncodingKey::from_ed_der(&der()?))
        }
        Some(Family::Hmac) | None => Err(KeyFault::OtherKind(algorithm)),
    }
}

/// The form `openssl ecparam -genkey` writes: the inside of PKCS#8.
fn from_sec1(algorithm: Algorithm, der: &[u8]) -> Result<Key, KeyFault> {
    let identifier = AlgorithmIdentifierRef {
        oid: EC,
        parameters: Some(AnyRef::from(&P256)),
    };
    from_pkcs8(algorithm, &PrivateKeyInfo::new(identifier, der))
}

fn from_rsa_public(algorithm: Algorithm, der: &[u8]) -> Result<Key, KeyFault> {
    from_jwk(
        algorithm,
        Jwk::from_decoding_key(&DecodingKey::from_rsa_der(der), None),
    )
}

fn from_private(
    algorithm: Algorithm,
    found: Family,
    private: &EncodingKey,
) -> Result<Key, KeyFault> {
    if algorithm.family() != found {
        return Err(KeyFault::OtherKind(algorithm));
    }
    from_jwk(
        algorithm,
        Jwk::from_encoding_key(private, algorithm.library()),
    )
}

/// The library gives public numbers away in this form only.
fn from_jwk(algorithm: Algorithm, jwk: errors::Result<Jwk>) -> Result<Key, KeyFault> {
    let jwk = jwk.map_err(|_| KeyFault::Undecodable)?;
    let decode = |text: &String| {
        URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| KeyFault::Undecodable)
    };
    match &jwk.algorithm {
        AlgorithmParameters::RSA(key) => Key::rsa(algorithm, &decode(&key.n)?, &decode(&key.e)?),
        AlgorithmParameters::EllipticCurve(key) => Key::p256(
            algorithm,
            &[vec![4], decode(&key.x)?, decode(&key.y)?].concat(),
        ),
        AlgorithmParameters::OctetKeyPair(key) => Key::ed25519(algorithm, &decode(&key.x)?),
        // Non-exhaustive and not ours: whatever else there may be is no public key.
        _ => Err(KeyFault::OtherKind(algorithm)),
    }
}

/// The kind of key an algorithm identifier announces, if it is one of ours.
fn family(identifier: &AlgorithmIdentifierRef<'_>) -> Option<Family> {
    match identifier.oid {
        RSA => Some(Family::Rsa),
        EC => (identifier.parameters_oid() == Ok(P256)).then_some(Family::P256),
        ED25519 => Some(Family::Ed25519),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
