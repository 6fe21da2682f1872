//! In which order this node delivered events to its desks: where a client is that names the last
//! event it saw by the event's own id, as WebSocket and long-polling clients do. Bounded in bytes.
//! Ids are the submitters' and may repeat. Which of the deliveries a client saw last cannot be known
//! then; the earliest that is kept counts, since some events again are better than some lost.
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
    entries: VecDeque<Entry>,
    /// The number of the first entry.
    first: u64,
    by_id: BTreeMap<Arc<str>, Places>,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Entry {
    id: Arc<str>,
    cursor: Arc<str>,
    /// The number of the next entry with the same id.
    again: Option<u64>,
}

/// The numbers of the first and the last entry of one id.
#[derive(Debug, Clone, Copy)]
struct Places {
    first: u64,
    last: u64,
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
        match self.by_id.get_mut(id) {
            Some(places) => {
                let last = std::mem::replace(&mut places.last, number);
                if let Some(entry) = index(self.first, last).and_then(|i| self.entries.get_mut(i)) {
                    entry.again = Some(number);
                }
            }
            None => {
                let places = Places {
                    first: number,
                    last: number,
                };
                self.by_id.insert(Arc::clone(id), places);
            }
        }
        self.entries.push_back(Entry {
            id: Arc::clone(id),
            cursor: Arc::clone(cursor),
            again: None,
        });
        while self.bytes > self.bytes_max && self.forget_first() {}
    }

    /// Where a client is that saw `id` last. If ids repeat, the earliest that is kept counts.
    pub(super) fn find(&self, id: &str) -> Option<Arc<str>> {
        let first = self.by_id.get(id)?.first;
        let entry = self.entries.get(index(self.first, first)?)?;
        Some(Arc::clone(&entry.cursor))
    }

    /// Whether there was an entry.
    fn forget_first(&mut self) -> bool {
        let Some(Entry { id, cursor, again }) = self.entries.pop_front() else {
            return false;
        };
        self.first += 1;
        self.bytes = self.bytes.saturating_sub(cost(&id, &cursor));
        match (again, self.by_id.get_mut(&id)) {
            (Some(again), Some(places)) => places.first = again,
            (None, _) | (Some(_), None) => {
                self.by_id.remove(&id);
            }
        }
        true
    }
}

/// Where entry `number` is in a list that begins with `first`.
fn index(first: u64, number: u64) -> Option<usize> {
    usize::try_from(number.checked_sub(first)?).ok()
}

fn cost(id: &str, cursor: &str) -> usize {
    id.len() + cursor.len() + OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(bytes_max: usize, ids: &[&str]) -> Journal {
        let mut journal = Journal::new(bytes_max);
        for (id, number) in ids.iter().zip(0..) {
            let cursor: Arc<str> = format!("c{number}").into();
            journal.note(&(*id).into(), &cursor);
        }
        journal
    }

    #[test]
    fn of_an_id_that_repeats_the_earliest_entry_counts() {
        let journal = noted(10_000, &["a", "b", "a", "c", "a"]);
        for (id, cursor) in [
            ("a", Some("c0")),
            ("b", Some("c1")),
            ("c", Some("c3")),
            ("d", None),
        ] {
            assert_eq!(journal.find(id).as_deref(), cursor, "{id}");
        }
    }

    #[test]
    fn once_an_entry_is_forgotten_the_next_of_its_id_counts() {
        // Room for three.
        let mut journal = noted(3 * cost("a", "c0"), &["a", "b", "a", "a"]);
        assert_eq!(journal.find("a").as_deref(), Some("c2"));
        assert_eq!(journal.find("b").as_deref(), Some("c1"));
        for _more in 0..2 {
            journal.note(&"x".into(), &"c9".into());
        }
        assert_eq!(journal.find("a").as_deref(), Some("c3"));
        assert_eq!(journal.find("b"), None);
        journal.note(&"x".into(), &"c9".into());
        assert_eq!(journal.find("a"), None);
        assert_eq!(journal.by_id.len(), 1);
    }
}
