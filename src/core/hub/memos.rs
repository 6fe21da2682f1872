//! Memos: what is remembered about a connection (its manual subscriptions) on all nodes, so that it
//! can be restored on any of them. Bounded in bytes; the least recently used give way. Depends on the
//! machine. Deliberately absent: what a memo says.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    Hub,
    limits::{
        BATCH_BYTES_MAX, KEY_BYTES_MAX, MEMO_BYTES_MAX, MEMOS_BYTES_MAX, MEMOS_UNSENT_MAX,
        TICKETS_MAX,
    },
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
    uses: u64,
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Remembered {
    version: u64,
    value: Bytes,
    used: u64,
}

/// Somebody waits for a memo that is not here.
#[derive(Debug)]
pub(super) struct RecallWait {
    waiting: usize,
    best: Option<Memo>,
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
    fn put(&mut self, memo: Memo) -> bool {
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
            let (used, bytes) = (known.used, cost(&key, &known.value));
            self.by_use.remove(&used);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        self.uses += 1;
        self.bytes += cost(&key, &value);
        self.by_use.insert(self.uses, key.clone());
        let used = self.uses;
        let remembered = Remembered {
            version,
            value,
            used,
        };
        self.by_key.insert(key, remembered);
        while self.bytes > MEMOS_BYTES_MAX
            && let Some((_used, oldest)) = self.by_use.pop_first()
        {
            if let Some(forgotten) = self.by_key.remove(&oldest) {
                self.bytes = self.bytes.saturating_sub(cost(&oldest, &forgotten.value));
            }
        }
        true
    }
}

// === impl Hub ===

impl Hub {
    pub(super) fn remember(&mut self, key: Bytes, value: Bytes) {
        let version = self.memos.get(&key).map_or(1, |memo| memo.version + 1);
        let memo = Memo {
            key: Text(key.clone()),
            version,
            value: Text(value),
        };
        if !self.memos.put(memo) {
            return;
        }
        for peer in self.peers.values_mut() {
            peer.memos.insert(key.clone());
            while peer.memos.len() > MEMOS_UNSENT_MAX {
                peer.memos.pop_first();
            }
        }
    }

    /// Sends each peer the memos it lacks, one message at a time.
    pub(super) fn send_memos(&mut self, now: u64) {
        let due: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_id, peer)| !peer.memos.is_empty() && peer.memos_sent.is_due(now))
            .map(|(id, _peer)| id.clone())
            .collect();
        for id in due {
            let Some(peer) = self.peers.get_mut(&id) else {
                continue;
            };
            let mut bytes = 0;
            let mut keys = Vec::new();
            let mut memos = Vec::new();
            while bytes < BATCH_BYTES_MAX
                && let Some(key) = peer.memos.pop_first()
            {
                if let Some(memo) = self.memos.get(&key) {
                    bytes += cost(&key, &memo.value.0);
                    keys.push(key);
                    memos.push(memo);
                }
            }
            if memos.is_empty() {
                continue;
            }
            peer.memos_sent.send();
            self.ask(&id, Purpose::Memos(keys), &Request::Memos(memos), now);
        }
    }

    pub(super) fn take_memos(&mut self, memos: Vec<Memo>) -> Answer {
        for memo in memos {
            self.memos.put(memo);
        }
        Answer::Done
    }

    pub(super) fn memos_taken(&mut self, id: &PeerId) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.memos_sent.done();
        }
    }

    /// Looks here, then asks all.
    pub(super) fn recall(&mut self, ticket: u64, key: Bytes, now: Now) {
        let here = self.memos.get(&key);
        let linked = self.linked();
        let is_hopeless =
            linked.is_empty() || key.len() > KEY_BYTES_MAX || self.recalls.len() >= TICKETS_MAX;
        if here.is_some() || is_hopeless {
            let value = here.map(|memo| memo.value.0);
            self.out.push(Output::Recalled { ticket, value });
            return;
        }
        let waiting = linked.len();
        let wait = RecallWait {
            waiting,
            best: None,
        };
        self.recalls.insert(ticket, wait);
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
        if let Some(memo) = memo.filter(|memo| fits(&memo.key.0, &memo.value.0))
            && wait
                .best
                .as_ref()
                .is_none_or(|best| best.version < memo.version)
        {
            wait.best = Some(memo);
        }
        if wait.waiting > 0 {
            return;
        }
        let best = self.recalls.remove(&ticket).and_then(|wait| wait.best);
        let value = best.as_ref().map(|memo| memo.value.0.clone());
        if let Some(memo) = best {
            self.memos.put(memo);
        }
        self.out.push(Output::Recalled { ticket, value });
    }
}

fn fits(key: &Bytes, value: &Bytes) -> bool {
    key.len() <= KEY_BYTES_MAX && value.len() <= MEMO_BYTES_MAX
}

fn cost(key: &Bytes, value: &Bytes) -> usize {
    key.len() + value.len() + OVERHEAD_BYTES
}
