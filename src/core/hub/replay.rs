//! Resuming: what a client missed, page by page, from every node's log and from copies. Depends on the
//! machine. Deliberately absent: constraints; the desk that asked drops what its client does not want.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Hub,
    assembly::{Assembly, End},
    cursor,
    delivery::{Gap, Replayed},
    input::From,
    limits::{
        ID_BYTES_MAX, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, PATTERNS_MAX, REPLAY_WAIT, REPLAYS_MAX,
        TICKETS_MAX,
    },
    log::{Kept, Log},
    lookups::Kind,
    output::{Fact, Output},
    peers::Purpose,
    position::{NodeId, ORIGINS_MAX, Reached, Vector},
    wire::{Answer, Events, EventsWanted, Numbered, Request, Text},
};
use crate::core::{
    replica::id::PeerId,
    subscription::{PatternMap, TypePattern},
};

/// A client that resumes.
#[derive(Debug)]
pub(super) struct ReplayWait {
    types: Vec<TypePattern>,
    pub(super) deadline: u64,
    stage: Stage,
}

/// A client that will resume when it is its turn.
#[derive(Debug)]
pub(super) struct HeldReplay {
    ticket: u64,
    from: From,
    types: Vec<TypePattern>,
    pub(super) deadline: u64,
}

#[derive(Debug)]
enum Stage {
    /// Where is it? Nodes that have not answered, and what the others said.
    Locating {
        waiting: usize,
        found: Option<Vector>,
    },
    /// What did it miss?
    Collecting {
        from: Vector,
        /// Nodes whose events are awaited, with the number of peers that may have them.
        waiting: BTreeMap<NodeId, usize>,
        /// The best answer for each node.
        pages: BTreeMap<NodeId, Events>,
        /// Nodes that are gone: nobody can say whether there was more.
        gone: BTreeSet<NodeId>,
        /// Nodes that did not answer: copies will do, but nobody can say whether there was more.
        silent: BTreeSet<NodeId>,
    },
}

// === impl Hub ===

impl Hub {
    pub(super) fn replay(&mut self, ticket: u64, from: From, types: Vec<TypePattern>, now: u64) {
        if self.replays_held.len() >= TICKETS_MAX {
            let replayed = None;
            self.out.push(Output::Replayed { ticket, replayed });
            return;
        }
        let types = within_bounds(types);
        let deadline = now + REPLAY_WAIT;
        self.replays_held.push_back(HeldReplay {
            ticket,
            from,
            types,
            deadline,
        });
    }

    /// Begins what waits for its turn, as far as there is room: here, and with all peers, which are
    /// asked. Otherwise the time for an answer would go by before the question is sent.
    pub(super) fn begin_replays(&mut self, now: u64) {
        while self.replays.len() < REPLAYS_MAX
            && (self.peers.values()).all(|peer| peer.lookups.is_free(Kind::Replay, now))
            && let Some(held) = self.replays_held.pop_front()
        {
            self.begin_replay(held, now);
        }
    }

    fn begin_replay(&mut self, held: HeldReplay, now: u64) {
        let HeldReplay {
            ticket,
            from,
            types,
            deadline: _,
        } = held;
        // Counted from here: the time for its turn is not taken from that for answers.
        let deadline = now + self.params.answer_timeout;
        match from {
            From::Vector(from) => self.collect(ticket, from, types, deadline, now),
            From::Event { id, node } => {
                let stage = self.ask_where(ticket, &id, node, now);
                let wait = ReplayWait {
                    types,
                    deadline,
                    stage,
                };
                self.replays.insert(ticket, wait);
                self.check_located(ticket, now);
            }
        }
    }

    /// Asks who has delivered event `id`, here or elsewhere.
    fn ask_where(&mut self, ticket: u64, id: &str, node: Option<NodeId>, now: u64) -> Stage {
        let here = self.journal.find(id);
        let own = here.and_then(|text| cursor::decode(&text).ok());
        let all = self.linked();
        let mut asked: Vec<PeerId> = Vec::new();
        let mut found = None;
        match node {
            Some(node) if node == self.me && own.is_some() => found = own,
            Some(node) if all.iter().any(|(_id, other)| *other == node) => {
                let theirs = all.into_iter().filter(|(_id, other)| *other == node);
                asked.extend(theirs.take(1).map(|(id, _node)| id));
            }
            Some(_) | None => {
                found = own;
                asked.extend(all.into_iter().map(|(id, _node)| id));
            }
        }
        if id.len() > ID_BYTES_MAX {
            asked.clear();
        }
        for peer in &asked {
            let question = Request::Locate(id.to_owned());
            self.ask(peer, Purpose::Locate(ticket), &question, now);
        }
        Stage::Locating {
            waiting: asked.len(),
            found,
        }
    }

