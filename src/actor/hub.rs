//! The hub actor: owns the hub machine and speaks for it to the desks, the cluster actor, and whoever
//! submits, resumes or revokes.
//!
//! For each message the shell does the same: read the clocks, give the machine its input, carry out
//! what it says (`performing`), and wake up when it wants to be woken. Deliberately absent: what is
//! said between nodes.

mod facts;
mod performing;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{
    Actor, AsyncContext, Context, Handler, Recipient, ResponseFuture, SpawnHandle, Supervised,
};
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::{
    actor::{Alarm, MAILBOX_MESSAGES_MAX, registry::wall_ms},
    core::{
        hub::{
            Hub,
            delivery::Replayed,
            input::Input,
            output::{CarryFault, Spread, SubmitRefusal as Refused},
        },
        replica::stamp::Now,
        session::blacklist::Full,
    },
    message::{
        cluster::{HeardByHub, Joined, Tell},
        hub::{
            Carry, InterestChanged, LeaveHub, Recall, Remember, Replay, Revoke, Revoked, Submit,
            SubmitRefusal, ToDesks,
        },
        session::SessionCell,
    },
    telemetry::hub::HubMetrics,
};

/// Bytes of events that may wait for a desk which is busy writing. Beyond it the node takes no more
/// events until the desk has caught up: several thousand of usual size.
const DESK_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Takes what another node has carried here for a request that waits; tells whether it was there.
pub type LateAnswers = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Owns the hub.
pub struct HubActor {
    hub: Hub,
    desks: Vec<ToDesks>,
    sessions: Arc<SessionCell>,
    late_answers: LateAnswers,
    metrics: Arc<HubMetrics>,
    /// `None`: this node is alone, or not connected yet.
    cluster: Option<Recipient<Tell>>,
    /// Told once, when the node may take events.
    ready: Option<oneshot::Sender<()>>,
    /// How long a submission waits for a copy.
    patience: Duration,
    leaving: Vec<oneshot::Sender<()>>,
    left: bool,
    waiting: Waiting,
    next_ticket: u64,
    began: Instant,
    wakeup: Option<(u64, SpawnHandle)>,
    _alarm: Alarm,
}

/// What the actor is made of.
pub struct Parts {
    /// The machine; new.
    pub hub: Hub,
    /// One for each worker, in the order of their numbers.
    pub desks: Vec<ToDesks>,
    /// Where the blacklist is published.
    pub sessions: Arc<SessionCell>,
    /// For requests that wait for asynchronous answers.
    pub late_answers: LateAnswers,
    /// Counts.
    pub metrics: Arc<HubMetrics>,
    /// Told once, when the node may take events and its blacklist is complete.
    pub ready: oneshot::Sender<()>,
    /// The moment from which the machine's monotonic clock counts.
    pub began: Instant,
    /// How long a submission waits for a copy (the machine's `answer_timeout`).
    pub patience: Duration,
}

/// Who waits for an answer of the machine, by ticket.
#[derive(Default)]
struct Waiting {
    submits: HashMap<u64, oneshot::Sender<Result<(), Refused>>>,
    interests: HashMap<u64, oneshot::Sender<()>>,
    replays: HashMap<u64, oneshot::Sender<Option<Replayed>>>,
    recalls: HashMap<u64, oneshot::Sender<Option<Bytes>>>,
    carries: HashMap<u64, oneshot::Sender<Result<Bytes, CarryFault>>>,
    revokes: HashMap<u64, oneshot::Sender<Result<Spread, Full>>>,
}

/// A desk has answered what was carried to it.
#[derive(Debug, actix::Message)]
#[rtype(result = "()")]
struct CarryAnswered {
    exchange: u64,
    bytes: Option<Bytes>,
}

// === impl HubActor ===

impl HubActor {
    /// A hub around `parts`.
    pub fn new(parts: Parts, alarm: Alarm) -> Self {
        let Parts {
            hub,
            desks,
            sessions,
            late_answers,
            metrics,
            ready,
            began,
            patience,
        } = parts;
        Self {
            hub,
            desks,
            sessions,
            late_answers,
            metrics,
            cluster: None,
            ready: Some(ready),
            patience,
            leaving: Vec::new(),
            left: false,
            waiting: Waiting::default(),
            next_ticket: 0,
            began,
            wakeup: None,
            _alarm: alarm,
        }
    }

    /// Gives the machine an input, carries out what it says, and sets the alarm clock.
    fn step(&mut self, input: Input, ctx: &mut Context<Self>) {
        let now = self.now();
        let waiting = self.desks.iter().map(ToDesks::waiting_bytes).max();
        self.hub
            .set_overloaded(waiting.unwrap_or_default() > DESK_BYTES_MAX);
        let outputs = self.hub.step(now, input);
        // Before anybody is told: an answer says "revoked here", and once desks have ended a session's
        // connections none of it may connect anew.
        self.sessions.publish(self.hub.blacklist_mut());
        for output in outputs {
            self.perform(output, ctx);
        }
        self.metrics.show(self.hub.figures());
        self.set_wakeup(ctx);
    }

    fn set_wakeup(&mut self, ctx: &mut Context<Self>) {
        let due = self.hub.next_wakeup();
        if let Some((at, handle)) = self.wakeup.take() {
            if at == due {
                self.wakeup = Some((at, handle));
                return;
            }
            ctx.cancel_future(handle);
        }
        let wait = due.saturating_sub(self.now().monotonic).max(1);
        let handle = ctx.run_later(Duration::from_millis(wait), |actor, ctx| {
            actor.wakeup = None;
            actor.step(Input::Tick, ctx);
        });
        self.wakeup = Some((due, handle));
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
}

impl Actor for HubActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_MESSAGES_MAX);
        self.wakeup = None;
        self.step(Input::Tick, ctx);
    }
}

