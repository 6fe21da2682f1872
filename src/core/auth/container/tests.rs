//! Every form a key may come in, and every form it may not.

use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use super::*;
use crate::core::auth::{
    fixture::{self, NOW},
    pem::PemFault,
};

/// Reads `text` and checks that the key verifies what the fixture's private key signs.
fn check_form(algorithm: Algorithm, text: &str) {
    let key = read(algorithm, text).unwrap_or_else(|fault| panic!("{algorithm}: {fault}"));
    let token = fixture::sign(algorithm, &json!({"exp": NOW}));
    let (message, signature) = token.rsplit_once('.').unwrap();
    assert!(key.verifies(message.as_bytes(), signature), "{text}");
    assert!(!key.verifies(b"another message", signature), "{text}");
    assert!(!key.verifies(message.as_bytes(), ""), "{text}");
}

/// A self-signed certificate of the given private key.
fn certificate(private: &str) -> String {
    let key = KeyPair::from_pem(private).unwrap();
    let parameters = CertificateParams::new(vec!["rig.example".to_owned()]).unwrap();
    parameters.self_signed(&key).unwrap().pem()
}

#[test]
fn every_form_of_an_rsa_key_yields_its_public_half() {
    for text in [
        fixture::RSA_CERTIFICATE,
        fixture::RSA_PUBLIC,
        fixture::RSA_PUBLIC_PKCS1,
        fixture::RSA_PKCS8,
        fixture::RSA_PKCS1,
    ] {
        check_form(Algorithm::Rs256, text);
    }
    check_form(Algorithm::Rs384, fixture::RSA_CERTIFICATE);
    check_form(Algorithm::Rs512, fixture::RSA_PUBLIC);
}

#[test]
fn every_form_of_an_elliptic_curve_key_yields_its_public_half() {
    for text in [
        certificate(fixture::EC_PKCS8).as_str(),
        fixture::EC_PUBLIC,
        fixture::EC_COMPRESSED_PUBLIC,
        fixture::EC_PKCS8,
        fixture::EC_SEC1,
    ] {
        check_form(Algorithm::Es256, text);
    }
}

#[test]
fn every_form_of_an_ed25519_key_yields_its_public_half() {
    for text in [
        certificate(fixture::ED_PKCS8).as_str(),
        fixture::ED_PUBLIC,
        fixture::ED_PKCS8,
    ] {
        check_form(Algorithm::EdDsa, text);
    }
}

#[test]
fn a_private_key_that_carries_its_public_key_is_read_too() {
    // rcgen writes version 2 of PKCS#8 (RFC 5958).
    let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let from_private = read(Algorithm::EdDsa, &key.serialize_pem()).unwrap();
    let from_public = read(Algorithm::EdDsa, &key.public_key_pem()).unwrap();
    let digest = |key: &Key| {
        let mut digest = sha2::Sha256::default();
        key.digest(&mut digest);
        <[u8; 32]>::from(sha2::Digest::finalize(digest))
    };
    assert_eq!(digest(&from_private), digest(&from_public));
}

#[test]
fn of_a_chain_the_first_certificate_counts() {
    let chain = format!(
        "subject=CN = rig test\n{}{}",
        fixture::RSA_CERTIFICATE,
        certificate(fixture::EC_PKCS8)
    );
    check_form(Algorithm::Rs256, &chain);
}

#[test]
fn windows_line_ends_are_fine() {
    check_form(Algorithm::Rs256, &fixture::RSA_PUBLIC.replace('\n', "\r\n"));
}

#[test]
fn a_key_of_another_kind_is_refused_at_start() {
    let forms = [
        (Family::Rsa, fixture::RSA_CERTIFICATE),
        (Family::Rsa, fixture::RSA_PUBLIC),
        (Family::Rsa, fixture::RSA_PUBLIC_PKCS1),
        (Family::Rsa, fixture::RSA_PKCS8),
        (Family::Rsa, fixture::RSA_PKCS1),
        (Family::P256, fixture::EC_PUBLIC),
        (Family::P256, fixture::EC_PKCS8),
        (Family::P256, fixture::EC_SEC1),
        (Family::Ed25519, fixture::ED_PUBLIC),
        (Family::Ed25519, fixture::ED_PKCS8),
    ];
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        for (family, text) in forms {
            if family != algorithm.family() {
                let fault = read(algorithm, text).err();
                assert_eq!(fault, Some(KeyFault::OtherKind(algorithm)), "{text}");
            }
        }
        let fault = read(algorithm, fixture::EC_P384_PUBLIC).err();
        assert_eq!(fault, Some(KeyFault::OtherKind(algorithm)));
    }
}

