//! The registry actor: owns this node's definitions and tells the proxy actor what they are.

use std::{sync::Arc, time::SystemTime};

use actix::{
    Actor, ActorFutureExt, AsyncContext, AtomicResponse, Context, Handler, MessageResult,
    Recipient, Supervised, WrapFuture, fut,
};

use crate::{
    actor::{Alarm, MAILBOX_MESSAGES_MAX},
    core::registry::{Accepted, Registry, Rejection},
    message::{
        proxy::ApisPublished,
        registry::{Current, GetApi, ListApis, ProposeChange},
    },
};

/// Owns the [`Registry`].
pub struct RegistryActor {
    registry: Registry,
    proxy: Recipient<ApisPublished>,
    _alarm: Alarm,
}

// === impl RegistryActor ===

impl RegistryActor {
    /// Serves `registry`, which has its start-up definitions already, and publishes to `proxy`.
    pub fn new(registry: Registry, proxy: Recipient<ApisPublished>, alarm: Alarm) -> Self {
        Self {
            registry,
            proxy,
            _alarm: alarm,
        }
    }

    /// What is active now, as the proxy actor is told.
    pub fn published(registry: &Registry, changed: Option<Arc<str>>) -> ApisPublished {
        let apis = registry
            .all_active()
            .map(|(_, body)| Arc::clone(&body.api))
            .collect();
        ApisPublished { apis, changed }
    }
}

impl Actor for RegistryActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_MESSAGES_MAX);
        // Also after a restart, which may have lost a publication that was under way.
        let published = self.proxy.send(Self::published(&self.registry, None));
        ctx.spawn(published.into_actor(self).map(|sent, _actor, _ctx| {
            if let Err(error) = sent {
                log::error!("the proxy actor does not answer: {error}");
            }
        }));
    }
}

impl Supervised for RegistryActor {
    fn restarting(&mut self, _ctx: &mut Self::Context) {
        log::warn!("the registry actor restarts; its definitions are kept");
    }
}

impl Handler<ProposeChange> for RegistryActor {
    /// Atomic: the next change waits until this one is routed, so that snapshots appear in the
    /// order of the changes.
    type Result = AtomicResponse<Self, Result<Accepted, Rejection>>;

    fn handle(&mut self, proposed: ProposeChange, _ctx: &mut Self::Context) -> Self::Result {
        let ProposeChange {
            change,
            preconditions,
        } = proposed;
        let accepted = match self.registry.propose(change, &preconditions, now_ms()) {
            Ok(accepted) => accepted,
            Err(rejection) => {
                return AtomicResponse::new(Box::pin(fut::ready(Err(rejection))));
            }
        };
        log::info!("API {} is now at {}", accepted.id, accepted.version);
        let published = Self::published(&self.registry, Some(Arc::clone(&accepted.id)));
        let routed = self.proxy.send(published).into_actor(self);
        AtomicResponse::new(Box::pin(routed.map(
            |warnings, _actor, _ctx| match warnings {
                Ok(warnings) => {
                    let mut accepted = accepted;
                    accepted.warnings.extend(warnings);
                    for warning in &accepted.warnings {
                        log::warn!("{}: {}", warning.path, warning.message);
                    }
                    Ok(accepted)
                }
                Err(error) => {
                    log::error!("the proxy actor does not answer: {error}");
                    Err(Rejection::Unavailable)
                }
            },
        )))
    }
}

impl Handler<ListApis> for RegistryActor {
    type Result = MessageResult<ListApis>;

    fn handle(&mut self, _list: ListApis, _ctx: &mut Self::Context) -> Self::Result {
        let current = self.registry.all_active().map(|(entry, body)| Current {
            version: entry.version.clone(),
            timestamp_ms: entry.timestamp_ms,
            document: Arc::clone(&body.document),
        });
        MessageResult(current.collect())
    }
}

impl Handler<GetApi> for RegistryActor {
    type Result = MessageResult<GetApi>;

    fn handle(&mut self, get: GetApi, _ctx: &mut Self::Context) -> Self::Result {
        MessageResult(self.registry.active(&get.id).map(|(entry, body)| Current {
            version: entry.version.clone(),
            timestamp_ms: entry.timestamp_ms,
            document: Arc::clone(&body.document),
        }))
    }
}

/// Milliseconds since the epoch.
pub fn now_ms() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| {
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    })
}