    /// Where a client is that saw event `id` last.
    pub(super) fn locate(&self, id: &str) -> Answer {
        self.journal.find(id).map_or(Answer::Unknown, |cursor| {
            Answer::Located(cursor.to_string())
        })
    }

    pub(super) fn located(&mut self, ticket: u64, place: Option<&str>, now: u64) {
        if let Some(ReplayWait {
            stage: Stage::Locating { waiting, found },
            ..
        }) = self.replays.get_mut(&ticket)
        {
            *waiting = waiting.saturating_sub(1);
            if let Some(place) = place.and_then(|text| cursor::decode(text).ok()) {
                match found {
                    Some(found) => found.meet(&place),
                    None => *found = Some(place),
                }
            }
        }
        self.check_located(ticket, now);
    }

    fn check_located(&mut self, ticket: u64, now: u64) {
        let Some(wait) = self.replays.get_mut(&ticket) else {
            return;
        };
        let Stage::Locating { waiting, found } = &mut wait.stage else {
            return;
        };
        if *waiting > 0 && now < wait.deadline {
            return;
        }
        let found = found.take();
        let types = std::mem::take(&mut wait.types);
        self.replays.remove(&ticket);
        match found {
            Some(from) => {
                let deadline = now + self.params.answer_timeout;
                self.collect(ticket, from, types, deadline, now);
            }
            None => self.replay_nothing(ticket),
        }
    }

    /// Nobody knows where the client was, or nobody has time for it.
    fn replay_nothing(&mut self, ticket: u64) {
        let gap = Gap {
            origin: None,
            from: 1,
            to: None,
            cursor: cursor::encode(&self.vector()),
        };
        self.tell(Fact::Replayed {
            events: 0,
            complete: false,
        });
        let replayed = Some(Replayed {
            gaps: vec![gap],
            events: Vec::new(),
            // What came since the client connected is not part of the gap.
            upto: Vector::default(),
            more: false,
        });
        self.out.push(Output::Replayed { ticket, replayed });
    }

    fn collect(
        &mut self,
        ticket: u64,
        from: Vector,
        types: Vec<TypePattern>,
        deadline: u64,
        now: u64,
    ) {
        let wanted: PatternMap<()> = types.iter().cloned().collect();
        let mut pages = BTreeMap::new();
        let own = page(&self.log, from.seq(self.me), |kept| {
            wanted.covers(&kept.event.event_type)
        });
        pages.insert(self.me, own);
        let linked = self.linked();
        let lives: BTreeSet<NodeId> = linked.iter().map(|(_id, node)| *node).collect();
        let mut from = from;
        let left = from.iter().map(|(node, _reached)| node);
        let mut gone: BTreeSet<NodeId> = left
            .filter(|node| *node != self.me && !lives.contains(node))
            .chain(self.unknown_to(&from))
            .collect();
        gone.retain(|node| {
            if self.is_whole(*node, from.seq(*node)) {
                // It said good-bye, and the client has its last event.
                let ended = true;
                let seq = from.seq(*node);
                from.raise(*node, Reached { seq, ended });
            }
            !from.get(*node).is_some_and(|reached| reached.ended)
        });
        let mut waiting: BTreeMap<NodeId, usize> = BTreeMap::new();
        let mut questions: Vec<(PeerId, NodeId)> = Vec::new();
        for node in &gone {
            if let Some(log) = self.copies.of(*node).filter(|_| self.params.rules.copies) {
                let copies = page(log, from.seq(*node), |kept| {
                    wanted.covers(&kept.event.event_type)
                });
                pages.insert(*node, copies);
            }
            questions.extend(linked.iter().map(|(id, _node)| (id.clone(), *node)));
        }
        let mut asked = BTreeSet::new();
        // Two links to one node answer the same.
        let others = linked.into_iter().filter(|(_id, node)| asked.insert(*node));
        questions.extend(others);
        for (id, origin) in questions {
            *waiting.entry(origin).or_default() += 1;
            let question = Request::Events(EventsWanted {
                origin,
                after: from.seq(origin),
                types: Some(types.iter().map(Into::into).collect()),
                version: None,
            });
            self.ask(&id, Purpose::Replay { ticket, origin }, &question, now);
        }
        let stage = Stage::Collecting {
            from,
            waiting,
            pages,
            gone,
            silent: BTreeSet::new(),
        };
        let wait = ReplayWait {
            types,
            deadline,
            stage,
        };
        self.replays.insert(ticket, wait);
        self.check_collected(ticket, now);
    }

