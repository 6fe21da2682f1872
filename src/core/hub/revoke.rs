//! Revoked sessions: told to all peers at once, and compared with them, so that every node comes to
//! the same blacklist. Depends on `core/session` and the machine. Deliberately absent: which
//! connections a session has (the desks know).

use std::collections::{BTreeMap, VecDeque};

use super::{
    Hub,
    limits::{REVOKED_MAX, TICKETS_MAX},
    output::{Fact, Output, Spread},
    peers::{Purpose, UnderWay},
    position::NodeId,
    wire::{Answer, Request, Revoked},
};
use crate::core::{
    replica::{id::PeerId, stamp::Now},
    session::{
        Name,
        blacklist::{BUCKETS, Blacklist, Change, Full},
    },
};

/// Somebody waits until all nodes know of a revocation.
#[derive(Debug)]
pub(super) struct RevokeWait {
    name: Name,
    until: u64,
    /// Peers that have not confirmed, with their names.
    waiting: BTreeMap<PeerId, String>,
    /// Members that are not linked at the moment, with their names.
    absent: BTreeMap<NodeId, String>,
    confirmed: Vec<String>,
    pub(super) deadline: u64,
}

/// How far the comparison with a peer is.
#[derive(Debug, Default)]
pub(super) struct Comparing {
    /// It was completed once since the link opened.
    pub(super) is_done: bool,
    /// It is time for another one.
    wanted: bool,
    pub(super) sent: UnderWay,
    /// Buckets to be fetched, with the last name that was.
    buckets: VecDeque<(u32, Option<String>)>,
}

/// A revocation that a peer has not confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unconfirmed {
    pub(super) ticket: u64,
    pub(super) name: Name,
    pub(super) until: u64,
}

// === impl RevokeWait ===

impl RevokeWait {
    fn is_complete(&self) -> bool {
        self.waiting.is_empty() && self.absent.is_empty()
    }
}

// === impl Hub ===

impl Hub {
    /// The blacklist, for the shell to publish what changed.
    pub fn blacklist_mut(&mut self) -> &mut Blacklist {
        &mut self.blacklist
    }

    pub(super) fn revoke(&mut self, ticket: u64, name: Name, until: u64, wait: u64, now: Now) {
        let revoked = self.blacklist.revoke(&name, until, now.wall / 1_000);
        match revoked {
            Ok(Change::New) => self.out.push(Output::Revoked(vec![name.clone()])),
            Ok(Change::Extended | Change::Nothing) => {}
            Err(full) => {
                self.revoke_done(ticket, Err(full));
                return;
            }
        }
        let peers: BTreeMap<PeerId, String> = self
            .peers
            .iter()
            // Others are compared with as soon as they have said who they are.
            .filter(|(_id, peer)| peer.node.is_some())
            .map(|(id, peer)| (id.clone(), peer.name.clone()))
            .collect();
        for id in peers.keys() {
            let unconfirmed = Unconfirmed {
                ticket,
                name: name.clone(),
                until,
            };
            self.send_revocation(id, unconfirmed, now.monotonic);
        }
        // A node that crashed and was started anew has another id, but its name.
        let is_here = |name: &String| self.name == *name || peers.values().any(|peer| peer == name);
        let absent: BTreeMap<NodeId, String> = (self.origins.iter())
            .filter(|(_node, origin)| origin.is_missing() && !is_here(&origin.name))
            .map(|(node, origin)| (*node, origin.name.clone()))
            .collect();
        let is_full = self.revocations.len() >= TICKETS_MAX;
        let deadline = now.monotonic + if is_full { 0 } else { wait };
        self.revocations.insert(
            ticket,
            RevokeWait {
                name,
                until,
                waiting: peers,
                absent,
                confirmed: vec![self.name.clone()],
                deadline,
            },
        );
        self.check_revocation(ticket, now.monotonic);
    }

    pub(super) fn send_revocation(&mut self, id: &PeerId, unconfirmed: Unconfirmed, now: u64) {
        let request = Request::Revoke(vec![Revoked {
            name: unconfirmed.name.as_str().to_owned(),
            until: unconfirmed.until,
        }]);
        self.ask(id, Purpose::Revoke(unconfirmed), &request, now);
    }

