//! What an operator may change (cluster.md, part 7), and the switches of the simulation's negative
//! controls. Depends on nothing. Deliberately absent: parsing of settings.

/// Durations in milliseconds; the defaults are those of the table in cluster.md, part 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// Mean time between two anti-entropy exchanges of this node; +- 20 % at random.
    pub sync_interval: u64,
    /// A sync step that is unanswered for this long is tried again.
    pub sync_retry: u64,
    /// A Pull, Body or status request is given up after this long.
    pub answer_timeout: u64,
    /// A version that won is served after this long at the earliest, unless all have voted.
    pub round_hold: u64,
    /// ... and after this long at the latest.
    pub round_hold_max: u64,
    /// Membership without change for this long is calm.
    pub members_calm: u64,
    /// How long the loss of messages is reckoned with: a loser concedes after this long even when
    /// votes are missing, a node whose syncs all fail stays new for this long.
    pub concede_patience: u64,
    /// A newcomer that waits for the others' votes gives up after this long.
    pub newcomer_wait: u64,
    /// A node without an established peer is ready after this long.
    pub join_timeout: u64,
    /// ... but while another registry is arriving it waits up to this long: what a node does not have
    /// yet it answers with 404.
    pub join_timeout_max: u64,
    /// Time between two presence notices.
    pub presence_interval: u64,
    /// ... while this node's membership is not calm: calm must not be reached because notices were
    /// rare.
    pub presence_hurry: u64,
    /// A presence notice is valid for this long.
    pub presence_expiry: u64,
    /// A stamp moves the own clock at most this far beyond the wall clock.
    pub clock_drift_max: u64,
    /// Time between two chases of a contested round.
    pub chase_interval: u64,
    /// Time between two looks at what may be conceded.
    pub concede_interval: u64,
    /// Time between two tries to fetch a missing body.
    pub body_retry: u64,
    /// Longest definition accepted from this node's own clients, in bytes.
    pub definition_bytes_max: usize,
    /// Which rules are in force; everything on outside tests.
    pub rules: Rules,
}

/// The rules that a negative control may switch off. Everything is on in the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Part 7. Off: gossip alone.
    pub anti_entropy: bool,
    /// Rule C.
    pub concession: bool,
    /// Rule N.
    pub newcomers_last: bool,
    /// Rule K.
    pub chase: bool,
    /// The waiting of rule M3.
    pub hold: bool,
    /// A deliberate error.
    pub plant: Plant,
}

/// Errors that a test plants to prove that its oracle finds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// None; the product.
    Nothing,
    /// The winner ignores the ballots: plain last writer wins.
    VotesIgnored,
    /// At the same ref what arrives replaces what is there.
    LastArrivalReplaces,
    /// A version with a lower ref is taken if it is newer.
    StampBeatsRef,
    /// A lost write is not told.
    LossUntold,
}

// === impl Params ===

impl Default for Params {
    fn default() -> Self {
        Self {
            sync_interval: 5_000,
            sync_retry: 1_000,
            answer_timeout: 10_000,
            round_hold: 1_000,
            round_hold_max: 5_000,
            members_calm: 5_000,
            concede_patience: 60_000,
            newcomer_wait: 30_000,
            join_timeout: 3_000,
            join_timeout_max: 30_000,
            presence_interval: 5_000,
            presence_hurry: 1_000,
            presence_expiry: 15_000,
            clock_drift_max: 60_000,
            chase_interval: 500,
            concede_interval: 1_000,
            body_retry: 500,
            definition_bytes_max: 1024 * 1024,
            rules: Rules::default(),
        }
    }
}

// === impl Rules ===

impl Default for Rules {
    fn default() -> Self {
        Self {
            anti_entropy: true,
            concession: true,
            newcomers_last: true,
            chase: true,
            hold: true,
            plant: Plant::Nothing,
        }
    }
}
