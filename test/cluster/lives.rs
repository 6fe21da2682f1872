//! Nodes come and go: what a newcomer has when it is ready, and what stays when a node ends
//! (cluster.md, part 5.1).

use std::time::Duration;

use crate::{
    cluster::unserved,
    support::fleet::{Acknowledged, Fleet, until},
};

const APIS: usize = 30;
/// The last exchange takes some milliseconds, its limit is two seconds.
const LEAVE_MAX: Duration = Duration::from_secs(8);

#[test]
fn a_node_that_joins_has_everything_before_it_is_ready() {
    let mut fleet = Fleet::new(3);
    fleet.start_all(&[Vec::new(), Vec::new()]);
    for api in 0..APIS {
        let created = fleet
            .node(api % 2)
            .create(&unserved(&format!("api-{api}"), "1"));
        Acknowledged::expected(&created);
    }
    fleet.node(0).admin("DELETE", "api-0");
    assert_eq!(fleet.settled("api-0"), None);
    let wanted: Vec<_> = (0..APIS)
        .map(|api| fleet.settled(&format!("api-{api}")))
        .collect();
    fleet.start(2, &[]);
    for (api, wanted) in wanted.iter().enumerate() {
        let id = format!("api-{api}");
        assert_eq!(fleet.node(2).version(&id), *wanted, "{id}");
    }
}

/// Its peers do not exist, so it waits for the whole join time-out.
#[test]
fn a_node_that_still_joins_refuses_changes_for_the_moment() {
    let mut fleet = Fleet::new(2);
    fleet.listen(0, &[unserved("filed", "1")]);
    let node = fleet.node(0);
    let early = node.create(&unserved("early", "1"));
    assert_eq!(early.status, 503, "{}", early.json());
    let seconds = early
        .header("retry-after")
        .and_then(|after| after.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds <= 10), "{seconds:?}");
    assert_eq!(node.admin("DELETE", "filed").status, 503);
    // What it has loaded it serves.
    assert!(node.version("filed").is_some());
    // Alone it gives up waiting, and is a cluster of one.
    let created = until("a change taken", || {
        let answer = node.create(&unserved("early", "1"));
        (answer.status != 503).then_some(answer)
    });
    assert_eq!(created.status, 201, "{}", created.json());
    // A peer that is not there yet is no reason to doubt the secret.
    assert!(!node.log().contains("handshake"), "{}", node.log());
}

#[test]
fn a_killed_node_takes_no_acknowledged_change_with_it() {
    let mut fleet = Fleet::running(3);
    let created = Acknowledged::expected(&fleet.node(0).create(&unserved("kept", "1")));
    fleet.until_all_show("kept", &created.version);
    fleet.kill(0);
    fleet.until_met();
    let updated = Acknowledged::expected(&fleet.node(1).update(&unserved("kept", "2")));
    fleet.until_all_show("kept", &updated.version);
    // The same name again, and no file.
    fleet.start(0, &[]);
    assert_eq!(fleet.node(0).version("kept"), Some(updated.version));
    fleet.until_met();
}

#[test]
fn a_node_that_is_told_to_stop_leaves_politely_and_the_others_go_on() {
    let mut fleet = Fleet::running(3);
    fleet.node(2).create(&unserved("before", "1"));
    // Not waited for: what the others lack they get in the last exchange.
    let last = Acknowledged::expected(&fleet.node(2).update(&unserved("before", "2")));
    fleet.node(2).signal("TERM");
    let code = fleet.node_mut(2).ends_within(LEAVE_MAX);
    assert_eq!(code, Some(Some(0)), "{}", fleet.node(2).log());
    assert!(!fleet.node(2).log().contains("without a last exchange"));
    fleet.kill(2);
    fleet.until_all_show("before", &last.version);
    fleet.until_met();
    let next = Acknowledged::expected(&fleet.node(0).update(&unserved("before", "3")));
    assert_eq!(next.ref_number(), 2);
    fleet.until_all_show("before", &next.version);
}