#[test]
fn text_that_is_no_key_is_refused_at_start() {
    let mut cut: Vec<&str> = fixture::RSA_CERTIFICATE.lines().collect();
    cut.remove(3);
    let cut = cut.join("\n");
    let escaped = fixture::RSA_PUBLIC.replace('\n', "\\n");
    let relabelled = fixture::EC_PUBLIC.replace("PUBLIC", "PRIVATE");
    let rs256 = |fault| KeyFault::Pem(Algorithm::Rs256, fault);
    for (text, fault) in [
        ("mysecret", rs256(PemFault::NoBlock)),
        (" \n", rs256(PemFault::NoBlock)),
        (escaped.as_str(), rs256(PemFault::NotBase64)),
        (fixture::EC_ENCRYPTED, rs256(PemFault::Encrypted)),
        (cut.as_str(), KeyFault::Undecodable),
        (relabelled.as_str(), KeyFault::Undecodable),
        (fixture::RSA_1024_PUBLIC, KeyFault::RsaBits(1024)),
    ] {
        assert_eq!(read(Algorithm::Rs256, text).err(), Some(fault), "{text}");
    }
}

#[test]
fn messages_name_the_variable_and_never_the_key() {
    let body = fixture::EC_PUBLIC.lines().nth(1).unwrap();
    let fault = read(Algorithm::Rs256, fixture::EC_PUBLIC).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "JWT_ALG RS256 needs an RSA key, but JWT_SECRET_KEY holds another kind of key; change one of the two"
    );
    for text in ["mysecret", fixture::EC_PUBLIC, fixture::EC_ENCRYPTED] {
        let message = read(Algorithm::Rs256, text).unwrap_err().to_string();
        assert!(message.contains("JWT_SECRET_KEY"), "{message}");
        assert!(!message.contains("mysecret"), "{message}");
        assert!(!message.contains(body), "{message}");
    }
}

/// The operator sets a public key and forgets `JWT_ALG`: with HS256 everybody who can read the
/// public key could sign.
#[test]
fn a_public_key_is_refused_as_a_shared_secret() {
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        for text in [
            fixture::RSA_CERTIFICATE,
            fixture::RSA_PUBLIC,
            fixture::RSA_PUBLIC_PKCS1,
            fixture::EC_PUBLIC,
            fixture::ED_PUBLIC,
        ] {
            let fault = read(algorithm, text).err();
            assert_eq!(fault, Some(KeyFault::PublicSecret(algorithm)));
        }
    }
}

#[test]
fn a_shared_secret_is_taken_byte_for_byte() {
    for secret in ["mysecret", " mysecret\n", "bXlzZWNyZXQ=", "geheim\u{e4}"] {
        let key = read(Algorithm::Hs256, secret).unwrap();
        let private = EncodingKey::from_secret(secret.as_bytes());
        let token = fixture::sign_text(Algorithm::Hs256, &private, "{}", "{}");
        let (message, signature) = token.rsplit_once('.').unwrap();
        assert!(key.verifies(message.as_bytes(), signature));
    }
}

#[test]
fn no_corrupted_key_panics() {
    // Every single byte of the DER is disturbed once; what can still be read is a key or a fault.
    use base64::engine::general_purpose::STANDARD;
    for (algorithm, text) in [
        (Algorithm::Es256, fixture::EC_PKCS8),
        (Algorithm::Es256, fixture::EC_SEC1),
        (Algorithm::EdDsa, fixture::ED_PKCS8),
        (Algorithm::Rs256, fixture::RSA_PUBLIC),
        (Algorithm::Rs256, fixture::RSA_CERTIFICATE),
    ] {
        let block = pem::first(text, &LABELS).unwrap();
        for index in 0..block.der.len() {
            let mut der = block.der.clone();
            der[index] ^= 0x41;
            let text = format!(
                "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
                STANDARD.encode(der),
                label = block.label
            );
            let _ = read(algorithm, &text);
        }
    }
}
