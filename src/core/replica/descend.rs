//! The asking side of anti-entropy (cluster.md, part 7): down the peer's tree, then Pull. Both sides
//! end with the join. Depends on the machine. Deliberately absent: the answering side.

use super::{
    Replica,
    id::PeerId,
    limits::{PULL_IDS_MAX, PULLS_MAX},
    output::{Fact, Output, Reject, SyncResult},
    publish::Page,
    stamp::Now,
    sync::{Call, Errand, Session},
    tree::{FAN_OUT, Key},
    wire::{self, Answer, Envelope, KeySignature, LeafHashes, Request},
};

impl Replica {
    /// Starts a sync with `peer`, or another one after the running one.
    pub(super) fn start_sync(&mut self, peer: &PeerId, retries: u8, now: Now) {
        if !self.params.rules.anti_entropy || !self.members.linked(peer) {
            return;
        }
        if let Some(session) = self.exchanges.sessions.get_mut(peer) {
            session.again = true;
            session.retries = session.retries.max(retries);
            return;
        }
        let session = Session {
            retries,
            ..Session::default()
        };
        self.exchanges.sessions.insert(peer.clone(), session);
        self.compare_roots(peer, now);
    }

    pub(super) fn compare_roots(&mut self, peer: &PeerId, now: Now) {
        let root = self.registry.tree().root();
        let count = self.registry.len() as u64;
        let request = Request::Sync1 { root, count };
        let errand = Errand::Sync1 { root };
        self.ask(peer, errand, request, self.params.sync_retry, now);
    }

    pub(super) fn ask(
        &mut self,
        peer: &PeerId,
        errand: Errand,
        content: Request,
        timeout: u64,
        now: Now,
    ) {
        let exchange = self
            .exchanges
            .register(peer.clone(), errand, now.monotonic + timeout);
        let bytes = wire::encode_request(&Envelope {
            sender: self.sender(),
            content,
        });
        self.out.push(Output::Ask {
            to: peer.clone(),
            exchange,
            bytes,
        });
    }

    /// An answer came.
    #[expect(clippy::too_many_lines, reason = "a list: one arm per question")]
    pub(super) fn answered(&mut self, exchange: u64, bytes: &[u8], now: Now) {
        let Some(call) = self.exchanges.calls.get(&exchange).cloned() else {
            return;
        };
        let Some(message) = self.opened(&call.to, wire::decode_answer(bytes), now) else {
            self.failed(exchange, now);
            return;
        };
        self.exchanges.calls.remove(&exchange);
        self.members.heard(&call.to, &message.sender, now.monotonic);
        let established = message.sender.established;
        match (call.errand.clone(), message.content) {
            (Errand::Sync1 { root }, Answer::Same) => {
                self.members.compared(&call.to, root);
                self.end_sync(&call.to, SyncResult::Same, established, now);
            }
            (Errand::Sync1 { .. }, Answer::Keys(keys)) => {
                let own: Vec<Key> = self.registry.keys().keys().collect();
                self.pull_differing(&call.to, &own, &keys, established, now);
            }
            (Errand::Sync1 { .. }, Answer::Inner(inner)) => {
                self.ask_leaves(&call.to, &inner, established, now)
            }
            (Errand::Sync2, Answer::Leaves(rows)) => {
                self.ask_keys(&call.to, &rows, established, now)
            }
            (Errand::Sync3 { leaves }, Answer::Keys(keys)) => {
                let tree = self.registry.keys();
                let own: Vec<Key> = leaves.iter().flat_map(|leaf| tree.keys_of(*leaf)).collect();
                self.pull_differing(&call.to, &own, &keys, established, now);
            }
            (
                Errand::Pull,
                Answer::Parts {
                    parts,
                    more,
                    members,
                },
            ) => {
                self.heard_of(members, now);
                let progress = !parts.is_empty();
                self.merge_parts(&[&call.to], parts, now);
                self.pulled(
                    &call.to,
                    if progress { more } else { Vec::new() },
                    established,
                    now,
                );
            }
            (
                Errand::Chase,
                Answer::Parts {
                    parts,
                    more: _,
                    members,
                },
            ) => {
                self.heard_of(members, now);
                self.merge_parts(&[&call.to], parts, now);
            }
            (Errand::Body { id, digest }, Answer::Body(body)) => {
                self.fetched(&call.to, &id, digest, body, now);
            }
            (Errand::Status { ticket }, Answer::Status(status)) => {
                self.told(ticket, &call.to, status, now);
            }
            (Errand::DiffKeys { ticket }, Answer::Keys(keys)) => {
                self.diff_keys(ticket, &call.to, &keys, now);
            }
            (Errand::Describe { ticket }, Answer::Descriptions(there)) => {
                self.diff_described(ticket, there);
            }
            (_, answer) => {
                drop(answer);
                self.reject::<()>(&call.to, Reject::Answer, now);
                self.give_up(call, now);
            }
        }
    }

    /// A request will not be answered.
    pub(super) fn failed(&mut self, exchange: u64, now: Now) {
        if let Some(call) = self.exchanges.calls.remove(&exchange) {
            self.give_up(call, now);
        }
    }

    fn give_up(&mut self, call: Call, now: Now) {
        match call.errand {
            Errand::Sync1 { .. } | Errand::Sync2 | Errand::Sync3 { .. } => {
                self.retry_later(&call.to, now);
            }
            Errand::Pull => {
                if let Some(session) = self.exchanges.sessions.get_mut(&call.to) {
                    session.failed = true;
                    session.queue.clear();
                    self.pulled(&call.to, Vec::new(), false, now);
                }
            }
            Errand::Body { id, digest } => self.not_fetched(&id, digest, now),
            Errand::DiffKeys { ticket } | Errand::Describe { ticket } => self.diff_failed(ticket),
            // Both are repeated anyway.
            Errand::Chase | Errand::Status { .. } => {}
        }
    }

