//! Copies of other nodes' events, kept for them (`SUBMISSION_ACK=cluster`): one contiguous piece of
//! log per origin, all together bounded in bytes. Depends on `log`. Deliberately absent: who is asked
//! for them (`gone`, `replay`).

use std::{collections::BTreeMap, sync::Arc};

use super::{log::Log, position::NodeId};
use crate::core::event::Event;

/// Copies by origin.
#[derive(Debug)]
pub(super) struct Copies {
    logs: BTreeMap<NodeId, Copy>,
    bytes_max: usize,
}

#[derive(Debug)]
struct Copy {
    log: Log,
    /// When something was added last.
    at: u64,
}

/// Which part of an origin's log events are all of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// Behind this number.
    pub(super) from: u64,
    /// Up to this one.
    pub(super) to: u64,
    /// When they came.
    pub(super) at: u64,
}

// === impl Copies ===

impl Copies {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            logs: BTreeMap::new(),
            bytes_max,
        }
    }

    /// Adds `events`, which are all of `part`. What does not join the copies there are replaces them.
    /// Returns whether all of the part is kept.
    pub(super) fn extend(
        &mut self,
        origin: NodeId,
        part: Part,
        events: Vec<(u64, Arc<Event>)>,
    ) -> bool {
        let Part { from, to, at } = part;
        let bytes_max = self.bytes_max;
        let copy = self.logs.entry(origin).or_insert_with(|| Copy {
            log: Log::new(from, bytes_max),
            at,
        });
        if copy.log.head() < from {
            copy.log = Log::new(from, bytes_max);
        }
        copy.at = at;
        for (seq, event) in events {
            if seq == copy.log.head() + 1 {
                copy.log.push(event, at);
            }
        }
        if copy.log.head() < to {
            // Not all of it was there, or not readable: what follows must not seem to join.
            self.logs.remove(&origin);
        }
        self.trim();
        // There may be no room even for this part.
        self.of(origin).is_some_and(|log| log.before() <= from)
    }

    /// The copies of an origin's events.
    pub(super) fn of(&self, origin: NodeId) -> Option<&Log> {
        self.logs.get(&origin).map(|copy| &copy.log)
    }

    /// Forgets copies to which nothing was added since `before`, of origins that are gone.
    pub(super) fn forget(&mut self, before: u64, is_linked: impl Fn(NodeId) -> bool) {
        self.logs
            .retain(|origin, copy| copy.at >= before || is_linked(*origin));
    }

    /// Bytes of all.
    pub(super) fn bytes(&self) -> usize {
        self.logs.values().map(|copy| copy.log.bytes()).sum()
    }

    /// Gives up the oldest events of the longest copy until all are within the bound.
    fn trim(&mut self) {
        let mut bytes = self.bytes();
        while bytes > self.bytes_max {
            let Some(longest) = self.logs.values_mut().max_by_key(|copy| copy.log.bytes()) else {
                return;
            };
            let freed = longest.log.evict();
            if freed == 0 {
                return;
            }
            bytes = bytes.saturating_sub(freed);
        }
    }
}
