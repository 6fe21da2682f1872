//! The fixed limits of the hub and why they are what they are. Depends on nothing. Deliberately
//! absent: what a test or an operator changes (see `params`).

/// Events of one batch: a second batch can wait while the first travels, and 256 KiB fill a gigabit
/// link for 2 ms. A larger event travels alone.
pub const BATCH_BYTES_MAX: usize = 256 * 1024;

/// Largest event. Requests between nodes end at 1 MiB and 64 KiB, and an event that cannot travel
/// alone could not be delivered on other nodes.
pub const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// A message above this is not decoded: the transport's own limit for answers.
pub const MESSAGE_BYTES_MAX: usize = 9 * 1024 * 1024;

/// Events in one page of a replay: as much as a batch; a page holds up the node for about 1 ms.
pub const PAGE_BYTES_MAX: usize = 256 * 1024;

/// Events looked at for one page: so that a client that wants little of a long log does not hold up
/// the node either. A look-up of a type takes well below a microsecond.
pub const PAGE_EVENTS_MAX: usize = 4_096;

/// Longest pattern: as long as an event type that can be subscribed to.
pub const PATTERN_BYTES_MAX: usize = 1_024;

/// Patterns of one connection's replay: as many as a client may name. With more, as when a token's
/// claims add some, everything is asked for, and the desk drops what its client does not want.
pub const PATTERNS_MAX: usize = 1_000;

/// Patterns in one message about interest, in bytes of their texts and 16 each: as much as a batch.
pub const INTEREST_PAGE_BYTES: usize = 256 * 1024;

/// Patterns one node may tell that it wants: 100,000 clients with ten types of their own. With more it
/// wants everything. A peer that tells more all the same is told to try again.
pub const WISHES_MAX: usize = 1_000_000;

/// Additions to interest that are remembered by version; for peers that missed more, all of it is gone
/// through. 16 MiB if every type is as long as it can be.
pub const ADDITIONS_MAX: usize = 16_384;

/// Removals of interest that are remembered, for peers that missed some; others get all anew.
pub const REMOVALS_MAX: usize = 4_096;

/// Shortest time between two versions of this node's interest, in milliseconds. Enough for many
/// round trips in one data centre, where an added subscription waits at most so long.
pub const MINT_PAUSE_MIN: u64 = 20;

/// Longest time that is always kept between two versions. A link that is slower is waited for
/// (`Hub::mint_at`), and no client waits longer than for other nodes.
pub const MINT_PAUSE_MAX: u64 = 400;

/// How much earlier than reckoned an interest that was told late may have begun, in milliseconds: more
/// than two clocks drift apart between two messages. A pattern told in time begins when it arrives.
pub const LATE_SLACK: u64 = 1_000;

/// An interest that arrives within this time after it began is in time, in milliseconds: nobody has
/// been told yet that it is in force (`Params::answer_timeout`).
pub const IN_TIME: u64 = 1_000;

/// Nodes that are gone whose positions are remembered, beside those that are linked.
pub const GONE_MAX: usize = 64;

/// Answers awaited at the same time by local callers of one kind; more are refused. Above what 10,000
/// reconnecting clients cause.
pub const TICKETS_MAX: usize = 16_384;

/// Replays under way at the same time; others wait for their turn.
pub const REPLAYS_MAX: usize = 64;

/// How long a replay waits for its turn, in milliseconds; then its client is told of a gap. Long: to wait
/// costs a client little, a gap may have it fetch everything anew, and so will all the others.
pub const REPLAY_WAIT: u64 = 30_000;

/// Questions of replays under way with one peer; a replay begins when all peers have room for one. It
/// asks every peer once, and more for nodes that are gone.
///
/// With the next two, with the hub's own exchanges, mostly one of a kind, and the registry's 21 that
/// leaves room among the 96 requests of both directions that a connection takes (`p2p`): those beyond
/// would be lost and tried again seconds later.
pub const REPLAY_QUESTIONS_MAX: usize = 8;

/// Memos asked for at the same time from one peer; others wait for their turn. Answered at once.
pub const RECALLS_MAX: usize = 3;

/// Requests carried at the same time to one peer; others wait for their turn.
pub const CARRIES_MAX: usize = 9;

/// Memory for questions that wait for their turn with one peer.
pub const HELD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Questions that a peer may let run out one after the other before it counts as silent.
pub const EXPIRED_MAX: u32 = 3;

/// How long a silent peer is not asked for clients, in milliseconds, unless it is heard: as long as one
/// of them would wait.
pub const SILENT_PAUSE: u64 = 2_000;

/// Submissions that may wait for another node's copy. 16 MiB of callers at 1 KiB each.
pub const WAITERS_MAX: usize = 16_384;

/// How long a node that should have kept copies, and confirmed none in time, is not asked to keep them,
/// in milliseconds, unless it confirms something before.
pub const KEEPER_PAUSE: u64 = 10_000;

/// Largest memo: longer than the longest list of subscriptions.
pub const MEMO_BYTES_MAX: usize = 128 * 1024;

/// Memory for memos.
pub const MEMOS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Longest key of a memo.
pub const KEY_BYTES_MAX: usize = 64;

/// Largest request that is carried to a connection of another node. Answers are bounded by
/// [`MESSAGE_BYTES_MAX`]; whoever gives them keeps them below (`http/inbound/events/carried.rs`).
pub const CARRY_BYTES_MAX: usize = 1024 * 1024;

/// Longest event id by which a position is looked up.
pub const ID_BYTES_MAX: usize = 4_096;

/// Longest name of a node or session on the wire.
pub const NAME_BYTES_MAX: usize = 256;

/// Memory for the order of deliveries: about 40,000 of them.
pub const JOURNAL_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Sessions revoked by one message.
pub const REVOKED_MAX: usize = 4_096;
