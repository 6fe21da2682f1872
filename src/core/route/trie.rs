//! Which routes can match a path at all: a compressed trie (radix tree) over the literal prefixes
//! of the routes of one method.
//!
//! Walking down a path passes exactly the prefixes that the path begins with; walking up again
//! visits the routes hung there. Neither allocates. All nodes live in one list, all route numbers
//! in another, sorted by prefix, so that a node and everything below it own one slice. Deliberately
//! absent: patterns. The caller says which candidate matches.

use std::ops::Range;

/// One route as the trie sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry<'p> {
    /// Lower-case.
    pub(super) prefix: &'p [u8],
    /// May match longer paths than the prefix.
    pub(super) open: bool,
    /// Position in the table.
    pub(super) route: u32,
}

#[derive(Debug)]
pub(super) struct Trie {
    /// The root first; the children of a node stand in a row, sorted by `first`.
    nodes: Vec<Node>,
    labels: Vec<u8>,
    /// In the order of [`Entry`].
    routes: Vec<u32>,
}

/// How far a path leads into the trie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    node: u32,
    /// The path ends here, rather than going on outside the trie.
    complete: bool,
}

#[derive(Debug)]
struct Node {
    /// First byte of the label; 0 for the root, which has none.
    first: u8,
    /// The bytes between the parent's prefix and this one's.
    label: Range<u32>,
    children: Range<u32>,
    /// Routes whose prefix is this one and which match nothing longer.
    exact: Range<u32>,
    /// Routes whose prefix is this one and which may match longer paths.
    open: Range<u32>,
    /// Routes of this node and of all nodes below it.
    below: Range<u32>,
    /// The nearest node above with open routes; itself if there is none.
    above: u32,
}

// === impl Trie ===

impl Trie {
    /// `entries` must be sorted.
    pub(super) fn build(entries: &[Entry<'_>]) -> Self {
        let mut trie = Self {
            nodes: vec![Node::new(0, 0..0, 0..entries.len() as u32, 0)],
            labels: Vec::new(),
            routes: entries.iter().map(|entry| entry.route).collect(),
        };
        let mut depths = vec![0];
        let mut at = 0;
        while at < trie.nodes.len() {
            trie.expand(at, entries, &mut depths);
            at += 1;
        }
        trie
    }

    /// Fills in node `at`, whose prefix has `depths[at]` bytes, and appends its children.
    fn expand(&mut self, at: usize, entries: &[Entry<'_>], depths: &mut Vec<usize>) {
        let (depth, below) = (depths[at], self.nodes[at].below.clone());
        let own = &entries[below.start as usize..below.end as usize];
        let closed = own.partition_point(|entry| entry.prefix.len() == depth && !entry.open);
        let ended = own.partition_point(|entry| entry.prefix.len() == depth);
        let place = |offset: usize| below.start + offset as u32;
        let above = if closed < ended {
            at as u32
        } else {
            self.nodes[at].above
        };

        let children = self.nodes.len() as u32;
        let mut start = ended;
        while let Some(first) = own.get(start) {
            let byte = first.prefix[depth];
            let end = start + own[start..].partition_point(|entry| entry.prefix[depth] == byte);
            let shared = common_length(first.prefix, own[end - 1].prefix);
            let label = self.labels.len() as u32;
            self.labels.extend(&first.prefix[depth..shared]);
            let label = label..self.labels.len() as u32;
            self.nodes
                .push(Node::new(byte, label, place(start)..place(end), above));
            depths.push(shared);
            start = end;
        }
        let children = children..self.nodes.len() as u32;
        let node = &mut self.nodes[at];
        node.exact = place(0)..place(closed);
        node.open = place(closed)..place(ended);
        node.children = children;
    }

    /// Follows `path`, ignoring case, as far as there are nodes.
    pub(super) fn walk(&self, path: &str) -> Walk {
        let (mut node, mut rest) = (0, path.as_bytes());
        while let Some(first) = rest.first() {
            let Some(child) = self.child(node, first.to_ascii_lowercase()) else {
                return Walk {
                    node,
                    complete: false,
                };
            };
            let label = slice(&self.labels, &self.node(child).label);
            match rest.split_at_checked(label.len()) {
                Some((start, tail)) if start.eq_ignore_ascii_case(label) => {
                    (node, rest) = (child, tail);
                }
                _ => {
                    return Walk {
                        node,
                        complete: false,
                    };
                }
            }
        }
        Walk {
            node,
            complete: true,
        }
    }

    /// The routes that match exactly the path walked, in table order.
    pub(super) fn exact(&self, walk: Walk) -> Range<u32> {
        if walk.complete {
            self.node(walk.node).exact.clone()
        } else {
            0..0
        }
    }

    /// The first route before `limit`, in table order, that may match longer paths than its prefix
    /// and that `accept` accepts.
    ///
    /// The lists on the way up are each in table order but not among each other, so a find only
    /// lowers the limit for the lists still to come.
    pub(super) fn first_open(
        &self,
        walk: Walk,
        mut limit: u32,
        mut accept: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        let mut found = None;
        for list in self.open(walk) {
            let earlier = list.iter().copied().take_while(|&route| route < limit);
            if let Some(route) = { earlier }.find(|&route| accept(route)) {
                limit = route;
                found = Some(route);
            }
        }
        found
    }

    /// The lists of routes that may match longer paths than their prefix, deepest first.
    pub(super) fn open(&self, walk: Walk) -> impl Iterator<Item = &[u32]> {
        let mut next = Some(walk.node);
        std::iter::from_fn(move || {
            let at = next?;
            let node = self.node(at);
            next = (node.above != at).then_some(node.above);
            Some(slice(&self.routes, &node.open))
        })
    }

    /// The routes of the last node that the walk came to, and of all nodes below it.
    pub(super) fn below(&self, walk: Walk) -> Range<u32> {
        self.node(walk.node).below.clone()
    }

    /// The routes in one of the ranges above.
    pub(super) fn routes(&self, range: Range<u32>) -> &[u32] {
        slice(&self.routes, &range)
    }

    fn node(&self, at: u32) -> &Node {
        &self.nodes[at as usize]
    }

    fn child(&self, node: u32, first: u8) -> Option<u32> {
        let children = &self.node(node).children;
        let at = slice(&self.nodes, children).binary_search_by_key(&first, |child| child.first);
        at.ok().map(|at| children.start + at as u32)
    }
}

// === impl Node ===

impl Node {
    fn new(first: u8, label: Range<u32>, below: Range<u32>, above: u32) -> Self {
        let none = 0..0;
        let (children, exact, open) = (none.clone(), none.clone(), none);
        Self {
            first,
            label,
            children,
            exact,
            open,
            below,
            above,
        }
    }
}

fn slice<'s, T>(all: &'s [T], range: &Range<u32>) -> &'s [T] {
    &all[range.start as usize..range.end as usize]
}

fn common_length(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
