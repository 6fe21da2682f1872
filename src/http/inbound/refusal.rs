//! The one table of the gateway's own answers on the inbound port (spec: `proxying.md` 3.12).

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        CACHE_CONTROL, CONNECTION, CONTENT_TYPE, ORIGIN, RETRY_AFTER, SERVER, VARY,
        WWW_AUTHENTICATE,
    },
};

use crate::{
    core::route::headers::X_REQUEST_ID, http::inbound::answer::Answer, telemetry::metrics::Outcome,
};

/// `server` of answers that have none.
pub const SERVER_NAME: &str = "rig";

/// Why the gateway answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request cannot be used: no or several `host`, raw bytes or broken escapes in the path,
    /// broken framing of the body.
    #[error("bad request")]
    BadRequest,
    /// TRACE or CONNECT, or a transfer coding besides `chunked`.
    #[error("the method or transfer coding is not implemented")]
    NotImplemented,
    /// No endpoint matches.
    #[error("no endpoint matches")]
    NotFound,
    /// The matching endpoint's method is not one that is forwarded.
    #[error("the method is not allowed")]
    MethodNotAllowed,
    /// No valid token.
    #[error("authentication failed")]
    Unauthorized,
    /// The request body is larger than allowed.
    #[error("the request body is too large")]
    PayloadTooLarge,
    /// The client paused too long within its body.
    #[error("the client is too slow")]
    ClientTimeout,
    /// The client broke off within its body; nobody reads this answer.
    #[error("the client broke off")]
    ClientClosed,
    /// The target cannot be reached or broke off before its answer.
    #[error("the target is unreachable")]
    BadGateway,
    /// The target did not answer in time.
    #[error("the target timed out")]
    GatewayTimeout,
    /// The target is of a kind this node cannot serve.
    #[error("the target is not available")]
    Unavailable,
    /// Not known yet which sessions are revoked, so no token can be judged.
    #[error("the node is not ready to judge tokens")]
    Starting,
    /// The target accepted, but the answer did not come in time.
    #[error("no answer arrived in time")]
    AnswerTimeout,
}

/// What an answer of the gateway carries besides its refusal.
#[derive(Debug)]
pub struct Marks {
    /// `x-request-id`.
    pub request_id: HeaderValue,
    /// `traceparent`.
    pub traceparent: HeaderValue,
}

// === impl Marks ===

impl Marks {
    /// Puts them, and the gateway's name, into an answer.
    pub fn apply(self, headers: &mut HeaderMap) {
        headers.insert(SERVER, HeaderValue::from_static(SERVER_NAME));
        headers.insert(X_REQUEST_ID, self.request_id);
        headers.insert("traceparent", self.traceparent);
    }
}

// === impl Refusal ===

impl Refusal {
    /// How the metrics count it.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::BadRequest | Self::NotImplemented => Outcome::BadRequest,
            Self::NotFound => Outcome::NotFound,
            Self::MethodNotAllowed => Outcome::MethodNotAllowed,
            Self::Unauthorized => Outcome::Unauthorized,
            Self::PayloadTooLarge => Outcome::PayloadTooLarge,
            Self::ClientTimeout => Outcome::ClientTimeout,
            Self::ClientClosed => Outcome::ClientClosed,
            Self::BadGateway => Outcome::Unreachable,
            Self::GatewayTimeout => Outcome::RequestTimeout,
            Self::Unavailable | Self::Starting => Outcome::Unavailable,
            Self::AnswerTimeout => Outcome::ResponseTimeout,
        }
    }

    /// The status of the answer.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::ClientClosed => StatusCode::BAD_REQUEST,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ClientTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BadGateway => StatusCode::BAD_GATEWAY,
            Self::GatewayTimeout | Self::AnswerTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Unavailable | Self::Starting => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What the answer says, unless a target may say more.
    pub const fn text(self) -> &'static str {
        match self {
            Self::BadRequest | Self::NotImplemented | Self::ClientClosed | Self::AnswerTimeout => {
                ""
            }
            Self::NotFound => r#"{"message":"Not Found"}"#,
            Self::MethodNotAllowed => "Method not allowed.",
            Self::Unauthorized => "Authentication failed.",
            Self::PayloadTooLarge => "Payload too large.",
            Self::ClientTimeout => "Request timeout.",
            Self::BadGateway => "Bad gateway.",
            Self::GatewayTimeout => "Gateway timeout.",
            Self::Unavailable | Self::Starting => "Service unavailable.",
        }
    }

    /// The framing of what follows on this connection is unknown or unwanted.
    const fn closes(self) -> bool {
        matches!(
            self,
            Self::BadRequest
                | Self::NotImplemented
                | Self::PayloadTooLarge
                | Self::ClientTimeout
                | Self::ClientClosed
        )
    }

    /// Headers a browser may send, where the answer carries CORS headers at all.
    const fn cors_headers(self) -> Option<&'static str> {
        match self {
            Self::Unauthorized | Self::Starting | Self::AnswerTimeout => Some("content-type"),
            Self::Unavailable => Some("content-type,authorization"),
            Self::BadRequest
            | Self::NotImplemented
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::PayloadTooLarge
            | Self::ClientTimeout
            | Self::ClientClosed
            | Self::BadGateway
            | Self::GatewayTimeout => None,
        }
    }

    /// The whole answer.
    pub fn answer(
        self,
        marks: Marks,
        cors: &Cors,
        origin: Option<&HeaderValue>,
    ) -> Response<Answer> {
        let mut response = plain(self.status(), self.text(), marks);
        let headers = response.headers_mut();
        match self {
            Self::NotFound => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
            }
            Self::BadRequest | Self::NotImplemented | Self::ClientClosed | Self::AnswerTimeout => {
                headers.remove(CONTENT_TYPE);
            }
            Self::Unauthorized => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::Unavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("60"));
            }
            Self::Starting => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::MethodNotAllowed
            | Self::PayloadTooLarge
            | Self::ClientTimeout
            | Self::BadGateway
            | Self::GatewayTimeout => {}
        }
        if let Some(allowed) = self.cors_headers() {
            cors.apply(headers, origin, allowed);
        }
        if self.closes() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Content type of JSON.
