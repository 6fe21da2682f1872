//! The thirteen scenario classes (cluster.md, parts 2.3 and 9) as generators of plans.

use super::{
    chance::Chance,
    plan::{Entry, Expect, Operation, Plan, Weather},
};

/// A way things go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Startup,
    Concurrent,
    UpdateDelete,
    QuickEdits,
    Partition,
    Restart,
    Join,
    Rolling,
    CrashLoop,
    LoserReturns,
    TwoClusters,
    Mixed,
    Line,
    /// A crash loop with a new name each time. The old votes of one node pile up, which the design
    /// does not claim to stand (cluster.md, property 22): measured, not demanded.
    Ephemeral,
}

/// All that must never fail.
pub(crate) const CLASSES: [Class; 13] = [
    Class::Startup,
    Class::Concurrent,
    Class::UpdateDelete,
    Class::QuickEdits,
    Class::Partition,
    Class::Restart,
    Class::Join,
    Class::Rolling,
    Class::CrashLoop,
    Class::LoserReturns,
    Class::TwoClusters,
    Class::Mixed,
    Class::Line,
];

/// The wall clock at the start of every run.
pub(crate) const WALL: u64 = 1_700_000_000_000;

/// Time in which a cluster settles even in bad weather, before the part that is checked.
const SETTLING: u64 = 40_000;

struct Builder {
    chance: Chance,
    nodes: usize,
    at: u64,
    version: u32,
    operations: Vec<(u64, Operation)>,
}

impl Class {
    /// The name in `CLASS=`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Concurrent => "concurrent",
            Self::UpdateDelete => "update-delete",
            Self::QuickEdits => "quick-edits",
            Self::Partition => "partition",
            Self::Restart => "restart",
            Self::Join => "join",
            Self::Rolling => "rolling",
            Self::CrashLoop => "crash-loop",
            Self::LoserReturns => "loser-returns",
            Self::TwoClusters => "two-clusters",
            Self::Mixed => "mixed",
            Self::Line => "line",
            Self::Ephemeral => "ephemeral",
        }
    }

    /// The plan of a seed.
    pub(crate) fn plan(self, seed: u64) -> Plan {
        let class_seed = seed.wrapping_mul(31).wrapping_add(self as u64);
        let mut chance = Chance::new(class_seed);
        let weather = Weather {
            loss_percent: chance.pick(&[0, 0, 5, 20, 40]),
            duplicate_percent: chance.pick(&[0, 10, 30]),
            late_percent: chance.pick(&[0, 0, 5, 20]),
            slow_links: chance.percent(15),
            clock_error: chance.pick(&[50, 5_000, 300_000]),
        };
        let fewest = match self {
            Self::Rolling | Self::CrashLoop | Self::LoserReturns | Self::Ephemeral => 3,
            Self::Startup
            | Self::Concurrent
            | Self::UpdateDelete
            | Self::QuickEdits
            | Self::Partition
            | Self::Restart
            | Self::Join
            | Self::TwoClusters
            | Self::Mixed
            | Self::Line => 2,
        };
        // Small clusters are both the usual and the difficult ones.
        let most = chance.pick(&[fewest + 1, 5, 5, 7, 10]);
        let nodes = usize::try_from(chance.within(fewest, most)).unwrap();
        let mut build = Builder {
            chance,
            nodes,
            at: 100,
            version: 1,
            operations: Vec::new(),
        };
        let expect = build.class(self);
        let operations = build.operations;
        let line = self == Self::Line;
        Plan {
            nodes,
            line,
            ephemeral: self == Self::Ephemeral,
            weather,
            operations,
            expect,
            seed: class_seed,
        }
    }
}

impl Builder {
    fn class(&mut self, class: Class) -> Expect {
        match class {
            Class::Startup => self.startup(),
            Class::Concurrent => self.concurrent(0),
            Class::UpdateDelete => self.concurrent(50),
            Class::QuickEdits => self.quick_edits(),
            Class::Partition => self.partition(),
            Class::Restart => self.restart(),
            Class::Join => self.join(),
            Class::Rolling => self.rolling(),
            Class::CrashLoop | Class::Ephemeral => self.crash_loop(),
            Class::LoserReturns => self.loser_returns(),
            Class::TwoClusters => self.two_clusters(),
            Class::Mixed => self.mixed(),
            Class::Line => match self.chance.within(0, 3) {
                0 => self.concurrent(25),
                1 => self.startup(),
                2 => self.restart(),
                _ => self.mixed(),
            },
        }
    }

    fn push(&mut self, operation: Operation) {
        self.operations.push((self.at, operation));
    }

