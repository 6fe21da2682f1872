//! May this client subscribe to that, submit this? `SUBSCRIPTION_CHECK` and `SUBMISSION_CHECK`
//! (spec: `events.md` 5.3 and 5.7).
//!
//! Nobody is asked, or a valid token is enough, or a service of the operator decides: it gets the
//! subscriptions or the event by POST and says yes with 2xx. Everything but a clear yes is no. One of
//! these per worker, because its HTTP client lives on one thread. Deliberately absent: caching of
//! verdicts, redirects, proxies, and logging of what is asked.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::body::{BodySize, MessageBody};
use awc::{
    Client, Connector,
    error::{ConnectError, SendRequestError},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Uri, header};
use tokio::sync::{Notify, Semaphore};

use crate::{core::auth::extract::check_tokens, http::inbound::gate::Gate};

/// Longest wait for a connection to the service, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(8);

/// Longest wait for the head of its answer, once the question is being sent.
const RECEIVE_MAX: Duration = Duration::from_secs(5);

/// Body of an answer that is read; with a longer one, the connection ends.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Longest wait for that body, which usually comes with the head.
const ANSWER_REST_MAX: Duration = Duration::from_millis(100);

/// Questions under way at a time and worker. A service that answers within 10 ms then decides ten
/// thousand a second; more would only wait there.
const ASKED_MAX: usize = 100;

/// Longest wait for one of these places.
const QUEUE_MAX: Duration = Duration::from_secs(5);

/// The content type of subscriptions that come from a query parameter.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// Who decides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Check {
    /// Nobody: everything is allowed.
    #[default]
    Nothing,
    /// One valid token is enough.
    Token,
    /// The service at this URL.
    Service(Uri),
}

/// The value of a check is none of the words and no URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be no_check, jwt_validation or a URL that begins with http:// or https://")]
pub struct CheckFault;

/// Both checks, for one worker.
pub struct Checks {
    subscription: Check,
    submission: Check,
    gate: Gate,
    client: Client,
    places: Semaphore,
}

/// What a client wants, and who says so.
#[derive(Debug)]
pub struct Question<'a> {
    /// The client's tokens, for `jwt_validation`.
    pub tokens: &'a [&'a str],
    /// For a service: what is wanted, as JSON or as it was received.
    pub body: Bytes,
    /// For a service: the type of `body`.
    pub content_type: Option<HeaderValue>,
    /// For a service: the client's credentials.
    pub authorization: Option<HeaderValue>,
}

/// Why a service's verdict is no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Denied {
    /// 401 or 403.
    #[error("the service says no")]
    ByService,
    #[error("the service answered {0}, which is neither 2xx nor 401 or 403")]
    Unclear(u16),
    #[error("the service cannot be asked: {0}")]
    Unreachable(String),
    #[error("the service closed the connection without an answer")]
    Disconnected,
    #[error("no connection to the service within {} s", CONNECT_MAX.as_secs())]
    ConnectTimeout,
    #[error("no answer of the service within {} s", RECEIVE_MAX.as_secs())]
    ReceiveTimeout,
    #[error("too many questions are under way")]
    Crowded,
}

// === impl Check ===

impl Check {
    /// Reads a setting. Words are case-insensitive, a URL is taken as it is.
    ///
    /// # Errors
    /// [`CheckFault`]
    pub fn parse(text: &str) -> Result<Self, CheckFault> {
        if text.is_empty() || text.eq_ignore_ascii_case("no_check") {
            return Ok(Self::Nothing);
        }
        if text.eq_ignore_ascii_case("jwt_validation") {
            return Ok(Self::Token);
        }
        let url: Uri = text.parse().map_err(|_malformed| CheckFault)?;
        let is_http = matches!(url.scheme_str(), Some("http" | "https"));
        if is_http && url.host().is_some_and(|host| !host.is_empty()) {
            Ok(Self::Service(url))
        } else {
            Err(CheckFault)
        }
    }
}

impl Check {
    /// A service of the operator is asked, which reads for itself what is wanted.
    const fn is_service(&self) -> bool {
        matches!(self, Self::Service(_))
    }
}

// === impl Checks ===

impl Checks {
    /// A service decides about subscriptions.
    pub const fn has_subscription_service(&self) -> bool {
        self.subscription.is_service()
    }

    /// A service decides about submissions.
    pub const fn has_submission_service(&self) -> bool {
        self.submission.is_service()
    }

    /// For the current thread. `tls` says which services are trusted.
    pub fn new(
        subscription: Check,
        submission: Check,
        gate: Gate,
        tls: Arc<rustls::ClientConfig>,
    ) -> Self {
        let connector = Connector::new()
            .rustls_0_23(tls)
            .timeout(CONNECT_MAX)
            .handshake_timeout(CONNECT_MAX)
            .limit(ASKED_MAX);
        let client = Client::builder()
            .connector(connector)
            .disable_redirects()
            .disable_timeout()
            .no_default_headers()
            .finish();
        Self {
            subscription,
            submission,
            gate,
            client,
            places: Semaphore::new(ASKED_MAX),
        }
    }

    /// Whether a client that connects with `jwt` may subscribe to `subscriptions`, the JSON object
    /// `{"subscriptions":[…]}`. Not to be asked if the client named none.
    pub async fn connecting(&self, jwt: Option<&str>, subscriptions: Bytes) -> bool {
        // A token that is no header text is no token either.
        let bearer = jwt.map(|jwt| HeaderValue::try_from(format!("Bearer {jwt}")));
        let question = Question {
            tokens: jwt.as_slice(),
            body: subscriptions,
            content_type: Some(JSON),
            authorization: bearer.and_then(Result::ok),
        };
        self.allows("subscription", &self.subscription, question)
            .await
    }

