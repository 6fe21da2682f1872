//! What is sealed can be opened by the right key, and nothing else can.

use base64::{Engine, engine::general_purpose::URL_SAFE};
use proptest::prelude::*;

use super::*;

const SECRET: &[u8] = b"0123456789abcdef";
const NONCE: [u8; NONCE_BYTES] = [7; NONCE_BYTES];

fn key() -> Key {
    Key::derive(SECRET, Purpose::Correlation)
}

#[test]
fn faults_are_told_apart() {
    let token = key().seal(b"text", NONCE).unwrap();
    let unpadded = token.trim_end_matches('=');
    let short = URL_SAFE.encode([0; NONCE_BYTES + TAG_BYTES - 1]);
    let forged = URL_SAFE.encode([0; NONCE_BYTES + TAG_BYTES]);
    let long = "A".repeat(TOKEN_BYTES_MAX + 4);
    for (text, expected) in [
        (token.as_str(), Ok(b"text".to_vec())),
        ("", Err(SealFault::TooShort)),
        ("abc", Err(SealFault::NotBase64)),
        ("ab+/", Err(SealFault::NotBase64)),
        ("!", Err(SealFault::NotBase64)),
        (unpadded, Err(SealFault::NotBase64)),
        ("abcd", Err(SealFault::TooShort)),
        (&short, Err(SealFault::TooShort)),
        (&forged, Err(SealFault::NotAuthentic)),
        (&long, Err(SealFault::TooLong)),
    ] {
        assert_eq!(key().open(text), expected, "{text}");
    }
}

#[test]
fn a_token_is_good_for_one_purpose_and_one_secret() {
    let token = key().seal(b"text", NONCE).unwrap();
    for other in [
        Key::derive(SECRET, Purpose::Connection),
        Key::derive(b"0123456789abcdeg", Purpose::Correlation),
        Key::derive(b"", Purpose::Correlation),
    ] {
        assert_eq!(other.open(&token), Err(SealFault::NotAuthentic));
    }
}

#[test]
fn what_does_not_fit_into_a_token_is_not_sealed() {
    assert!(key().seal(&[0; 700], NONCE).is_some());
    assert!(key().seal(&[0; TOKEN_BYTES_MAX], NONCE).is_none());
}

#[test]
fn a_key_shows_nothing_of_itself() {
    assert_eq!(format!("{:?}", key()), "Key(Correlation)");
}

proptest! {
    #[test]
    fn what_is_sealed_is_url_safe_and_opens_to_the_same(
        plain in proptest::collection::vec(any::<u8>(), 0..200),
        nonce: [u8; NONCE_BYTES],
    ) {
        let token = key().seal(&plain, nonce).unwrap();
        prop_assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte)));
        prop_assert_eq!(key().open(&token), Ok(plain));
    }

    #[test]
    fn a_changed_token_is_not_authentic(
        plain in proptest::collection::vec(any::<u8>(), 0..50),
        at: proptest::sample::Index,
        bit in 0_u8..8,
    ) {
        let token = key().seal(&plain, NONCE).unwrap();
        let mut bytes = URL_SAFE.decode(token).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert_eq!(key().open(&URL_SAFE.encode(bytes)), Err(SealFault::NotAuthentic));
    }

    #[test]
    fn no_text_makes_opening_panic(text: String) {
        prop_assert!(key().open(&text).is_err());
    }
}
