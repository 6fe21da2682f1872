//! The registry actor: owns the replica and what is served, and tells the proxy and cluster actors.
//!
//! For each message the shell does the same: read the clocks, give the replica its input, carry out
//! what it says (`performing`), and wake up when it wants to be woken.

pub mod extractors;
mod facts;
mod gauges;
#[cfg(test)]
mod lone;
mod operating;
mod outlook;
mod performing;
pub mod views;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use actix::{
    Actor, ActorFutureExt, AsyncContext, AtomicResponse, Context, Handler, MessageResult,
    Recipient, ResponseActFuture, SpawnHandle, Supervised, WrapFuture, fut,
};
use tokio::sync::oneshot;

use crate::{
    actor::{
        Alarm, MAILBOX_MESSAGES_MAX,
        registry::{
            extractors::Given,
            outlook::{Outlook, Port, Refused},
        },
    },
    core::{
        api::seed::Seed,
        digest::Content,
        registry::{Accepted, Entry, Prepared, Registry, Rejection},
        replica::{
            Replica,
            diff::Diff,
            id::{ApiId, is_reserved},
            input::{Input, Loaded, Wait, Write},
            limits::FILE_REF_MAX,
            output::Refusal,
            receipt::Receipt,
            stamp::Now,
        },
        version::Version,
    },
    message::{
        cluster::{Heard, Tell},
        extractors::ExtractorsCell,
        proxy::ApisPublished,
        registry::{AwaitSpread, Current, GetApi, Leave, ListApis, Part, ProposeChange},
    },
    telemetry::cluster::ClusterMetrics,
};

/// Owns the replica.
pub struct RegistryActor {
    replica: Replica,
    registry: Registry,
    proxy: Recipient<ApisPublished>,
    /// `None`: this node is alone by configuration.
    cluster: Option<Recipient<Tell>>,
    /// `None`: nobody subscribes yet.
    extractors: Option<ExtractorsCell>,
    metrics: Arc<ClusterMetrics>,
    /// Told once, when the node may take writes.
    ready: Option<oneshot::Sender<()>>,
    /// Told when nothing is left to do after [`Leave`].
    leaving: Vec<oneshot::Sender<()>>,
    /// Nothing is left to do after [`Leave`].
    left: bool,
    receipts: HashMap<u64, oneshot::Sender<Receipt>>,
    /// Who waits for a comparison with all neighbours.
    comparing: Vec<oneshot::Sender<()>>,
    diffs: HashMap<u64, oneshot::Sender<Option<Diff>>>,
    outlook: Outlook,
    /// When the gauges that cost a look at every API were set.
    counted_at: Option<u64>,
    next_ticket: u64,
    /// The outcome of the write under way.
    answered: Option<Result<Version, Refusal>>,
    /// Something else is served than the proxy was told.
    changed: bool,
    began: Instant,
    wakeup: Option<SpawnHandle>,
    _alarm: Alarm,
}

/// What the actor is made of.
pub struct Parts {
    /// The machine.
    pub replica: Replica,
    /// What is served; empty.
    pub registry: Registry,
    /// The extractors of the start, if there are any.
    pub extractors: Option<Given>,
    /// Routes.
    pub proxy: Recipient<ApisPublished>,
    /// Counts.
    pub metrics: Arc<ClusterMetrics>,
    /// Told once, when the node may take writes.
    pub ready: oneshot::Sender<()>,
    /// The moment from which the replica's monotonic clock counts.
    pub began: Instant,
}

// === impl RegistryActor ===

impl RegistryActor {
    /// A registry with the start-up definitions, and what the proxy has to be told of them.
    /// `file_ms`: their age, where they do not say it themselves.
    pub fn new(
        parts: Parts,
        seeds: Vec<Seed>,
        file_ms: u64,
        alarm: Alarm,
    ) -> (Self, ApisPublished) {
        let Parts {
            replica,
            registry,
            extractors,
            proxy,
            metrics,
            ready,
            began,
        } = parts;
        let mut actor = Self {
            replica,
            registry,
            proxy,
            cluster: None,
            extractors: None,
            metrics,
            ready: Some(ready),
            leaving: Vec::new(),
            left: false,
            receipts: HashMap::new(),
            comparing: Vec::new(),
            diffs: HashMap::new(),
            outlook: Outlook::default(),
            counted_at: None,
            next_ticket: 0,
            answered: None,
            changed: false,
            began,
            wakeup: None,
            _alarm: alarm,
        };
        let loaded: Vec<Loaded> = seeds
            .into_iter()
            .filter_map(|seed| loaded(seed, file_ms))
            .chain(extractors.and_then(|given| given.loaded()))
            .collect();
        actor.outlook.filed = loaded.iter().map(filed).collect();
        actor.step(Input::Load(loaded));
        actor.changed = false;
        let published = actor.published(None);
        (actor, published)
    }

