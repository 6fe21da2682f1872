//! Negative controls: the oracle must find what is broken on purpose.

use rig::core::replica::params::{Plant, Rules};

use super::{
    classes::{CLASSES, Class},
    run::many,
};

/// Runs per class; enough that each control fails many times.
const RUNS: u64 = 15;

fn wrong(classes: &[Class], rules: Rules) -> (u64, String) {
    let mut failures = 0;
    let mut kinds = String::new();
    for class in classes {
        let tally = many(*class, 5_000_001, RUNS, rules);
        failures += tally.failures.len() as u64;
        kinds += &format!(
            "{}: {} {:?}; ",
            class.name(),
            tally.failures.len(),
            tally.wrong
        );
    }
    println!(
        "{rules:?}: {failures} of {} wrong; {kinds}",
        RUNS * classes.len() as u64
    );
    (failures, kinds)
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes minutes unoptimised; see the head of test/sim.rs"
)]
fn without_anti_entropy_the_oracle_finds_divergence() {
    let (failures, kinds) = wrong(
        &CLASSES,
        Rules {
            anti_entropy: false,
            ..Rules::default()
        },
    );
    assert!(
        failures > 20 && kinds.contains("(a)") && kinds.contains("(b)"),
        "{kinds}"
    );
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes minutes unoptimised; see the head of test/sim.rs"
)]
fn a_winner_that_ignores_votes_is_found() {
    let rules = Rules {
        plant: Plant::VotesIgnored,
        ..Rules::default()
    };
    let (failures, kinds) = wrong(&CLASSES, rules);
    assert!(failures > 20 && kinds.contains("(c)"), "{kinds}");
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes minutes unoptimised; see the head of test/sim.rs"
)]
fn a_join_that_replaces_is_found() {
    let rules = Rules {
        plant: Plant::LastArrivalReplaces,
        ..Rules::default()
    };
    let (failures, kinds) = wrong(&[Class::Startup, Class::TwoClusters], rules);
    assert!(failures > 3, "{kinds}");
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes minutes unoptimised; see the head of test/sim.rs"
)]
fn a_newer_version_with_a_lower_ref_is_found() {
    let rules = Rules {
        plant: Plant::StampBeatsRef,
        ..Rules::default()
    };
    let (failures, kinds) = wrong(&[Class::Partition, Class::Join, Class::Mixed], rules);
    assert!(failures > 3 && kinds.contains("(v)"), "{kinds}");
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes minutes unoptimised; see the head of test/sim.rs"
)]
fn without_newcomers_last_and_concession_the_running_version_is_overruled() {
    let rules = Rules {
        newcomers_last: false,
        concession: false,
        ..Rules::default()
    };
    let (failures, kinds) = wrong(&[Class::Rolling, Class::LoserReturns], rules);
    assert!(failures > 5 && kinds.contains("(c)"), "{kinds}");
}

/// So that few failures of the class that is only measured mean something.
#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes minutes unoptimised; see the head of test/sim.rs"
)]
fn without_newcomers_last_a_node_with_ever_new_names_outvotes_the_others() {
    let rules = Rules {
        newcomers_last: false,
        ..Rules::default()
    };
    let (failures, kinds) = wrong(&[Class::Ephemeral], rules);
    assert!(failures > 3 && kinds.contains("(c)"), "{kinds}");
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes minutes unoptimised; see the head of test/sim.rs"
)]
fn a_lost_write_that_nobody_is_told_of_is_found() {
    let rules = Rules {
        plant: Plant::LossUntold,
        ..Rules::default()
    };
    let (failures, kinds) = wrong(&[Class::Concurrent, Class::Partition, Class::Mixed], rules);
    assert!(failures > 3 && kinds.contains("(g)"), "{kinds}");
}
