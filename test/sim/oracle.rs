//! What must hold at the end of a run (cluster.md, part 9, (a) to (f)). It counts by itself, from the
//! truth; of the machines it reads only the final state.

use std::collections::{BTreeMap, BTreeSet};

use rig::core::{
    digest::Digest,
    replica::{id::ApiId, round::Round, stamp::Stamp, wire::Version},
};

use super::{
    plan::{Expect, Operation},
    world::World,
};

/// No membership is calm before this time of a run.
const CALM: u64 = 5_000;

/// The final judgement of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Verdict {
    /// Everything that is wrong, with the letter of the check first.
    pub(crate) wrong: Vec<String>,
    /// Whether there was a closed-form answer.
    pub(crate) checked: bool,
    /// Milliseconds from the last operation to the last change of anything served.
    pub(crate) settled_after: u64,
}

/// Judges a finished run.
pub(crate) fn judge(world: &mut World, at_rest: bool) -> Verdict {
    let mut verdict = Verdict::default();
    let wrong = &mut verdict.wrong;
    wrong.extend(
        world
            .truth
            .violations
            .iter()
            .map(|text| format!("(v) {text}")),
    );
    if !at_rest {
        wrong.push("(f) the cluster does not come to rest".to_owned());
    }
    let ids: BTreeSet<ApiId> = world
        .truth
        .stamps
        .keys()
        .map(|(id, _)| id.clone())
        .collect();
    for id in &ids {
        same_everywhere(world, id, wrong);
        highest_ref(world, id, wrong);
        states(world, id, wrong);
        ballots(world, id, wrong);
        losses(world, id, wrong);
    }
    match expected(world) {
        Some(version) => {
            verdict.checked = true;
            for (node, shown) in shown(world, &first_api(world)) {
                if shown != Some(version) {
                    wrong.push(format!(
                        "(c) n{node} shows {shown:?}, rules say {version:?}"
                    ));
                    break;
                }
            }
        }
        None => verdict.checked = false,
    }
    let last = world.plan.operations.last().map_or(0, |(at, _)| *at);
    verdict.settled_after = world.truth.last_change_at.saturating_sub(last);
    verdict
}

fn first_api(_world: &World) -> ApiId {
    super::world::api(0)
}

fn shown(world: &World, id: &ApiId) -> Vec<(usize, Option<Version>)> {
    world
        .alive()
        .map(|(node, state)| (node, state.truth.shown.get(id).copied()))
        .collect()
}

/// (a)
fn same_everywhere(world: &World, id: &ApiId, wrong: &mut Vec<String>) {
    let shown = shown(world, id);
    let different: BTreeSet<Option<Version>> = shown.iter().map(|(_, version)| *version).collect();
    if different.len() > 1 {
        wrong.push(format!("(a) {id:?} differs: {shown:?}"));
    }
}

/// (b)
fn highest_ref(world: &World, id: &ApiId, wrong: &mut Vec<String>) {
    let learned = world
        .alive()
        .filter_map(|(_, node)| Some(node.truth.learned.get(id)?.0));
    let Some(highest) = learned.max() else { return };
    for (node, shown) in shown(world, id) {
        if shown.map(|version| version.ref_number) != Some(highest) {
            wrong.push(format!(
                "(b) n{node} shows {shown:?} of {id:?}, highest ref is {highest}"
            ));
        }
    }
}

/// (d)
fn states(world: &mut World, id: &ApiId, wrong: &mut Vec<String>) {
    let mut first: Option<Round> = None;
    for (number, node) in world.alive() {
        let replica = node.replica.as_ref().unwrap();
        let Some(round) = replica.registry().get(id) else {
            continue;
        };
        let shown = node.truth.shown.get(id).map(|version| version.digest);
        if shown != Some(recount(round)) {
            wrong.push(format!(
                "(d) n{number} does not show the winner of {round:?}"
            ));
        }
        // The age of a lone candidate may differ; everything else must not.
        match &first {
            None => first = Some(round.clone()),
            Some(first) if same_state(first, round) => {}
            Some(first) => {
                wrong.push(format!("(d) n{number} holds {round:?}, another {first:?}"));
            }
        }
        for (_, other) in world.alive() {
            let voter = other.replica.as_ref().unwrap().voter();
            let cast = other.truth.casts.get(&(id.clone(), round.ref_number()));
            let held = round.ballots().get(&voter).map(|ballot| ballot.digest);
            if let Some((digest, _)) = cast
                && held != Some(*digest)
            {
                wrong.push(format!(
                    "(d) n{number} lost a ballot: {held:?}, cast {digest:?}"
                ));
            }
        }
    }
    let roots: BTreeSet<u64> = world
        .nodes
        .iter_mut()
        .filter_map(|node| node.replica.as_mut())
        .map(|replica| replica.root())
        .collect();
    if roots.len() > 1 {
        wrong.push("(d) the roots differ".to_owned());
    }
}