    /// A peer has revoked a session.
    pub(super) fn revocation_confirmed(&mut self, id: &PeerId, ticket: u64, now: u64) {
        if let Some(wait) = self.revocations.get_mut(&ticket)
            && let Some(name) = wait.waiting.remove(id)
        {
            wait.confirmed.push(name);
        }
        self.check_revocation(ticket, now);
    }

    /// A node is linked (again): whoever waits for it waits for this link now.
    pub(super) fn revoke_at(&mut self, id: &PeerId, node: NodeId, name: &str, now: u64) {
        let mut unconfirmed = Vec::new();
        for (ticket, wait) in &mut self.revocations {
            let absent = wait.absent.len();
            wait.absent
                .retain(|other, called| *other != node && called != name);
            if wait.absent.len() < absent {
                wait.waiting.insert(id.clone(), name.to_owned());
                unconfirmed.push(Unconfirmed {
                    ticket: *ticket,
                    name: wait.name.clone(),
                    until: wait.until,
                });
            }
        }
        for unconfirmed in unconfirmed {
            self.send_revocation(id, unconfirmed, now);
        }
    }

    /// The link to a node that has not confirmed is gone.
    pub(super) fn revocation_interrupted(&mut self, id: &PeerId, node: NodeId) {
        for wait in self.revocations.values_mut() {
            if let Some(name) = wait.waiting.remove(id) {
                wait.absent.insert(node, name);
            }
        }
    }

    /// Tries again as long as somebody waits; afterwards the comparison does.
    pub(super) fn revocation_failed(&mut self, id: &PeerId, unconfirmed: Unconfirmed, at: u64) {
        if self.peers.contains_key(id) && self.revocations.contains_key(&unconfirmed.ticket) {
            self.revoke_again.push((at, id.clone(), unconfirmed));
        }
    }

    pub(super) fn revoke_due(&mut self, now: u64) {
        for (at, id, unconfirmed) in std::mem::take(&mut self.revoke_again) {
            let is_awaited = self.revocations.contains_key(&unconfirmed.ticket);
            if !is_awaited || !self.peers.contains_key(&id) {
                continue;
            }
            if at <= now {
                self.send_revocation(&id, unconfirmed, now);
            } else {
                self.revoke_again.push((at, id, unconfirmed));
            }
        }
        let due: Vec<u64> = self
            .revocations
            .iter()
            .filter(|(_ticket, wait)| wait.deadline <= now)
            .map(|(ticket, _wait)| *ticket)
            .collect();
        for ticket in due {
            self.check_revocation(ticket, now);
        }
    }

    fn check_revocation(&mut self, ticket: u64, now: u64) {
        let is_over = self
            .revocations
            .get(&ticket)
            .is_some_and(|wait| wait.is_complete() || wait.deadline <= now);
        if !is_over {
            return;
        }
        if let Some(wait) = self.revocations.remove(&ticket) {
            let spread = Spread {
                confirmed: wait.confirmed,
                missing: wait
                    .waiting
                    .into_values()
                    .chain(wait.absent.into_values())
                    .collect(),
            };
            self.revoke_done(ticket, Ok(spread));
        }
    }

    fn revoke_done(&mut self, ticket: u64, spread: Result<Spread, Full>) {
        self.out.push(Output::RevokeDone { ticket, spread });
    }

    /// What a peer knows to be revoked.
    pub(super) fn take_revoked(&mut self, revoked: Vec<Revoked>, now: Now) -> Answer {
        let entries = revoked
            .into_iter()
            .take(REVOKED_MAX)
            .filter_map(|entry| Some((Name::new(&entry.name)?, entry.until)));
        let names = self.merge(entries, now);
        if !names.is_empty() {
            self.out.push(Output::Revoked(names));
        }
        Answer::Done
    }

