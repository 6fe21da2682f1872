//! What is carried to the desk of another node.

use bytes::Bytes;

use super::town::Town;
use crate::core::hub::{
    input::Input,
    output::{CarryFault, Output},
    position::NodeId,
};

#[test]
fn a_request_is_carried_to_another_nodes_desk_and_answered() {
    let mut town = Town::of(2);
    let carry = |to| Input::Carry {
        ticket: 5,
        to: NodeId::new(to),
        desk: Some(3),
        bytes: Bytes::from_static(b"question"),
    };
    town.tell(0, carry(2));
    let exchange = town.said(1).into_iter().find_map(|output| match output {
        Output::Carried {
            exchange,
            desk: Some(3),
            bytes,
        } if bytes == "question" => Some(exchange),
        _other => None,
    });
    let answer = Input::CarryAnswered {
        exchange: exchange.unwrap(),
        bytes: Some(Bytes::from_static(b"answer")),
    };
    town.tell(1, answer);
    let result = |said: Vec<Output>| {
        said.into_iter().find_map(|output| match output {
            Output::CarryDone { result, .. } => Some(result),
            _other => None,
        })
    };
    assert_eq!(
        result(town.said(0)),
        Some(Ok(Bytes::from_static(b"answer")))
    );
    town.tell(0, carry(77));
    assert_eq!(result(town.said(0)), Some(Err(CarryFault::Gone)));
}
