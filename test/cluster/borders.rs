//! Who does not belong gets nothing, and works alone (cluster.md, part 6; names.md).

use crate::{
    cluster::unserved,
    support::fleet::{Acknowledged, Fleet, SETTLE_MAX, until},
};

const REFUSED: &str = "no connection with";

/// Two nodes of which the second has this setting: it is refused, and both take their own changes.
fn stay_apart(variable: &str, value: &str) {
    let mut fleet = Fleet::new(2);
    fleet.set(1, variable, value);
    fleet.listen(0, &[unserved("first-file", "1")]);
    fleet.start(1, &[unserved("second-file", "1")]);
    let refused = || fleet.live().any(|node| node.log().contains(REFUSED));
    until("a refused connection", || refused().then_some(()));
    until("the first node ready", || {
        let answer = fleet.node(0).create(&unserved("first", "1"));
        (answer.status == 201).then_some(())
    });
    let second = fleet.node(1).create(&unserved("second", "1"));
    Acknowledged::expected(&second);
    let updated = Acknowledged::expected(&fleet.node(0).update(&unserved("first", "2")));
    assert_eq!(fleet.node(0).version("first"), Some(updated.version));

    // Time in which they would have met: two other nodes do, from nothing.
    let mut meeting = Fleet::running(2);
    meeting.node(0).create(&unserved("there", "1"));
    meeting.settled("there").expect("it spread");
    meeting.kill(1);

    let (first, second) = (fleet.node(0), fleet.node(1));
    for id in ["first", "first-file"] {
        assert!(first.version(id).is_some(), "{id}");
        assert_eq!(second.version(id), None, "{id}");
    }
    for id in ["second", "second-file"] {
        assert!(second.version(id).is_some(), "{id}");
        assert_eq!(first.version(id), None, "{id}");
    }
    for node in fleet.live() {
        assert!(node.metric("rig_registry_members") < 0.5);
    }
}

#[test]
fn a_node_with_another_secret_gets_nothing_and_works_alone() {
    stay_apart("NODE_COOKIE", "a secret of another cluster");
}

#[test]
fn a_node_of_another_cluster_gets_nothing_and_works_alone() {
    stay_apart("CLUSTER_NAME", "another");
}

#[test]
fn a_node_that_allows_other_networks_only_is_left_alone() {
    stay_apart("CLUSTER_ALLOW", "10.0.0.0/8");
}

#[test]
fn a_cluster_on_loopback_without_a_secret_is_told_to_set_one() {
    let mut fleet = Fleet::new(1);
    fleet.set(0, "NODE_COOKIE", "");
    fleet.start(0, &[]);
    fleet.node(0).await_log("set NODE_COOKIE", 1, SETTLE_MAX);
}
