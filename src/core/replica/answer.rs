//! The answering side of every exchange (cluster.md, parts 6 and 7). Depends on the machine.
//! Deliberately absent: state of its own; an answer is a function of the registry.

use std::collections::BTreeMap;

use super::{
    Replica,
    id::{ApiId, PeerId},
    limits::{KEY_LIST_MAX, PULL_IDS_MAX},
    output::Output,
    publish::Page,
    round::Round,
    stamp::Now,
    tree::{FAN_OUT, Key},
    wire::{self, Answer, Envelope, KeySignature, LeafHashes, Part, Request, Status},
};

impl Replica {
    pub(super) fn request(&mut self, from: &PeerId, exchange: u64, bytes: &[u8], now: Now) {
        let Some(message) = self.opened(from, wire::decode_request(bytes), now) else {
            return;
        };
        self.members.heard(from, &message.sender, now.monotonic);
        let content = match message.content {
            Request::Sync1 { root, count: _ } => {
                self.members.compared(from, root);
                self.compare(root)
            }
            Request::Sync2 { inner } => self.leaves(&inner),
            Request::Sync3 { leaves } => self.keys(&leaves),
            Request::Pull {
                wanted,
                parts,
                members,
            } => {
                self.heard_of(members, now);
                self.exchange_parts(from, &wanted, parts, now)
            }
            Request::Body { id, digest } => {
                let round = self.registry.get(&id);
                let candidate = round.and_then(|round| round.candidates().get(&digest));
                Answer::Body(candidate.and_then(|candidate| candidate.body.clone()))
            }
            Request::Status { id } => Answer::Status(self.status(&id)),
            Request::Describe { hashed } => Answer::Descriptions(self.describe(&hashed)),
        };
        let bytes = wire::encode_answer(&Envelope {
            sender: self.sender(),
            content,
        });
        self.out.push(Output::Reply { exchange, bytes });
    }

    /// How this node stands to an API.
    pub fn status(&self, id: &ApiId) -> Status {
        Status {
            winner: self.winner(id),
            serving: self.locals.get(id).and_then(|local| local.serving),
            contested: self.registry.get(id).is_some_and(Round::contested),
        }
    }

    fn compare(&mut self, root: u64) -> Answer {
        if self.registry.tree().root() == root {
            Answer::Same
        } else if self.registry.len() <= KEY_LIST_MAX {
            Answer::Keys(
                self.registry
                    .keys()
                    .keys()
                    .map(KeySignature::from)
                    .collect(),
            )
        } else {
            Answer::Inner(self.registry.tree().inner())
        }
    }

    fn leaves(&mut self, inner: &[u16]) -> Answer {
        let tree = self.registry.tree();
        let rows = inner.iter().take(usize::from(FAN_OUT)).map(|inner| {
            let hashes = tree.leaves(*inner);
            LeafHashes {
                inner: *inner,
                hashes,
            }
        });
        Answer::Leaves(rows.collect())
    }

    fn keys(&self, leaves: &[u16]) -> Answer {
        let tree = self.registry.keys();
        let leaves = leaves.iter().take(usize::from(FAN_OUT * FAN_OUT));
        Answer::Keys(
            leaves
                .flat_map(|leaf| tree.keys_of(*leaf))
                .map(KeySignature::from)
                .collect(),
        )
    }

    /// Takes the asker's rounds, then gives what it lacks of the merged ones.
    fn exchange_parts(
        &mut self,
        from: &PeerId,
        wanted: &[u64],
        parts: Vec<Part>,
        now: Now,
    ) -> Answer {
        let theirs: BTreeMap<ApiId, Part> = parts.iter().map(headers).collect();
        self.merge_parts(&[from], parts, now);
        let mut page = Page::default();
        let mut more = Vec::new();
        for hashed in wanted.iter().take(PULL_IDS_MAX) {
            let Some(id) = self.registry.keys().id(*hashed) else {
                continue;
            };
            let Some(part) = self
                .whole_part(id)
                .and_then(|part| lacking(part, theirs.get(id)))
            else {
                continue;
            };
            if more.is_empty() && page.takes(&part) {
                page.add(part);
            } else {
                more.push(*hashed);
            }
        }
        Answer::Parts {
            parts: page.parts,
            more,
            members: self.hearsay(from, now),
        }
    }
}

// === impl KeySignature ===

impl From<Key> for KeySignature {
    fn from(key: Key) -> Self {
        Self {
            hashed: key.hashed,
            signature: key.signature,
        }
    }
}

fn headers(part: &Part) -> (ApiId, Part) {
    let mut header = part.clone();
    for nominee in &mut header.candidates {
        // An asker that has the body but left it out of a long Part says so by the candidate.
        nominee.body = None;
    }
    (part.id.clone(), header)
}

/// `part` without the bodies the asker has; `None` if it has all of it.
fn lacking(mut part: Part, theirs: Option<&Part>) -> Option<Part> {
    let Some(theirs) = theirs.filter(|theirs| theirs.ref_number == part.ref_number) else {
        return Some(part);
    };
    for nominee in &mut part.candidates {
        if theirs
            .candidates
            .iter()
            .any(|known| known.digest == nominee.digest)
        {
            nominee.body = None;
        }
    }
    (part != *theirs).then_some(part)
}
