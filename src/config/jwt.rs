//! How tokens are to be verified, as text (spec: `config.md` 8.4, `auth.md` 6.1).
//!
//! Deliberately absent: keys. `core::auth` parses them, here it is only asked whether it can.

use crate::{
    config::{reader::Reader, secret::Secret},
    core::auth::{
        algorithm::{Algorithm, UnknownAlgorithm},
        keys::KeySet,
    },
};

/// What tokens must fulfil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwt {
    /// `JWT_SECRET_KEY`: HMAC secret as it is, or PEM text.
    pub secret_key: Option<Secret>,
    /// `JWT_ALG` in the spelling of [`super::settings::table::ALGORITHMS`].
    pub algorithm: String,
    /// Somebody set `JWT_ALG`; otherwise `algorithm` is the default, which no key set can hold.
    pub algorithm_given: bool,
    /// `JWT_JWKS_URL`: http or https, without user name.
    pub jwks_url: Option<String>,
    /// `JWT_ISSUER`: what `iss` must be.
    pub issuer: Option<String>,
    /// `JWT_AUDIENCE`: what `aud` must be or hold.
    pub audience: Option<String>,
}

// === impl Jwt ===

impl Jwt {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let jwt = Self {
            secret_key: reader.secret("JWT_SECRET_KEY"),
            algorithm: reader.word("JWT_ALG").to_owned(),
            algorithm_given: reader.is_given("JWT_ALG"),
            jwks_url: reader.text("JWT_JWKS_URL"),
            issuer: reader.text("JWT_ISSUER"),
            audience: reader.text("JWT_AUDIENCE"),
        };
        let faulty = ["JWT_SECRET_KEY", "JWT_ALG", "JWT_JWKS_URL"];
        if !faulty.iter().any(|variable| reader.is_faulty(variable))
            && let Some((variable, reason)) = jwt.key_fault()
        {
            reader.fault(variable, reason);
        }
        if !jwt.has_key() {
            reader.warn(
                "every token is rejected and secured endpoints answer 401: set JWT_SECRET_KEY or \
                 JWT_JWKS_URL",
            );
        }
        if jwt.jwks_url.as_deref().is_some_and(is_plain_and_far) {
            reader.warn("JWT_JWKS_URL is not https: who sits on the way can replace the keys");
        }
        jwt
    }

    /// Some token can be verified at all.
    pub const fn has_key(&self) -> bool {
        self.secret_key.is_some() || self.jwks_url.is_some()
    }

    /// The one algorithm in force. The default, HS256, is a shared secret, which no URL can
    /// publish; with a URL and nothing else said, it is RS256.
    ///
    /// # Errors
    /// The name is unknown; not after [`super::Config::load`].
    pub fn algorithm(&self) -> Result<Algorithm, UnknownAlgorithm> {
        match (&self.jwks_url, self.algorithm_given) {
            (Some(_url), false) => Ok(Algorithm::Rs256),
            (Some(_), true) | (None, _) => self.algorithm.parse(),
        }
    }

    /// Why there can be no keys with these settings, and which of them is at fault.
    fn key_fault(&self) -> Option<(&'static str, String)> {
        let algorithm = match self.algorithm() {
            Ok(algorithm) => algorithm,
            Err(unknown) => return Some(("JWT_ALG", unknown.to_string())),
        };
        let secret = self.secret_key.as_ref().map(Secret::expose);
        match KeySet::new(algorithm, secret) {
            Err(fault) => Some(("JWT_SECRET_KEY", fault.to_string())),
            Ok(keys) if self.jwks_url.is_some() => {
                (keys.awaiting_published().err()).map(|fault| ("JWT_JWKS_URL", fault.to_string()))
            }
            Ok(_) => None,
        }
    }
}

/// An http URL of another machine.
fn is_plain_and_far(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_near = bare == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback());
    uri.scheme_str() == Some("http") && !is_near
}
