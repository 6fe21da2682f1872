//! One run, and many.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use rig::core::replica::params::Rules;

use super::{
    classes::Class,
    oracle::{Verdict, judge},
    plan::Plan,
    settings::{self, SettingFault, variable},
    shrink,
    world::World,
};

/// Nothing but presence and equal roots for this long is rest.
const REST: u64 = 12_000;

/// A run that does not rest this long after its last operation is wrong: longer than `patience`, all
/// waits and the slow tail at 40 % loss.
const LIMIT: u64 = 400_000;

/// Runs a plan to its end.
pub(crate) fn run(plan: &Plan, rules: Rules, traced: bool) -> (Verdict, World) {
    let last = plan.operations.last().map_or(0, |(at, _)| *at);
    let mut world = World::new(plan.clone(), rules, traced);
    world.run_until(last);
    // Links that the plan left cut are healed, or there would be no common end.
    let mut at = last;
    let mut at_rest = false;
    while !at_rest && at < last + LIMIT {
        at += 3_000;
        world.run_until(at);
        at_rest = rests(&mut world);
    }
    let verdict = judge(&mut world, at_rest);
    (verdict, world)
}

fn rests(world: &mut World) -> bool {
    let quiet = world.truth.last_talk_at.max(world.truth.last_change_at) + REST <= world.now;
    let mut roots = world
        .nodes
        .iter_mut()
        .filter_map(|node| node.replica.as_mut());
    let mut equal = true;
    if let Some(first) = roots.next() {
        let root = first.root();
        let open = first.rounds_open();
        equal = open == 0 && roots.all(|other| other.root() == root && other.rounds_open() == 0);
    }
    quiet && equal
}

/// What came of many runs of a class.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) runs: u64,
    pub(crate) checked: u64,
    pub(crate) wrong: BTreeMap<String, u64>,
    pub(crate) failures: Vec<u64>,
    settled: Vec<u64>,
}

impl Tally {
    fn count(&mut self, seed: u64, verdict: &Verdict) {
        self.runs += 1;
        self.checked += u64::from(verdict.checked);
        self.settled.push(verdict.settled_after);
        if !verdict.wrong.is_empty() {
            self.failures.push(seed);
        }
        let letters: BTreeSet<&str> = verdict
            .wrong
            .iter()
            .filter_map(|text| text.get(..3))
            .collect();
        for letter in letters {
            *self.wrong.entry(letter.to_owned()).or_default() += 1;
        }
    }

    fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.checked += other.checked;
        self.settled.extend(other.settled);
        self.failures.extend(other.failures);
        for (letter, count) in other.wrong {
            *self.wrong.entry(letter).or_default() += count;
        }
    }
}

/// Runs many seeds of a class, on all processors. A run is alone in its thread from beginning to
/// end, so their number changes nothing; memory is one world per thread.
pub(crate) fn many(class: Class, from: u64, runs: u64, rules: Rules) -> Tally {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicU64::new(from);
    let work = || {
        let mut tally = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + runs {
                return tally;
            }
            let one = || run(&class.plan(seed), rules, false).0;
            // A panic must not hide which seed it was.
            let verdict = catch_unwind(AssertUnwindSafe(one)).unwrap_or_else(|_| Verdict {
                wrong: vec!["(p) panicked".to_owned()],
                ..Verdict::default()
            });
            tally.count(seed, &verdict);
        }
    };
    let mut tally = Tally::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            tally.add(worker.join().expect("panics are caught"));
        }
    });
    tally.settled.sort_unstable();
    tally.failures.sort_unstable();
    tally
}

fn told<T>(setting: Result<T, SettingFault>) -> T {
    setting.unwrap_or_else(|fault| panic!("{fault}"))
}

fn classes() -> Vec<Class> {
    told(settings::classes(variable("CLASS")))
}

/// `RUNS` seeds per class from `FROM` on; prints a line per class and shrinks the first failure.
#[test]
fn sweep() {
    // Enough of every class to notice a broken machine; a build without optimisation is 20 times
    // slower.
    let few = if cfg!(debug_assertions) { 2 } else { 20 };
    let runs = told(settings::runs(variable("RUNS"))).map_or(few, NonZero::get);
    let from = told(settings::number("FROM", variable("FROM"))).unwrap_or(1_000_001);
    let mut failed = Vec::new();
    let mut total = (0, 0, 0);
    println!(
        "class            runs  checked  wrong  by check                p50 ms   p99 ms  runs/s"
    );
    for class in classes() {
        let began = Instant::now();
        let tally = many(class, from, runs, Rules::default());
        let speed = runs as f64 / began.elapsed().as_secs_f64();
        let at = |percent: usize| tally.settled[(tally.settled.len() - 1) * percent / 100];
        println!(
            "{:<15} {:>5} {:>8} {:>6}  {:<22} {:>7} {:>8} {:>7.0}   {:?}",
            class.name(),
            tally.runs,
            tally.checked,
            tally.failures.len(),
            format!("{:?}", tally.wrong),
            at(50),
            at(99),
            speed,
            tally.failures.iter().take(8).collect::<Vec<_>>(),
        );
        let demanded = tally.failures.first().filter(|_| class != Class::Ephemeral);
        failed.extend(demanded.map(|seed| (class, *seed)));
        total = (
            total.0 + tally.runs,
            total.1 + tally.checked,
            total.2 + tally.failures.len(),
        );
    }
    let (runs, checked, wrong) = total;
    println!("{runs} runs, {checked} with a closed-form check, {wrong} wrong");
    if let Some((class, seed)) = failed.first() {
        println!("{}", shrink::story(*class, *seed, Rules::default()).text);
        panic!("SEED={seed} CLASS={} failed", class.name());
    }
}

/// Runs `SEED` of `CLASS` again, shrinks it if it fails, and prints the trace. Fails if the run does, also
/// in the class that is only measured: what is asked is whether this run is right.
#[test]
fn replay() {
    let Some(seed) = told(settings::number("SEED", variable("SEED"))) else {
        return;
    };
    replayed(&classes(), seed, Rules::default());
}

fn replayed(classes: &[Class], seed: u64, rules: Rules) {
    let mut failed = Vec::new();
    for class in classes {
        let story = shrink::story(*class, seed, rules);
        println!("{}", story.text);
        if story.fails {
            failed.push(class.name());
        }
    }
    assert!(
        failed.is_empty(),
        "SEED={seed} failed in {}",
        failed.join(", ")
    );
}

#[test]
#[cfg_attr(
    debug_assertions,
    ignore = "takes minutes unoptimised; see the head of test/sim.rs"
)]
#[should_panic(expected = "failed in startup")]
fn a_seed_that_fails_fails_its_replay() {
    let rules = Rules {
        anti_entropy: false,
        ..Rules::default()
    };
    let failing = many(Class::Startup, 5_000_001, 200, rules).failures;
    let seed = failing.first().expect("one of the seeds fails");
    replayed(&[Class::Startup], *seed, rules);
}