    /// Whether there are no events of `node` behind `seq`, and never will be.
    fn is_whole(&self, node: NodeId, seq: u64) -> bool {
        (self.origins.get(&node)).is_some_and(|origin| origin.is_whole(seq))
    }

    /// Nodes that are gone and that a client at `from` has never heard of.
    fn unknown_to(&self, from: &Vector) -> impl Iterator<Item = NodeId> {
        self.origins
            .iter()
            .filter(|(node, origin)| origin.gone_since.is_some() && from.get(**node).is_none())
            // It may have had no room for it; then the client was here when the node ended.
            .filter(|(_node, origin)| from.len() < ORIGINS_MAX || !origin.ended)
            .map(|(node, _origin)| *node)
    }

    /// Events of this node's log, or copies of another's.
    pub(super) fn serve_events(&mut self, id: &PeerId, wanted: EventsWanted) -> Answer {
        let EventsWanted {
            origin,
            after,
            types,
            version,
        } = wanted;
        let log = if origin == self.me {
            Some(&self.log)
        } else {
            self.copies.of(origin).filter(|_| self.params.rules.copies)
        };
        let (Some(log), Some(peer)) = (log, self.peers.get(id)) else {
            return Answer::Unknown;
        };
        let events = match types {
            Some(types) => {
                let types = types.into_iter().filter_map(super::wire::Pattern::read);
                let wanted: PatternMap<()> = within_bounds(types.collect()).into_iter().collect();
                page(log, after, |kept| wanted.covers(&kept.event.event_type))
            }
            None if version.is_some_and(|version| peer.wishes_version < version) => {
                return Answer::Later;
            }
            None => page(log, after, |kept| {
                peer.wishes.cover(&kept.event.event_type, kept.at)
            }),
        };
        Answer::Events(events)
    }

    /// A peer's answer about the events of `origin`; `None`: it has none.
    pub(super) fn replay_answered(&mut self, ticket: u64, origin: NodeId, events: Option<Events>) {
        let Some(ReplayWait {
            stage: Stage::Collecting { waiting, pages, .. },
            ..
        }) = self.replays.get_mut(&ticket)
        else {
            return;
        };
        if let Some(count) = waiting.get_mut(&origin) {
            *count = count.saturating_sub(1);
        }
        if let Some(events) = events {
            // Several nodes may hold copies: the one that begins earliest, then the one that reaches
            // farthest.
            let is_better = pages.get(&origin).is_none_or(|known| {
                (events.from, known.to) < (known.from, events.to)
                    || (events.from == known.from && events.to > known.to)
            });
            if is_better {
                pages.insert(origin, events);
            }
        }
        self.check_collected(ticket, 0);
    }