    /// Whether a client may replace its subscriptions; `headers` and `body` are its request's.
    pub async fn subscription(&self, headers: &HeaderMap, body: Bytes) -> bool {
        self.request("subscription", &self.subscription, headers, body)
            .await
    }

    /// Whether a client may submit an event; `headers` are its request's, `body` is the event as
    /// JSON, `content_type` its type if that is not the request's (binary mode).
    pub async fn submission(
        &self,
        headers: &HeaderMap,
        body: Bytes,
        content_type: Option<HeaderValue>,
    ) -> bool {
        match content_type {
            None => {
                self.request("submission", &self.submission, headers, body)
                    .await
            }
            Some(content_type) => {
                let mut typed = headers.clone();
                typed.insert(header::CONTENT_TYPE, content_type);
                self.request("submission", &self.submission, &typed, body)
                    .await
            }
        }
    }

    async fn request(
        &self,
        what: &'static str,
        check: &Check,
        headers: &HeaderMap,
        body: Bytes,
    ) -> bool {
        let tokens = check_tokens(headers);
        let tokens: Vec<&str> = tokens.iter().map(AsRef::as_ref).collect();
        let question = Question {
            tokens: &tokens,
            body,
            content_type: headers.get(header::CONTENT_TYPE).cloned(),
            authorization: joined(headers),
        };
        self.allows(what, check, question).await
    }

    async fn allows(&self, what: &'static str, check: &Check, question: Question<'_>) -> bool {
        match check {
            Check::Nothing => true,
            Check::Token => self.has_valid(question.tokens).await,
            Check::Service(url) => match self.ask(url, question).await {
                Ok(()) => true,
                Err(Denied::ByService) => false,
                Err(denied) => {
                    log::warn!("a {what} is denied: {denied}");
                    false
                }
            },
        }
    }

    async fn has_valid(&self, tokens: &[&str]) -> bool {
        if !self.gate.is_open() {
            return false;
        }
        for token in tokens {
            if self.gate.verify(token).await.is_ok() {
                return true;
            }
        }
        false
    }

    async fn ask(&self, url: &Uri, question: Question<'_>) -> Result<(), Denied> {
        let place = tokio::time::timeout(QUEUE_MAX, self.places.acquire()).await;
        let Ok(Ok(_place)) = place else {
            return Err(Denied::Crowded);
        };
        let verdict = self.ask_once(url, &question).await;
        match verdict {
            // A kept connection may have been closed at the other end meanwhile. Asking twice does
            // no harm.
            Err(Denied::Disconnected) => self.ask_once(url, &question).await,
            verdict => verdict,
        }
    }

    async fn ask_once(&self, url: &Uri, question: &Question<'_>) -> Result<(), Denied> {
        let mut request = self.client.post(url.to_string());
        if let Some(content_type) = &question.content_type {
            request = request.insert_header(("content-type", content_type.as_bytes()));
        }
        if let Some(authorization) = &question.authorization {
            request = request.insert_header(("authorization", authorization.as_bytes()));
        }
        let is_sent = Rc::new(Notify::new());
        let body = Announced {
            bytes: Cell::new(Some(question.body.clone())),
            length: question.body.len() as u64,
            is_taken: Rc::clone(&is_sent),
        };
        let mut answer = std::pin::pin!(request.send_body(body));
        let answer = tokio::select! {
            biased;
            answer = &mut answer => answer,
            () = is_sent.notified() => {
                let answer = tokio::time::timeout(RECEIVE_MAX, answer).await;
                answer.map_err(|_elapsed| Denied::ReceiveTimeout)?
            }
            () = tokio::time::sleep(CONNECT_MAX) => return Err(Denied::ConnectTimeout),
        };
        let mut answer = answer?;
        let status = answer.status();
        // Read, so that the connection can be used again; what it says does not matter.
        let rest = answer.body().limit(ANSWER_BYTES_MAX);
        drop(tokio::time::timeout(ANSWER_REST_MAX, rest).await);
        match status.as_u16() {
            200..=299 => Ok(()),
            401 | 403 => Err(Denied::ByService),
            other => Err(Denied::Unclear(other)),
        }
    }
}

// === impl Denied ===

impl From<SendRequestError> for Denied {
    fn from(error: SendRequestError) -> Self {
        match error {
            SendRequestError::Send(_) | SendRequestError::Connect(ConnectError::Disconnected) => {
                Self::Disconnected
            }
            other => Self::Unreachable(other.to_string()),
        }
    }
}

/// A body that tells when it is taken, that is when there is a connection to send it on: the client
/// has one time limit for both, and it must not wait for an answer as long as for a connection.
struct Announced {
    bytes: Cell<Option<Bytes>>,
    length: u64,
    is_taken: Rc<Notify>,
}

// === impl Announced ===

impl MessageBody for Announced {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.is_taken.notify_one();
        Poll::Ready(self.bytes.take().filter(|bytes| !bytes.is_empty()).map(Ok))
    }
}

/// The `authorization` lines as one value.
fn joined(headers: &HeaderMap) -> Option<HeaderValue> {
    let lines: Vec<&[u8]> = (headers.get_all(header::AUTHORIZATION).iter())
        .map(HeaderValue::as_bytes)
        .collect();
    let is_there = !lines.is_empty();
    // Values put together are a value again.
    is_there
        .then(|| HeaderValue::from_bytes(&lines.join(&b", "[..])).ok())
        .flatten()
}

#[cfg(test)]
mod tests;