fn same_state(a: &Round, b: &Round) -> bool {
    if a.contested() || b.contested() {
        return a == b;
    }
    a.ref_number() == b.ref_number() && a.candidates().keys().eq(b.candidates().keys())
}

/// The winner, counted again in the plainest way.
fn recount(round: &Round) -> Digest {
    let mut best: Option<(usize, Stamp, bool, Digest)> = None;
    for (digest, candidate) in round.candidates().iter() {
        let mut votes = 0;
        for (_, ballot) in round.ballots().iter() {
            if ballot.digest == *digest {
                votes += 1;
            }
        }
        let rank = (votes, candidate.stamp, digest.is_deleted(), *digest);
        if best.is_none_or(|best| best < rank) {
            best = Some(rank);
        }
    }
    best.expect("a round has a candidate").3
}

/// (e)
fn ballots(world: &World, id: &ApiId, wrong: &mut Vec<String>) {
    for (number, node) in world.alive() {
        for ((_, ref_number), (_, count)) in node
            .truth
            .casts
            .iter()
            .filter(|((cast_id, _), _)| cast_id == id)
        {
            let candidates = world.truth.candidates(id, *ref_number);
            let news = candidates + world.truth.starts * (1 + 5);
            if *count > candidates * (1 + news) {
                wrong.push(format!("(e) n{number} cast {count} ballots in one round"));
            }
        }
    }
}

/// (g): an accepted write that what is served was not made on top of is in the conflict log of the
/// node that took it, if that process lives.
fn losses(world: &World, id: &ApiId, wrong: &mut Vec<String>) {
    let Some((_, Some(served))) = shown(world, id).into_iter().next() else {
        return;
    };
    let survived = world.truth.ancestry(id, served);
    for write in world.truth.writes.iter().filter(|write| write.id == *id) {
        let node = &world.nodes[write.node];
        let Some(replica) = node.replica.as_ref().filter(|_| node.life == write.life) else {
            continue;
        };
        let Version { digest, ref_number } = write.version;
        // Replaced by its like, say a delete by a later delete, it is not lost.
        let lives_on = survived
            .iter()
            .any(|version| version.digest == digest && version.ref_number >= ref_number);
        let told = replica.conflicts_since(0).any(|conflict| {
            conflict.id == *id && conflict.own_client_lost && conflict.losers.contains(&digest)
        });
        if !told && !lives_on {
            wrong.push(format!(
                "(g) n{} lost {:?} untold",
                write.node, write.version
            ));
        }
    }
}

/// (c): what rules 1 to 3 say, where that can be said in closed form.
fn expected(world: &World) -> Option<Version> {
    let id = first_api(world);
    match world.plan.expect {
        Expect::Nothing => None,
        Expect::Loaded => loaded(world, &id),
        Expect::FirstLearned => first_learned(world, &id),
        Expect::LastWrite => {
            let last = world.truth.writes.last();
            last.filter(|last| last.id == id).map(|last| last.version)
        }
        Expect::Kept => kept(world, &id),
        Expect::Sides => sides(world, &id),
        Expect::Joined => joined(world, &id),
    }
}

/// The plurality, then the newest; `None` if neither decides.
fn plurality(world: &World, id: &ApiId, votes: &BTreeMap<Version, usize>) -> Option<Version> {
    let stamp = |version: &Version| world.truth.stamps.get(&(id.clone(), *version));
    let rank = |version: &Version| (votes.get(version).copied(), stamp(version).copied());
    let best = votes.keys().max_by_key(|version| rank(version))?;
    let tied = votes
        .keys()
        .filter(|version| rank(version) == rank(best))
        .count()
        > 1;
    (!tied).then_some(*best)
}

