//! Events between nodes (issue 4): which event goes to which node, that it arrives exactly once or is
//! reported missing, and how clients resume. A machine without I/O like [`super::replica`]: an input
//! and the time go in, a list of things to do comes out.
//! Depends on `event`, `subscription`, `session`, `replica` (names of the transport, the two clocks),
//! `minicbor`, `base64`. Deliberately absent: connections and their subscriptions (the desks have
//! them), sockets, clocks, tasks, logs.
//!
//! Rooms, from data to behaviour: `position` `cursor` `floor` `delivery` (what desks see), `log`
//! `journal` `interest` `wire`, `peers` (what is known of each linked node), `clock`, `meet` (hello, interest,
//! readiness), `lookups` (taking turns), `submit`, `ship` (origin's side), `receive` (receiver's side), `gone` (what happens
//! when a node is gone), `copies`, `replay`, `assembly` (its pages), `memos`, `carry`, `revoke`, `tick`.
//!
//! # The protocol
//! Every accepted event gets the next number of its node (its *origin*) and is kept in the origin's
//! log. A node tells every peer which types it wants. The origin sends each peer what it wants, in
//! order, one batch at a time: "what you want of (from, to] is this". The peer answers how far it has
//! come; only that moves `from`. So nothing is lost by a lost message, and what arrives twice is
//! dropped by its number. What the log has given up before it was sent is reported as a gap.

mod assembly;
mod carry;
mod clock;
mod copies;
pub mod cursor;
pub mod delivery;
pub mod floor;
mod gone;
pub mod input;
mod interest;
mod journal;
pub mod limits;
mod log;
mod lookups;
mod meet;
mod memos;
pub mod output;
pub mod params;
mod peers;
pub mod position;
mod receive;
mod replay;
mod revoke;
mod ship;
mod submit;
mod tick;
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
};

pub use wire::{HUB_MAJOR, WireFault};

use crate::core::{
    replica::{id::PeerId, stamp::Now},
    session::blacklist::Blacklist,
};
use copies::Copies;
use gone::Origin;
use input::Input;
use interest::Interest;
use journal::Journal;
use log::Log;
use meet::InterestWait;
use memos::{Memos, RecallWait};
use output::{Fact, Output};
use params::Params;
use peers::{Exchange, Peer, Purpose};
use position::{NodeId, Reached, Vector};
use replay::{HeldReplay, ReplayWait};
use revoke::{RevokeWait, Unconfirmed};
use submit::Waiter;
use wire::{Answer, Request};

/// The machine of one node.
pub struct Hub {
    me: NodeId,
    name: String,
    params: Params,
    log: Log,
    journal: Journal,
    interest: Interest,
    /// The other nodes whose events have been seen, linked or not.
    origins: BTreeMap<NodeId, Origin>,
    peers: BTreeMap<PeerId, Peer>,
    exchanges: BTreeMap<u64, Exchange>,
    /// Their deadlines and numbers.
    exchanges_due: BTreeSet<(u64, u64)>,
    /// Questions for clients that could not be asked.
    unasked: VecDeque<(PeerId, Purpose)>,
    next_exchange: u64,
    /// Rounds of telling interest, to all peers together.
    rounds: u64,
    copies: Copies,
    memos: Memos,
    /// Submissions that wait for a copy, in the order of their numbers.
    waiters: VecDeque<Waiter>,
    /// In the order of their versions and deadlines.
    interest_waits: VecDeque<InterestWait>,
    replays: BTreeMap<u64, ReplayWait>,
    /// Those that wait for their turn.
    replays_held: VecDeque<HeldReplay>,
    recalls: BTreeMap<u64, RecallWait>,
    /// Their deadlines and tickets.
    recalls_due: BTreeSet<(u64, u64)>,
    /// Copies to be asked for once more.
    pulls: BTreeSet<(PeerId, NodeId)>,
    blacklist: Blacklist,
    revocations: BTreeMap<u64, RevokeWait>,
    /// From when on to try again, with whom, what.
    revoke_again: Vec<(u64, PeerId, Unconfirmed)>,
    /// The peer the blacklist was compared with last.
    compared_last: Option<PeerId>,
    /// The peer that keeps copies of this node's events.
    backup: Option<PeerId>,
    /// Who that is, as told ([`Fact::Backup`]).
    keeper_told: Option<NodeId>,
    /// Desks do not keep up.
    overloaded: bool,
    life: Life,
    /// The last position told to desks.
    position: Option<Vector>,
    out: Vec<Output>,
}

