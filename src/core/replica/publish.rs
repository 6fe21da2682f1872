//! What goes out at the end of a step (rules W, M2, K and B; cluster.md, parts 5 and 6): gossip
//! within its size limit, or anti-entropy with everybody when there is too much of it.
//! Depends on the machine. Deliberately absent: delivery.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Replica,
    id::{ApiId, PeerId},
    limits::{
        GOSSIP_INLINE_BYTES_MAX, GOSSIP_PARTS_MAX, PAGE_BYTES_MAX, PAGE_HEADER_BYTES_MAX,
        PULLS_MAX, SYNC_RETRIES,
    },
    output::Output,
    round::Round,
    stamp::Now,
    sync::Errand,
    wire::{self, Envelope, Gossip, Nominee, Part, Presence, Request, Vote},
};

/// What a step wants to say.
#[derive(Debug, Clone, Default)]
pub(super) struct Outbox {
    /// APIs written here.
    pub(super) updates: BTreeSet<ApiId>,
    /// APIs voted on here.
    pub(super) ballots: BTreeSet<ApiId>,
    /// Whom to ask for votes on what.
    pub(super) chases: BTreeMap<PeerId, BTreeSet<ApiId>>,
}

/// A list of Parts within the limits of one message.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) parts: Vec<Part>,
    header_bytes: usize,
    body_bytes: usize,
}

impl Replica {
    pub(super) fn flush(&mut self, now: Now) {
        self.flush_chases(now);
        let outbox = std::mem::take(&mut self.outbox);
        if outbox.updates.len() + outbox.ballots.len() > GOSSIP_PARTS_MAX {
            for peer in self.members.links().cloned().collect::<Vec<_>>() {
                self.start_sync(&peer, SYNC_RETRIES, now);
            }
            return;
        }
        let updates = outbox.updates.iter().filter_map(|id| self.update_part(id));
        let ballots = outbox.ballots.iter().filter_map(|id| self.ballot_part(id));
        let mut parts: Vec<Part> = updates.chain(ballots).collect();
        let mut delta = Vec::new();
        let mut bytes = 0;
        for part in parts.drain(..) {
            let part_bytes = part.header_bytes() + part.body_bytes();
            if bytes + part_bytes > GOSSIP_INLINE_BYTES_MAX && !delta.is_empty() {
                self.publish(Gossip::Delta(std::mem::take(&mut delta)));
                bytes = 0;
            }
            bytes += part_bytes;
            delta.push(part);
        }
        if !delta.is_empty() {
            self.publish(Gossip::Delta(delta));
        }
    }

    pub(super) fn publish_presence(&mut self, now: Now) {
        let presence = self.own_presence(now);
        self.publish(Gossip::Presence(presence));
    }

    /// Tells one neighbour in turn of the members known here, and hears which it knows. A notice is
    /// relayed at once and may get lost at every hop; what is told so is told again.
    pub(super) fn swap_members(&mut self, now: Now) {
        let neighbours: Vec<PeerId> = self.members.links().cloned().collect();
        let turn = now.monotonic / self.params.presence_hurry.max(1);
        let at = turn.checked_rem(neighbours.len() as u64);
        let at = at.and_then(|at| usize::try_from(at).ok());
        let Some(peer) = at.and_then(|at| neighbours.get(at)) else {
            return;
        };
        if !self.params.rules.anti_entropy || self.exchanges.chases(peer) >= PULLS_MAX {
            return;
        }
        let members = self.hearsay(peer, now);
        let request = Request::Pull {
            wanted: Vec::new(),
            parts: Vec::new(),
            members,
        };
        self.ask(
            peer,
            Errand::Chase,
            request,
            self.params.answer_timeout,
            now,
        );
    }

    pub(super) fn own_presence(&mut self, now: Now) -> Presence {
        Presence {
            peer: self.identity.peer.clone(),
            name: self.identity.name.clone(),
            software: self.identity.software.clone(),
            apis: self.apis(),
            root: self.registry.tree().root(),
            wall: now.wall,
        }
    }

    pub(super) fn publish(&mut self, content: Gossip) {
        let bytes = wire::encode_gossip(&Envelope {
            sender: self.sender(),
            content,
        });
        self.out.push(Output::Publish { bytes });
    }

