//! Receipts: has a change spread (cluster.md, part 5.3)? Every member is asked again and again until
//! the answer is yes or the time is over. Depends on the machine. Deliberately absent: change of any
//! state that is replicated.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Replica,
    id::{ApiId, PeerId, Voter},
    input::{Until, Wait},
    limits::RECEIPTS_MAX,
    output::Output,
    round::{DecidedBy, Round},
    stamp::Now,
    sync::Errand,
    wire::{Request, Status, Version},
};

/// Time between two rounds of questions.
const ASK_AGAIN: u64 = 200;

/// Whoever waits when the node is told to stop is answered after this long with what is known then,
/// and the node leaves no earlier: without connections it would know of no other node, and call alone
/// what it serves alone. Below what the shell gives the last exchange (`app/drain`).
const FAREWELL_MAX: u64 = 1_000;

/// How far a change has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// From the wait.
    pub ticket: u64,
    /// The outcome.
    pub outcome: Outcome,
    /// Whether this node serves it.
    pub here: bool,
    /// Names of the members that serve it.
    pub serving: Vec<String>,
    /// Names of the members that do not, and why. Also those whose connection was lost meanwhile; not
    /// those that left, were forgotten, or are back as a new process.
    pub missing: Vec<(String, Missing)>,
}

/// The outcome of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As far as asked.
    Done,
    /// Not yet when the time was over.
    Pending,
    /// Another version took its place.
    Superseded {
        /// Which.
        winner: Version,
        /// By which rule.
        by: DecidedBy,
    },
    /// Too many receipts are awaited; nothing was asked.
    Busy,
}

/// Why a member does not serve a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It did not answer, or is no direct neighbour.
    Unreachable,
    /// It does not know the change yet.
    Behind,
    /// Its round is open.
    Contested,
    /// Its software cannot activate it.
    NotActivatable,
}

/// A wait under way.
#[derive(Debug, Clone)]
struct Awaited {
    wait: Wait,
    deadline: u64,
    ask_at: u64,
    /// All that were members since the wait began.
    expected: BTreeMap<PeerId, Expected>,
    answers: BTreeMap<PeerId, Status>,
}

#[derive(Debug, Clone)]
struct Expected {
    voter: Voter,
    name: String,
}

/// All waits under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Receipts {
    awaited: BTreeMap<u64, Awaited>,
}

// === impl Receipts ===

impl Receipts {
    pub(super) fn wake_at(&self) -> Option<u64> {
        self.awaited
            .values()
            .map(|awaited| awaited.ask_at.min(awaited.deadline))
            .min()
    }

    /// Nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.awaited.is_empty()
    }

    /// These are members no more, and wish for it.
    pub(super) fn expect_no_more(&mut self, peers: &[PeerId]) {
        for awaited in self.awaited.values_mut() {
            awaited.expected.retain(|peer, _| !peers.contains(peer));
        }
    }

    /// Nobody is kept waiting by a node that is about to stop.
    pub(super) fn hurry(&mut self, now: Now) {
        for awaited in self.awaited.values_mut() {
            awaited.deadline = awaited.deadline.min(now.monotonic + FAREWELL_MAX);
        }
    }
}

// === impl Replica ===

impl Replica {
    pub(super) fn wait(&mut self, wait: Wait, now: Now) {
        let ticket = wait.ticket;
        if self.receipts.awaited.len() >= RECEIPTS_MAX {
            let outcome = Outcome::Busy;
            let (serving, missing) = (Vec::new(), Vec::new());
            self.out.push(Output::Receipt(Receipt {
                ticket,
                outcome,
                here: false,
                serving,
                missing,
            }));
            return;
        }
        let deadline = now.monotonic + wait.timeout;
        let awaited = Awaited {
            wait,
            deadline,
            ask_at: now.monotonic,
            expected: BTreeMap::new(),
            answers: BTreeMap::new(),
        };
        self.receipts.awaited.insert(ticket, awaited);
        if self.life.leaving.is_some() {
            self.receipts.hurry(now);
        }
        self.check_receipts(now);
    }

    /// A member answered.
    pub(super) fn told(&mut self, ticket: u64, from: &PeerId, status: Status, now: Now) {
        if let Some(awaited) = self.receipts.awaited.get_mut(&ticket) {
            awaited.answers.insert(from.clone(), status);
            self.check_receipt(ticket, now);
        }
    }

    pub(super) fn check_receipts(&mut self, now: Now) {
        for ticket in self.receipts.awaited.keys().copied().collect::<Vec<_>>() {
            self.check_receipt(ticket, now);
        }
    }

