//! The wiring of events: the hub, the desks of the workers, and what they share.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Addr, Supervisor};
use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot};

use crate::{
    actor::{
        Alarm,
        hub::{self, HubActor},
        registry::wall_ms,
    },
    app::StartError,
    config::{self, Config, events::SubmissionAck},
    core::{
        hub::{
            Hub,
            params::{Ack, Params},
            position::NodeId,
        },
        replica::stamp::Now,
    },
    http::{
        awaited::{Awaited, Delivery},
        inbound::{
            events::{
                checks::Check, desk::Desk, hub_link::HubLink, rate::Rate, reception::Reception,
                service::Inbox,
            },
            gate::Gate,
        },
        sealer::Sealer,
    },
    message::{extractors::ExtractorsCell, hub::ToDesks, session::SessionCell},
    telemetry::{events::EventMetrics, hub::HubMetrics, metrics::Metrics},
};

/// The node's share in events.
pub(super) struct Events {
    /// Keeps the actor alive.
    pub(super) hub: Addr<HubActor>,
    /// What the desks share.
    pub(super) reception: Arc<Reception>,
    /// Where the extractors are published; taken by whoever does.
    pub(super) extractors: Option<ExtractorsCell>,
    /// Who may subscribe and submit.
    pub(super) checks: (Check, Check),
    /// One for each worker.
    pub(super) inboxes: Vec<Inbox>,
}

/// What [`Events::start`] needs of the rest.
pub(super) struct Parts<'a> {
    /// This process.
    pub(super) node: NodeId,
    /// Of connection tokens.
    pub(super) sealer: Sealer,
    /// Judges tokens.
    pub(super) gate: Gate,
    /// Requests that wait for asynchronous answers.
    pub(super) awaited: Arc<Awaited>,
    /// Counts.
    pub(super) metrics: &'a Metrics,
    /// Number of workers.
    pub(super) workers: usize,
    /// `MAX_CONNECTIONS`.
    pub(super) connections_max: usize,
    /// What holds.
    pub(super) config: &'a config::events::Events,
    /// The node's name, for people.
    pub(super) name: String,
    /// Times and sizes of the hub.
    pub(super) params: Params,
    /// Where the blacklist is published.
    pub(super) sessions: Arc<SessionCell>,
    /// Told once, when the node may take events.
    pub(super) ready: oneshot::Sender<()>,
    /// Rings when the hub actor dies.
    pub(super) alarm: Alarm,
}

// === impl Parts ===

impl Parts<'_> {
    /// What the hub actor is made of, with a desk for each of `desks`.
    fn hub(&mut self, desks: Vec<ToDesks>) -> Result<hub::Parts, StartError> {
        let began = Instant::now();
        let now = Now {
            monotonic: 0,
            wall: wall_ms(),
        };
        let awaited = Arc::clone(&self.awaited);
        let ready = std::mem::replace(&mut self.ready, oneshot::channel().0);
        Ok(hub::Parts {
            hub: Hub::new(self.node, self.name.clone(), self.params, now),
            desks,
            sessions: Arc::clone(&self.sessions),
            late_answers: Arc::new(move |bytes| match awaited.arrived(bytes) {
                Delivery::Delivered => true,
                Delivery::TooLate | Delivery::Elsewhere { .. } => false,
            }),
            metrics: HubMetrics::new(self.metrics)?,
            ready,
            began,
            patience: Duration::from_millis(self.params.answer_timeout),
        })
    }
}

// === impl Events ===

impl Events {
    pub(super) fn start(mut parts: Parts<'_>) -> Result<Self, StartError> {
        let metrics = EventMetrics::new(parts.metrics)?;
        let extractors = Arc::new(ArcSwap::new(Arc::clone(&parts.config.extractors)));
        let (mut desks, mut told, mut inboxes) = (Vec::new(), Vec::new(), Vec::new());
        for _worker in 0..parts.workers {
            let (order, orders) = mpsc::unbounded_channel();
            let (tell, hub) = ToDesks::channel();
            desks.push(order);
            told.push(tell);
            inboxes.push(Inbox { hub, orders });
        }
        let node = parts.node;
        let cell = ExtractorsCell::new(Arc::clone(&extractors), told.clone());
        let hub_parts = parts.hub(told)?;
        let alarm = parts.alarm;
        let hub = Supervisor::start(move |_ctx| HubActor::new(hub_parts, alarm));
        let reception = Arc::new(Reception {
            node,
            sealer: parts.sealer,
            awaited: parts.awaited,
            gate: parts.gate,
            extractors,
            rate: Rate::new(parts.config.connections_per_minute_max),
            queue_bytes_max: parts.config.connection_queue_bytes_max,
            mailboxes_max: parts.connections_max.div_ceil(parts.workers.max(1)),
            hub: HubLink {
                submit: hub.clone().recipient(),
                interest: hub.clone().recipient(),
                replay: hub.clone().recipient(),
                remember: hub.clone().recipient(),
                recall: hub.clone().recipient(),
                carry: hub.clone().recipient(),
            },
            desks,
            metrics,
        });
        Ok(Self {
            hub,
            reception,
            extractors: Some(cell),
            checks: (
                check(&parts.config.subscription_check)?,
                check(&parts.config.submission_check)?,
            ),
            inboxes,
        })
    }
}

/// The desk of the worker with this number, on its thread.
pub(super) fn desk(reception: &Arc<Reception>, number: usize) -> std::rc::Rc<Desk> {
    Desk::new(
        u32::try_from(number).unwrap_or(u32::MAX),
        reception.extractors.load_full(),
        reception.queue_bytes_max,
        Arc::clone(&reception.metrics),
    )
}

/// Who decides, as the workers know it.
fn check(configured: &config::events::Check) -> Result<Check, StartError> {
    Ok(match configured {
        config::events::Check::Nobody => Check::Nothing,
        config::events::Check::Token => Check::Token,
        config::events::Check::Url(url) => Check::parse(url)?,
    })
}

/// Times and sizes of the hub.
pub(super) fn params(config: &Config) -> Params {
    Params {
        clustered: config.cluster.is_some(),
        log_bytes_max: config.events.replay_buffer_bytes_max,
        ack: match config.events.submission_ack {
            SubmissionAck::Local => Ack::Local,
            SubmissionAck::Cluster => Ack::Cluster,
        },
        ..Params::default()
    }
}
