//! The payload of a token whose signature is genuine: when it counts, for whom, and what it says
//! (RFC 7519 4.1; spec: `auth.md` 6.1).
//!
//! Only what the decision needs is read at once; all else stays text until somebody asks.
//! Deliberately absent: signatures ([`super::token`]) and the session blacklist ([`crate::core::session`]).

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::core::auth::rejection::Rejection;

/// Claims a token must have beyond its lifetime; `None` asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requirements {
    /// `JWT_ISSUER`: `iss` is exactly this.
    pub issuer: Option<String>,
    /// `JWT_AUDIENCE`: `aud` is exactly this, or a list that contains it.
    pub audience: Option<String>,
}

/// The claims of a valid token. Its `Debug` form shows nothing of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims {
    /// A JSON object.
    payload: String,
    expires: u64,
}

/// What the lifetime needs.
#[derive(Deserialize)]
struct Lifetime {
    #[serde(default)]
    exp: Date,
    #[serde(default)]
    nbf: Date,
}

/// What [`Requirements`] need.
#[derive(Deserialize)]
struct Parties {
    iss: Option<Value>,
    aud: Option<Value>,
}

/// A `NumericDate` (RFC 7519 2), or what stands in its place.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
enum Date {
    #[default]
    Absent,
    /// The first whole second since 1970 that is not before the date; earlier dates count as 0,
    /// later ones than `u64` holds as its maximum. Comparing with whole seconds needs no more.
    Second(u64),
    /// Not a number.
    Other,
}

// === impl Claims ===

impl Claims {
    /// Reads the payload part of a token with a genuine signature and checks it at `now`.
    pub(super) fn read(
        payload: &str,
        requirements: &Requirements,
        now: u64,
    ) -> Result<Self, Rejection> {
        let payload = URL_SAFE_NO_PAD
            .decode(payload)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or(Rejection::Unreadable)?;
        let lifetime: Lifetime = object(&payload).ok_or(Rejection::Unreadable)?;
        let Date::Second(expires) = lifetime.exp else {
            return Err(Rejection::Expired);
        };
        if expires <= now {
            return Err(Rejection::Expired);
        }
        match lifetime.nbf {
            Date::Absent => {}
            Date::Second(second) if second <= now => {}
            Date::Second(_) | Date::Other => return Err(Rejection::NotYetValid),
        }
        requirements.check(&payload)?;
        Ok(Self { payload, expires })
    }

    /// The second (since 1970) from which the token is invalid.
    pub fn expires(&self) -> u64 {
        self.expires
    }

    /// Some of the claims: `T` is read from the object they are.
    ///
    /// # Errors
    ///
    /// [`Rejection::Unreadable`] if that is not what they are.
    pub(in crate::core) fn read_as<T: DeserializeOwned>(&self) -> Result<T, Rejection> {
        object(&self.payload).ok_or(Rejection::Unreadable)
    }

    /// All claims.
    ///
    /// # Errors
    ///
    /// [`Rejection::Unreadable`] if a claim nobody has looked at so far is malformed, for example a
    /// number beyond all range.
    pub fn value(&self) -> Result<Map<String, Value>, Rejection> {
        self.read_as()
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claims(expires {})", self.expires)
    }
}

// === impl Requirements ===

impl Requirements {
    fn check(&self, payload: &str) -> Result<(), Rejection> {
        if self.issuer.is_none() && self.audience.is_none() {
            return Ok(());
        }
        let parties: Parties = object(payload).ok_or(Rejection::Unreadable)?;
        if let Some(issuer) = &self.issuer
            && parties.iss.as_ref().and_then(Value::as_str) != Some(issuer)
        {
            return Err(Rejection::OtherIssuer);
        }
        if let Some(audience) = &self.audience {
            let contains = match &parties.aud {
                Some(Value::String(one)) => one == audience,
                Some(Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(audience)),
                Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
                    false
                }
            };
            if !contains {
                return Err(Rejection::OtherAudience);
            }
        }
        Ok(())
    }
}

// === impl Date ===

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DateVisitor)
    }
}

/// Accepts any JSON value: a claim of the wrong type is a finding, not a syntax error.
struct DateVisitor;

impl<'de> Visitor<'de> for DateVisitor {
    type Value = Date;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_u64<E>(self, seconds: u64) -> Result<Date, E> {
        Ok(Date::Second(seconds))
    }

    fn visit_i64<E>(self, seconds: i64) -> Result<Date, E> {
        Ok(Date::Second(u64::try_from(seconds).unwrap_or(0)))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, which is what `Date::Second` promises"
    )]
    fn visit_f64<E>(self, seconds: f64) -> Result<Date, E> {
        Ok(Date::Second(seconds.ceil() as u64))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Date, E> {
        Ok(Date::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Date, E> {
        Ok(Date::Other)
    }

    fn visit_unit<E>(self) -> Result<Date, E> {
        Ok(Date::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Date, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Date::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Date, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Date::Other)
    }
}

/// Parses a JSON object. serde would also take a list as the fields of a struct in order.
pub(super) fn object<T: DeserializeOwned>(json: &str) -> Option<T> {
    json.trim_ascii_start()
        .starts_with('{')
        .then(|| serde_json::from_str(json).ok())
        .flatten()
}

#[cfg(test)]
mod tests;
