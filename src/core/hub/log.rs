//! The events of one node in order: a ring bounded in bytes. Depends on `core/event`. Deliberately
//! absent: who wants them.

use std::{collections::VecDeque, sync::Arc};

use crate::core::event::Event;

/// What an event occupies beside its text: the parsed parts, pointers, and the ring's own.
const OVERHEAD_BYTES: usize = 256;

/// Consecutive events of one node, the newest at the end. At least one event is kept, whatever its
/// size.
#[derive(Debug)]
pub(super) struct Log {
    events: VecDeque<Kept>,
    /// The number before the first kept event.
    before: u64,
    bytes: usize,
    bytes_max: usize,
    /// When the last event that is no longer kept had come.
    evicted_at: Option<u64>,
}

/// An event in a log.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) event: Arc<Event>,
    /// When it came, in milliseconds.
    pub(super) at: u64,
}

// === impl Log ===

impl Log {
    /// A log whose first event will have the number after `before`.
    pub(super) fn new(before: u64, bytes_max: usize) -> Self {
        Self {
            events: VecDeque::new(),
            before,
            bytes: 0,
            bytes_max,
            evicted_at: None,
        }
    }

    /// Adds an event and returns its number.
    pub(super) fn push(&mut self, event: Arc<Event>, at: u64) -> u64 {
        self.bytes += cost(&event);
        self.events.push_back(Kept { event, at });
        while self.bytes > self.bytes_max && self.events.len() > 1 {
            self.evict();
        }
        self.head()
    }

    /// Gives up the oldest event; returns the bytes this freed.
    pub(super) fn evict(&mut self) -> usize {
        let Some(kept) = self.events.pop_front() else {
            return 0;
        };
        let freed = cost(&kept.event);
        self.bytes = self.bytes.saturating_sub(freed);
        self.before += 1;
        self.evicted_at = Some(kept.at);
        freed
    }

    /// The number of the newest event ever added.
    pub(super) fn head(&self) -> u64 {
        self.before + self.events.len() as u64
    }

    /// The number before the oldest event that is kept.
    pub(super) fn before(&self) -> u64 {
        self.before
    }

    /// When the newest event that is no longer kept had come.
    pub(super) fn evicted_at(&self) -> Option<u64> {
        self.evicted_at
    }

    /// Bytes occupied.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number before the first kept event that came at `at` or later.
    pub(super) fn seq_before(&self, at: u64) -> u64 {
        let later = self.events.iter().rev().take_while(|kept| kept.at >= at);
        self.head() - later.count() as u64
    }

    /// The kept events with a number above `seq`, oldest first.
    pub(super) fn after(&self, seq: u64) -> impl Iterator<Item = (u64, &Kept)> {
        let first = seq.max(self.before) + 1;
        let skip = usize::try_from(first - 1 - self.before).unwrap_or(usize::MAX);
        let rest = self.events.range(skip.min(self.events.len())..);
        (first..).zip(rest)
    }
}

fn cost(event: &Event) -> usize {
    event.text.len() + OVERHEAD_BYTES
}