    /// A peer did not answer. If it is the origin itself, others may have copies: it may have been
    /// killed a moment ago.
    pub(super) fn replay_unanswered(&mut self, ticket: u64, origin: NodeId, now: u64) {
        let linked = self.linked();
        if let Some(ReplayWait {
            types,
            stage:
                Stage::Collecting {
                    from,
                    waiting,
                    pages,
                    gone,
                    silent,
                },
            ..
        }) = self.replays.get_mut(&ticket)
            && self.params.rules.copies
            && !gone.contains(&origin)
            && silent.insert(origin)
        {
            if let Some(log) = self.copies.of(origin) {
                let wanted: PatternMap<()> = types.iter().cloned().collect();
                let copies = page(log, from.seq(origin), |kept| {
                    wanted.covers(&kept.event.event_type)
                });
                pages.insert(origin, copies);
            }
            let question = Request::Events(EventsWanted {
                origin,
                after: from.seq(origin),
                types: Some(types.iter().map(Into::into).collect()),
                version: None,
            });
            let others: Vec<PeerId> = linked
                .into_iter()
                .filter(|(_id, node)| *node != origin)
                .map(|(id, _node)| id)
                .collect();
            *waiting.entry(origin).or_default() += others.len();
            for id in others {
                self.ask(&id, Purpose::Replay { ticket, origin }, &question, now);
            }
        }
        self.replay_answered(ticket, origin, None);
    }

    pub(super) fn expire_replays(&mut self, now: u64) {
        let due: Vec<u64> = self
            .replays
            .iter()
            .filter(|(_ticket, wait)| wait.deadline <= now)
            .map(|(ticket, _wait)| *ticket)
            .collect();
        for ticket in due {
            self.check_located(ticket, now);
            self.check_collected(ticket, now);
        }
        while let Some(held) = self.replays_held.front()
            && held.deadline <= now
        {
            let ticket = held.ticket;
            self.replays_held.pop_front();
            self.replay_nothing(ticket);
        }
    }

    fn check_collected(&mut self, ticket: u64, now: u64) {
        let Some(wait) = self.replays.get(&ticket) else {
            return;
        };
        let Stage::Collecting { waiting, .. } = &wait.stage else {
            return;
        };
        if waiting.values().any(|count| *count > 0) && now < wait.deadline {
            return;
        }
        let Some(ReplayWait {
            stage:
                Stage::Collecting {
                    from,
                    waiting,
                    pages,
                    gone,
                    silent,
                },
            ..
        }) = self.replays.remove(&ticket)
        else {
            return;
        };
        let me = self.me;
        let is_witness = |node| {
            node == me
                || (self.origins.get(&node)).is_some_and(|origin| origin.gone_since.is_none())
        };
        let mut answered = Assembly::begin(from.clone(), is_witness);
        for (origin, page) in pages {
            let end = if !gone.contains(&origin) {
                End::Open
            } else if self.is_whole(origin, from.seq(origin).max(page.to)) {
                End::Whole
            } else {
                End::Unknown
            };
            answered.add(origin, page, end);
            if silent.contains(&origin) {
                answered.doubt(origin);
            }
        }
        for origin in gone.iter().chain(waiting.keys()) {
            answered.miss(*origin, gone.contains(origin));
        }
        let mut replayed = answered.end();
        if !self.params.rules.gaps {
            replayed.gaps.clear();
        }
        self.tell(Fact::Replayed {
            events: replayed.events.len(),
            complete: replayed.gaps.is_empty(),
        });
        let replayed = Some(replayed);
        self.out.push(Output::Replayed { ticket, replayed });
    }
}

/// As many types as may be asked for. If there are more, everything: the desk that asked drops what its
/// client does not want.
fn within_bounds(types: Vec<TypePattern>) -> Vec<TypePattern> {
    let types: BTreeSet<TypePattern> = types.into_iter().collect();
    if types.len() > PATTERNS_MAX {
        return vec![TypePattern::Prefix("".into())];
    }
    types.into_iter().collect()
}

/// What `is_wanted` of a log behind `after`, as far as it fits a page. A page may be empty and have
/// more behind it.
fn page(log: &Log, after: u64, is_wanted: impl Fn(&Kept) -> bool) -> Events {
    let from = after.max(log.before());
    let mut to = from;
    let mut more = false;
    let mut events = Vec::new();
    let mut bytes = 0;
    for (looked_at, (seq, kept)) in log.after(from).enumerate() {
        if looked_at == PAGE_EVENTS_MAX {
            more = true;
            break;
        }
        if is_wanted(kept) {
            bytes += kept.event.text.len();
            if bytes > PAGE_BYTES_MAX && !events.is_empty() {
                more = true;
                break;
            }
            events.push(Numbered {
                seq,
                text: Text(kept.event.text.clone()),
            });
        }
        to = seq;
    }
    Events {
        from,
        to,
        more,
        events,
    }
}