    /// Asks for votes: a Pull of just those APIs, one page per peer; what does not fit comes with
    /// anti-entropy.
    fn flush_chases(&mut self, now: Now) {
        for (peer, ids) in std::mem::take(&mut self.outbox.chases) {
            if !self.params.rules.anti_entropy || self.exchanges.chases(&peer) >= PULLS_MAX {
                continue;
            }
            let mut page = Page::default();
            let mut wanted = Vec::new();
            for id in ids {
                let Some(mut part) = self.whole_part(&id) else {
                    continue;
                };
                if page.bytes() + part.body_bytes() > GOSSIP_INLINE_BYTES_MAX {
                    part.strip();
                }
                if !page.takes(&part) {
                    break;
                }
                wanted.push(id.hashed());
                page.add(part);
            }
            let members = self.hearsay(&peer, now);
            let request = Request::Pull {
                wanted,
                parts: page.parts,
                members,
            };
            self.ask(
                &peer,
                Errand::Chase,
                request,
                self.params.answer_timeout,
                now,
            );
        }
    }

    /// A new round with its body, or its header if the body is too long for gossip.
    fn update_part(&self, id: &ApiId) -> Option<Part> {
        let mut part = self.whole_part(id)?;
        if part.header_bytes() + part.body_bytes() > GOSSIP_INLINE_BYTES_MAX {
            part.strip();
        }
        Some(part)
    }

    /// The own ballot with the stamp of its candidate.
    fn ballot_part(&self, id: &ApiId) -> Option<Part> {
        let round = self.registry.get(id)?;
        let ballot = self.own_ballot(id)?;
        let candidate = round.candidates().get(&ballot.digest)?;
        let nominee = Nominee {
            digest: ballot.digest,
            stamp: candidate.stamp,
            body: None,
            ancestors: candidate.ancestors.clone(),
        };
        Some(Part {
            id: id.clone(),
            ref_number: round.ref_number(),
            candidates: vec![nominee],
            ballots: vec![Vote::new(self.voter, ballot)],
        })
    }

    /// The whole round of an API.
    pub(super) fn whole_part(&self, id: &ApiId) -> Option<Part> {
        Some(Part::of(id, self.registry.get(id)?))
    }
}

// === impl Page ===

impl Page {
    /// Whether there is room for `part`; the first one always fits.
    pub(super) fn takes(&self, part: &Part) -> bool {
        let header_bytes = self.header_bytes + part.header_bytes();
        let all_bytes = header_bytes + self.body_bytes + part.body_bytes();
        self.parts.is_empty()
            || (header_bytes <= PAGE_HEADER_BYTES_MAX && all_bytes <= PAGE_BYTES_MAX)
    }

    /// Adds `part`. If it is larger than a page by itself, its bodies after the first that reaches
    /// the limit are left out, to be fetched one by one.
    pub(super) fn add(&mut self, mut part: Part) {
        let mut bytes = 0;
        for nominee in &mut part.candidates {
            if bytes >= PAGE_BYTES_MAX {
                nominee.body = None;
            }
            bytes += nominee.body.as_ref().map_or(0, super::digest::Body::len);
        }
        self.header_bytes += part.header_bytes();
        self.body_bytes += part.body_bytes();
        self.parts.push(part);
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> usize {
        self.header_bytes + self.body_bytes
    }
}

// === impl Part ===

impl Part {
    /// The whole of a round.
    pub fn of(id: &ApiId, round: &Round) -> Self {
        let candidates = round
            .candidates()
            .iter()
            .map(|(digest, candidate)| Nominee {
                digest: *digest,
                stamp: candidate.stamp,
                body: candidate.body.clone(),
                ancestors: candidate.ancestors.clone(),
            });
        Self {
            id: id.clone(),
            ref_number: round.ref_number(),
            candidates: candidates.collect(),
            ballots: round
                .ballots()
                .iter()
                .map(|(v, ballot)| Vote::new(*v, *ballot))
                .collect(),
        }
    }

    /// Leaves out the bodies.
    pub(super) fn strip(&mut self) {
        for nominee in &mut self.candidates {
            nominee.body = None;
        }
    }
}
