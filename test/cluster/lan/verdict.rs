//! Was it the right version that won, and does everybody who lost hear of it?
//!
//! The rules are applied here once more, in another way than the product does it: to what clients were
//! told and what operators can see. Deliberately absent: which ballots ought to have been cast. That is
//! the simulation's question (`test/sim`), which sees every message.

use std::time::Duration;

use serde_json::Value;

use crate::support::{
    fleet::until,
    lan::{Host, Lan},
};

/// The loser learns of its loss with the version that won.
const TOLD_MAX: Duration = Duration::from_secs(8);
/// How a deleted version ends, in `ETag`s and change ids.
const DELETED: &str = "83e424d2c6239503";

/// An acknowledged change, and the node that took it.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) node: usize,
    /// `<ref>-<digest prefix>`.
    pub(super) version: String,
}

/// What became of an API that several clients changed.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The version that all show; `None`: it is deleted.
    pub(super) served: Option<String>,
    /// The rule, if there was a vote about it.
    pub(super) decided_by: Option<String>,
    /// Changes that lost the vote.
    pub(super) losers: usize,
}

// === impl Taken ===

impl Taken {
    fn ref_number(&self) -> u64 {
        let (number, _digest) = self.version.split_once('-').expect("a version");
        number.parse().expect("a ref")
    }

    /// As views spell it.
    fn digest(&self) -> &str {
        let (_number, digest) = self.version.split_once('-').expect("a version");
        if digest == DELETED { "deleted" } else { digest }
    }
}

/// Waits until all agree, and holds the result to the rules and to what the clients were told:
/// `taken` are all changes of `id` that were acknowledged since the nodes last agreed.
///
/// # Panics
/// The wrong version won, or somebody lost unheard.
pub(super) fn judge(lan: &Lan, id: &str, taken: &[Taken]) -> Verdict {
    let served = lan.settled(id);
    let highest = taken.iter().map(Taken::ref_number).max().expect("changes");
    let of_highest = || {
        let rivals = taken.iter();
        rivals.filter(move |change| change.ref_number() == highest)
    };
    // Rule 1: the highest ref that was acknowledged; and nothing that nobody wrote.
    let winner = of_highest().find(|change| match &served {
        Some(version) => change.version == *version,
        None => change.digest() == "deleted",
    });
    let winner = winner.unwrap_or_else(|| panic!("{served:?} is none of {taken:?}"));
    let mut rivals: Vec<&str> = of_highest().map(Taken::digest).collect();
    rivals.sort_unstable();
    rivals.dedup();
    let mut verdict = Verdict {
        served: served.clone(),
        decided_by: None,
        losers: 0,
    };
    if rivals.len() > 1 {
        let entries: Vec<Value> = lan
            .nodes()
            .map(|node| entry(node, id, highest, winner))
            .collect();
        verdict.decided_by = Some(by_the_rules(lan, id, &entries, winner, &rivals));
    }
    for loser in of_highest().filter(|change| change.digest() != winner.digest()) {
        let node = lan.node(loser.node);
        let entry = entry(node, id, highest, winner);
        let losers = entry["losers"].as_array().expect("losers");
        assert!(losers.iter().any(|it| it == loser.digest()), "{entry}");
        let own = |entry: &Value| entry["own_client_lost"] == true;
        assert!(node.listed("conflicts", id).any(|it| own(&it)), "{entry}");
        // By whom is left open: where three meet one after the other, it may be by the first winner.
        let told = format!("accepted here, {}, was superseded by", loser.version);
        node.gateway().await_log(&told, 1, TOLD_MAX);
        verdict.losers += 1;
    }
    verdict
}

/// A higher ref took the place of this change, and whoever made it did not know of it: its node says so.
///
/// # Panics
/// It does not.
pub(super) fn is_told_of_its_loss_by_ref(lan: &Lan, loser: &Taken, winner: &Taken) {
    let node = lan.node(loser.node);
    let (lost, won) = (&loser.version, &winner.version);
    let told =
        format!("accepted here, {lost}, was superseded by {won} through a higher ref_number");
    node.gateway().await_log(&told, 1, TOLD_MAX);
}

/// The node's last entry about this vote; it must name the winner.
fn entry(node: &Host, id: &str, ref_number: u64, winner: &Taken) -> Value {
    until("a conflict entry that names the winner", || {
        let entries = node.listed("conflicts", id);
        let last = entries.filter(|it| it["ref_number"] == ref_number).last();
        last.filter(|it| it["winner"] == winner.digest())
    })
}

/// Rules 2 and 3, on the entry that counts most votes; which of them decided.
fn by_the_rules(lan: &Lan, id: &str, entries: &[Value], winner: &Taken, rivals: &[&str]) -> String {
    let votes = |entry: &Value, digest: &str| entry["votes"][digest].as_u64().unwrap_or(0);
    let total = |entry: &&Value| rivals.iter().map(|it| votes(entry, it)).sum::<u64>();
    let entry = entries.iter().max_by_key(total).expect("an entry");
    let nodes = lan.nodes().count() as u64;
    assert_eq!(total(&entry), nodes, "everybody has voted: {entry}");
    let round = lan.node(winner.node).listed("rounds", id).last();
    let round = round.expect("a round of several versions");
    let candidates = round["candidates"].as_array().expect("candidates");
    let rank = |digest: &str| {
        let candidate = candidates.iter().find(|it| it["digest"] == digest);
        let candidate = candidate.unwrap_or_else(|| panic!("{digest} is not in {round}"));
        let time = candidate["timestamp_ms"].as_u64().expect("a time");
        (votes(entry, digest), time)
    };
    let best = rank(winner.digest());
    let others = rivals.iter().filter(|digest| **digest != winner.digest());
    let second = others.map(|digest| rank(digest)).max().expect("a rival");
    assert!(best >= second, "{best:?} before {second:?}: {entry}");
    let by = entry["decided_by"].as_str().expect("a rule").to_owned();
    // Times are shown in milliseconds, and told apart more finely.
    let expected: &[&str] = match (best.0 > second.0, best.1 > second.1) {
        (true, _) => &["votes"],
        (false, true) => &["timestamp"],
        (false, false) => &["timestamp", "tie"],
    };
    assert!(expected.contains(&by.as_str()), "{expected:?}: {entry}");
    by
}