    /// Starts over after a while, or gives the session up.
    fn retry_later(&mut self, peer: &PeerId, now: Now) {
        let Some(session) = self.exchanges.sessions.get_mut(peer) else {
            return;
        };
        if session.retries == 0 {
            self.end_sync(peer, SyncResult::Failed, false, now);
            return;
        }
        let (retries, again) = (session.retries - 1, session.again);
        let retry_at = Some(now.monotonic + self.params.sync_retry);
        *session = Session {
            retries,
            again,
            retry_at,
            ..Session::default()
        };
    }

    fn ask_leaves(&mut self, peer: &PeerId, theirs: &[u64], established: bool, now: Now) {
        let own = self.registry.tree().inner();
        let inner = differing(&own, theirs);
        if inner.is_empty() {
            self.end_sync(peer, SyncResult::Same, established, now);
            return;
        }
        let timeout = self.params.sync_retry;
        self.ask(peer, Errand::Sync2, Request::Sync2 { inner }, timeout, now);
    }

    fn ask_keys(&mut self, peer: &PeerId, rows: &[LeafHashes], established: bool, now: Now) {
        let mut leaves = Vec::new();
        for row in rows
            .iter()
            .take(usize::from(FAN_OUT))
            .filter(|row| row.inner < FAN_OUT)
        {
            let own = self.registry.tree().leaves(row.inner);
            let first = row.inner * FAN_OUT;
            leaves.extend(
                differing(&own, &row.hashes)
                    .into_iter()
                    .map(|leaf| first + leaf),
            );
        }
        if leaves.is_empty() {
            self.end_sync(peer, SyncResult::Same, established, now);
            return;
        }
        let request = Request::Sync3 {
            leaves: leaves.clone(),
        };
        self.ask(
            peer,
            Errand::Sync3 { leaves },
            request,
            self.params.sync_retry,
            now,
        );
    }

    /// Queues everything in `own` and `theirs` that is not equal in both.
    fn pull_differing(
        &mut self,
        peer: &PeerId,
        own: &[Key],
        theirs: &[KeySignature],
        established: bool,
        now: Now,
    ) {
        let mut differ: std::collections::BTreeMap<u64, u64> =
            own.iter().map(|key| (key.hashed, key.signature)).collect();
        for key in theirs {
            if differ.get(&key.hashed) == Some(&key.signature) {
                differ.remove(&key.hashed);
            } else {
                differ.insert(key.hashed, key.signature);
            }
        }
        if differ.is_empty() {
            self.end_sync(peer, SyncResult::Same, established, now);
            return;
        }
        if let Some(session) = self.exchanges.sessions.get_mut(peer) {
            session.queue.extend(differ.into_keys());
            self.pump_pulls(peer, now);
        }
    }

    fn pump_pulls(&mut self, peer: &PeerId, now: Now) {
        while let Some(session) = self.exchanges.sessions.get(peer)
            && session.pulling < PULLS_MAX
            && !session.queue.is_empty()
        {
            let (wanted, page) = self.next_page(peer);
            if let Some(session) = self.exchanges.sessions.get_mut(peer) {
                session.pulling += 1;
            }
            let members = self.hearsay(peer, now);
            let request = Request::Pull {
                wanted,
                parts: page.parts,
                members,
            };
            self.ask(peer, Errand::Pull, request, self.params.answer_timeout, now);
        }
    }

    /// Takes from the queue what one Pull can carry, with this node's own rounds of it.
    fn next_page(&mut self, peer: &PeerId) -> (Vec<u64>, Page) {
        let mut page = Page::default();
        let mut wanted = Vec::new();
        let Some(session) = self.exchanges.sessions.get(peer) else {
            return (wanted, page);
        };
        for hashed in session.queue.iter().take(PULL_IDS_MAX) {
            let id = self.registry.keys().id(*hashed);
            if let Some(part) = id.and_then(|id| self.whole_part(id)) {
                if !page.takes(&part) {
                    break;
                }
                page.add(part);
            }
            wanted.push(*hashed);
        }
        if let Some(session) = self.exchanges.sessions.get_mut(peer) {
            session.queue.drain(..wanted.len());
        }
        (wanted, page)
    }

    /// One Pull is over.
    fn pulled(&mut self, peer: &PeerId, more: Vec<u64>, established: bool, now: Now) {
        let Some(session) = self.exchanges.sessions.get_mut(peer) else {
            return;
        };
        session.pulling = session.pulling.saturating_sub(1);
        if !session.failed {
            session.queue.extend(more);
        }
        let Session {
            pulling,
            failed,
            queue,
            ..
        } = &*session;
        if *pulling == 0 && *failed {
            self.retry_later(peer, now);
        } else if *pulling == 0 && queue.is_empty() {
            self.end_sync(peer, SyncResult::Delta, established, now);
        } else {
            self.pump_pulls(peer, now);
        }
    }

    fn end_sync(&mut self, peer: &PeerId, result: SyncResult, established: bool, now: Now) {
        let Some(session) = self.exchanges.sessions.remove(peer) else {
            return;
        };
        self.tell(Fact::Synced {
            peer: peer.clone(),
            result,
        });
        if result != SyncResult::Failed {
            self.members.synced(peer);
            if established {
                self.become_ready();
            }
        }
        if session.again {
            self.start_sync(peer, session.retries, now);
        }
    }
}

/// The places at which two lists of 32 hashes differ.
fn differing(own: &[u64], theirs: &[u64]) -> Vec<u16> {
    (0..FAN_OUT)
        .filter(|at| own.get(usize::from(*at)) != theirs.get(usize::from(*at)))
        .collect()
}
