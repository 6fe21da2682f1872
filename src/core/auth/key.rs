//! One verification key, checked once so that using it can neither fail nor panic.
//!
//! Keys are built from a shared secret or from the numbers of a public key; the rooms `container`
//! and `jwks` dig those out of PEM text and key sets. Deliberately absent: private keys
//! (RFC 7518 3 and 6, RFC 8037 2; spec: `auth.md` 6.1).

use std::fmt;

use jsonwebtoken::{DecodingKey, DecodingKeyKind, crypto};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::core::auth::{
    algorithm::{Algorithm, Family},
    pem::PemFault,
};

/// Smallest RSA modulus in bits (RFC 7518 3.3).
pub const RSA_BITS_MIN: usize = 2048;
/// Largest RSA modulus in bits; verification time grows with its square, and the library refuses
/// larger ones.
pub const RSA_BITS_MAX: usize = 4096;
/// Longest RSA exponent in bytes; practically all are 65537, and a long one only costs time.
const RSA_EXPONENT_BYTES_MAX: usize = 4;
/// Length of an Ed25519 key in bytes (RFC 8032 5.1.5).
const ED25519_BYTES: usize = 32;

/// A key that fits its algorithm. Its `Debug` form shows nothing of it.
#[derive(Clone)]
pub(super) struct Key {
    algorithm: Algorithm,
    inner: DecodingKey,
}

/// Why a key cannot be used; never contains key material. From `JWT_SECRET_KEY` it ends the start,
/// in a key set the key is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyFault {
    /// The text is not PEM.
    #[error("JWT_ALG {0} needs PEM text in JWT_SECRET_KEY, but {1}")]
    Pem(Algorithm, PemFault),
    /// The PEM block does not contain what its label says.
    #[error(
        "the certificate or key in JWT_SECRET_KEY cannot be decoded; check that it is complete"
    )]
    Undecodable,
    /// A key for another kind of algorithm.
    #[error(
        "JWT_ALG {0} needs {family}, but JWT_SECRET_KEY holds another kind of key; change one of the two",
        family = .0.family()
    )]
    OtherKind(Algorithm),
    /// Too weak or too costly.
    #[error("the RSA key has {0} bits; use one of {RSA_BITS_MIN} to {RSA_BITS_MAX} bits")]
    RsaBits(usize),
    /// Numbers that are no key of the algorithm, for example a point off the curve.
    #[error("the key is not a valid key for {0}; generate a new one")]
    Invalid(Algorithm),
    /// A public key as a shared secret: whoever reads the public key could sign tokens.
    #[error(
        "JWT_SECRET_KEY holds a certificate or public key, which is no secret, but JWT_ALG is {0}; set JWT_ALG to the algorithm of that key"
    )]
    PublicSecret(Algorithm),
}

// === impl Key ===

impl Key {
    /// The bytes of an HMAC secret as they are. `algorithm` is an HS* one.
    pub(super) fn secret(algorithm: Algorithm, secret: &[u8]) -> Self {
        Self {
            algorithm,
            inner: DecodingKey::from_secret(secret),
        }
    }

    /// Modulus and exponent of an RSA public key, both big-endian.
    pub(super) fn rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Result<Self, KeyFault> {
        expect_family(algorithm, Family::Rsa)?;
        let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
        let bits = bit_length(n);
        if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
            return Err(KeyFault::RsaBits(bits));
        }
        // An even modulus or exponent, or the exponent 1, is no RSA key; with 1 every message
        // would be its own signature.
        if !is_odd(n) || !is_odd(e) || e == [1] || e.len() > RSA_EXPONENT_BYTES_MAX {
            return Err(KeyFault::Invalid(algorithm));
        }
        Ok(Self {
            algorithm,
            inner: DecodingKey::from_rsa_raw_components(n, e),
        })
    }

    /// A point on P-256 in its SEC1 form, compressed or not.
    pub(super) fn p256(algorithm: Algorithm, point: &[u8]) -> Result<Self, KeyFault> {
        expect_family(algorithm, Family::P256)?;
        Self::probed(algorithm, DecodingKey::from_ec_der(point))
    }

    /// The 32 bytes of an Ed25519 public key.
    pub(super) fn ed25519(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyFault> {
        expect_family(algorithm, Family::Ed25519)?;
        // The library takes the first 32 bytes and panics if there are fewer.
        if bytes.len() != ED25519_BYTES {
            return Err(KeyFault::Invalid(algorithm));
        }
        Self::probed(algorithm, DecodingKey::from_ed_der(bytes))
    }

    /// The library decodes the point whenever it verifies; a bad one is an error, a bad signature
    /// is not.
    fn probed(algorithm: Algorithm, inner: DecodingKey) -> Result<Self, KeyFault> {
        match crypto::verify("", b"", &inner, algorithm.library()) {
            Ok(_) => Ok(Self { algorithm, inner }),
            Err(_) => Err(KeyFault::Invalid(algorithm)),
        }
    }

    /// `signature` (base64url, as in the token) is this key's signature of `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        crypto::verify(signature, message, &self.inner, self.algorithm.library()).unwrap_or(false)
    }

    /// Feeds the key to a digest, each part with its length in front.
    pub(super) fn digest(&self, digest: &mut Sha256) {
        let mut part = |bytes: &[u8]| {
            digest.update(bytes.len().to_be_bytes());
            digest.update(bytes);
        };
        part(self.algorithm.as_str().as_bytes());
        match self.inner.kind() {
            DecodingKeyKind::SecretOrDer(bytes) => part(bytes),
            DecodingKeyKind::RsaModulusExponent { n, e } => {
                part(n);
                part(e);
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.algorithm)
    }
}

