//! Why a token is rejected, in the words clients see after `could not decode JWT: `
//! (spec: `auth.md` 6.1, `events.md` 5.4).
//!
//! Deliberately absent: anything of the token itself, except the key id a fetch of keys needs and the
//! name of a revoked session.

use thiserror::Error;

/// Longest token in bytes. Servers accept 8 to 16 KiB of headers, so no longer token arrives there;
/// in a query or a message it would only cost time.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Why a token is rejected. The texts go to clients; the first four and
/// [`Rejection::Blacklisted`] are the original's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Rejection {
    /// The empty string.
    #[error("not a token: \"\"")]
    Empty,
    /// Not a compact JWS, another algorithm than the pinned one, or not signed by our key.
    #[error("Invalid signature")]
    Forged,
    /// Genuine, but the payload is not a JSON object.
    #[error("Could not verify token")]
    Unreadable,
    /// `exp` is missing, not a number, or not after now.
    #[error("token expired")]
    Expired,
    /// `nbf` is after now or not a number.
    #[error("token not yet valid")]
    NotYetValid,
    /// `iss` is not the required one.
    #[error("token of another issuer")]
    OtherIssuer,
    /// `aud` does not contain the required one.
    #[error("token for another audience")]
    OtherAudience,
    /// Longer than [`TOKEN_BYTES_MAX`].
    #[error("token longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// Signed by a key that is not known (yet): fetch the published keys, at a bounded rate, as the
    /// sender can invent ids. At most [`KID_BYTES_MAX`](crate::core::auth::jwks::KID_BYTES_MAX) bytes, not for logs.
    #[error("Invalid signature")]
    UnknownKid(String),
    /// The token's session or `jti` is revoked; the name is the one that was found.
    #[error("Ignoring blacklisted JWT with ID \"{0}\".")]
    Blacklisted(String),
}
