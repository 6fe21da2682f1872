//! Copies that another node keeps (`SUBMISSION_ACK=cluster`).

use super::town::Town;
use crate::core::hub::{
    output::{Fact, Output, SubmitRefusal},
    params::{Ack, Params},
    position::NodeId,
};

/// How the submission of event `id` ended, if it has.
fn submitted(town: &mut Town, id: u32) -> Option<Result<(), SubmitRefusal>> {
    town.submit(0, id);
    ended(&town.said(0))
}

fn ended(said: &[Output]) -> Option<Result<(), SubmitRefusal>> {
    said.iter().find_map(|output| match output {
        Output::Submitted { result, .. } => Some(*result),
        _other => None,
    })
}

#[test]
fn a_keeper_of_copies_that_hangs_is_replaced_and_may_come_back() {
    let params = Params {
        ack: Ack::Cluster,
        ..Params::default()
    };
    for (nodes, next) in [(3, Ok(())), (2, Err(SubmitRefusal::NoKeeper))] {
        let mut town = Town::with(params, nodes);
        assert_eq!(submitted(&mut town, 1), Some(Ok(())));
        town.silent.push(1);
        assert_eq!(submitted(&mut town, 2), None);
        town.pass(2_000);
        let said = town.said(0);
        assert_eq!(ended(&said), Some(Err(SubmitRefusal::NotReplicated)));
        let keeper = (nodes == 3).then_some(NodeId::new(3));
        let told =
            |output: &Output| matches!(output, Output::Fact(Fact::Backup(node)) if *node == keeper);
        assert!(said.iter().any(told), "{nodes} nodes");
        assert_eq!(submitted(&mut town, 3), Some(next), "{nodes} nodes");
        // Without another one it is asked again as soon as it takes something.
        town.silent.clear();
        town.pass(5_000);
        town.pass(500);
        assert_eq!(submitted(&mut town, 4), Some(Ok(())), "{nodes} nodes");
    }
}