    /// Speaks to other nodes through `cluster` from now on.
    pub fn connect(&mut self, cluster: Recipient<Tell>) {
        self.cluster = Some(cluster);
        self.outlook.port = Port::Opening;
    }

    /// Gives the replica an input and carries out what it says.
    fn step(&mut self, input: Input) {
        if let Input::Request { bytes, .. } | Input::Answer { bytes, .. } = &input {
            self.metrics.received(bytes.len());
        }
        let outputs = self.replica.step(self.now(), input);
        for output in outputs {
            self.perform(output);
        }
    }

    /// After an input from outside a client's write: routes what changed, sets the alarm clock.
    fn settle(&mut self, ctx: &mut Context<Self>) {
        if std::mem::take(&mut self.changed) {
            // Nothing else is handled until it is routed, so that nobody is shown a version that
            // requests do not meet yet.
            let routed = self.proxy.send(self.published(None)).into_actor(self);
            ctx.wait(routed.map(|routed, _actor, _ctx| {
                if let Err(error) = routed {
                    log::error!("the proxy actor does not answer: {error}");
                }
            }));
        }
        if !self.replica.is_comparing() {
            for told in self.comparing.drain(..) {
                let _unheard = told.send(());
            }
        }
        self.gauge();
        self.set_wakeup(ctx);
    }

    /// Begins to part from the cluster; the receiver hears when nothing is left to do.
    fn leave(&mut self, ctx: &mut Context<Self>) -> oneshot::Receiver<()> {
        let (told, left) = oneshot::channel();
        // The replica says once that it has left; it may be asked to more than once: by an operator
        // and then by the end of the process.
        if self.left {
            // Whoever asked may not wait.
            let _ = told.send(());
            return left;
        }
        self.leaving.push(told);
        self.step(Input::Leave);
        self.settle(ctx);
        left
    }

    /// Nothing is left to do after [`Leave`].
    fn left(&mut self) {
        self.left = true;
        for told in self.leaving.drain(..) {
            let _unheard = told.send(());
        }
    }

    fn set_wakeup(&mut self, ctx: &mut Context<Self>) {
        if let Some(earlier) = self.wakeup.take() {
            ctx.cancel_future(earlier);
        }
        let due = self
            .replica
            .next_wakeup()
            .saturating_sub(self.now().monotonic);
        self.wakeup = Some(ctx.run_later(Duration::from_millis(due), |actor, ctx| {
            actor.wakeup = None;
            actor.step(Input::Tick);
            actor.settle(ctx);
        }));
    }

    fn published(&self, changed: Option<Arc<str>>) -> ApisPublished {
        let apis = self
            .registry
            .all()
            .map(|entry| Arc::clone(&entry.served.api))
            .collect();
        ApisPublished { apis, changed }
    }

    fn now(&self) -> Now {
        let monotonic = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now {
            monotonic,
            wall: wall_ms(),
        }
    }

    fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    /// Has the replica take a change that passed this node's checks.
    fn write(&mut self, prepared: Prepared) -> Result<Accepted, Rejection> {
        let Prepared {
            id,
            action,
            warnings,
        } = prepared;
        let ticket = self.ticket();
        let write = Write {
            ticket,
            id: id.clone(),
            action,
            if_match: None,
        };
        self.step(Input::Write(write));
        match self.answered.take() {
            Some(Ok(version)) => {
                let id = Arc::from(id.as_str());
                Ok(Accepted {
                    id,
                    version,
                    warnings,
                })
            }
            Some(Err(refusal)) => Err(rejection(refusal, &id)),
            None => Err(Rejection::Unavailable),
        }
    }
}

