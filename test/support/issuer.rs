//! An issuer of tokens: signs with RSA keys by id, and publishes them where `JWT_JWKS_URL` looks.

use std::{
    io::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};

use crate::support::puppet::Puppet;

/// Two RSA keys made for tests; they protect nothing.
const KEYS: [&str; 2] = [
    include_str!("../../src/core/auth/fixture/rsa.pkcs8.pem"),
    include_str!("../../src/core/auth/fixture/rsa.other.pkcs8.pem"),
];

/// A running key server.
pub(crate) struct Issuer {
    server: Puppet,
    published: Arc<Mutex<String>>,
    fetches: Arc<AtomicUsize>,
}

// === impl Issuer ===

impl Issuer {
    /// Starts with nothing published: status 500.
    pub(crate) fn start() -> Self {
        let published: Arc<Mutex<String>> = Arc::default();
        let fetches: Arc<AtomicUsize> = Arc::default();
        let (shown, counted) = (Arc::clone(&published), Arc::clone(&fetches));
        let server = Puppet::start(move |_request, stream| {
            counted.fetch_add(1, Ordering::SeqCst);
            let keys = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if keys.is_empty() {
                return stream.write_all(b"HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n");
            }
            crate::support::puppet::answer(stream, &[("content-type", "application/json")], &keys)
        });
        Self {
            server,
            published,
            fetches,
        }
    }

    /// Where the keys are.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/keys", self.server.address())
    }

    /// Publishes these keys, each under its id, and no others.
    pub(crate) fn publish(&self, keys: &[(&str, usize)]) {
        let keys: Vec<Value> = keys.iter().map(|(kid, key)| public(kid, *key)).collect();
        *self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = json!({ "keys": keys }).to_string();
    }

    /// How often the keys were fetched.
    pub(crate) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

/// A token that is good for ten minutes, signed with key number `key` under the id `kid`.
pub(crate) fn rs256(kid: Option<&str>, key: usize, claims: Value) -> String {
    let mut header = Header::new(Algorithm::RS256);
    header.kid = kid.map(str::to_owned);
    let private = EncodingKey::from_rsa_pem(KEYS[key].as_bytes()).expect("an RSA key");
    encode(&header, &lasting(claims), &private).expect("a token")
}

/// A token that is good for ten minutes, signed with `secret`.
pub(crate) fn hs256(secret: &str, claims: Value) -> String {
    let secret = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(Algorithm::HS256), &lasting(claims), &secret).expect("a token")
}

fn lasting(mut claims: Value) -> Value {
    if claims.get("exp").is_none() {
        claims["exp"] = json!(now() + 600);
    }
    claims
}

/// Seconds since the epoch.
pub(crate) fn now() -> u64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("a clock after 1970")
        .as_secs()
}

fn public(kid: &str, key: usize) -> Value {
    let private = EncodingKey::from_rsa_pem(KEYS[key].as_bytes()).expect("an RSA key");
    let jwk = Jwk::from_encoding_key(&private, Algorithm::RS256).expect("a public key");
    let mut jwk = serde_json::to_value(jwk).expect("JSON");
    jwk["kid"] = json!(kid);
    jwk["use"] = json!("sig");
    jwk
}
