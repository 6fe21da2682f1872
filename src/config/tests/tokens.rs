//! Keys for tokens: what `core::auth` cannot use is a fault of its setting.

use super::{Config, Flags, drawer, faults, good, lines, vars};
use crate::core::auth::algorithm::Algorithm;

const RSA: &str = include_str!("../../core/auth/fixture/rsa.public.pem");
const RSA_1024: &str = include_str!("../../core/auth/fixture/rsa.1024.public.pem");
const EC: &str = include_str!("../../core/auth/fixture/ec.public.pem");

const URL: (&str, &str) = ("JWT_JWKS_URL", "https://keys.example/");

#[test]
fn a_key_that_does_not_fit_the_algorithm_is_a_fault() {
    for (algorithm, key, expected) in [
        (
            "RS256",
            "mysecret",
            "JWT_SECRET_KEY: JWT_ALG RS256 needs PEM text in JWT_SECRET_KEY",
        ),
        (
            "RS256",
            EC,
            "JWT_SECRET_KEY: JWT_ALG RS256 needs an RSA key",
        ),
        (
            "ES256",
            RSA,
            "JWT_SECRET_KEY: JWT_ALG ES256 needs an elliptic-curve key",
        ),
        (
            "RS256",
            RSA_1024,
            "JWT_SECRET_KEY: the RSA key has 1024 bits",
        ),
        (
            "HS256",
            RSA,
            "JWT_SECRET_KEY: JWT_SECRET_KEY holds a certificate or public key",
        ),
    ] {
        let faults = faults(&[("JWT_ALG", algorithm), ("JWT_SECRET_KEY", key)]);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(expected), "{faults:?}");
    }
}

#[test]
fn a_key_in_a_file_is_checked_too() {
    let environment = vars(&[("JWT_ALG", "RS256"), ("JWT_SECRET_KEY_FILE", "key")]);
    let load = |pem| Config::load(&Flags::new(), &environment, &drawer(&[("key", pem)]));
    assert!(load(RSA).is_ok());
    assert_eq!(lines(load(EC)).len(), 1);
}

#[test]
fn no_url_can_publish_a_shared_secret() {
    let faults = faults(&[URL, ("JWT_ALG", "hs256")]);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].starts_with("JWT_JWKS_URL: JWT_ALG HS256 uses a shared secret"),
        "{faults:?}"
    );
}

#[test]
fn with_a_key_url_and_nothing_else_said_the_algorithm_is_rs256() {
    let algorithm = |environment: &[(&str, &str)]| good(environment).jwt.algorithm();
    assert_eq!(algorithm(&[]), Ok(Algorithm::Hs256));
    assert_eq!(algorithm(&[URL]), Ok(Algorithm::Rs256));
    assert_eq!(
        algorithm(&[URL, ("JWT_ALG", "ES256")]),
        Ok(Algorithm::Es256)
    );
    assert_eq!(
        algorithm(&[URL, ("JWT_SECRET_KEY", RSA)]),
        Ok(Algorithm::Rs256)
    );
    let faults = faults(&[URL, ("JWT_SECRET_KEY", "mysecret")]);
    assert!(
        faults[0].starts_with("JWT_SECRET_KEY: JWT_ALG RS256 needs PEM text"),
        "{faults:?}"
    );
}

#[test]
fn a_faulty_algorithm_is_one_fault_not_two() {
    assert_eq!(
        faults(&[("JWT_ALG", "none"), ("JWT_SECRET_KEY", "x")]).len(),
        1
    );
}
