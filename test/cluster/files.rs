//! What nodes bring along in their files: the cluster's start, restarts, roll-outs
//! (cluster.md, parts 4.1, 5 and 11).

use serde_json::Value;

use crate::{
    cluster::{filed, unserved},
    support::fleet::{Acknowledged, Fleet, SETTLE_MAX},
};

const DEVIATES: &str = "raise ref_number to roll the file out";

/// Three nodes that started with this file and agree.
fn settled_on(file: &[Value], id: &str) -> (Fleet, String) {
    let mut fleet = Fleet::new(3);
    fleet.start_all(&[file.to_vec(), file.to_vec(), file.to_vec()]);
    let version = fleet.settled(id).expect("the file's version");
    (fleet, version)
}

/// The version that a lone node shows for this file.
fn version_of(file: &[Value], id: &str) -> String {
    let mut fleet = Fleet::new(1);
    fleet.start(0, file);
    fleet.node(0).version(id).expect("the file's version")
}

#[test]
fn the_majority_of_three_files_wins_although_it_is_older() {
    let common = vec![filed("api", "common", 3, 1)];
    let newer = vec![filed("api", "newer", 3, 2)];
    let wanted = version_of(&common, "api");
    let mut fleet = Fleet::new(3);
    fleet.start_all(&[common.clone(), newer, common]);
    assert_eq!(fleet.settled("api"), Some(wanted));
    fleet.node(1).await_log(DEVIATES, 1, SETTLE_MAX);
    fleet.node(1).await_log("decided by", 1, SETTLE_MAX);
    for node in [0, 2] {
        assert!(!fleet.node(node).log().contains(DEVIATES));
    }
}

#[test]
fn of_two_files_the_newer_wins_and_what_only_one_has_spreads() {
    let older = vec![filed("api", "older", 0, 1), filed("here", "only", 0, 1)];
    let newer = vec![filed("api", "newer", 0, 2)];
    let wanted = version_of(&newer, "api");
    let mut fleet = Fleet::new(2);
    fleet.start_all(&[older, newer]);
    assert_eq!(fleet.settled("api"), Some(wanted));
    assert!(fleet.settled("here").is_some());
}

#[test]
fn a_changed_file_of_the_same_ref_does_not_overturn_what_runs() {
    let (mut fleet, running) = settled_on(&[filed("api", "running", 2, 1)], "api");
    fleet.kill(2);
    fleet.start(2, &[filed("api", "changed", 2, 30)]);
    fleet.until_met();
    fleet.node(2).await_log(DEVIATES, 1, SETTLE_MAX);
    assert_eq!(fleet.settled("api"), Some(running));
    // Nor did it for a moment.
    for node in [0, 1] {
        let changes = |cause| {
            let series = format!("rig_registry_served_changes_total{{cause=\"{cause}\"}}");
            format!("{}", fleet.node(node).metric(&series))
        };
        assert_eq!((changes("load"), changes("vote")), ("1".into(), "0".into()));
    }
}

#[test]
fn a_file_with_a_higher_ref_is_rolled_out() {
    let (mut fleet, _) = settled_on(&[filed("api", "running", 2, 1)], "api");
    let file = [filed("api", "rolled out", 7, 0)];
    let wanted = version_of(&file, "api");
    fleet.kill(1);
    fleet.start(1, &file);
    fleet.until_all_show("api", &wanted);
    assert!(wanted.starts_with("7-"), "{wanted}");
    assert!(!fleet.node(1).log().contains(DEVIATES));
}

#[test]
fn a_node_that_restarts_with_its_old_file_takes_the_clusters_versions() {
    let file = [filed("changed", "file", 0, 1), filed("gone", "file", 0, 1)];
    let (mut fleet, _) = settled_on(&file, "changed");
    fleet.settled("gone").expect("the file's version");
    let mut last = None;
    for version in ["one", "two"] {
        let answer = fleet.node(0).update(&unserved("changed", version));
        last = Some(Acknowledged::expected(&answer));
    }
    let last = last.expect("a change").version;
    assert_eq!(fleet.node(0).admin("DELETE", "gone").status, 204);
    fleet.until_all_show("changed", &last);
    assert_eq!(fleet.settled("gone"), None);

    fleet.kill(2);
    fleet.start(2, &file);
    // From the moment it is ready, not some time later.
    let node = fleet.node(2);
    assert_eq!(node.version("changed"), Some(last.clone()));
    assert_eq!(node.version("gone"), None);
    node.await_log(DEVIATES, 2, SETTLE_MAX);
    assert_eq!(fleet.settled("changed"), Some(last));
    assert_eq!(fleet.settled("gone"), None);
}
