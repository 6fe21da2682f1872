//! Registry synchronisation of one node: "ballot rounds" (cluster.md). A machine without I/O: an
//! input and the time go in, a list of things to do comes out. Same inputs, same outputs.
//! Depends on `sha2`, `minicbor`, `thiserror`. Deliberately absent: sockets, clocks, randomness,
//! tasks, logs; the JSON of definitions (a `Judge` says whether a body can be activated here).
//!
//! Rooms, from data to behaviour: `id` `stamp` `ballot` `lineage` `sorted` `round` `tree` `registry`
//! (the lattice and its hashes), `wire` (messages), `members`, `contest` (local state of an API),
//! `write` (rule W, L), `merge` (M, I), `vote` and `look` (M, C, N, K), `serve` (M3, V), `loss`, `publish`
//! (W, B), `descend` `answer` `fetch` (part 7), `tick`, `gone`, `receipt`, `diff`, `conflicts`, `view`.

mod answer;
pub mod ballot;
pub mod conflicts;
mod contest;
mod descend;
pub mod diff;
mod fetch;
mod gone;
pub mod id;
pub mod input;
pub mod limits;
pub mod lineage;
mod look;
mod loss;
pub mod members;
mod merge;
pub mod output;
pub mod params;
mod publish;
mod random;
pub mod receipt;
pub mod registry;
pub mod round;
mod serve;
pub mod sorted;
pub mod stamp;
mod sync;
mod tick;
pub mod tree;
pub mod view;
mod vote;
mod wants;
pub mod wire;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use crate::core::digest::{self, Body};
use conflicts::Conflicts;
use contest::Local;
use diff::Diffs;
use id::{ApiId, PeerId, Voter};
use input::Input;
use members::Members;
use output::{Fact, Output};
use params::Params;
use publish::Outbox;
use random::Random;
use receipt::Receipts;
use registry::Registry;
use stamp::{Clock, Now};
use sync::Exchanges;
use wants::Wants;
use wire::Sender;

/// Whether this software can activate a definition (rule V). Must be pure.
pub type Judge = Arc<dyn Fn(&ApiId, &Body) -> bool + Send + Sync>;

/// Who this node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Name of the cluster; other clusters are not heard.
    pub cluster: String,
    /// Name of the node; should survive restarts, since the vote hangs on it.
    pub name: String,
    /// The transport's name of this process.
    pub peer: PeerId,
    /// Version of the software, told to others.
    pub software: String,
}

/// The state machine of one node.
pub struct Replica {
    identity: Identity,
    params: Params,
    judge: Judge,
    random: Random,
    clock: Clock,
    voter: Voter,
    incarnation: u64,
    seq: u32,
    outbids: u8,
    life: Life,
    registry: Registry,
    locals: BTreeMap<ApiId, Local>,
    /// APIs whose contested round is not finished here.
    attention: BTreeSet<ApiId>,
    members: Members,
    exchanges: Exchanges,
    wants: Wants,
    outbox: Outbox,
    receipts: Receipts,
    diffs: Diffs,
    conflicts: Conflicts,
    /// Bad messages per peer: since when (monotonic), how many.
    bad: BTreeMap<PeerId, (u64, u32)>,
    out: Vec<Output>,
}

/// Where the process is in its life (cluster.md, part 5.1).
#[derive(Debug, Clone, Copy)]
struct Life {
    started_at: u64,
    ready: bool,
    established: bool,
    /// Deadline of the last syncs, after `Input::Leave`.
    leaving: Option<u64>,
    left: bool,
    presence_at: u64,
    sync_at: u64,
}

// === impl Replica ===

impl Replica {
    /// A node that starts now. `seed` should differ between nodes; it decides jitter only.
    pub fn new(identity: Identity, params: Params, judge: Judge, seed: u64, now: Now) -> Self {
        let mut clock = Clock::default();
        let incarnation = clock.tick(now.wall).as_u64();
        let voter = Voter::of(&identity.cluster, &identity.name);
        let mut random = Random::new(seed);
        let life = Life {
            started_at: now.monotonic,
            ready: false,
            established: false,
            leaving: None,
            left: false,
            presence_at: now.monotonic,
            sync_at: now.monotonic + random.below(params.sync_interval),
        };
        Self {
            identity,
            params,
            judge,
            random,
            clock,
            voter,
            incarnation,
            seq: 0,
            outbids: 0,
            life,
            registry: Registry::default(),
            locals: BTreeMap::new(),
            attention: BTreeSet::new(),
            members: Members::new(now.monotonic),
            exchanges: Exchanges::default(),
            wants: Wants::default(),
            outbox: Outbox::default(),
            receipts: Receipts::default(),
            diffs: Diffs::default(),
            conflicts: Conflicts::default(),
            bad: BTreeMap::new(),
            out: Vec::new(),
        }
    }

    /// Takes one input and says what to do, in order.
    pub fn step(&mut self, now: Now, input: Input) -> Vec<Output> {
        match input {
            Input::Load(entries) => self.load(entries, now),
            Input::Write(write) => self.write(write, now),
            Input::LinkOpened(peer) => self.link_opened(peer, now),
            Input::LinkClosed(peer) => self.link_closed(&peer, now),
            Input::Gossip {
                relay,
                author,
                bytes,
            } => self.gossip(&relay, &author, &bytes, now),
            Input::Request {
                from,
                exchange,
                bytes,
            } => self.request(&from, exchange, &bytes, now),
            Input::Answer { exchange, bytes } => self.answered(exchange, &bytes, now),
            Input::Failed { exchange } => self.failed(exchange, now),
            Input::Wait(wait) => self.wait(wait, now),
            Input::Compare => self.compare_all(now),
            Input::Diff { ticket, peer } => self.diff(ticket, &peer, now),
            Input::Forget(peers) => self.forget(peers, now),
            Input::Tick => self.tick(now),
            Input::Leave => self.leave(now),
        }
        // Here, because it is an answer or a failure that ends the last exchange, not the clock.
        self.check_left(now);
        self.flush(now);
        std::mem::take(&mut self.out)
    }

    /// The transport's name of this process is now `peer`; known once the transport runs, and new
    /// when it had to be rebuilt.
    pub fn set_peer(&mut self, peer: PeerId) {
        self.identity.peer = peer;
        self.life.presence_at = self.life.started_at;
    }

    fn link_opened(&mut self, peer: PeerId, now: Now) {
        self.members.open(peer.clone(), now.monotonic);
        self.life.presence_at = now.monotonic;
        self.start_sync(&peer, limits::CONNECT_RETRIES, now);
        self.look_all(now);
    }

    fn link_closed(&mut self, peer: &PeerId, now: Now) {
        self.members.close(peer, now.monotonic);
        for exchange in self.exchanges.drop_peer(peer) {
            self.failed(exchange, now);
        }
        self.look_all(now);
    }

    fn sender(&self) -> Sender {
        Sender {
            cluster: self.identity.cluster.clone(),
            voter: self.voter,
            incarnation: self.incarnation,
            established: self.life.established,
        }
    }

    fn tell(&mut self, fact: Fact) {
        self.out.push(Output::Fact(fact));
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica")
            .field("name", &self.identity.name)
            .field("incarnation", &self.incarnation)
            .field("apis", &self.registry.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
