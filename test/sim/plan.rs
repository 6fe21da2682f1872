//! What happens in a run, as data: so that it can be printed, shrunken and run again.

/// Everything outside the machines.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) nodes: usize,
    /// Connected to neighbours only.
    pub(crate) line: bool,
    /// Every process has a name of its own, so a restart is a new voter.
    pub(crate) ephemeral: bool,
    pub(crate) weather: Weather,
    /// In order of time (milliseconds).
    pub(crate) operations: Vec<(u64, Operation)>,
    pub(crate) expect: Expect,
    /// Seed of network and jitter.
    pub(crate) seed: u64,
}

/// How bad the network and the clocks are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    pub(crate) loss_percent: u64,
    pub(crate) duplicate_percent: u64,
    pub(crate) late_percent: u64,
    pub(crate) slow_links: bool,
    /// Clocks are wrong by up to this many milliseconds.
    pub(crate) clock_error: u64,
}

/// One definition in a file: API, ref, version number, age in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) api: u8,
    pub(crate) ref_number: u64,
    pub(crate) version: u32,
    pub(crate) wall: u64,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A process starts, its clock set back by so many milliseconds against the one before.
    Start {
        node: usize,
        file: Vec<Entry>,
        clock_back: u64,
    },
    /// A process dies.
    Crash { node: usize },
    /// PUT, or POST where there is no such API.
    Put { node: usize, api: u8, version: u32 },
    /// DELETE.
    Delete { node: usize, api: u8 },
    /// The nodes in the mask are cut off from the others.
    Cut { mask: u32 },
    /// All cuts end.
    Heal,
    /// The oracle notes what is shown.
    Checkpoint,
}

/// Where rules 2 and 3 have an answer in closed form (oracle c). The premises are checked by the
/// oracle in each run; where they do not hold, nothing is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    Nothing,
    /// All nodes load a file at start: the plurality of what was loaded, then the newest.
    Loaded,
    /// The plurality of what each node learned first of the highest ref, then the newest.
    FirstLearned,
    /// The last write.
    LastWrite,
    /// What was shown at the checkpoint stays.
    Kept,
    /// Two sides, each showing one version when the cut ends: the higher ref, the larger side, the
    /// newer version.
    Sides,
    /// A settled cluster at the checkpoint and one node that starts after it with one entry.
    Joined,
}
