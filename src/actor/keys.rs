//! The keys actor: fetches the issuer's published keys (`JWT_JWKS_URL`) and publishes them.
//!
//! At start, regularly, after a failure, and when a token names an unknown key, at a bounded rate. A
//! failed fetch leaves the keys in use.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, ResponseActFuture, SpawnHandle,
    Supervised, WrapFuture, fut,
};
use arc_swap::ArcSwap;
use awc::{Client, Connector};
use tokio::sync::watch;

use crate::{
    actor::{Alarm, MAILBOX_MESSAGES_MAX},
    core::auth::{
        jwks::{JWKS_BYTES_MAX, Jwks},
        keys::KeySet,
    },
    message::keys::RefreshKeys,
};

/// How often keys are fetched anyway; an issuer that withdraws a key is obeyed within this time.
const REGULAR: Duration = Duration::from_secs(300);

/// Fetches that unknown key ids may cause at once: clients can invent such ids, and each costs the
/// issuer a request. More than one, so that a rotation shortly after an invention is noticed too.
const FETCHES_AT_ONCE: u32 = 3;

/// After this time, unknown key ids may cause one more.
const FETCH_AGAIN: Duration = Duration::from_secs(5);

/// Wait after a failed fetch, doubled with each further failure up to [`REGULAR`]. Without it, an
/// issuer that was away at the start would be missed for as long, for tokens that name no key show
/// nobody that keys are missing.
const RETRY: Duration = Duration::from_secs(2);

/// Longest fetch, head and body together.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Fetches and publishes keys.
pub struct KeysActor {
    url: String,
    tls: Arc<rustls::ClientConfig>,
    keys: Arc<ArcSwap<KeySet>>,
    allowance: Allowance,
    /// Failures since the last success.
    failures: u32,
    /// The next attempt after a failure.
    retry: Option<SpawnHandle>,
    /// The fetch under way, if there is one; its sender is dropped at the end.
    under_way: Option<watch::Receiver<()>>,
    _alarm: Alarm,
}

/// Why a fetch failed.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the request failed: {0}")]
    Request(String),
    #[error("the answer has status {0}")]
    Status(u16),
    #[error("the answer's body failed or is too large: {0}")]
    Body(String),
    #[error("{0}")]
    Document(#[from] crate::core::auth::jwks::JwksFault),
    #[error("no answer within {} s", FETCH_TIMEOUT.as_secs())]
    Timeout,
}

// === impl KeysActor ===

impl KeysActor {
    /// Fetches from `url` and publishes to `keys`.
    pub fn new(
        url: String,
        tls: Arc<rustls::ClientConfig>,
        keys: Arc<ArcSwap<KeySet>>,
        alarm: Alarm,
    ) -> Self {
        Self {
            url,
            tls,
            keys,
            allowance: Allowance::full(Instant::now()),
            failures: 0,
            retry: None,
            under_way: None,
            _alarm: alarm,
        }
    }

    /// Starts a fetch unless one is under way. What is returned completes with the fetch.
    fn fetch(&mut self, ctx: &mut Context<Self>) -> watch::Receiver<()> {
        if let Some(under_way) = &self.under_way {
            return under_way.clone();
        }
        let (done, under_way) = watch::channel(());
        self.under_way = Some(under_way.clone());
        let algorithm = self.keys.load().algorithm();
        let fetch = fetch(self.url.clone(), Arc::clone(&self.tls), algorithm);
        ctx.spawn(fetch.into_actor(self).map(move |fetched, actor, ctx| {
            actor.under_way = None;
            actor.fetched(fetched, ctx);
            drop(done);
        }));
        under_way
    }

    fn fetched(&mut self, fetched: Result<Jwks, FetchError>, ctx: &mut Context<Self>) {
        if let Some(retry) = self.retry.take() {
            ctx.cancel_future(retry);
        }
        match fetched {
            Ok(jwks) => {
                log::info!("{} keys fetched from JWT_JWKS_URL", jwks.len());
                let keys = self.keys.load().with_published(jwks);
                self.keys.store(Arc::new(keys));
                self.failures = 0;
            }
            Err(error) => {
                log::error!("keys of JWT_JWKS_URL: {error}; keeping those in use");
                let wait = RETRY.saturating_mul(2_u32.saturating_pow(self.failures));
                self.failures += 1;
                self.retry = Some(ctx.run_later(wait.min(REGULAR), |actor, ctx| {
                    actor.retry = None;
                    actor.fetch(ctx);
                }));
            }
        }
    }
}