impl Supervised for HubActor {
    fn restarting(&mut self, _ctx: &mut Self::Context) {
        log::warn!("the hub actor restarts; its events are kept");
    }
}

impl Handler<Submit> for HubActor {
    type Result = ResponseFuture<Result<(), SubmitRefusal>>;

    fn handle(&mut self, submit: Submit, ctx: &mut Self::Context) -> Self::Result {
        let ticket = self.ticket();
        let (told, answer) = oneshot::channel();
        self.waiting.submits.insert(ticket, told);
        let events = submit.events;
        self.step(Input::Submit { ticket, events }, ctx);
        let waited = self.patience;
        Box::pin(async move {
            match answer.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(Refused::TooLarge)) => Err(SubmitRefusal::TooLarge),
                Ok(Err(Refused::Overloaded)) => Err(SubmitRefusal::Overloaded),
                Ok(Err(Refused::NoKeeper)) => Err(SubmitRefusal::NoKeeper),
                Ok(Err(Refused::NotReplicated)) => Err(SubmitRefusal::NotReplicated { waited }),
                // An answer that never comes is one of a node that ends.
                Ok(Err(Refused::NotReady)) | Err(_) => Err(SubmitRefusal::NotReady),
            }
        })
    }
}

impl Handler<InterestChanged> for HubActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, changed: InterestChanged, ctx: &mut Self::Context) -> Self::Result {
        let ticket = self.ticket();
        let (told, answer) = oneshot::channel();
        self.waiting.interests.insert(ticket, told);
        let InterestChanged { added, removed } = changed;
        let input = Input::InterestChanged {
            ticket,
            added,
            removed,
        };
        self.step(input, ctx);
        Box::pin(async move { drop(answer.await) })
    }
}

impl Handler<Replay> for HubActor {
    type Result = ResponseFuture<Option<Replayed>>;

    fn handle(&mut self, replay: Replay, ctx: &mut Self::Context) -> Self::Result {
        let ticket = self.ticket();
        let (told, answer) = oneshot::channel();
        self.waiting.replays.insert(ticket, told);
        let Replay { from, types } = replay;
        let input = Input::Replay {
            ticket,
            from,
            types,
        };
        self.step(input, ctx);
        Box::pin(async move { answer.await.ok().flatten() })
    }
}

impl Handler<Remember> for HubActor {
    type Result = ();

    fn handle(&mut self, remember: Remember, ctx: &mut Self::Context) {
        let Remember { key, value } = remember;
        self.step(Input::Remember { key, value }, ctx);
    }
}

impl Handler<Recall> for HubActor {
    type Result = ResponseFuture<Option<Bytes>>;

    fn handle(&mut self, recall: Recall, ctx: &mut Self::Context) -> Self::Result {
        let ticket = self.ticket();
        let (told, answer) = oneshot::channel();
        self.waiting.recalls.insert(ticket, told);
        let key = recall.key;
        self.step(Input::Recall { ticket, key }, ctx);
        Box::pin(async move { answer.await.ok().flatten() })
    }
}

impl Handler<Carry> for HubActor {
    type Result = ResponseFuture<Result<Bytes, CarryFault>>;

    fn handle(&mut self, carry: Carry, ctx: &mut Self::Context) -> Self::Result {
        let ticket = self.ticket();
        let (told, answer) = oneshot::channel();
        self.waiting.carries.insert(ticket, told);
        let Carry { to, desk, bytes } = carry;
        let input = Input::Carry {
            ticket,
            to,
            desk,
            bytes,
        };
        self.step(input, ctx);
        Box::pin(async move { answer.await.unwrap_or(Err(CarryFault::Unanswered)) })
    }
}

impl Handler<Revoke> for HubActor {
    type Result = ResponseFuture<Result<Revoked, Full>>;

    fn handle(&mut self, revoke: Revoke, ctx: &mut Self::Context) -> Self::Result {
        let ticket = self.ticket();
        let (told, answer) = oneshot::channel();
        self.waiting.revokes.insert(ticket, told);
        let input = Input::Revoke {
            ticket,
            session: revoke.session,
            until: revoke.until_s,
            wait: revoke.wait_ms.unwrap_or(0),
        };
        self.step(input, ctx);
        Box::pin(async move {
            // Nobody drops an answer while the actor lives.
            let mut spread = answer
                .await
                .unwrap_or_else(|_ended| Ok(Spread::default()))?;
            spread.confirmed.sort();
            spread.missing.sort();
            let Spread { confirmed, missing } = spread;
            Ok(Revoked { confirmed, missing })
        })
    }
}

impl Handler<CarryAnswered> for HubActor {
    type Result = ();

    fn handle(&mut self, answered: CarryAnswered, ctx: &mut Self::Context) {
        let CarryAnswered { exchange, bytes } = answered;
        self.step(Input::CarryAnswered { exchange, bytes }, ctx);
    }
}

impl Handler<HeardByHub> for HubActor {
    type Result = ();

    fn handle(&mut self, HeardByHub(input): HeardByHub, ctx: &mut Self::Context) {
        self.step(input, ctx);
    }
}

impl Handler<Joined> for HubActor {
    type Result = ();

    fn handle(&mut self, Joined(cluster): Joined, _ctx: &mut Self::Context) {
        self.cluster = Some(cluster);
    }
}

impl Handler<LeaveHub> for HubActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _leave: LeaveHub, ctx: &mut Self::Context) -> Self::Result {
        if self.left {
            return Box::pin(std::future::ready(()));
        }
        let (told, left) = oneshot::channel();
        self.leaving.push(told);
        self.step(Input::Leave, ctx);
        Box::pin(async move { drop(left.await) })
    }
}
