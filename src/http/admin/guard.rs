//! The bearer token of the port (names.md `API_TOKEN`; RFC 6750 2.1).
//!
//! May depend on sha2 and actix-web. With a token configured, everything but [`OPEN`] needs it,
//! unknown routes included, so nobody without it can map the port. The paths are compared as
//! received: an odd spelling of an open path asks for the token.

use actix_web::{
    Error, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderMap},
    middleware::Next,
    web,
};
use sha2::{Digest, Sha256};

use crate::http::{admin::AdminState, problem::Problem};

/// Paths that need no token: load balancers and scrapers have none.
pub const OPEN: [&str; 4] = ["/health", "/health/live", "/health/ready", "/metrics"];

/// The token clients must present. Only its hash is kept.
#[derive(Clone)]
pub struct BearerToken([u8; 32]);

// === impl BearerToken ===

impl BearerToken {
    /// The token `secret`.
    pub fn new(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Whether `headers` present the token. Hashes are compared, and to their end, so the time
    /// taken tells nothing about the token.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(presented) = presented(headers) else {
            return false;
        };
        let presented: [u8; 32] = Sha256::digest(presented).into();
        let difference = self
            .0
            .iter()
            .zip(presented)
            .fold(0, |all, (ours, theirs)| all | (ours ^ theirs));
        difference == 0
    }
}

impl std::fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BearerToken(..)")
    }
}

/// Lets a request pass, or answers 401 before its body is read.
///
/// # Errors
/// What the handler fails with.
pub async fn check(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let token = request
        .app_data::<web::Data<AdminState>>()
        .and_then(|state| state.token.as_ref());
    let passes = match token {
        None => true,
        Some(token) => is_open(request.path()) || token.admits(request.headers()),
    };
    if passes {
        let response = next.call(request).await?;
        return Ok(response.map_into_boxed_body());
    }
    Ok(request.into_response(Problem::Unauthorized.error_response()))
}

fn is_open(path: &str) -> bool {
    OPEN.contains(&path.strip_suffix('/').unwrap_or(path))
}

/// The bytes after `Bearer`; nothing if they are missing or if there are several headers.
fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let (value, None) = (values.next()?.as_bytes(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.split_at_checked("bearer".len())?;
    let stripped = token.trim_ascii();
    let separated = token.first().is_some_and(u8::is_ascii_whitespace);
    (scheme.eq_ignore_ascii_case(b"bearer") && separated && !stripped.is_empty())
        .then_some(stripped)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

    use super::{BearerToken, is_open};

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn only_the_token_with_its_scheme_is_admitted() {
        let token = BearerToken::new(b"s3cret");
        let cases: [(&[&str], bool); 13] = [
            (&["Bearer s3cret"], true),
            (&["bearer s3cret"], true),
            (&["BEARER   s3cret"], true),
            (&["Bearer s3cret "], true),
            (&[], false),
            (&[""], false),
            (&["Bearer"], false),
            (&["Bearer "], false),
            (&["Bearers3cret"], false),
            (&["Bearer s3cre"], false),
            (&["Bearer s3crets"], false),
            (&["Basic s3cret"], false),
            (&["Bearer wrong", "Bearer s3cret"], false),
        ];
        for (values, admitted) in cases {
            assert_eq!(token.admits(&headers(values)), admitted, "{values:?}");
        }
    }

    #[test]
    fn an_empty_token_admits_nobody() {
        assert!(!BearerToken::new(b"").admits(&headers(&["Bearer "])));
    }

    #[test]
    fn odd_spellings_of_open_paths_need_the_token() {
        for open in ["/health", "/health/", "/health/ready", "/metrics"] {
            assert!(is_open(open), "{open}");
        }
        for closed in [
            "/%68ealth",
            "/healthz",
            "//health",
            "/health/x",
            "/health//",
            "/v3/apis",
            "/",
        ] {
            assert!(!is_open(closed), "{closed}");
        }
    }

    #[test]
    fn the_token_is_not_printed() {
        assert_eq!(
            format!("{:?}", BearerToken::new(b"s3cret")),
            "BearerToken(..)"
        );
    }
}
