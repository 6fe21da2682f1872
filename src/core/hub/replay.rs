//! Resuming: what a client missed, page by page, from every node's log and from copies. Depends on the
//! machine. Deliberately absent: constraints; the desk that asked drops what its client does not want.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Hub, cursor,
    delivery::{Delivery, Gap, Replayed},
    input::From,
    limits::{
        ID_BYTES_MAX, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, PATTERNS_MAX, REPLAYS_MAX, TICKETS_MAX,
    },
    log::{Kept, Log},
    output::{Fact, Output},
    peers::Purpose,
    position::{NodeId, Reached, Vector},
    receive::revive,
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
    pub(super) fn replay(&mut self, ticket: u64, from: From, mut types: Vec<TypePattern>) {
        if self.replays_held.len() >= TICKETS_MAX {
            let replayed = None;
            self.out.push(Output::Replayed { ticket, replayed });
            return;
        }
        types.truncate(PATTERNS_MAX);
        self.replays_held.push_back(HeldReplay {
            ticket,
            from,
            types,
        });
    }

    /// Begins what waits for its turn, as far as there is room.
    pub(super) fn begin_replays(&mut self, now: u64) {
        while self.replays.len() < REPLAYS_MAX
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
        } = held;
        // Counted from here: who waits for its turn is not kept waiting by a silent node.
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

    /// Nobody knows where the client was.
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
            wanted.covering(&kept.event.event_type).next().is_some()
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
            let Some(log) = self.copies.of(*node).filter(|_| self.params.rules.copies) else {
                questions.extend(linked.iter().map(|(id, _node)| (id.clone(), *node)));
                continue;
            };
            let copies = page(log, from.seq(*node), |kept| {
                wanted.covering(&kept.event.event_type).next().is_some()
            });
            pages.insert(*node, copies);
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
        let origin = self.origins.get(&node);
        origin
            .and_then(|origin| origin.farewell)
            .is_some_and(|head| head <= seq)
    }

    /// Nodes that are gone and that a client at `from` has never heard of.
    fn unknown_to(&self, from: &Vector) -> impl Iterator<Item = NodeId> {
        self.origins
            .iter()
            .filter(|(node, origin)| origin.gone_since.is_some() && from.get(**node).is_none())
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
                let types = types.into_iter().take(PATTERNS_MAX);
                let wanted: PatternMap<()> = types.filter_map(super::wire::Pattern::read).collect();
                page(log, after, |kept| {
                    wanted.covering(&kept.event.event_type).next().is_some()
                })
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
                    wanted.covering(&kept.event.event_type).next().is_some()
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

/// What is behind the last page of a node's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The node lives; what follows comes live.
    Open,
    /// The node is gone, and this is all: it had said good-bye.
    Whole,
    /// The node is gone, and nobody knows whether this is all.
    Unknown,
}

/// A page of a replay that is being put together.
struct Assembly {
    from: Vector,
    at: Vector,
    /// Of the nodes that the client has heard of none is left. There may have been others meanwhile, of
    /// which nobody knows any more.
    is_orphan: bool,
    /// Origin, first and last number that may be missing.
    gaps: Vec<(NodeId, u64, Option<u64>)>,
    events: Vec<Arc<Delivery>>,
    more: bool,
    done: BTreeSet<NodeId>,
}

// === impl Assembly ===

impl Assembly {
    /// `is_witness`: a node that lives.
    fn begin(from: Vector, is_witness: impl Fn(NodeId) -> bool) -> Self {
        let is_orphan = !from.is_empty() && !from.iter().any(|(node, _)| is_witness(node));
        Self {
            is_orphan,
            at: from.clone(),
            from,
            gaps: Vec::new(),
            events: Vec::new(),
            more: false,
            done: BTreeSet::new(),
        }
    }

    fn add(&mut self, origin: NodeId, page: Events, end: End) {
        self.done.insert(origin);
        let after = self.from.seq(origin);
        if page.from > after {
            self.gaps.push((origin, after + 1, Some(page.from)));
        }
        let mut last = after.max(page.from);
        for Numbered { seq, text } in page.events {
            let Some(event) = (seq > last).then(|| revive(text.0)).flatten() else {
                continue;
            };
            last = seq;
            self.at.raise(origin, Reached::at(seq));
            self.events.push(Arc::new(Delivery {
                origin,
                seq,
                event,
                cursor: cursor::encode(&self.at),
            }));
        }
        let to = page.to.max(last);
        let is_end = end != End::Open && !page.more;
        self.more |= page.more;
        if is_end && end == End::Unknown {
            self.gaps.push((origin, to + 1, None));
        }
        self.at.raise(
            origin,
            Reached {
                seq: to,
                ended: is_end,
            },
        );
    }

    /// There may be more of `origin` than was found.
    fn doubt(&mut self, origin: NodeId) {
        if !self.more {
            self.gaps.push((origin, self.at.seq(origin) + 1, None));
        }
    }

    /// Nobody answered for `origin`.
    fn miss(&mut self, origin: NodeId, is_gone: bool) {
        if !self.done.insert(origin) {
            return;
        }
        let after = self.from.seq(origin);
        self.gaps.push((origin, after + 1, None));
        if is_gone {
            let ended = true;
            self.at.raise(origin, Reached { seq: after, ended });
        }
    }

    fn end(self) -> Replayed {
        let text = cursor::encode(&self.from);
        let orphaned = self.is_orphan.then_some((None, 1, None));
        let gaps = (self.gaps.into_iter()).map(|(origin, from, to)| (Some(origin), from, to));
        let gaps = orphaned.into_iter().chain(gaps);
        let gaps = gaps.map(|(origin, from, to)| Gap {
            origin,
            from,
            to,
            // The client is still where it was: if it is cut off now, it hears of the gap again.
            cursor: Arc::clone(&text),
        });
        Replayed {
            gaps: gaps.collect(),
            events: self.events,
            upto: self.at,
            more: self.more,
        }
    }
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