fn loaded(world: &World, id: &ApiId) -> Option<Version> {
    let mut votes = BTreeMap::new();
    for (_, node) in world.alive() {
        let version = node.truth.loaded.get(id)?;
        *votes.entry(*version).or_default() += 1;
    }
    let restarted = world.nodes.iter().any(|node| node.life != 1);
    let one_ref = votes
        .keys()
        .map(|version| version.ref_number)
        .collect::<BTreeSet<u64>>();
    if restarted || one_ref.len() != 1 || world.alive().count() != world.nodes.len() {
        return None;
    }
    // A node with a connection that works badly stays new, so all vote as newcomers do among
    // themselves: for what they loaded. In a line a node does not know of all whose votes it lacks;
    // before the first one can be established nobody holds its vote back (rule N), and a node that
    // has not heard of the conflict by then is a newcomer to those that have.
    let in_time = |at: Option<&u64>| at.is_some_and(|at| *at <= CALM);
    let all_in_time = world
        .alive()
        .all(|(_, node)| in_time(node.truth.second_at.get(id)));
    if world.plan.line && votes.len() > 1 && !all_in_time {
        return None;
    }
    plurality(world, id, &votes)
}

fn first_learned(world: &World, id: &ApiId) -> Option<Version> {
    let mut votes = BTreeMap::new();
    let highest = world
        .alive()
        .filter_map(|(_, node)| Some(node.truth.learned.get(id)?.0))
        .max()?;
    for (_, node) in world.alive() {
        let (ref_number, first) = node.truth.learned.get(id)?;
        if *ref_number != highest {
            return None;
        }
        let version = Version {
            ref_number: highest,
            digest: (*first)?,
        };
        *votes.entry(version).or_default() += 1;
    }
    // Versions that nobody learned first have no vote, but may be newer only.
    plurality(world, id, &votes)
}

/// One version on all nodes of a checkpoint, not contested unless `settled` is enough.
fn uniform(world: &World, id: &ApiId, checkpoint: usize) -> Option<(Version, usize)> {
    let nodes = world.checkpoints.get(checkpoint)?;
    let versions: BTreeSet<Option<Version>> = nodes
        .values()
        .map(|apis| apis.get(id).map(|(version, _)| *version))
        .collect();
    match versions.into_iter().collect::<Vec<_>>().as_slice() {
        [Some(version)] => Some((*version, nodes.len())),
        _ => None,
    }
}

fn kept(world: &World, id: &ApiId) -> Option<Version> {
    let (version, nodes) = uniform(world, id, 0)?;
    // With two nodes a newer file wins by rule 3 against the one that runs; the class that has two
    // restarts with an older one.
    (nodes == world.nodes.len()).then_some(version)
}

fn joined(world: &World, id: &ApiId) -> Option<Version> {
    let (running, nodes) = uniform(world, id, 0)?;
    let entry = *world.nodes.last()?.truth.loaded.get(id)?;
    if nodes + 1 != world.nodes.len() || entry == running {
        return None;
    }
    if entry.ref_number != running.ref_number {
        return Some(entry.max(running));
    }
    plurality(world, id, &BTreeMap::from([(running, nodes), (entry, 1)]))
}

fn sides(world: &World, id: &ApiId) -> Option<Version> {
    let cut = world
        .plan
        .operations
        .iter()
        .filter_map(|(_, operation)| match operation {
            Operation::Cut { mask } => Some(*mask),
            Operation::Start { .. }
            | Operation::Crash { .. }
            | Operation::Put { .. }
            | Operation::Delete { .. }
            | Operation::Heal
            | Operation::Checkpoint => None,
        });
    let cut: Vec<u32> = cut.collect();
    let [mask] = cut.as_slice() else { return None };
    let nodes = world.checkpoints.first()?;
    let mut votes: [BTreeMap<Version, usize>; 2] = Default::default();
    for (node, apis) in nodes {
        let (version, contested) = apis.get(id)?;
        if *contested {
            return None;
        }
        let side = usize::from((mask >> node) & 1 == 1);
        *votes[side].entry(*version).or_default() += 1;
    }
    let [left, right] = &votes;
    if left.len() != 1 || right.len() != 1 || nodes.len() != world.nodes.len() {
        return None;
    }
    let (left, right) = (left.first_key_value()?, right.first_key_value()?);
    if left.0.ref_number != right.0.ref_number {
        return Some(*left.0.max(right.0));
    }
    if left.0 == right.0 {
        return Some(*left.0);
    }
    plurality(
        world,
        id,
        &BTreeMap::from([(*left.0, *left.1), (*right.0, *right.1)]),
    )
}