    /// Compares with every peer once, and then with one after the other.
    pub(super) fn compare_all(&mut self, now: Now) {
        let clocks = now;
        let now = clocks.monotonic;
        let mut questions = Vec::new();
        for (id, peer) in &mut self.peers {
            let comparing = &mut peer.comparing;
            if peer.node.is_none() || !comparing.sent.is_due(now) {
                continue;
            }
            let question = if let Some((index, after)) = comparing.buckets.front() {
                let (index, after) = (*index, after.clone());
                Request::Bucket { index, after }
            } else if !comparing.is_done || comparing.wanted {
                comparing.wanted = false;
                self.blacklist.expire(clocks.wall / 1_000);
                Request::Compare(self.blacklist.digests().to_vec(), Some(now))
            } else {
                continue;
            };
            comparing.sent.send();
            questions.push((id.clone(), question));
        }
        for (id, question) in questions {
            self.ask(&id, Purpose::Compare, &question, now);
        }
    }

    /// It is time to compare with another peer.
    pub(super) fn compare_next(&mut self) {
        let behind = |id: &PeerId| self.compared_last.as_ref().is_none_or(|last| id > last);
        let next = self.peers.keys().find(|id| behind(id)).cloned();
        let next = next.or_else(|| self.peers.keys().next().cloned());
        if let Some(peer) = next.as_ref().and_then(|id| self.peers.get_mut(id)) {
            peer.comparing.wanted = true;
        }
        self.compared_last = next;
    }

    pub(super) fn compare(&mut self, theirs: &[u64], now: Now) -> Answer {
        // What has expired is no difference: whole buckets would be fetched for it.
        self.blacklist.expire(now.wall / 1_000);
        let differing = self.blacklist.differing(theirs).into_iter();
        Answer::Differing(
            differing
                .filter_map(|index| index.try_into().ok())
                .collect(),
        )
    }

    pub(super) fn serve_bucket(&self, index: u32, after: Option<&str>) -> Answer {
        let after = after.and_then(Name::new);
        let page = usize::try_from(index)
            .map(|index| self.blacklist.page(index, after.as_ref()))
            .ok();
        page.map_or(Answer::Unknown, |page| Answer::Bucket {
            entries: page
                .entries
                .into_iter()
                .map(|(name, until)| Revoked {
                    name: name.as_str().to_owned(),
                    until,
                })
                .collect(),
            more: page.more,
        })
    }

    pub(super) fn buckets_differ(&mut self, id: &PeerId, buckets: Vec<u32>) {
        if let Some(peer) = self.peers.get_mut(id) {
            let comparing = &mut peer.comparing;
            comparing.sent.done();
            comparing.is_done |= buckets.is_empty();
            let buckets = buckets.into_iter().take(BUCKETS);
            comparing.buckets = buckets.map(|index| (index, None)).collect();
        }
    }

    pub(super) fn bucket_came(&mut self, id: &PeerId, entries: Vec<Revoked>, more: bool, now: Now) {
        if let Some(peer) = self.peers.get_mut(id) {
            let comparing = &mut peer.comparing;
            comparing.sent.done();
            if let Some((index, _after)) = comparing.buckets.pop_front()
                && more
                && let Some(last) = entries.last()
            {
                let rest = (index, Some(last.name.clone()));
                comparing.buckets.push_front(rest);
            }
            comparing.is_done |= comparing.buckets.is_empty();
        }
        // A page has more entries than a message of revocations, but not more bytes.
        let entries = entries
            .into_iter()
            .filter_map(|entry| Some((Name::new(&entry.name)?, entry.until)));
        let mut names = self.merge(entries, now);
        // For some there may be no room. The peer has them, so they would be new at every comparison.
        names.retain(|name| self.blacklist.is_revoked(name, now.wall / 1_000));
        if !names.is_empty() {
            self.out.push(Output::Revoked(names));
        }
    }

    fn merge(&mut self, entries: impl IntoIterator<Item = (Name, u64)>, now: Now) -> Vec<Name> {
        let before = self.blacklist.evicted();
        let names = self.blacklist.merge(entries, now.wall / 1_000);
        let evicted = self.blacklist.evicted().saturating_sub(before);
        if evicted > 0 {
            self.tell(Fact::SessionsForgotten(evicted));
        }
        names
    }

    pub(super) fn compare_failed(&mut self, id: &PeerId, at: u64) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.comparing.buckets.clear();
            peer.comparing.sent.retry_at(at);
        }
    }
}
