//! Memos: what is remembered about a connection (its manual subscriptions) on all nodes, so that it
//! can be restored on any of them. Bounded in bytes; the least recently used give way. Depends on the
//! machine. Deliberately absent: what a memo says.
//!
//! A node sends every other what was written here, in that order. How far each of them is outlives the
//! link, so that one that was cut off gets what it missed, and one that is new gets all. Who asks for a
//! memo asks all the same: the latest may be on its way.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    Hub,
    cursor::SEQ_MAX,
    limits::{BATCH_BYTES_MAX, KEY_BYTES_MAX, MEMO_BYTES_MAX, MEMOS_BYTES_MAX, TICKETS_MAX},
    output::Output,
    peers::Purpose,
    wire::{Answer, Memo, Request, Text},
};
use crate::core::replica::{id::PeerId, stamp::Now};

/// What a memo occupies beside key and value.
const OVERHEAD_BYTES: usize = 192;

/// Memos by key.
#[derive(Debug, Default)]
pub(super) struct Memos {
    by_key: BTreeMap<Bytes, Remembered>,
    /// Keys by their last use.
    by_use: BTreeMap<u64, Bytes>,
    /// Keys of what was written here, in the order of writing.
    written: BTreeMap<u64, Bytes>,
    /// Counts uses and writes.
    uses: u64,
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Remembered {
    version: u64,
    value: Bytes,
    used: u64,
    /// If it was written here: when, in the count of uses.
    written: Option<u64>,
}

/// Somebody waits for a memo, of which there may be a later one elsewhere.
#[derive(Debug)]
pub(super) struct RecallWait {
    key: Bytes,
    waiting: usize,
    deadline: u64,
}

// === impl Memos ===

impl Memos {
    /// Bytes of all.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn get(&mut self, key: &Bytes) -> Option<Memo> {
        let remembered = self.by_key.get_mut(key)?;
        self.by_use.remove(&remembered.used);
        self.uses += 1;
        remembered.used = self.uses;
        self.by_use.insert(self.uses, key.clone());
        Some(Memo {
            key: Text(key.clone()),
            version: remembered.version,
            value: Text(remembered.value.clone()),
        })
    }

    /// Takes a memo in if it is newer than what is here.
    fn put(&mut self, memo: Memo, is_written_here: bool) -> bool {
        let Memo {
            key: Text(key),
            version,
            value: Text(value),
        } = memo;
        if !fits(&key, &value) {
            return false;
        }
        if let Some(known) = self.by_key.get(&key) {
            // Equal numbers happen when two nodes wrote at once; any order that is the same
            // everywhere will do.
            if (known.version, &known.value) >= (version, &value) {
                return false;
            }
        }
        self.forget(&key);
        self.uses += 1;
        let used = self.uses;
        self.bytes += cost(&key, &value);
        self.by_use.insert(used, key.clone());
        if is_written_here {
            self.written.insert(used, key.clone());
        }
        let remembered = Remembered {
            version,
            value,
            used,
            written: is_written_here.then_some(used),
        };
        self.by_key.insert(key, remembered);
        while self.bytes > MEMOS_BYTES_MAX
            && let Some((_used, oldest)) = self.by_use.pop_first()
        {
            self.forget(&oldest);
        }
        true
    }

    fn forget(&mut self, key: &Bytes) {
        if let Some(forgotten) = self.by_key.remove(key) {
            self.bytes = self.bytes.saturating_sub(cost(key, &forgotten.value));
            self.by_use.remove(&forgotten.used);
            if let Some(written) = forgotten.written {
                self.written.remove(&written);
            }
        }
    }

    /// What was written here behind `after`, as far as it fits a message, and how far that is.
    fn page(&self, after: u64) -> (Vec<Memo>, u64) {
        let mut memos = Vec::new();
        let (mut bytes, mut upto) = (0, after);
        for (written, key) in self.written.range(after.saturating_add(1)..) {
            let Some(remembered) = self.by_key.get(key) else {
                continue;
            };
            bytes += cost(key, &remembered.value);
            if bytes > BATCH_BYTES_MAX && !memos.is_empty() {
                break;
            }
            upto = *written;
            memos.push(Memo {
                key: Text(key.clone()),
                version: remembered.version,
                value: Text(remembered.value.clone()),
            });
        }
        (memos, upto)
    }