/// How many fetches unknown key ids may cause now.
#[derive(Debug)]
struct Allowance {
    left: u32,
    /// When `left` was last right.
    since: Instant,
}

// === impl Allowance ===

impl Allowance {
    fn full(now: Instant) -> Self {
        Self {
            left: FETCHES_AT_ONCE,
            since: now,
        }
    }

    /// Takes one, if there is one.
    fn take(&mut self, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.since).as_secs() / FETCH_AGAIN.as_secs();
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(earned);
        if self.left >= FETCHES_AT_ONCE {
            *self = Self::full(now);
        } else {
            // What is earned in part stays earned.
            self.since += FETCH_AGAIN * earned;
        }
        let taken = self.left > 0;
        self.left -= u32::from(taken);
        taken
    }
}

impl Actor for KeysActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_MESSAGES_MAX);
        // What was under way before a restart is lost.
        (self.under_way, self.retry) = (None, None);
        self.fetch(ctx);
        ctx.run_interval(REGULAR, |actor, ctx| {
            actor.fetch(ctx);
        });
    }
}

impl Supervised for KeysActor {
    fn restarting(&mut self, _ctx: &mut Self::Context) {
        log::warn!("the keys actor restarts; its keys stay in use");
    }
}

impl Handler<RefreshKeys> for KeysActor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, refresh: RefreshKeys, ctx: &mut Self::Context) -> Self::Result {
        let refreshed = self.keys.load().generation() != refresh.known;
        let waits = self.under_way.is_some();
        if refreshed || !(waits || self.allowance.take(Instant::now())) {
            return Box::pin(fut::ready(()));
        }
        let mut under_way = self.fetch(ctx);
        // `changed` fails when the sender is dropped, which is what is waited for.
        let done = async move { drop(under_way.changed().await) };
        Box::pin(done.into_actor(self))
    }
}

async fn fetch(
    url: String,
    tls: Arc<rustls::ClientConfig>,
    algorithm: crate::core::auth::algorithm::Algorithm,
) -> Result<Jwks, FetchError> {
    let fetch = async {
        let client = Client::builder()
            .connector(Connector::new().rustls_0_23(tls))
            .disable_timeout()
            .finish();
        let mut answer = client
            .get(url)
            .insert_header(("accept", "application/jwk-set+json, application/json"))
            .send()
            .await
            .map_err(|error| FetchError::Request(error.to_string()))?;
        if !answer.status().is_success() {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        let body = answer
            .body()
            .limit(JWKS_BYTES_MAX)
            .await
            .map_err(|error| FetchError::Body(error.to_string()))?;
        Ok(Jwks::parse(algorithm, &body)?)
    };
    tokio::time::timeout(FETCH_TIMEOUT, fetch)
        .await
        .map_err(|_elapsed| FetchError::Timeout)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_key_ids_may_cause_a_few_fetches_and_then_one_now_and_then() {
        let start = Instant::now();
        let mut allowance = Allowance::full(start);
        let mut taken_at = |seconds: f64| allowance.take(start + Duration::from_secs_f64(seconds));
        for (seconds, taken) in [
            (0.0, true),
            (0.0, true),
            (1.0, true),
            (1.0, false),
            (4.9, false),
            (5.0, true),
            (5.0, false),
            // Half of it was earned before.
            (12.5, true),
            (15.0, true),
            (15.0, false),
            (1_000.0, true),
            (1_000.0, true),
            (1_000.0, true),
            (1_000.0, false),
        ] {
            assert_eq!(taken_at(seconds), taken, "{seconds}");
        }
    }

    #[test]
    fn a_flood_is_bounded_over_any_time() {
        let start = Instant::now();
        let mut allowance = Allowance::full(start);
        let taken = (0..100_000).filter(|ms| allowance.take(start + Duration::from_millis(*ms)));
        assert_eq!(taken.count(), 3 + 19);
    }
}
