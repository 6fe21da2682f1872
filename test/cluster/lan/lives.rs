//! Nodes that die and come back, with the files they had or with others.

use crate::{
    cluster::{
        filed,
        lan::{network, repeats},
        unserved,
    },
    support::fleet::SETTLE_MAX,
};

const DEVIATES: &str = "raise ref_number to roll the file out";

#[test]
fn a_killed_node_comes_back_with_its_old_file_and_takes_what_the_others_have() {
    let Some(mut lan) = network() else { return };
    let file = [filed("changed", "file", 0, 1), filed("gone", "file", 0, 1)];
    for run in 0..repeats() {
        lan.start_all(&vec![file.to_vec(); 3]);
        let dying = run % 3;
        let (other, third) = ((dying + 1) % 3, (dying + 2) % 3);
        // Acknowledged by the one that dies, and by another one while it is dead.
        let first = lan.node(dying).write(&unserved("changed", "one"));
        lan.until_all_show("changed", &first);
        let removed = lan.node(dying).delete("gone");
        assert_eq!(removed.status(), 204, "{removed:?}");
        assert_eq!(lan.settled("gone"), None);
        lan.kill(dying);
        lan.until_met();
        assert_eq!(lan.node(third).version("changed"), Some(first));
        let last = lan.node(other).write(&unserved("changed", "two"));
        lan.until_all_show("changed", &last);

        lan.start(dying, &file);
        // From the moment it is ready, not some time later.
        let node = lan.node(dying);
        assert_eq!(node.version("changed").as_ref(), Some(&last));
        assert_eq!(node.version("gone"), None);
        node.gateway().await_log(DEVIATES, 2, SETTLE_MAX);
        lan.until_met();
        assert_eq!(lan.settled("changed").as_ref(), Some(&last));
        assert_eq!(lan.settled("gone"), None);
        let next = lan.node(dying).write(&unserved("gone", "again"));
        assert!(next.starts_with("2-"), "{next}");
        lan.until_all_show("gone", &next);
        let next = lan.node(dying).write(&unserved("changed", "three"));
        lan.until_all_show("changed", &next);
    }
    println!("killed, and back with its old file: {} times", repeats());
}

#[test]
fn a_rolling_restart_rolls_a_changed_file_out_only_with_a_higher_ref() {
    let Some(mut lan) = network() else { return };
    let running = vec![filed("api", "running", 2, 1)];
    let same_ref = [filed("api", "changed", 2, 30)];
    let higher_ref = [filed("api", "rolled out", 3, 0)];
    for _run in 0..repeats() {
        lan.start_all(&vec![running.clone(); 3]);
        let kept = lan.settled("api").expect("the file's version");
        lan.until_established();
        for node in 0..3 {
            lan.kill(node);
            lan.until_met();
            lan.start(node, &same_ref);
            lan.until_met();
            lan.node(node).gateway().await_log(DEVIATES, 1, SETTLE_MAX);
            assert_eq!(lan.settled("api").as_ref(), Some(&kept));
        }
        for node in 0..3 {
            lan.kill(node);
            lan.until_met();
            lan.start(node, &higher_ref);
            lan.until_met();
            let rolled_out = lan.settled("api").expect("the new version");
            assert!(rolled_out.starts_with("3-"), "{rolled_out}");
            assert!(!lan.node(node).gateway().log().contains(DEVIATES));
        }
    }
    println!(
        "rolling restarts, without and with a higher ref: {} each",
        repeats()
    );
}
