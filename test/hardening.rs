//! Attacks on the gateway, each told where it is made; the table of them is `docs/hardening.md`.

mod definitions;
mod fuzz;
mod headers;
mod patterns;
mod routes;
mod smuggling;
mod tokens;

use std::time::SystemTime;

use crate::sim::settings::{number, variable};

/// The seed of this run's random attacks: `SEED`, or a new one. Printed, so that a failure can be
/// repeated.
fn seed() -> u64 {
    // Not ignored if it is no number: then another story would be told than the one asked for.
    let given = number("SEED", variable("SEED")).unwrap_or_else(|fault| panic!("{fault}"));
    let seed = given.unwrap_or_else(|| {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        now.as_secs() << 20 | u64::from(now.subsec_micros())
    });
    println!("SEED={seed}");
    seed
}
