//! The replicated state of a node and nothing else: a round per API, with the hash tree over them
//! (cluster.md, part 4). Depends on `round`, `tree`. Deliberately absent: removal; a deleted API is
//! a round like any other, for as long as the node lives.

use std::collections::BTreeMap;

use super::{
    ballot::Ballot,
    id::{ApiId, Voter},
    params::Plant,
    round::{Change, Round},
    tree::Tree,
};

/// All rounds of a node.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    rounds: BTreeMap<ApiId, Round>,
    tree: Tree,
}

// === impl Registry ===

impl Registry {
    /// The round of an API.
    pub fn get(&self, id: &ApiId) -> Option<&Round> {
        self.rounds.get(id)
    }

    /// All rounds in id order.
    pub fn iter(&self) -> impl Iterator<Item = (&ApiId, &Round)> {
        self.rounds.iter()
    }

    /// Number of APIs, deleted ones included.
    pub fn len(&self) -> usize {
        self.rounds.len()
    }

    /// Whether there is no API.
    pub fn is_empty(&self) -> bool {
        self.rounds.is_empty()
    }

    /// The hash tree.
    pub fn tree(&mut self) -> &mut Tree {
        &mut self.tree
    }

    /// The hash tree, for looking up ids.
    pub fn keys(&self) -> &Tree {
        &self.tree
    }

    /// Joins a round. One without candidates can only add ballots to a known ref.
    pub fn join(&mut self, id: &ApiId, round: &Round) -> Change {
        self.join_under(id, round, Plant::Nothing)
    }

    /// [`Registry::join`], with the planted error of a negative control.
    pub(super) fn join_under(&mut self, id: &ApiId, round: &Round, plant: Plant) -> Change {
        let change = match self.rounds.get_mut(id) {
            Some(known) if replaces(known, round, plant) => {
                *known = round.clone();
                Change::first()
            }
            Some(known) => known.join(round),
            None if round.candidates().is_empty() => return Change::default(),
            None => {
                self.rounds.insert(id.clone(), round.clone());
                Change::first()
            }
        };
        if change.any() {
            self.sign(id);
        }
        change
    }

    /// Adds one ballot to the round of an API.
    pub fn vote(&mut self, id: &ApiId, voter: Voter, ballot: Ballot) -> Change {
        let Some(round) = self.rounds.get_mut(id) else {
            return Change::default();
        };
        let change = round.vote(voter, ballot);
        if change.any() {
            self.sign(id);
        }
        change
    }

    fn sign(&mut self, id: &ApiId) {
        if let Some(round) = self.rounds.get(id) {
            self.tree.set(id, round.signature(id));
        }
    }
}

/// What a planted error does instead of a join; never in the product.
fn replaces(known: &Round, incoming: &Round, plant: Plant) -> bool {
    let stamp = |round: &Round| round.candidates().iter().map(|(_, c)| c.stamp).max();
    match plant {
        Plant::Nothing | Plant::VotesIgnored | Plant::LossUntold => false,
        Plant::LastArrivalReplaces => {
            !incoming.candidates().is_empty()
                && known.ref_number() == incoming.ref_number()
                && known != incoming
        }
        Plant::StampBeatsRef => {
            known.ref_number() > incoming.ref_number() && stamp(known) < stamp(incoming)
        }
    }
}