    fn later(&mut self, from: u64, to: u64) {
        self.at += self.chance.within(from, to);
    }

    fn version(&mut self) -> u32 {
        self.version += 1;
        self.version
    }

    /// An entry of API 0 that is so many minutes old.
    fn entry(&mut self, ref_number: u64, version: u32) -> Entry {
        let wall = WALL - 60_000 * self.chance.within(1, 50_000);
        Entry {
            api: 0,
            ref_number,
            version,
            wall,
        }
    }

    fn start(&mut self, node: usize, file: Vec<Entry>) {
        self.push(Operation::Start {
            node,
            file,
            clock_back: 0,
        });
    }

    fn restart_node(&mut self, node: usize, file: Vec<Entry>) {
        let back = self.chance.percent(30);
        let clock_back = if back {
            self.chance.within(1, 400_000)
        } else {
            0
        };
        self.push(Operation::Start {
            node,
            file,
            clock_back,
        });
    }

    /// All nodes with one file, settled. Returns the entry.
    fn settled(&mut self, nodes: std::ops::Range<usize>, ref_number: u64) -> Entry {
        let version = self.version();
        let entry = self.entry(ref_number, version);
        let only_one = self.chance.percent(30);
        for node in nodes.clone() {
            let has = !only_one || node == nodes.start;
            self.start(node, if has { vec![entry] } else { Vec::new() });
            self.later(0, 300);
        }
        self.at += SETTLING;
        entry
    }

    fn startup(&mut self) -> Expect {
        let files = self.chance.within(2, 3);
        let ref_number = self.chance.within(0, 3);
        let entries: Vec<Entry> = (0..files)
            .map(|_| {
                let version = self.version();
                self.entry(ref_number, version)
            })
            .collect();
        let some_without = self.chance.percent(20);
        for node in 0..self.nodes {
            let entry = self.chance.pick(&entries);
            let without = some_without && self.chance.percent(30);
            self.start(node, if without { Vec::new() } else { vec![entry] });
            self.later(0, 300 / self.nodes as u64);
        }
        Expect::Loaded
    }

    fn concurrent(&mut self, delete_percent: u64) -> Expect {
        self.settled(0..self.nodes, 0);
        let writes = self.chance.within(2, 4);
        let spread = self.chance.pick(&[0, 3, 30, 300, 3_000]);
        for number in 0..writes {
            let node = self.chance.index(self.nodes);
            let delete = delete_percent > 0 && (number == 0 || self.chance.percent(delete_percent));
            if delete {
                self.push(Operation::Delete { node, api: 0 });
            } else {
                let version = self.version();
                self.push(Operation::Put {
                    node,
                    api: 0,
                    version,
                });
            }
            self.later(0, spread);
        }
        Expect::FirstLearned
    }

    fn quick_edits(&mut self) -> Expect {
        self.settled(0..self.nodes, 0);
        let node = self.chance.index(self.nodes);
        for _ in 0..self.chance.within(2, 6) {
            let version = self.version();
            self.push(Operation::Put {
                node,
                api: 0,
                version,
            });
            self.later(0, 1_000);
        }
        Expect::LastWrite
    }

    fn some_mask(&mut self) -> u32 {
        let all = (1_u32 << self.nodes) - 1;
        1 + u32::try_from(self.chance.within(0, u64::from(all) - 2)).unwrap()
    }

    fn partition(&mut self) -> Expect {
        self.settled(0..self.nodes, 0);
        let mask = self.some_mask();
        self.push(Operation::Cut { mask });
        let short = self.chance.percent(20);
        self.later(0, if short { 2_000 } else { 25_000 });
        for _ in 0..self.chance.within(1, 4) {
            let node = self.chance.index(self.nodes);
            let version = self.version();
            if self.chance.percent(15) {
                self.push(Operation::Delete { node, api: 0 });
            } else {
                self.push(Operation::Put {
                    node,
                    api: 0,
                    version,
                });
            }
            self.later(0, 5_000);
        }
        self.later(0, if short { 2_000 } else { SETTLING });
        self.push(Operation::Heal);
        Expect::Sides
    }

    fn restart(&mut self) -> Expect {
        let entry = self.settled(0..self.nodes, 0);
        for _ in 0..self.chance.within(1, 3) {
            let node = self.chance.index(self.nodes);
            let version = self.version();
            self.push(Operation::Put {
                node,
                api: 0,
                version,
            });
            self.later(10_000, 20_000);
        }
        self.at += SETTLING / 2;
        self.push(Operation::Checkpoint);
        let node = self.chance.index(self.nodes);
        self.push(Operation::Crash { node });
        self.later(100, 20_000);
        let file = if self.chance.percent(80) {
            vec![entry]
        } else {
            Vec::new()
        };
        self.restart_node(node, file);
        Expect::Kept
    }

