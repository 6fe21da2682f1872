//! Events between nodes (spec: `events.md`, issue 4): what is submitted on one node reaches the
//! clients of all, once; clients resume anywhere; revoked sessions end everywhere.
//!
//! Every story runs the real program, one process per node. Those on loopback run always; those on a
//! network of namespaces need root and `RIG_TEST_NETNS=1`, and long ones `RIG_TEST_LONG=1`.

mod acknowledged;
mod clients;
mod delivery;
mod faults;
mod lan;
mod resume;
mod sessions;

use crate::{
    events_cluster::clients::extractors,
    support::{fleet::Fleet, frontend::SECRET},
};

/// Nodes that do not run, with the secret of tokens and the settings given.
fn fleet(size: usize, settings: &[(&str, &str)]) -> Fleet {
    let mut fleet = Fleet::new(size);
    for node in 0..size {
        fleet.set(node, "JWT_SECRET_KEY", SECRET);
        fleet.set(node, "EXTRACTORS", &extractors());
        fleet.set(node, "WORKERS", "2");
        for (name, value) in settings {
            fleet.set(node, name, value);
        }
    }
    fleet
}

/// The same, running; all have met.
fn running(size: usize, settings: &[(&str, &str)]) -> Fleet {
    let mut fleet = fleet(size, settings);
    fleet.start_all(&vec![Vec::new(); size]);
    fleet
}
