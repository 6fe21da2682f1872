//! Requests that wait for an asynchronous answer, and the ids under which the answers come
//! (spec: `proxying.md` 3.8.1, 3.8.5, 3.8.6; `management-api.md` 2.6).
//!
//! Shared by all workers and the management port; its lock is taken only by requests to endpoints
//! with `response_from: http_async` and by their answers, and never held while anything is awaited.
//! A correlation id seals the node and a number, so the answer may arrive on any node of the cluster:
//! [`Awaited::deliver`] brings it to the waiting request, or tells which node to carry it to.
//! Deliberately absent: the time limit (the waiting request has it) and the network.

pub mod answer;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use prometheus::IntGauge;
use tokio::sync::oneshot;

pub use self::answer::LateAnswer;
use crate::{core::seal::SealFault, http::sealer::Sealer};

/// Most requests that wait at a time. Each is a client's open request of some 10 KiB, for which
/// nobody works; ten thousand a second with the default limit of five seconds.
pub const WAITING_MAX: usize = 50_000;

/// All requests that wait here.
#[derive(Debug)]
pub struct Awaited {
    node: u64,
    sealer: Sealer,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<LateAnswer>>>,
    gauge: IntGauge,
}

/// One waiting request; it waits until this is dropped.
#[derive(Debug)]
pub struct Waiting {
    /// The correlation id, safe in a query and in a header.
    pub id: String,
    number: u64,
    answer: oneshot::Receiver<LateAnswer>,
    awaited: Arc<Awaited>,
}

/// Where a waiting request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    node: u64,
    number: u64,
}

/// What became of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The request has it.
    Delivered,
    /// Nobody waits for it here (any more).
    TooLate,
    /// The request waits on another node, which is to be given this.
    Elsewhere {
        /// The node.
        node: u64,
        /// For its [`Awaited::arrived`].
        bytes: Vec<u8>,
    },
}

// === impl Awaited ===

impl Awaited {
    /// For the node `node`, which no other process shares. `gauge` counts who waits.
    pub fn new(node: u64, sealer: Sealer, gauge: IntGauge) -> Arc<Self> {
        Arc::new(Self {
            node,
            sealer,
            next: AtomicU64::new(0),
            waiting: Mutex::default(),
            gauge,
        })
    }

    /// Has a request wait; `None` if too many do, or nothing can be sealed.
    pub fn wait(self: &Arc<Self>) -> Option<Waiting> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let place = Place {
            node: self.node,
            number,
        };
        let id = self.sealer.seal(&place.to_bytes()).ok()?;
        let (sender, answer) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() >= WAITING_MAX {
                return None;
            }
            waiting.insert(number, sender);
        }
        self.gauge.inc();
        Some(Waiting {
            id,
            number,
            answer,
            awaited: Arc::clone(self),
        })
    }

    /// Where the request with correlation id `id` waits.
    ///
    /// # Errors
    /// [`SealFault`] if the id is not one of this cluster's.
    pub fn place(&self, id: &str) -> Result<Place, SealFault> {
        let plain = self.sealer.open(id)?;
        Place::from_bytes(&plain).ok_or(SealFault::NotAuthentic)
    }

    /// Gives `answer` to the request at `place`.
    pub fn deliver(&self, place: Place, answer: LateAnswer) -> Delivery {
        if place.node != self.node {
            return Delivery::Elsewhere {
                node: place.node,
                bytes: answer.encode(place.number),
            };
        }
        self.hand_over(place.number, answer)
    }

    /// Takes in what another node has carried here. What is malformed is dropped.
    pub fn arrived(&self, bytes: &[u8]) -> Delivery {
        match LateAnswer::decode(bytes) {
            Some((number, answer)) => self.hand_over(number, answer),
            None => {
                log::warn!("a node sent an asynchronous answer that cannot be read");
                Delivery::TooLate
            }
        }
    }

    fn hand_over(&self, number: u64, answer: LateAnswer) -> Delivery {
        let waiting = self.remove(number);
        // It fails if the request has just left.
        let delivered = waiting.is_some_and(|request| request.send(answer).is_ok());
        if delivered {
            Delivery::Delivered
        } else {
            Delivery::TooLate
        }
    }

    fn remove(&self, number: u64) -> Option<oneshot::Sender<LateAnswer>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(&number)
    }
}

// === impl Waiting ===

impl Waiting {
    /// Completes with the answer, which may have come before.
    pub async fn answer(&mut self) -> Option<LateAnswer> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.awaited.remove(self.number);
        self.awaited.gauge.dec();
    }
}

// === impl Place ===

impl Place {
    fn to_bytes(self) -> Vec<u8> {
        [self.node.to_be_bytes(), self.number.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (node, number) = bytes.split_first_chunk()?;
        Some(Self {
            node: u64::from_be_bytes(*node),
            number: u64::from_be_bytes(number.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests;
