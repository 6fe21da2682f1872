//! How tokens are to be verified, as text (spec: `config.md` 8.4, `auth.md` 6.1).
//!
//! Deliberately absent: keys. They are parsed by `core::auth`; whether the text is one is asked in
//! `key_fault`.

use crate::config::{reader::Reader, secret::Secret};

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
        if !reader.is_faulty("JWT_SECRET_KEY")
            && !reader.is_faulty("JWT_ALG")
            && let Some(reason) = key_fault(&jwt)
        {
            reader.fault("JWT_SECRET_KEY", reason);
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
}

/// Why `JWT_SECRET_KEY` is no key for `JWT_ALG`.
///
/// TODO(lead): ask `core::auth`, once it parses keys.
const fn key_fault(_jwt: &Jwt) -> Option<String> {
    None
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
