//! The way to the hub actor. Handlers know messages, not the actor.

use actix::Recipient;
use bytes::Bytes;

use crate::{
    core::{
        hub::{delivery::Replayed, input::From, output::CarryFault, position::NodeId},
        subscription::{TypePattern, changes::PatternChanges},
    },
    message::hub::{Carry, InterestChanged, Recall, Remember, Replay, Submit},
};

/// What desks and handlers ask of the hub.
#[derive(Clone)]
pub struct HubLink {
    /// Takes events.
    pub submit: Recipient<Submit>,
    /// What a desk wants has changed.
    pub interest: Recipient<InterestChanged>,
    /// What a client missed.
    pub replay: Recipient<Replay>,
    /// Remember a connection.
    pub remember: Recipient<Remember>,
    /// What is remembered of one?
    pub recall: Recipient<Recall>,
    /// For another node's connection.
    pub carry: Recipient<Carry>,
}

// === impl HubLink ===

impl HubLink {
    /// Tells what a desk wants; completes when all nodes know it, or the hub has waited long enough.
    pub async fn interest(&self, changes: PatternChanges) {
        let PatternChanges { added, removed } = changes;
        let changed = InterestChanged { added, removed };
        if let Err(error) = self.interest.send(changed).await {
            log::error!("the hub actor does not answer: {error}");
        }
    }

    /// One page of what a client missed; `None`: try again later.
    pub async fn replay(&self, from: From, types: Vec<TypePattern>) -> Option<Replayed> {
        self.replay
            .send(Replay { from, types })
            .await
            .ok()
            .flatten()
    }

    /// Has all nodes remember something about a connection.
    pub fn remember(&self, key: Bytes, value: Bytes) {
        self.remember.do_send(Remember { key, value });
    }

    /// What is remembered about a connection.
    pub async fn recall(&self, key: Bytes) -> Option<Bytes> {
        self.recall.send(Recall { key }).await.ok().flatten()
    }

    /// Has another node's desk answer.
    ///
    /// # Errors
    /// [`CarryFault`]
    pub async fn carry(
        &self,
        to: NodeId,
        desk: Option<u32>,
        bytes: Bytes,
    ) -> Result<Bytes, CarryFault> {
        let carry = Carry { to, desk, bytes };
        self.carry
            .send(carry)
            .await
            .unwrap_or(Err(CarryFault::Unanswered))
    }
}
