//! A simulated cluster: virtual time, a bad network, crashes and wrong clocks, around the real state
//! machine (cluster.md, parts 9 and 14). Every message passes the wire codec.
//!
//! `cargo test --profile sim --test rig sim::run::sweep -- --nocapture` with `RUNS=5000` (per class), `FROM=1`,
//! `CLASS=join` runs more; a failure prints its seed, and `SEED=7 CLASS=join cargo test --profile sim --test rig
//! sim::run::replay -- --nocapture` prints the shrunken plan and its trace, and fails if the run does.

mod chance;
mod classes;
mod controls;
mod event;
mod exchange;
mod gossip;
mod links;
mod oracle;
mod plan;
mod run;
pub(crate) mod settings;
mod shrink;
mod story;
mod truth;
mod world;
