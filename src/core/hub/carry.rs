//! Passing requests to connections of other nodes: changes of subscriptions, long polls, asynchronous
//! answers. Depends on the machine. Deliberately absent: what the bytes mean; repeating, since the
//! other end may have done what was asked.

use bytes::Bytes;

use super::{
    Hub,
    limits::CARRY_BYTES_MAX,
    lookups::Kind,
    output::{CarryFault, Output},
    peers::{Peer, Purpose},
    position::NodeId,
    wire::{Answer, Request, Text},
};
use crate::core::replica::stamp::Now;

// === impl Hub ===

impl Hub {
    pub(super) fn carry(
        &mut self,
        ticket: u64,
        to: NodeId,
        desk: Option<u32>,
        bytes: Bytes,
        now: Now,
    ) {
        if bytes.len() > CARRY_BYTES_MAX {
            self.carry_done(ticket, Err(CarryFault::TooLarge));
            return;
        }
        let Some(id) = self.peer_of(to).cloned() else {
            self.carry_gone(ticket);
            return;
        };
        let is_full = |peer: &Peer| !peer.lookups.has_room(Kind::Carry, bytes.len());
        if self.peers.get(&id).is_some_and(is_full) {
            self.carry_done(ticket, Err(CarryFault::Overloaded));
            return;
        }
        let question = Request::Carry {
            desk,
            bytes: Text(bytes),
        };
        self.ask(&id, Purpose::Carry(ticket), &question, now.monotonic);
    }

    /// A peer sends something for a desk of this node.
    pub(super) fn carried(&mut self, exchange: u64, desk: Option<u32>, bytes: Bytes) {
        self.out.push(Output::Carried {
            exchange,
            desk,
            bytes,
        });
    }

    pub(super) fn carry_answered(&mut self, exchange: u64, bytes: Option<Bytes>) {
        let answer = bytes.map_or(Answer::Unknown, |bytes| Answer::Carried(Text(bytes)));
        self.reply(exchange, &answer);
    }

    pub(super) fn carry_done(&mut self, ticket: u64, result: Result<Bytes, CarryFault>) {
        self.out.push(Output::CarryDone { ticket, result });
    }

    pub(super) fn carry_gone(&mut self, ticket: u64) {
        self.carry_done(ticket, Err(CarryFault::Gone));
    }

    pub(super) fn carry_unanswered(&mut self, ticket: u64) {
        self.carry_done(ticket, Err(CarryFault::Unanswered));
    }
}
