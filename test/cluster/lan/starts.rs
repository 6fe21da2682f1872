//! Nodes that start at the same time with different files.

use serde_json::Value;

use crate::{
    cluster::{
        filed,
        lan::{network, repeats},
    },
    support::{fleet::SETTLE_MAX, lan::Lan},
};

const DEVIATES: &str = "raise ref_number to roll the file out";

/// The version that a node shows which is alone with this file.
fn version_of(lan: &mut Lan, file: &[Value]) -> String {
    lan.start_all(&[file.to_vec()]);
    lan.node(0).version("api").expect("the file's version")
}

/// Starts all nodes with these files, as often as stories are to be told; file number `wins` must be
/// what all serve, and whoever has another one must say so.
fn start_with(title: &str, files: &[Vec<Value>], wins: usize) {
    let Some(mut lan) = network() else { return };
    let wanted = version_of(&mut lan, &files[wins]);
    for _run in 0..repeats() {
        lan.start_all(files);
        assert_eq!(lan.settled("api").as_ref(), Some(&wanted));
        for (node, file) in lan.nodes().zip(files) {
            if file.is_empty() || *file == files[wins] {
                assert!(!node.gateway().log().contains(DEVIATES));
            } else {
                node.gateway().await_log(DEVIATES, 1, SETTLE_MAX);
                let mut told = node.listed("conflicts", "api");
                let (_ref, digest) = wanted.split_once('-').expect("a version");
                assert!(told.any(|conflict| conflict["winner"] == digest));
            }
        }
    }
    println!("{title}: {} starts, {wanted} on all", repeats());
}

#[test]
fn the_file_that_most_nodes_have_wins_although_it_is_older() {
    let common = vec![filed("api", "common", 3, 1)];
    let newer = vec![filed("api", "newer", 3, 2)];
    start_with("two files alike", &[common.clone(), newer, common], 0);
}

#[test]
fn of_three_different_files_the_newest_wins() {
    let files = [2, 3, 1].map(|second| vec![filed("api", &format!("v{second}"), 0, second)]);
    start_with("three different files", &files, 1);
}

#[test]
fn a_file_that_only_one_node_has_spreads() {
    let files = [Vec::new(), vec![filed("api", "only", 0, 1)], Vec::new()];
    start_with("one file", &files, 1);
}

#[test]
fn of_two_files_of_two_nodes_the_newer_wins() {
    let files = [1, 2].map(|second| vec![filed("api", &format!("v{second}"), 0, second)]);
    start_with("two nodes, two files", &files, 1);
}

/// The third node votes for the file it hears of first.
#[test]
fn a_node_without_a_file_turns_the_scale_between_two_files() {
    let Some(mut lan) = network() else { return };
    let files = [1, 2].map(|second| vec![filed("api", &format!("v{second}"), 0, second)]);
    let versions = files.clone().map(|file| version_of(&mut lan, &file));
    let mut newer = 0;
    for _run in 0..repeats() {
        lan.start_all(&[files[0].clone(), files[1].clone(), Vec::new()]);
        let served = lan.settled("api").expect("a version");
        let wins = versions
            .iter()
            .position(|it| *it == served)
            .expect("one of both");
        newer += wins;
        let loser = lan.node(1 - wins).gateway();
        loser.await_log(DEVIATES, 1, SETTLE_MAX);
    }
    println!(
        "two different files, third node without: {} starts, {newer} times the newer",
        repeats()
    );
}

#[test]
fn a_file_with_a_higher_ref_wins_against_two_newer_ones() {
    let files = [
        vec![filed("api", "newer", 2, 9)],
        vec![filed("api", "newest", 0, 10)],
        vec![filed("api", "higher", 5, 1)],
    ];
    let Some(mut lan) = network() else { return };
    let wanted = version_of(&mut lan, &files[2]);
    for _run in 0..repeats() {
        lan.start_all(&files);
        assert_eq!(lan.settled("api").as_ref(), Some(&wanted));
        for node in [0, 1] {
            let gateway = lan.node(node).gateway();
            gateway.await_log(DEVIATES, 1, SETTLE_MAX);
        }
    }
    println!(
        "files of refs 2, 0, 5: {} starts, {wanted} on all",
        repeats()
    );
}
