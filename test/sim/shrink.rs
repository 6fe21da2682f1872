//! Makes a failing run small and tells it.

use rig::core::replica::params::Rules;

use super::{
    classes::Class,
    plan::{Operation, Plan, Weather},
    run::run,
};

/// Tries at most; each is a run.
const TRIES: usize = 400;

/// The story of a seed.
pub(crate) struct Story {
    /// Its plan, what is wrong, and the trace.
    pub(crate) text: String,
    /// Anything is wrong.
    pub(crate) fails: bool,
}

/// The story of a seed, whose plan is made as small as it goes while it fails in the same way.
pub(crate) fn story(class: Class, seed: u64, rules: Rules) -> Story {
    let mut plan = class.plan(seed);
    let kinds = fails(&plan, rules);
    if !kinds.is_empty() {
        plan = smaller(plan, &kinds, rules);
    }
    let (verdict, world) = run(&plan, rules, true);
    let mut text = format!("SEED={seed} CLASS={}: {:?}\n", class.name(), plan.weather);
    text += &format!(
        "{} nodes, line {}, {:?}\n",
        plan.nodes, plan.line, plan.expect
    );
    for (at, operation) in &plan.operations {
        text += &format!("  {at:>7} {operation:?}\n");
    }
    for line in world.trace.iter().flatten() {
        text += line;
        text += "\n";
    }
    for wrong in &verdict.wrong {
        text += &format!("WRONG {wrong}\n");
    }
    Story {
        text,
        fails: !kinds.is_empty(),
    }
}

/// The letters of the checks that fail.
fn fails(plan: &Plan, rules: Rules) -> Vec<String> {
    let (verdict, _) = run(plan, rules, false);
    verdict
        .wrong
        .iter()
        .filter_map(|text| text.get(..3))
        .map(str::to_owned)
        .collect()
}

fn smaller(mut plan: Plan, kinds: &[String], rules: Rules) -> Plan {
    let mut tries = 0;
    let mut same = |plan: &Plan| {
        tries += 1;
        tries <= TRIES && fails(plan, rules) == kinds
    };
    loop {
        let before = plan.operations.len();
        let mut at = 0;
        while at < plan.operations.len() {
            let mut shorter = plan.clone();
            shorter.operations.remove(at);
            if same(&shorter) {
                plan = shorter;
            } else {
                at += 1;
            }
        }
        for weather in calmer(plan.weather) {
            let calm = Plan {
                weather,
                ..plan.clone()
            };
            if same(&calm) {
                plan = calm;
            }
        }
        plan = fewer_nodes(plan, &mut same);
        if plan.operations.len() == before {
            return plan;
        }
    }
}

fn calmer(weather: Weather) -> Vec<Weather> {
    vec![
        Weather::default(),
        Weather {
            loss_percent: 0,
            ..weather
        },
        Weather {
            duplicate_percent: 0,
            ..weather
        },
        Weather {
            late_percent: 0,
            ..weather
        },
        Weather {
            slow_links: false,
            ..weather
        },
        Weather {
            clock_error: 0,
            ..weather
        },
    ]
}

/// Drops the last node while nothing is asked of it and the failure stays.
fn fewer_nodes(mut plan: Plan, same: &mut impl FnMut(&Plan) -> bool) -> Plan {
    while plan.nodes > 2 {
        let last = plan.nodes - 1;
        let mut fewer = Plan {
            nodes: last,
            ..plan.clone()
        };
        fewer
            .operations
            .retain(|(_, operation)| node_of(operation) != Some(last));
        if !same(&fewer) {
            break;
        }
        plan = fewer;
    }
    plan
}

fn node_of(operation: &Operation) -> Option<usize> {
    match operation {
        Operation::Start { node, .. }
        | Operation::Crash { node }
        | Operation::Put { node, .. }
        | Operation::Delete { node, .. } => Some(*node),
        Operation::Cut { .. } | Operation::Heal | Operation::Checkpoint => None,
    }
}