    /// When something was last written here.
    fn last_written(&self) -> u64 {
        self.written
            .last_key_value()
            .map_or(0, |(last, _key)| *last)
    }
}

// === impl Hub ===

impl Hub {
    pub(super) fn remember(&mut self, key: Bytes, value: Bytes) {
        let last = self.memos.get(&key).map_or(0, |memo| memo.version);
        let version = (last + 1).min(SEQ_MAX);
        let memo = Memo {
            key: Text(key),
            version,
            value: Text(value),
        };
        self.memos.put(memo, true);
    }

    /// Sends each peer the memos it lacks, one message at a time.
    pub(super) fn send_memos(&mut self, now: u64) {
        let last = self.memos.last_written();
        let mut questions = Vec::new();
        for (id, peer) in &mut self.peers {
            let Some(origin) = peer.node.and_then(|node| self.origins.get(&node)) else {
                continue;
            };
            if origin.memos >= last || !peer.memos_sent.is_due(now) {
                continue;
            }
            let (memos, upto) = self.memos.page(origin.memos);
            peer.memos_sent.send();
            questions.push((id.clone(), Purpose::Memos(upto), Request::Memos(memos)));
        }
        for (id, purpose, question) in questions {
            self.ask(&id, purpose, &question, now);
        }
    }

    pub(super) fn take_memos(&mut self, memos: Vec<Memo>) -> Answer {
        for memo in memos {
            self.memos.put(memo, false);
        }
        Answer::Done
    }

    /// A peer has what was written here up to `upto`.
    pub(super) fn memos_taken(&mut self, id: &PeerId, upto: u64) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.memos_sent.done();
            let origin = peer.node.and_then(|node| self.origins.get_mut(&node));
            if let Some(origin) = origin {
                origin.memos = origin.memos.max(upto);
            }
        }
    }

    /// Asks all, also if it is here: after a cut there may be a later one elsewhere.
    pub(super) fn recall(&mut self, ticket: u64, key: Bytes, now: Now) {
        let linked = self.linked();
        let is_hopeless =
            linked.is_empty() || key.len() > KEY_BYTES_MAX || self.recalls.len() >= TICKETS_MAX;
        if is_hopeless {
            let value = self.memos.get(&key).map(|memo| memo.value.0);
            self.out.push(Output::Recalled { ticket, value });
            return;
        }
        let deadline = now.monotonic + self.params.answer_timeout;
        let wait = RecallWait {
            key: key.clone(),
            waiting: linked.len(),
            deadline,
        };
        self.recalls.insert(ticket, wait);
        self.recalls_due.insert((deadline, ticket));
        for (id, _node) in linked {
            let question = Request::Recall(Text(key.clone()));
            self.ask(&id, Purpose::Recall(ticket), &question, now.monotonic);
        }
    }

    pub(super) fn serve_memo(&mut self, key: &Bytes) -> Answer {
        self.memos.get(key).map_or(Answer::Unknown, Answer::Memo)
    }

    /// A peer's answer; the newest counts once all have answered or failed to.
    pub(super) fn recalled(&mut self, ticket: u64, memo: Option<Memo>) {
        let Some(wait) = self.recalls.get_mut(&ticket) else {
            return;
        };
        wait.waiting = wait.waiting.saturating_sub(1);
        let is_over = wait.waiting == 0;
        if let Some(memo) = memo.filter(|memo| memo.key.0 == wait.key) {
            self.memos.put(memo, false);
        }
        if is_over {
            self.recall_over(ticket);
        }
    }

    /// Those that have not answered are waited for no longer.
    pub(super) fn expire_recalls(&mut self, now: u64) {
        while let Some((deadline, ticket)) = self.recalls_due.first().copied()
            && deadline <= now
        {
            self.recalls_due.remove(&(deadline, ticket));
            self.recall_over(ticket);
        }
    }

    fn recall_over(&mut self, ticket: u64) {
        if let Some(wait) = self.recalls.remove(&ticket) {
            self.recalls_due.remove(&(wait.deadline, ticket));
            let value = self.memos.get(&wait.key).map(|memo| memo.value.0);
            self.out.push(Output::Recalled { ticket, value });
        }
    }
}

fn fits(key: &Bytes, value: &Bytes) -> bool {
    key.len() <= KEY_BYTES_MAX && value.len() <= MEMO_BYTES_MAX
}

fn cost(key: &Bytes, value: &Bytes) -> usize {
    key.len() + value.len() + OVERHEAD_BYTES
}
