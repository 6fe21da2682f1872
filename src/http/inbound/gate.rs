//! May this request pass? Only `secured` endpoints ask (spec: `proxying.md` 3.9).

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
            Refused, authenticate, cache::SignatureCache, claims::Requirements, keys::KeySet,
            rejection::Rejection,
        },
        route::Route,
    },
    http::inbound::{connection::Client, refusal::Refusal},
    message::keys::RefreshKeys,
};

/// A request with an unknown key id waits this long for the published keys to be fetched again.
/// The one place where a request waits for an actor: the alternative is to refuse a genuine token
/// whose key was rotated a moment ago.
const REFRESH_WAIT: Duration = Duration::from_secs(3);

thread_local! {
    /// Signatures this worker has verified; per worker, so that it needs no lock.
    static VERIFIED: RefCell<SignatureCache> = RefCell::new(SignatureCache::new());
}

/// Keys and demands; shared by all workers and the probe.
#[derive(Clone)]
pub struct Gate {
    keys: Arc<ArcSwap<KeySet>>,
    requirements: Arc<Requirements>,
    refresh: Option<Recipient<RefreshKeys>>,
}

// === impl Gate ===

impl Gate {
    /// `refresh` is asked for new keys if published keys are used at all.
    pub fn new(
        keys: Arc<ArcSwap<KeySet>>,
        requirements: Requirements,
        refresh: Option<Recipient<RefreshKeys>>,
    ) -> Self {
        Self {
            keys,
            requirements: Arc::new(requirements),
            refresh,
        }
    }

    /// Judges tokens with the keys in force.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn judge(
        &self,
        auth: &Auth,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<(), Refused> {
        // A clock before 1970 makes every token valid for long; it also breaks everything else.
        let now = SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |elapsed| elapsed.as_secs());
        VERIFIED.with_borrow_mut(|verified| {
            let keys = self.keys.load();
            authenticate(
                auth,
                headers,
                query,
                &keys,
                &self.requirements,
                now,
                verified,
            )
            .map(|_claims| ())
        })
    }
}

/// Lets the request pass or refuses it.
///
/// # Errors
/// [`Refusal::Unauthorized`]
pub async fn check<B>(client: &Client, route: &Route, request: &Request<B>) -> Result<(), Refusal> {
    if !route.endpoint().secured {
        return Ok(());
    }
    let gate = &client.worker.shared.gate;
    let (auth, query) = (&route.api.auth, request.uri().query());
    // Before the judgement: what it did not know, a later generation may know.
    let refresh = (gate.refresh.as_ref()).map(|keys| (keys, gate.keys.load().generation()));
    let refused = match gate.judge(auth, request.headers(), query) {
        Ok(()) => return Ok(()),
        Err(refused) => refused,
    };
    if let (Refused::Rejected(Rejection::UnknownKid(_)), Some((keys, known))) = (&refused, refresh)
    {
        // Refused or late: the second judgement below then fails as the first one did.
        let refreshed = tokio::time::timeout(REFRESH_WAIT, keys.send(RefreshKeys { known }));
        drop(Box::pin(refreshed).await);
        if gate.judge(auth, request.headers(), query).is_ok() {
            return Ok(());
        }
    }
    log::debug!("{}/{}: {refused}", route.api.id, route.endpoint().id);
    Err(Refusal::Unauthorized)
}