    fn join(&mut self) -> Expect {
        let running = self.nodes - 1;
        let ref_number = self.chance.within(0, 2);
        self.settled(0..running, ref_number);
        self.push(Operation::Checkpoint);
        let version = self.version();
        let ref_number = self.chance.within(0, 3);
        let entry = self.entry(ref_number, version);
        self.start(running, vec![entry]);
        Expect::Joined
    }

    /// A running version and a changed file of the same ref.
    fn running_and_changed(&mut self) -> Entry {
        let running = self.settled(0..self.nodes, 1);
        self.push(Operation::Checkpoint);
        let version = self.version();
        let wall = running.wall + 30_000;
        Entry {
            version,
            wall,
            ..running
        }
    }

    fn rolling(&mut self) -> Expect {
        let changed = self.running_and_changed();
        let pause = self.chance.pick(&[10_000, 20_000, 40_000]);
        for node in 0..self.nodes {
            self.push(Operation::Crash { node });
            self.later(200, 4_000);
            self.restart_node(node, vec![changed]);
            self.later(pause, pause + 5_000);
        }
        Expect::Kept
    }

    fn crash_loop(&mut self) -> Expect {
        let changed = self.running_and_changed();
        let node = self.chance.index(self.nodes);
        for _ in 0..15 {
            self.push(Operation::Crash { node });
            self.later(200, 2_000);
            self.restart_node(node, vec![changed]);
            self.later(500, 8_000);
        }
        Expect::Kept
    }

    fn loser_returns(&mut self) -> Expect {
        let loser = self.version();
        let winner = self.version();
        let fewer = (self.nodes - 1) / 2;
        let lost = self.entry(1, loser);
        let won = self.entry(1, winner);
        for node in 0..self.nodes {
            self.start(node, vec![if node < fewer { lost } else { won }]);
            self.later(0, 100);
        }
        self.at += 2 * SETTLING;
        self.push(Operation::Checkpoint);
        for _ in 0..self.chance.within(1, 3) {
            let node = self.chance.index(self.nodes);
            self.push(Operation::Crash { node });
            self.later(200, 5_000);
            self.restart_node(node, vec![lost]);
            self.later(20_000, 40_000);
        }
        Expect::Kept
    }

    fn two_clusters(&mut self) -> Expect {
        let left = usize::try_from(self.chance.within(1, self.nodes as u64 - 1)).unwrap();
        self.push(Operation::Cut {
            mask: (1 << left) - 1,
        });
        let ref_number = self.chance.within(0, 2);
        self.settled(0..left, ref_number);
        let other_ref = if self.chance.percent(80) {
            ref_number
        } else {
            ref_number + 1
        };
        self.settled(left..self.nodes, other_ref);
        self.push(Operation::Heal);
        Expect::Sides
    }

    fn mixed(&mut self) -> Expect {
        let version = self.version();
        let mut files: Vec<Entry> = vec![self.entry(0, version)];
        for api in 0..3 {
            let version = self.version();
            let ref_number = self.chance.within(0, 2);
            files.push(Entry {
                api,
                ..self.entry(ref_number, version)
            });
        }
        let mut up = vec![false; self.nodes];
        for _ in 0..self.chance.within(5, 40) {
            let node = self.chance.index(self.nodes);
            let api = u8::try_from(self.chance.within(0, 2)).unwrap();
            match self.chance.within(0, 99) {
                _ if !up[node] => {
                    up[node] = true;
                    let entry = self.chance.pick(&files);
                    let file = if self.chance.percent(60) {
                        vec![entry]
                    } else {
                        Vec::new()
                    };
                    self.restart_node(node, file);
                }
                0..=54 => {
                    let version = self.version();
                    self.push(Operation::Put { node, api, version });
                }
                55..=69 => self.push(Operation::Delete { node, api }),
                70..=79 => {
                    up[node] = false;
                    self.push(Operation::Crash { node });
                }
                80..=89 => {
                    let mask = self.some_mask();
                    self.push(Operation::Cut { mask });
                }
                _ => self.push(Operation::Heal),
            }
            let longest = self.chance.pick(&[10, 300, 3_000, 10_000]);
            self.later(0, longest);
        }
        self.push(Operation::Heal);
        for node in up
            .iter()
            .enumerate()
            .filter(|(_, up)| !**up)
            .map(|(node, _)| node)
        {
            self.start(node, Vec::new());
        }
        Expect::Nothing
    }
}
