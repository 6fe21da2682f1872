//! The keys actor: fetches the issuer's published keys (`JWT_JWKS_URL`) and publishes them.
//!
//! At start, regularly, and when a token names an unknown key, at a bounded rate. A failed fetch
//! leaves the keys in use.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, ResponseActFuture, Supervised,
    WrapFuture, fut,
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

/// Least time between two fetches: clients can invent key ids, and each costs the issuer a request.
const BETWEEN_FETCHES: Duration = Duration::from_secs(5);

/// Longest fetch, head and body together.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Fetches and publishes keys.
pub struct KeysActor {
    url: String,
    tls: Arc<rustls::ClientConfig>,
    keys: Arc<ArcSwap<KeySet>>,
    last_fetch: Option<Instant>,
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
            last_fetch: None,
            under_way: None,
            _alarm: alarm,
        }
    }

    /// Starts a fetch unless one is under way or was a moment ago. What is returned completes with
    /// the fetch.
    fn refresh(&mut self, ctx: &mut Context<Self>) -> Option<watch::Receiver<()>> {
        if self.under_way.is_some() {
            return self.under_way.clone();
        }
        if self
            .last_fetch
            .is_some_and(|last| last.elapsed() < BETWEEN_FETCHES)
        {
            return None;
        }
        self.last_fetch = Some(Instant::now());
        let (done, under_way) = watch::channel(());
        self.under_way = Some(under_way.clone());
        let algorithm = self.keys.load().algorithm();
        let fetch = fetch(self.url.clone(), Arc::clone(&self.tls), algorithm);
        ctx.spawn(fetch.into_actor(self).map(move |fetched, actor, _ctx| {
            actor.under_way = None;
            match fetched {
                Ok(jwks) => {
                    log::info!("{} keys fetched from JWT_JWKS_URL", jwks.len());
                    let keys = actor.keys.load().with_published(jwks);
                    actor.keys.store(Arc::new(keys));
                }
                Err(error) => log::error!("keys of JWT_JWKS_URL: {error}; keeping those in use"),
            }
            drop(done);
        }));
        Some(under_way)
    }
}

impl Actor for KeysActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_MESSAGES_MAX);
        self.under_way = None;
        self.refresh(ctx);
        ctx.run_interval(REGULAR, |actor, ctx| {
            actor.refresh(ctx);
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

    fn handle(&mut self, _refresh: RefreshKeys, ctx: &mut Self::Context) -> Self::Result {
        match self.refresh(ctx) {
            // `changed` fails when the sender is dropped, which is what is waited for.
            Some(mut under_way) => {
                let done = async move { drop(under_way.changed().await) };
                Box::pin(done.into_actor(self))
            }
            None => Box::pin(fut::ready(())),
        }
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
