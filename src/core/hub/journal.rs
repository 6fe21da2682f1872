//! In which order this node delivered events to its desks: where a client is that names the last
//! event it saw by the event's own id, as WebSocket and long-polling clients do. Bounded in bytes.
//! Deliberately absent: the events.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// What an entry occupies beside its two texts.
const OVERHEAD_BYTES: usize = 160;

/// Event ids and cursors in the order of delivery.
#[derive(Debug)]
pub(super) struct Journal {
    entries: VecDeque<(Arc<str>, Arc<str>)>,
    /// The number of the first entry.
    first: u64,
    /// The last entry of each id.
    by_id: BTreeMap<Arc<str>, u64>,
    bytes: usize,
    bytes_max: usize,
}

// === impl Journal ===

impl Journal {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            first: 0,
            by_id: BTreeMap::new(),
            bytes: 0,
            bytes_max,
        }
    }

    /// Event `id` was delivered, after which clients are at `cursor`.
    pub(super) fn note(&mut self, id: &Arc<str>, cursor: &Arc<str>) {
        let number = self.first + self.entries.len() as u64;
        self.bytes += cost(id, cursor);
        self.by_id.insert(Arc::clone(id), number);
        self.entries.push_back((Arc::clone(id), Arc::clone(cursor)));
        while self.bytes > self.bytes_max {
            let Some((id, cursor)) = self.entries.pop_front() else {
                return;
            };
            self.bytes = self.bytes.saturating_sub(cost(&id, &cursor));
            if self.by_id.get(&id) == Some(&self.first) {
                self.by_id.remove(&id);
            }
            self.first += 1;
        }
    }

    /// Where a client is that saw `id` last. If ids repeat, the latest counts.
    pub(super) fn find(&self, id: &str) -> Option<Arc<str>> {
        let number = self.by_id.get(id)?;
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.entries
            .get(index)
            .map(|(_id, cursor)| Arc::clone(cursor))
    }
}

fn cost(id: &str, cursor: &str) -> usize {
    id.len() + cursor.len() + OVERHEAD_BYTES
}
