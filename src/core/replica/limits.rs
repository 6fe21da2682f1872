//! The fixed limits of the protocol and why they are what they are (cluster.md, part 6).
//! Depends on nothing. Deliberately absent: what an operator may change (see `params`).

/// Longest API id or node name, in bytes: fits a log line and a tree entry.
pub const NAME_BYTES_MAX: usize = 128;

/// Highest ref anywhere: the largest integer that JSON readers keep exactly. A Part above it is
/// dropped, by the same rule on every node, so convergence is not touched.
pub const REF_MAX: u64 = (1 << 53) - 1;

/// Highest ref a file may give, so that no number of later writes reaches [`REF_MAX`].
pub const FILE_REF_MAX: u64 = 1 << 48;

/// Largest body a message may carry; the edge refuses larger definitions with 413.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A gossip message stays below this; gossipsub's own maximum is 64 KiB, framing included.
pub const GOSSIP_INLINE_BYTES_MAX: usize = 48 * 1024;

/// A gossip message above gossipsub's default maximum is not decoded.
pub const GOSSIP_BYTES_MAX: usize = 64 * 1024;

/// Parts of one page, bodies included; one Part may be larger.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// Parts of one page, counting everything but the bodies: pages of ballots stay small, so that
/// two nodes with thousands of contested APIs interleave them.
pub const PAGE_HEADER_BYTES_MAX: usize = 64 * 1024;

/// A request or answer above this is not decoded: one body of the maximum size and a page.
pub const EXCHANGE_BYTES_MAX: usize = BODY_BYTES_MAX + 2 * PAGE_BYTES_MAX;

/// Id hashes in one Pull: 36 KiB of them.
pub const PULL_IDS_MAX: usize = 4096;

/// Pulls under way with one peer.
pub const PULLS_MAX: usize = 4;

/// Body requests under way on this node.
pub const BODIES_MAX: usize = 16;

/// Bodies this node is waiting for; a hint above it is forgotten and comes again with
/// anti-entropy.
pub const WANTS_MAX: usize = 4096;

/// Times one body is asked for before the hint is forgotten (anti-entropy brings it again).
pub const BODY_TRIES_MAX: u8 = 8;

/// Up to this many APIs the key list is answered at once: it is shorter than the descent.
pub const KEY_LIST_MAX: usize = 256;

/// More pending Parts than this travel by anti-entropy instead of gossip (rule B).
pub const GOSSIP_PARTS_MAX: usize = 64;

/// Bad messages of one peer within a minute before it is disconnected for a minute.
pub const BAD_MESSAGES_MAX: u32 = 100;

/// Entries of the conflict log: enough for a bad day, about 300 KiB.
pub const CONFLICTS_MAX: usize = 1000;

/// Ancestors that a version is told with: a node that missed more changes than this cannot tell
/// whether they were made in knowledge of its own, and warns. About 300 bytes on the wire.
pub const ANCESTORS_MAX: usize = 16;

/// Times a request-sync is repeated after a periodic start.
pub const SYNC_RETRIES: u8 = 3;

/// Times it is repeated after connecting, where it decides how soon a newcomer is useful.
pub const CONNECT_RETRIES: u8 = 8;

/// Chases of one contested round that follow each other quickly; later ones come once a second, until
/// all have voted or `concede_patience` is over (rule K).
pub const CHASES_QUICK: u32 = 8;

/// Outbid ballots before a name counts as used by another live process (rule I).
pub const OUTBIDS_MAX: u8 = 3;

/// Receipts awaited at the same time; more are refused at the edge.
pub const RECEIPTS_MAX: usize = 1024;

/// Members told of in one Pull: about 20 KiB; clusters are smaller.
pub const HEARSAY_MAX: usize = 128;

/// Members named in one notice of leave or one `forget`: processes that share a name, so one as a
/// rule.
pub const GONE_MAX: usize = 16;

/// Differences between two nodes that are listed; the rest is counted. About 300 KiB of JSON, more
/// than anybody reads.
pub const DIFFERENCES_MAX: usize = 1000;

/// Comparisons of two nodes for an operator that may be under way; more are refused.
pub const DIFFS_MAX: usize = 8;