fn expect_family(algorithm: Algorithm, family: Family) -> Result<(), KeyFault> {
    if algorithm.family() == family {
        Ok(())
    } else {
        Err(KeyFault::OtherKind(algorithm))
    }
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Bits of a big-endian number without leading zero bytes.
fn bit_length(number: &[u8]) -> usize {
    number
        .first()
        .map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|last| last % 2 == 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn modulus(bytes: usize) -> Vec<u8> {
        vec![0xff; bytes]
    }

    #[test]
    fn an_rsa_key_needs_2048_to_4096_bits_and_an_odd_exponent_above_one() {
        let e = [1, 0, 1];
        let check = |n: &[u8], e: &[u8]| Key::rsa(Algorithm::Rs256, n, e).err();
        assert_eq!(check(&modulus(256), &e), None);
        assert_eq!(check(&modulus(512), &e), None);
        let mut padded = vec![0];
        padded.extend(modulus(256));
        assert_eq!(check(&padded, &[0, 0, 3]), None);

        let mut short = modulus(256);
        short[0] = 0x7f;
        assert_eq!(check(&short, &e), Some(KeyFault::RsaBits(2047)));
        assert_eq!(check(&modulus(128), &e), Some(KeyFault::RsaBits(1024)));
        assert_eq!(check(&modulus(513), &e), Some(KeyFault::RsaBits(4104)));
        assert_eq!(check(&[], &e), Some(KeyFault::RsaBits(0)));
        let mut even = modulus(256);
        even[255] = 0xfe;
        let invalid = Some(KeyFault::Invalid(Algorithm::Rs256));
        assert_eq!(check(&even, &e), invalid);
        for e in [&[][..], &[0], &[1], &[2], &[1, 0, 0, 0, 1]] {
            assert_eq!(check(&modulus(256), e), invalid, "{e:?}");
        }
    }

    #[test]
    fn points_off_the_curve_and_keys_of_the_wrong_length_are_invalid() {
        let ec = |bytes: &[u8]| Key::p256(Algorithm::Es256, bytes).err();
        let invalid = Some(KeyFault::Invalid(Algorithm::Es256));
        for point in [&[][..], &[0], &[4], &[4; 65], &[2; 32], &[5; 97]] {
            assert_eq!(ec(point), invalid, "{point:?}");
        }
        let ed = |bytes: &[u8]| Key::ed25519(Algorithm::EdDsa, bytes).err();
        let invalid = Some(KeyFault::Invalid(Algorithm::EdDsa));
        for length in [0, 1, 31, 33, 64] {
            assert_eq!(ed(&vec![1; length]), invalid, "{length}");
        }
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        let other = |algorithm| Some(KeyFault::OtherKind(algorithm));
        assert_eq!(
            Key::rsa(Algorithm::Es256, &modulus(256), &[3]).err(),
            other(Algorithm::Es256)
        );
        assert_eq!(
            Key::p256(Algorithm::EdDsa, &[4; 65]).err(),
            other(Algorithm::EdDsa)
        );
        assert_eq!(
            Key::ed25519(Algorithm::Hs256, &[1; 32]).err(),
            other(Algorithm::Hs256)
        );
    }

    #[test]
    fn the_debug_form_hides_the_key() {
        let key = Key::secret(Algorithm::Hs256, b"mysecret");
        assert_eq!(format!("{key:?}"), "Key(HS256)");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), signature in "\\PC{0,90}") {
            for algorithm in Algorithm::ALL {
                let keys = [
                    Key::rsa(algorithm, &bytes, &[1, 0, 1]),
                    Key::p256(algorithm, &bytes),
                    Key::ed25519(algorithm, &bytes),
                    Ok(Key::secret(Algorithm::Hs256, &bytes)),
                ];
                for key in keys.into_iter().flatten() {
                    prop_assert!(!key.verifies(&bytes, &signature));
                }
            }
        }
    }
}
