//! Where the values of an event's text stand, so that looking one up does not read the text again.
//!
//! Deliberately absent: the values themselves; they are cut out of the text when asked for.

use std::ops::Range;

use super::{
    Scalar, json,
    json::{Piece, Sink},
    pointer::{self, Pointer},
};

/// Nodes of an outline that is kept with its event: 64 KiB, and never more than eight times the
/// event's text. Events wait by the thousand to be sent again, and what is beside their text is not
/// counted there; an event with more members is rare and pays by being read once per look-up.
const NODES_KEPT_MAX: usize = 4096;

/// A JSON document as the list of its values, in order; a container's come right after it.
#[derive(Debug, Clone, Default)]
pub(super) struct Outline {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone)]
struct Node {
    piece: Piece,
    start: u32,
    end: u32,
    /// Of a container: the node after all that is in it.
    next: u32,
}

/// Builds an outline.
struct Builder {
    nodes: Vec<Node>,
    nodes_max: usize,
    /// Containers that are open.
    open: Vec<usize>,
    is_complete: bool,
}

// === impl Outline ===

impl Outline {
    /// Of a text that has been accepted as an event's.
    pub(super) fn of(text: &str) -> Self {
        Self::within(text, usize::MAX).unwrap_or_default()
    }

    /// The same, or `None` if it is too large to be kept.
    pub(super) fn small(text: &str) -> Option<Self> {
        Self::within(text, NODES_KEPT_MAX)
    }

    fn within(text: &str, nodes_max: usize) -> Option<Self> {
        let mut builder = Builder {
            nodes: Vec::new(),
            nodes_max,
            open: Vec::new(),
            is_complete: true,
        };
        json::read(text, &mut builder).ok()?;
        builder.is_complete.then_some(())?;
        builder.nodes.shrink_to_fit();
        Some(Self {
            nodes: builder.nodes,
        })
    }

    /// The value in `text`, which the outline is of, that `pointer` leads to.
    pub(super) fn scalar(&self, text: &str, pointer: &Pointer) -> Option<Scalar> {
        let mut at = 0;
        for step in pointer.steps() {
            at = match self.nodes.get(at)?.piece {
                Piece::ObjectBegin => self.member(text, at, step)?,
                Piece::ArrayBegin => self.element(at, pointer::index(step)?)?,
                Piece::ObjectEnd
                | Piece::ArrayEnd
                | Piece::Name
                | Piece::String
                | Piece::Number
                | Piece::Boolean
                | Piece::Null => return None,
            };
        }
        let node = self.nodes.get(at)?;
        Scalar::read(node.piece, text.get(node.range())?)
    }

    /// The value of the first member `name` of the object at `at`.
    fn member(&self, text: &str, at: usize, name: &str) -> Option<usize> {
        let end = self.after(at)?;
        let mut member = at + 1;
        while member < end {
            let quoted = text.get(self.nodes.get(member)?.range())?;
            if json::unquoted(quoted).is_some_and(|found| found == name) {
                return Some(member + 1);
            }
            member = self.after(member + 1)?;
        }
        None
    }

    fn element(&self, at: usize, index: usize) -> Option<usize> {
        let end = self.after(at)?;
        let mut element = at + 1;
        for _ in 0..index {
            if element >= end {
                return None;
            }
            element = self.after(element)?;
        }
        (element < end).then_some(element)
    }

    /// The node after the value at `at`.
    fn after(&self, at: usize) -> Option<usize> {
        usize::try_from(self.nodes.get(at)?.next).ok()
    }
}

// === impl Node ===

impl Node {
    fn range(&self) -> Range<usize> {
        let whole = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
        whole(self.start)..whole(self.end)
    }
}

// === impl Builder ===

impl Sink for Builder {
    fn take(&mut self, piece: Piece, at: Range<usize>) -> bool {
        self.is_complete = self.note(piece, &at).is_some();
        self.is_complete
    }
}

impl Builder {
    /// `None`: there is no room.
    fn note(&mut self, piece: Piece, at: &Range<usize>) -> Option<()> {
        let next = u32::try_from(self.nodes.len()).ok()?;
        if matches!(piece, Piece::ObjectEnd | Piece::ArrayEnd) {
            let container = self.open.pop()?;
            self.nodes.get_mut(container)?.next = next;
            return Some(());
        }
        if self.nodes.len() >= self.nodes_max {
            return None;
        }
        if matches!(piece, Piece::ObjectBegin | Piece::ArrayBegin) {
            self.open.push(self.nodes.len());
        }
        self.nodes.push(Node {
            piece,
            start: u32::try_from(at.start).ok()?,
            end: u32::try_from(at.end).ok()?,
            next: next.checked_add(1)?,
        });
        Some(())
    }
}
