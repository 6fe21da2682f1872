//! What all desks of the node share: settings, keys, the way to the hub and to the other desks.

use std::{sync::Arc, time::SystemTime};

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, oneshot};

use crate::{
    core::{
        hub::position::NodeId,
        session::Name,
        subscription::{Subscription, extractors::Extractors},
    },
    http::{
        awaited::Awaited,
        inbound::{
            events::{
                frame::KEY_CHARS, hub_link::HubLink, mailbox::Seen, rate::Rate, seats::LineId,
                token::Address,
            },
            gate::Gate,
        },
        sealer::{self, Sealer},
    },
    telemetry::events::EventMetrics,
};

/// Shared by all desks; also what the management API needs of them.
pub struct Reception {
    /// This node.
    pub node: NodeId,
    /// Seals connection tokens.
    pub sealer: Sealer,
    /// Requests that wait for asynchronous answers.
    pub awaited: Arc<Awaited>,
    /// Judges tokens.
    pub gate: Gate,
    /// Extractors in force.
    pub extractors: Arc<ArcSwap<Extractors>>,
    /// Connections a minute.
    pub rate: Rate,
    /// `CONNECTION_QUEUE_BYTES`.
    pub queue_bytes_max: usize,
    /// Long-polling sessions of one desk. They outlive their connections, so that these cannot bound
    /// them.
    pub mailboxes_max: usize,
    /// The hub.
    pub hub: HubLink,
    /// The way to each desk, by number.
    pub desks: Vec<mpsc::UnboundedSender<Order>>,
    /// Counts.
    pub metrics: Arc<EventMetrics>,
}

/// What one worker asks of another worker's desk.
#[derive(Debug)]
pub enum Order {
    /// Replace a line's subscriptions.
    Subscribe(Subscribe, oneshot::Sender<bool>),
    /// What a long-polling session has for its client.
    Poll(PollOrder, oneshot::Sender<Option<Polled>>),
}

/// See [`Order::Subscribe`].
#[derive(Debug, Clone)]
pub struct Subscribe {
    /// Which line.
    pub line: LineId,
    /// Its key, which proves that it is the one meant.
    pub key: [u8; KEY_CHARS],
    /// All it wants from now on.
    pub subscriptions: Vec<Subscription>,
    /// Sessions that it belongs to from now on.
    pub sessions: Vec<Name>,
}

/// See [`Order::Poll`].
#[derive(Debug, Clone)]
pub struct PollOrder {
    /// Which session.
    pub line: LineId,
    /// Its key.
    pub key: [u8; KEY_CHARS],
    /// What the client has.
    pub seen: Seen,
    /// If there is nothing new, wait for it.
    pub waits: bool,
    /// Most bytes of events in the answer, but for a single one.
    pub bytes_max: usize,
}

/// Events for a long-polling client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polled {
    /// Id of the newest event that the session has.
    pub last: String,
    /// How many events the client has then.
    pub number: u64,
    /// Where in the cluster it is then, for another node to go on.
    pub cursor: String,
    /// The events' texts.
    pub events: Vec<bytes::Bytes>,
}

// === impl Reception ===

impl Reception {
    /// A new token for a line.
    pub fn token(&self, desk: u32, line: LineId, key: [u8; KEY_CHARS]) -> String {
        let address = Address {
            node: self.node,
            desk,
            line,
            key,
        };
        address.seal(&self.sealer)
    }
}

/// A fresh key for a connection; unguessable, because it opens what is remembered under it.
pub fn fresh_key() -> [u8; KEY_CHARS] {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let mut key = [0; KEY_CHARS];
    let random = sealer::random::<12>().unwrap_or_else(|_none| {
        // Only on a system without random numbers, which has no secrets at all.
        std::array::from_fn(|_index| fastrand::u8(..))
    });
    // 12 bytes are exactly 16 characters.
    drop(URL_SAFE_NO_PAD.encode_slice(random, &mut key));
    key
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |elapsed| elapsed.as_secs())
}
