//! What tests and operators may change. Depends on nothing. Deliberately absent: limits that are part
//! of the protocol (`limits`).

/// When a submitted event counts as accepted (`SUBMISSION_ACK`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// This node has it.
    Local,
    /// Another node holds a copy.
    Cluster,
}

/// Times in milliseconds, sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// There are other nodes; a node without them is ready at once.
    pub clustered: bool,
    /// `SUBMISSION_ACK`.
    pub ack: Ack,
    /// `REPLAY_BUFFER_BYTES`: for this node's events, and as much again for copies of others'.
    pub log_bytes_max: usize,
    /// A node that found no other goes on alone.
    pub join_timeout: u64,
    /// A node that found others waits this long at most until it has what they know.
    pub join_timeout_linked: u64,
    /// A node that found others waits this long for more of them to appear.
    pub join_calm: u64,
    /// How long local callers wait for other nodes.
    pub answer_timeout: u64,
    /// An exchange that is not answered is given up, whatever the transport says.
    pub exchange_timeout: u64,
    /// The same for what is carried to a connection, where a long poll may wait 5 s.
    pub carry_timeout: u64,
    /// Pause before a failed exchange is tried again.
    pub retry: u64,
    /// How often idle peers are told how far this node is, and the blacklist is compared.
    pub idle_interval: u64,
    /// A node that is gone for so long is taken for dead: clients are told of a gap.
    pub gap_after: u64,
    /// A position of a node that is gone is forgotten after this.
    pub forget_after: u64,
    /// Types nobody wants any more are taken back after this.
    pub linger: u64,
    /// How long a node that stops waits for the others to take its last events. Below what the shell
    /// gives it (`app/drain`), so that the farewell is said.
    pub leave_timeout: u64,
    /// Which rules are obeyed.
    pub rules: Rules,
}

/// Rules that a test switches off to prove that its oracle notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Events that a node already has are dropped.
    pub dedup: bool,
    /// What is lost is said.
    pub gaps: bool,
    /// Batches made under an old interest are sent back.
    pub bounce: bool,
    /// Copies at another node are used when a node is gone.
    pub copies: bool,
}

// === impl Params ===

impl Default for Params {
    fn default() -> Self {
        Self {
            clustered: true,
            ack: Ack::Local,
            log_bytes_max: 64 * 1024 * 1024,
            join_timeout: 3_000,
            join_timeout_linked: 10_000,
            join_calm: 300,
            answer_timeout: 2_000,
            exchange_timeout: 5_000,
            carry_timeout: 9_000,
            retry: 200,
            idle_interval: 5_000,
            gap_after: 10_000,
            forget_after: 600_000,
            linger: 10_000,
            leave_timeout: 1_500,
            rules: Rules::default(),
        }
    }
}

// === impl Rules ===

impl Default for Rules {
    fn default() -> Self {
        Self {
            dedup: true,
            gaps: true,
            bounce: true,
            copies: true,
        }
    }
}
