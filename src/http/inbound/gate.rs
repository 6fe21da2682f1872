//! May this request pass? `secured` endpoints ask about a request, connections of events about single
//! tokens (spec: `proxying.md` 3.9, `auth.md` 6.1 to 6.4).
//!
//! Keys and the blacklist of sessions are snapshots that their actors publish. Deliberately absent:
//! what a valid token allows.

use std::{
    cell::RefCell,
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix::Recipient;
use arc_swap::ArcSwap;
use http::{HeaderMap, Request};

use crate::{
    core::{
        api::Auth,
        auth::{
            Refused, authenticate,
            cache::SignatureCache,
            claims::{Claims, Requirements},
            keys::{Generation, KeySet},
            rejection::Rejection,
            token::verify_cached,
        },
        route::Route,
        session::{self, Field, Found, Name},
    },
    http::inbound::{connection::Client, refusal::Refusal},
    message::{keys::RefreshKeys, session::SessionCell},
};

/// A request with an unknown key id waits this long for the published keys to be fetched again.
/// The one place where a request waits for an actor: the alternative is to refuse a genuine token
/// whose key was rotated a moment ago.
const REFRESH_WAIT: Duration = Duration::from_secs(3);

thread_local! {
    /// Signatures this worker has verified; per worker, so that it needs no lock.
    static VERIFIED: RefCell<SignatureCache> = RefCell::new(SignatureCache::new());
}

/// Keys, demands and revoked sessions; shared by all workers and the probe.
#[derive(Clone)]
pub struct Gate {
    keys: Arc<ArcSwap<KeySet>>,
    requirements: Arc<Requirements>,
    refresh: Option<Recipient<RefreshKeys>>,
    sessions: Arc<SessionCell>,
    field: Arc<Field>,
}

// === impl Gate ===

impl Gate {
    /// `refresh` is asked for new keys if published keys are used at all; `field` is where a token's
    /// session is found (`JWT_SESSION_FIELD`).
    pub fn new(
        keys: Arc<ArcSwap<KeySet>>,
        requirements: Requirements,
        refresh: Option<Recipient<RefreshKeys>>,
        sessions: Arc<SessionCell>,
        field: Field,
    ) -> Self {
        Self {
            keys,
            requirements: Arc::new(requirements),
            refresh,
            sessions,
            field: Arc::new(field),
        }
    }

    /// Whether tokens can be judged yet: only when the blacklist of sessions is complete. Until then
    /// secured endpoints and subscriptions answer 503.
    pub fn is_open(&self) -> bool {
        self.sessions.is_complete()
    }

    /// Judges a request's tokens with the keys and the blacklist in force.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn judge(
        &self,
        auth: &Auth,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<(), Refused> {
        authenticate(auth, headers, query, |token| self.verify_now(token)).map(|_claims| ())
    }

    /// Judges one token; waits for published keys if it names an unknown one.
    ///
    /// # Errors
    /// The [`Rejection`], in the words that clients see.
    pub async fn verify(&self, token: &str) -> Result<Claims, Rejection> {
        // Before the judgement: what it did not know, a later generation may know.
        let known = self.keys.load().generation();
        match self.verify_now(token) {
            Err(Rejection::UnknownKid(_)) if self.refreshed(known).await => self.verify_now(token),
            verdict => verdict,
        }
    }

    /// The session of a valid token, if it has one. A claim that cannot name a session draws a
    /// warning; the connection goes on without one.
    pub fn session(&self, claims: &Claims) -> Option<Name> {
        match session::of(claims, &self.field) {
            Ok(Found::Session(name)) => Some(name),
            Ok(Found::Absent) => {
                log::debug!("a token has no {}: no session", self.field.as_str());
                None
            }
            Ok(Found::Unusable) | Err(_) => {
                log::warn!(
                    "a token's {} is neither a non-empty string nor a number: no session",
                    self.field.as_str()
                );
                None
            }
        }
    }

    /// Whether the session `name` is revoked now. To be asked again after a connection has been
    /// registered with its session: a revocation may have come in between.
    pub fn is_revoked(&self, name: &Name) -> bool {
        self.sessions.is_revoked(name, now())
    }

    fn verify_now(&self, token: &str) -> Result<Claims, Rejection> {
        let now = now();
        let claims = VERIFIED.with_borrow_mut(|verified| {
            let keys = self.keys.load();
            verify_cached(token, &keys, &self.requirements, now, verified)
        })?;
        if self.sessions.is_empty() {
            return Ok(claims);
        }
        let names = session::revocable(&claims, &self.field)?;
        let revoked = |name: &Name| self.sessions.is_revoked(name, now);
        match names.into_iter().flatten().find(revoked) {
            Some(name) => Err(Rejection::Blacklisted(name.as_str().to_owned())),
            None => Ok(claims),
        }
    }

    /// Has the published keys fetched again; false if there are none.
    async fn refreshed(&self, known: Generation) -> bool {
        let Some(keys) = &self.refresh else {
            return false;
        };
        // Refused or late: the next judgement then fails as the last one did.
        let refreshed = tokio::time::timeout(REFRESH_WAIT, keys.send(RefreshKeys { known }));
        drop(Box::pin(refreshed).await);
        true
    }
}

/// Lets the request pass or refuses it.
///
/// # Errors
/// [`Refusal::Unauthorized`]; [`Refusal::Starting`] while the gate is not open yet.
pub async fn check<B>(client: &Client, route: &Route, request: &Request<B>) -> Result<(), Refusal> {
    if !route.endpoint().secured {
        return Ok(());
    }
    let gate = &client.worker.shared.gate;
    if !gate.is_open() {
        return Err(Refusal::Starting);
    }
    let (auth, query) = (&route.api.auth, request.uri().query());
    // Before the judgement: what it did not know, a later generation may know.
    let known = gate.keys.load().generation();
    let refused = match gate.judge(auth, request.headers(), query) {
        Ok(()) => return Ok(()),
        Err(refused) => refused,
    };
    if let Refused::Rejected(Rejection::UnknownKid(_)) = &refused
        && gate.refreshed(known).await
        && gate.judge(auth, request.headers(), query).is_ok()
    {
        return Ok(());
    }
    log::debug!("{}/{}: {refused}", route.api.id, route.endpoint().id);
    Err(Refusal::Unauthorized)
}

/// Seconds since 1970. A clock before that makes every token valid for long; it also breaks
/// everything else.
fn now() -> u64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests;