/// Where the process is in its life.
#[derive(Debug, Clone, Copy)]
struct Life {
    started_at: u64,
    ready: bool,
    /// When the latest link opened, and whether that is a while ago.
    linked_at: u64,
    calm: bool,
    /// How long it takes to tell interest, in milliseconds: the longest of late, halved with each answer.
    round_trip: u64,
    idle_at: u64,
    /// Deadline after `Input::Leave`.
    leaving: Option<u64>,
    left: bool,
}

// === impl Hub ===

impl Hub {
    /// A node that starts now. `me` must be random.
    pub fn new(me: NodeId, name: String, params: Params, now: Now) -> Self {
        let now = now.monotonic;
        Self {
            me,
            name,
            params,
            log: Log::new(0, params.log_bytes_max),
            journal: Journal::new(limits::JOURNAL_BYTES_MAX),
            interest: Interest::default(),
            origins: BTreeMap::new(),
            peers: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            exchanges_due: BTreeSet::new(),
            unasked: VecDeque::new(),
            next_exchange: 0,
            rounds: 0,
            copies: Copies::new(params.log_bytes_max),
            memos: Memos::default(),
            waiters: VecDeque::new(),
            interest_waits: VecDeque::new(),
            replays: BTreeMap::new(),
            replays_held: VecDeque::new(),
            recalls: BTreeMap::new(),
            recalls_due: BTreeSet::new(),
            pulls: BTreeSet::new(),
            blacklist: Blacklist::new(),
            revocations: BTreeMap::new(),
            revoke_again: Vec::new(),
            compared_last: None,
            backup: None,
            keeper_told: None,
            overloaded: false,
            life: Life {
                started_at: now,
                ready: false,
                linked_at: now,
                calm: false,
                round_trip: 0,
                idle_at: now + params.idle_interval,
                leaving: None,
                left: false,
            },
            position: None,
            out: Vec::new(),
        }
    }

    /// Takes one input and says what to do, in order.
    pub fn step(&mut self, now: Now, input: Input) -> Vec<Output> {
        match input {
            Input::Submit { ticket, events } => self.submit(ticket, events, now),
            Input::InterestChanged {
                ticket,
                added,
                removed,
            } => self.interest_changed(ticket, added, &removed, now),
            Input::Replay {
                ticket,
                from,
                types,
            } => self.replay(ticket, from, types, now.monotonic),
            Input::Remember { key, value } => self.remember(key, value),
            Input::Recall { ticket, key } => self.recall(ticket, key, now),
            Input::Carry {
                ticket,
                to,
                desk,
                bytes,
            } => self.carry(ticket, to, desk, bytes, now),
            Input::CarryAnswered { exchange, bytes } => self.carry_answered(exchange, bytes),
            Input::Revoke {
                ticket,
                session,
                until,
                wait,
            } => self.revoke(ticket, session, until, wait, now),
            Input::LinkOpened(peer) => self.link_opened(peer, now),
            Input::LinkClosed(peer) => self.link_closed(&peer, now),
            Input::Request {
                from,
                exchange,
                bytes,
            } => self.request(&from, exchange, &bytes, now),
            Input::Answer { exchange, bytes } => self.answered(exchange, &bytes, now),
            Input::Failed { exchange } => self.failed(exchange, now),
            Input::Tick => self.tick(now),
            Input::Leave => self.leave(now),
        }
        self.settle(now);
        std::mem::take(&mut self.out)
    }

    /// Whether desks keep up with what they are sent; told before the next input. While they do not,
    /// nothing more is accepted, neither from clients nor from peers.
    pub fn set_overloaded(&mut self, overloaded: bool) {
        self.overloaded = overloaded;
    }

