//! Two to four hubs in virtual time on a bad network, with clients that come, go and resume. Every
//! run is a function of its seed; a failing one prints it, and `HUB_SEED=n` runs it alone. `HUB_SEEDS=n`
//! runs n times as many seeds as usual.
//!
//! The oracle: a client gets every event it wants that was accepted after it was told that its
//! subscription is in force exactly once, or is told of a gap that covers it; nobody is sent what
//! nobody wants.

mod world;

use world::{Faults, Plan, World};

use crate::core::hub::params::{Ack, Rules};

/// Runs a plan; what the oracle objects to.
fn run(plan: Plan) -> Vec<String> {
    let mut world = World::new(plan);
    world.run();
    world.verdict()
}

fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("HUB_SEED") {
        Ok(seed) => vec![seed.parse().expect("HUB_SEED is a number")],
        Err(_unset) => {
            let times = std::env::var("HUB_SEEDS").map_or(1, |times| {
                times.parse::<u64>().expect("HUB_SEEDS is a number")
            });
            (0..count * times).collect()
        }
    }
}

fn check(name: &str, count: u64, plan: impl Fn(u64) -> Plan) {
    for seed in seeds(count) {
        let objections = run(plan(seed));
        assert!(
            objections.is_empty(),
            "{name}: HUB_SEED={seed} fails:\n{}",
            objections.join("\n")
        );
    }
}

fn plan(seed: u64, faults: Faults) -> Plan {
    Plan {
        seed,
        nodes: 2 + usize::try_from(seed % 3).unwrap(),
        ack: Ack::Local,
        rules: Rules::default(),
        log_bytes: 1 << 20,
        faults,
    }
}

const CALM: Faults = Faults {
    loss: 0,
    repeat: 0,
    stalls: 0,
    cuts: false,
    crashes: false,
};

const STORM: Faults = Faults {
    loss: 8,
    repeat: 8,
    stalls: 0,
    cuts: true,
    crashes: true,
};

#[test]
fn on_a_good_network_everything_arrives_once_and_nothing_is_missing() {
    check("calm", 12, |seed| plan(seed, CALM));
}

#[test]
fn lost_and_repeated_messages_change_nothing() {
    check("loss", 12, |seed| {
        let faults = Faults {
            loss: 10,
            repeat: 10,
            ..CALM
        };
        plan(seed, faults)
    });
}

#[test]
fn after_cuts_everything_arrives_once_or_is_reported() {
    check("cuts", 16, |seed| {
        let faults = Faults {
            crashes: false,
            ..STORM
        };
        plan(seed, faults)
    });
}

#[test]
fn after_crashes_everything_arrives_once_or_is_reported() {
    check("storm", 24, |seed| plan(seed, STORM));
}

#[test]
fn short_logs_lose_nothing_silently() {
    check("short logs", 16, |seed| Plan {
        log_bytes: 8_000,
        ..plan(seed, STORM)
    });
}

#[test]
fn in_the_cluster_mode_what_was_confirmed_survives_a_crash() {
    check("cluster", 16, |seed| Plan {
        ack: Ack::Cluster,
        nodes: 3,
        ..plan(
            seed,
            Faults {
                crashes: true,
                ..CALM
            },
        )
    });
}

/// The oracle notices that a rule is not obeyed.
fn control(name: &str, rules: Rules, log_bytes: usize) {
    let is_noticed = (0..24).any(|seed| {
        let objections = run(Plan {
            rules,
            log_bytes,
            ..plan(seed, STORM)
        });
        !objections.is_empty()
    });
    assert!(is_noticed, "{name}: nothing was noticed");
}

#[test]
fn without_dedup_the_oracle_objects() {
    let rules = Rules {
        dedup: false,
        ..Rules::default()
    };
    control("dedup", rules, 1 << 20);
}

#[test]
fn without_gaps_the_oracle_objects() {
    let rules = Rules {
        gaps: false,
        ..Rules::default()
    };
    control("gaps", rules, 8_000);
}

/// Messages are lost so often that batches overtake interest for seconds.
const DEAF: Faults = Faults { loss: 55, ..CALM };

#[test]
fn a_deaf_network_loses_nothing_silently() {
    check("deaf", 12, |seed| plan(seed, DEAF));
}

#[test]
fn without_copies_the_oracle_objects_in_the_cluster_mode() {
    let is_noticed = (0..24).any(|seed| {
        let faults = Faults {
            crashes: true,
            ..CALM
        };
        let objections = run(Plan {
            ack: Ack::Cluster,
            nodes: 3,
            rules: Rules {
                copies: false,
                ..Rules::default()
            },
            ..plan(seed, faults)
        });
        !objections.is_empty()
    });
    assert!(is_noticed, "copies: nothing was noticed");
}

#[test]
fn what_travels_for_seconds_loses_nothing_silently() {
    check("stalls", 24, |seed| {
        let faults = Faults { stalls: 8, ..CALM };
        plan(seed, faults)
    });
}