pub const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// A complete answer of the gateway itself, with the headers all of them carry.
pub fn plain(status: StatusCode, text: impl Into<Bytes>, marks: Marks) -> Response<Answer> {
    let mut response = Response::new(Answer::complete(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(TEXT));
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("max-age=0, private, must-revalidate"),
    );
    marks.apply(headers);
    response
}

/// The configured `CORS` origins.
#[derive(Debug)]
pub struct Cors {
    origins: Vec<HeaderValue>,
}

impl Cors {
    /// `configured`: one value, sent as it is, or a comma list from which the request's origin is
    /// picked.
    pub fn new(configured: &str) -> Self {
        let origins = configured
            .split(',')
            .map(str::trim)
            .filter_map(|origin| HeaderValue::try_from(origin).ok())
            .collect();
        Self { origins }
    }

    /// Sets the CORS headers of an answer to a request from `origin`; `allowed` are the headers that
    /// a browser may send.
    pub fn apply(
        &self,
        headers: &mut HeaderMap,
        origin: Option<&HeaderValue>,
        allowed: &'static str,
    ) {
        self.allow_origin(headers, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("*"));
        headers.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(allowed),
        );
    }

    /// Lets the page of `origin`, as far as it is configured, read the answer.
    pub fn allow_origin(&self, headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
        let listed = origin.and_then(|origin| self.origins.iter().find(|entry| *entry == origin));
        if let Some(value) = listed.or_else(|| self.origins.first()) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, value.clone());
        }
        if self.origins.len() > 1 {
            // Caches must not give one origin's answer to another.
            headers.insert(VARY, HeaderValue::from_name(ORIGIN));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> Marks {
        Marks {
            request_id: HeaderValue::from_static("id"),
            traceparent: HeaderValue::from_static("trace"),
        }
    }

    fn allowed_origin(configured: &str, origin: &'static str) -> (String, bool) {
        let origin = HeaderValue::from_static(origin);
        let answer = Refusal::Unauthorized.answer(marks(), &Cors::new(configured), Some(&origin));
        let allowed = answer.headers()[ACCESS_CONTROL_ALLOW_ORIGIN]
            .to_str()
            .unwrap()
            .to_owned();
        (allowed, answer.headers().contains_key(VARY))
    }

    #[test]
    fn one_configured_origin_is_sent_as_it_is_and_a_list_is_picked_from() {
        assert_eq!(allowed_origin("*", "http://a"), ("*".to_owned(), false));
        assert_eq!(
            allowed_origin("http://a, http://b", "http://b"),
            ("http://b".to_owned(), true)
        );
        assert_eq!(
            allowed_origin("http://a,http://b", "http://c"),
            ("http://a".to_owned(), true)
        );
    }

    #[test]
    fn a_401_names_the_scheme_and_a_404_is_json() {
        let answer = Refusal::Unauthorized.answer(marks(), &Cors::new("*"), None);
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers()[WWW_AUTHENTICATE], "Bearer");
        let answer = Refusal::NotFound.answer(marks(), &Cors::new("*"), None);
        assert_eq!(answer.headers()[CONTENT_TYPE], JSON);
        assert!(!answer.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    }

    #[test]
    fn an_answer_to_a_request_of_unknown_framing_closes_the_connection() {
        for refusal in [
            Refusal::BadRequest,
            Refusal::NotImplemented,
            Refusal::PayloadTooLarge,
        ] {
            let answer = refusal.answer(marks(), &Cors::new("*"), None);
            assert_eq!(answer.headers()[CONNECTION], "close", "{refusal:?}");
        }
    }
}
