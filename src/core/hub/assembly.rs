//! Putting a page of a replay together from what each node has answered. Depends on `cursor`,
//! `receive` (reading events). Deliberately absent: asking.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    cursor,
    delivery::{Delivery, Gap, Replayed},
    position::{NodeId, Reached, Vector},
    receive::revive,
    wire::{Events, Numbered},
};

/// What is behind the last page of a node's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The node lives; what follows comes live.
    Open,
    /// The node is gone, and this is all: it had said good-bye.
    Whole,
    /// The node is gone, and nobody knows whether this is all.
    Unknown,
}

/// A page of a replay that is being put together.
pub(super) struct Assembly {
    from: Vector,
    at: Vector,
    /// Of the nodes that the client has heard of none is left. There may have been others meanwhile, of
    /// which nobody knows any more.
    is_orphan: bool,
    /// Origin, first and last number that may be missing.
    gaps: Vec<(NodeId, u64, Option<u64>)>,
    /// Nodes that live and did not answer, and the number behind which there may be more. They are
    /// asked again for the next page, if there is one.
    doubts: Vec<(NodeId, u64)>,
    events: Vec<Arc<Delivery>>,
    more: bool,
    done: BTreeSet<NodeId>,
}

// === impl Assembly ===

impl Assembly {
    /// `is_witness`: a node that lives.
    pub(super) fn begin(from: Vector, is_witness: impl Fn(NodeId) -> bool) -> Self {
        let is_orphan = !from.is_empty() && !from.iter().any(|(node, _)| is_witness(node));
        Self {
            is_orphan,
            at: from.clone(),
            from,
            gaps: Vec::new(),
            doubts: Vec::new(),
            events: Vec::new(),
            more: false,
            done: BTreeSet::new(),
        }
    }

    pub(super) fn add(&mut self, origin: NodeId, page: Events, end: End) {
        self.done.insert(origin);
        let after = self.from.seq(origin);
        if page.from > after {
            self.gaps.push((origin, after + 1, Some(page.from)));
        }
        let mut last = after.max(page.from);
        for Numbered { seq, text } in page.events {
            if seq <= last {
                continue;
            }
            last = seq;
            let Some(event) = revive(text.0) else {
                self.gaps.push((origin, seq, Some(seq)));
                continue;
            };
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
    pub(super) fn doubt(&mut self, origin: NodeId) {
        self.doubts.push((origin, self.at.seq(origin)));
    }

    /// Nobody answered for `origin`.
    pub(super) fn miss(&mut self, origin: NodeId, is_gone: bool) {
        if !self.done.insert(origin) {
            return;
        }
        let after = self.from.seq(origin);
        if !is_gone {
            self.doubts.push((origin, after));
            return;
        }
        self.gaps.push((origin, after + 1, None));
        let ended = true;
        self.at.raise(origin, Reached { seq: after, ended });
    }

    pub(super) fn end(mut self) -> Replayed {
        let text = cursor::encode(&self.from);
        if !self.more {
            let doubts = std::mem::take(&mut self.doubts).into_iter();
            let gaps = doubts.map(|(origin, after)| (origin, after + 1, None));
            self.gaps.extend(gaps);
        }
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
