//! Where an event stands: the node that accepted it and its number there; and how far somebody has
//! come, as one number per node. Depends on nothing. Deliberately absent: how positions are spelled
//! for clients (`cursor`).

use std::{collections::BTreeMap, fmt};

/// Nodes one [`Vector`] may name. Every node that is linked must fit, or each resume would begin with
/// its first event: these are 128 at most (`p2p`). With some that are gone they take less than 4 KiB as text, the bound of an id that a client sends.
pub const ORIGINS_MAX: usize = 160;

/// One life of a node: random at every start of the process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u64);

/// How far somebody has come with the events of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reached {
    /// All events up to this number have been seen, as far as they were wanted.
    pub seq: u64,
    /// The node is gone, and it has been said that events behind `seq` may be missing (or there are
    /// none); no need to say it again.
    pub ended: bool,
}

/// How far somebody has come with every node: a join-semilattice by [`Vector::join`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vector {
    reached: BTreeMap<NodeId, Reached>,
}

// === impl NodeId ===

impl NodeId {
    /// The node of this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The node that [`NodeId`]'s 16 hex digits name.
    pub fn from_hex(text: &str) -> Option<Self> {
        let is_plain = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_plain {
            return None;
        }
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// === impl Vector ===

impl Vector {
    /// How far with the events of `node`; `None`: nothing is known of it.
    pub fn get(&self, node: NodeId) -> Option<Reached> {
        self.reached.get(&node).copied()
    }

    /// The number reached with `node`, 0 if nothing is known of it.
    pub fn seq(&self, node: NodeId) -> u64 {
        self.get(node).map_or(0, |reached| reached.seq)
    }

    /// Takes the later of what is there and `reached`. A node beyond [`ORIGINS_MAX`] is left out.
    pub fn raise(&mut self, node: NodeId, reached: Reached) {
        if let Some(known) = self.reached.get_mut(&node) {
            *known = (*known).max(reached);
        } else if self.reached.len() < ORIGINS_MAX {
            self.reached.insert(node, reached);
        }
    }

    /// Takes the later of both, for every node.
    pub fn join(&mut self, other: &Self) {
        for (node, reached) in other.iter() {
            self.raise(node, reached);
        }
    }

    /// Takes the earlier of both, for every node: what both have seen. A node only one of them knows
    /// is left out, which means "from its beginning".
    pub fn meet(&mut self, other: &Self) {
        self.reached.retain(|node, reached| {
            other.get(*node).is_some_and(|other| {
                *reached = (*reached).min(other);
                true
            })
        });
    }

    /// Leaves only the nodes with whose events this is farther than `other`.
    pub fn leave_what_is_beyond(&mut self, other: &Self) {
        self.reached
            .retain(|node, reached| other.get(*node).is_none_or(|other| other.seq < reached.seq));
    }

    /// All nodes, in order.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, Reached)> {
        self.reached.iter().map(|(node, reached)| (*node, *reached))
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.reached.len()
    }

    /// Whether nothing is known of any node.
    pub fn is_empty(&self) -> bool {
        self.reached.is_empty()
    }
}

impl FromIterator<(NodeId, Reached)> for Vector {
    fn from_iter<I: IntoIterator<Item = (NodeId, Reached)>>(entries: I) -> Self {
        let mut vector = Self::default();
        for (node, reached) in entries {
            vector.raise(node, reached);
        }
        vector
    }
}

// === impl Reached ===

impl Reached {
    /// Up to `seq`, of a node that lives.
    pub const fn at(seq: u64) -> Self {
        Self { seq, ended: false }
    }
}