    /// Whoever still waits is told what is known now.
    pub(super) fn conclude_receipts(&mut self, now: Now) {
        for awaited in self.receipts.awaited.values_mut() {
            awaited.deadline = now.monotonic;
        }
        self.check_receipts(now);
    }

    /// How a change stands by what this node knows alone.
    pub fn superseded(&self, id: &ApiId, version: &Version) -> Option<(Version, DecidedBy)> {
        let winner = self.winner(id)?;
        if winner == *version {
            return None;
        }
        let local = self.locals.get(id);
        let open = local.is_some_and(|local| local.serving == Some(*version));
        let by = if winner.ref_number > version.ref_number {
            DecidedBy::Ref
        } else {
            self.registry
                .get(id)
                .map_or(DecidedBy::Ref, Round::decided_by)
        };
        (!open).then_some((winner, by))
    }

    fn check_receipt(&mut self, ticket: u64, now: Now) {
        let Some(awaited) = self.receipts.awaited.get_mut(&ticket) else {
            return;
        };
        for (peer, member) in self.members.iter() {
            if !awaited.expected.contains_key(peer) {
                let (voter, name) = (member.voter, member.presence.name.clone());
                let expected = Expected { voter, name };
                awaited.expected.insert(peer.clone(), expected);
            }
        }
        let Some(awaited) = self.receipts.awaited.get(&ticket) else {
            return;
        };
        let receipt = self.receipt(awaited);
        let over = now.monotonic >= awaited.deadline;
        if receipt.outcome != Outcome::Pending || over {
            self.receipts.awaited.remove(&ticket);
            self.out.push(Output::Receipt(receipt));
            return;
        }
        if now.monotonic >= awaited.ask_at {
            self.ask_members(ticket, now);
        }
    }

    fn ask_members(&mut self, ticket: u64, now: Now) {
        let Some(awaited) = self.receipts.awaited.get_mut(&ticket) else {
            return;
        };
        awaited.ask_at = now.monotonic + ASK_AGAIN;
        let (id, version) = (awaited.wait.id.clone(), awaited.wait.version);
        let done: BTreeSet<PeerId> = awaited
            .answers
            .iter()
            .filter(|(_, status)| status.serving == Some(version) && !status.contested)
            .map(|(peer, _)| peer.clone())
            .collect();
        let asked: Vec<PeerId> = self
            .members
            .links()
            .filter(|peer| self.members.get(peer).is_some() && !done.contains(*peer))
            .cloned()
            .collect();
        for peer in asked {
            let request = Request::Status { id: id.clone() };
            self.ask(&peer, Errand::Status { ticket }, request, ASK_AGAIN, now);
        }
    }

    fn receipt(&self, awaited: &Awaited) -> Receipt {
        let Wait {
            ticket,
            id,
            version,
            until,
            ..
        } = &awaited.wait;
        let own = self.status(id);
        let here = own.serving == Some(*version);
        let mut serving = Vec::new();
        let mut missing = Vec::new();
        let mut contested = own.contested && own.winner != own.serving;
        for (peer, Expected { voter, name }) in &awaited.expected {
            let is_member = self.members.get(peer).is_some();
            if !is_member && self.members.iter().any(|(_, other)| other.voter == *voter) {
                continue;
            }
            let status = awaited.answers.get(peer);
            contested |=
                status.is_none_or(|status| status.contested && status.winner != status.serving);
            match status {
                None => missing.push((name.clone(), Missing::Unreachable)),
                Some(status) if status.serving == Some(*version) => serving.push(name.clone()),
                Some(status) => missing.push((name.clone(), why(status, version))),
            }
        }
        let outcome = if let Some((winner, by)) = self.superseded(id, version) {
            Outcome::Superseded { winner, by }
        } else {
            let done = match until {
                Until::All => here && missing.is_empty(),
                Until::Count(count) => serving.len() + usize::from(here) >= *count,
                Until::Settled => here && !contested,
            };
            if done {
                Outcome::Done
            } else {
                Outcome::Pending
            }
        };
        Receipt {
            ticket: *ticket,
            outcome,
            here,
            serving,
            missing,
        }
    }
}

fn why(status: &Status, version: &Version) -> Missing {
    match status.winner {
        Some(winner) if winner == *version && status.contested => Missing::Contested,
        Some(winner) if winner == *version => Missing::NotActivatable,
        Some(_) if status.contested => Missing::Contested,
        Some(_) | None => Missing::Behind,
    }
}