impl Actor for RegistryActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_MESSAGES_MAX);
        // Also after a restart, which may have lost a publication that was under way.
        self.changed = true;
        self.wakeup = None;
        self.step(Input::Tick);
        self.settle(ctx);
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

    fn handle(&mut self, proposed: ProposeChange, ctx: &mut Self::Context) -> Self::Result {
        let ProposeChange {
            change,
            preconditions,
        } = proposed;
        let written = if self.replica.is_ready() {
            self.registry.prepare(change, &preconditions)
        } else {
            Err(Rejection::NotReady)
        };
        let accepted = match written.and_then(|prepared| self.write(prepared)) {
            Ok(accepted) => accepted,
            Err(rejection) => return AtomicResponse::new(Box::pin(fut::ready(Err(rejection)))),
        };
        self.set_wakeup(ctx);
        if is_reserved(&accepted.id) && !self.changed {
            // Published already, and nothing to route.
            return AtomicResponse::new(Box::pin(fut::ready(Ok(accepted))));
        }
        log::info!("API {} is now at {}", accepted.id, accepted.version);
        self.changed = false;
        let published = self.published(Some(Arc::clone(&accepted.id)));
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

impl Handler<AwaitSpread> for RegistryActor {
    type Result = ResponseActFuture<Self, Option<Receipt>>;

    fn handle(&mut self, awaited: AwaitSpread, ctx: &mut Self::Context) -> Self::Result {
        let Ok(id) = ApiId::new(&awaited.id) else {
            return Box::pin(fut::ready(None));
        };
        let ticket = self.ticket();
        let (told, receipt) = oneshot::channel();
        self.receipts.insert(ticket, told);
        let AwaitSpread {
            version,
            until,
            timeout,
            ..
        } = awaited;
        let timeout = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.step(Input::Wait(Wait {
            ticket,
            id,
            version,
            until,
            timeout,
        }));
        self.settle(ctx);
        Box::pin(async move { receipt.await.ok() }.into_actor(self))
    }
}

impl Handler<Heard> for RegistryActor {
    type Result = ();

    fn handle(&mut self, heard: Heard, ctx: &mut Self::Context) {
        match heard {
            Heard::Input(input) => self.step(input),
            Heard::Identity(peer) => self.replica.set_peer(peer),
            Heard::Port(opened) => {
                self.outlook.port = opened.map_or_else(Port::Failed, |()| Port::Open);
            }
            Heard::Refused {
                address,
                reason,
                words,
            } => {
                let at = self.now().monotonic;
                self.outlook.refuse(Refused {
                    address,
                    reason,
                    words,
                    at,
                });
            }
            Heard::Closed => {
                self.outlook.port = Port::Left;
                self.left();
            }
        }
        self.settle(ctx);
    }
}

impl Handler<Leave> for RegistryActor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _leave: Leave, ctx: &mut Self::Context) -> Self::Result {
        let left = self.leave(ctx);
        Box::pin(async move { drop(left.await) }.into_actor(self))
    }
}

impl Handler<Part> for RegistryActor {
    type Result = MessageResult<Part>;

    fn handle(&mut self, _part: Part, ctx: &mut Self::Context) -> Self::Result {
        let has_cluster = self.cluster.is_some();
        MessageResult(has_cluster.then(|| self.leave(ctx)))
    }
}

impl Handler<ListApis> for RegistryActor {
    type Result = MessageResult<ListApis>;

    fn handle(&mut self, _list: ListApis, _ctx: &mut Self::Context) -> Self::Result {
        MessageResult(
            self.registry
                .all()
                .map(|entry| self.current(entry))
                .collect(),
        )
    }
}

impl Handler<GetApi> for RegistryActor {
    type Result = MessageResult<GetApi>;

    fn handle(&mut self, get: GetApi, _ctx: &mut Self::Context) -> Self::Result {
        MessageResult(self.registry.get(&get.id).map(|entry| self.current(entry)))
    }
}

impl RegistryActor {
    fn current(&self, entry: &Entry) -> Current {
        let id = ApiId::new(&entry.served.api.id);
        Current {
            version: entry.version,
            timestamp_ms: entry.timestamp_ms,
            document: Arc::clone(&entry.served.document),
            contested: id.is_ok_and(|id| self.replica.is_open(&id)),
        }
    }
}

fn loaded(seed: Seed, file_ms: u64) -> Option<Loaded> {
    let body = crate::core::api::digest::canonical(&seed.document);
    Some(Loaded {
        id: ApiId::new(&seed.api.id).ok()?,
        ref_number: seed.ref_number,
        content: Content::Defined(body),
        wall: seed.timestamp_ms.unwrap_or(file_ms),
    })
}

/// The version under which an entry of the file is loaded.
fn filed(entry: &Loaded) -> (ApiId, Version) {
    let version = Version {
        ref_number: entry.ref_number.min(FILE_REF_MAX),
        digest: entry.content.digest(),
    };
    (entry.id.clone(), version)
}

fn rejection(refusal: Refusal, id: &ApiId) -> Rejection {
    let id = id.as_str().to_owned();
    match refusal {
        Refusal::NotReady => Rejection::NotReady,
        Refusal::Exists => Rejection::Exists(id),
        Refusal::Unknown => Rejection::NotFound(id),
        Refusal::Stale => Rejection::Stale(id),
        Refusal::TooLarge | Refusal::RefExhausted => Rejection::Exhausted(id),
    }
}

/// Milliseconds since the epoch.
pub fn wall_ms() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |elapsed| {
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    })
}