    /// This node.
    pub fn me(&self) -> NodeId {
        self.me
    }

    /// Whether the node is ready ([`Output::Ready`]).
    pub fn is_ready(&self) -> bool {
        self.life.ready
    }

    /// How far this node has come with everybody's events: where a client is that lacks nothing.
    pub fn vector(&self) -> Vector {
        let mut vector = Vector::default();
        vector.raise(self.me, Reached::at(self.log.head()));
        // Those that live first: there may be more than a cursor holds.
        for lives in [true, false] {
            for (node, origin) in &self.origins {
                if origin.gone_since.is_none() == lives {
                    vector.raise(*node, origin.reached());
                }
            }
        }
        vector
    }

    /// Sizes for the metrics.
    pub fn figures(&self) -> Figures {
        Figures {
            peers: self.peers.values().filter(|peer| peer.is_known).count(),
            log_bytes: self.log.bytes(),
            copies_bytes: self.copies.bytes(),
            interest: self.interest.len(),
            peers_interest: self.peers.values().map(|peer| peer.wishes.len()).sum(),
            memos_bytes: self.memos.bytes(),
            waiters: self.waiters.len(),
            sessions: self.blacklist.len(),
            sessions_added: self.blacklist.added(),
            sessions_evicted: self.blacklist.evicted(),
        }
    }

    /// What follows from whatever just happened.
    fn settle(&mut self, now: Now) {
        let clocks = now;
        let now = clocks.monotonic;
        self.mint(now);
        self.tell_all(now);
        self.designate(now);
        self.ship_all(now);
        self.send_memos(now);
        self.compare_all(clocks);
        self.check_interest_waits(now);
        self.check_ready(now);
        self.check_left(now);
        self.take_turns(now);
        self.forget_pauses(now);
    }

    /// Asks a peer, now or, if many clients have questions, in turn.
    fn ask(&mut self, to: &PeerId, purpose: Purpose, request: &Request, now: u64) {
        let bytes = wire::encode(request);
        match purpose.lookup() {
            Some(kind) => self.look_up(to, kind, (purpose, bytes), now),
            None => self.send(to, purpose, bytes, now),
        }
    }

    fn send(&mut self, to: &PeerId, purpose: Purpose, bytes: Vec<u8>, now: u64) {
        let exchange = self.next_exchange;
        self.next_exchange += 1;
        let timeout = match purpose.lookup() {
            Some(kind) => kind.timeout(&self.params),
            None => self.params.exchange_timeout,
        };
        let deadline = now + timeout;
        self.exchanges_due.insert((deadline, exchange));
        let under_way = Exchange {
            peer: to.clone(),
            purpose,
            deadline,
        };
        self.exchanges.insert(exchange, under_way);
        self.out.push(Output::Ask {
            to: to.clone(),
            exchange,
            bytes,
        });
    }

    fn reply(&mut self, exchange: u64, answer: &Answer) {
        self.out.push(Output::Reply {
            exchange,
            bytes: wire::encode(answer),
        });
    }

    fn tell(&mut self, fact: Fact) {
        self.out.push(Output::Fact(fact));
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("me", &self.me)
            .field("name", &self.name)
            .field("head", &self.log.head())
            .field("peers", &self.peers.len())
            .finish_non_exhaustive()
    }
}

/// Sizes for the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Linked nodes that have said who they are and what they want.
    pub peers: usize,
    /// Bytes of this node's log.
    pub log_bytes: usize,
    /// Bytes of copies of other nodes' events.
    pub copies_bytes: usize,
    /// Patterns this node wants.
    pub interest: usize,
    /// Patterns its peers want.
    pub peers_interest: usize,
    /// Bytes of memos.
    pub memos_bytes: usize,
    /// Submissions that wait for a copy.
    pub waiters: usize,
    /// Revoked sessions.
    pub sessions: usize,
    /// Sessions that were added to them since the start.
    pub sessions_added: u64,
    /// Sessions that gave way to others since the start.
    pub sessions_evicted: u64,
}

#[cfg(test)]
mod tests;
