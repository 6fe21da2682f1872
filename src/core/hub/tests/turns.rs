//! Many clients at once ask in turn, so that the link has room for everything else.

use bytes::Bytes;

use super::town::{Town, peer};
use crate::core::hub::{
    input::{From, Input},
    limits::{CARRIES_MAX, HELD_BYTES_MAX, REPLAY_QUESTIONS_MAX},
    output::{CarryFault, Output},
    position::{NodeId, Vector},
};

const CLIENTS: usize = 200;

fn carry(ticket: usize) -> Input {
    Input::Carry {
        ticket: ticket as u64,
        to: NodeId::new(2),
        desk: Some(0),
        bytes: Bytes::from_static(b"x"),
    }
}

fn asked(town: &mut Town, input: Input) -> Vec<u64> {
    let outputs = town.step(0, input);
    let asks = outputs.into_iter().filter_map(|output| match output {
        Output::Ask { exchange, .. } => Some(exchange),
        _ => None,
    });
    asks.collect()
}

#[test]
fn questions_for_clients_take_a_part_of_the_link_and_the_others_follow() {
    let mut town = Town::of(2);
    let mut open: Vec<u64> = (0..CLIENTS)
        .flat_map(|ticket| asked(&mut town, carry(ticket)))
        .collect();
    assert_eq!(open.len(), CARRIES_MAX);
    let mut all = open.len();
    while let Some(exchange) = open.pop() {
        let next = asked(&mut town, Input::Failed { exchange });
        all += next.len();
        open.extend(next);
        assert!(open.len() <= CARRIES_MAX);
    }
    assert_eq!(all, CLIENTS);
}

#[test]
fn clients_whose_turn_never_came_hear_it_when_the_link_is_gone() {
    let mut town = Town::of(2);
    let mut told = Vec::new();
    for ticket in 0..CLIENTS {
        town.step(0, carry(ticket));
    }
    for output in town.step(0, Input::LinkClosed(peer(1))) {
        if let Output::CarryDone { ticket, result } = output {
            assert_eq!(result, Err(CarryFault::Unanswered));
            told.push(ticket);
        }
    }
    told.sort_unstable();
    assert_eq!(told, (0..CLIENTS as u64).collect::<Vec<_>>());
}

#[test]
fn clients_resume_in_turn_and_none_waits_for_ever_for_a_silent_node() {
    let mut town = Town::of(2);
    let mut open = 0;
    for ticket in 0..CLIENTS as u64 {
        let replay = Input::Replay {
            ticket,
            from: From::Vector(Vector::default()),
            types: Vec::new(),
        };
        open += asked(&mut town, replay).len();
    }
    assert_eq!(open, REPLAY_QUESTIONS_MAX);
    let mut replayed = 0;
    // Each batch of them waits two seconds for the node that does not answer.
    for _turn in 0..CLIENTS.div_ceil(REPLAY_QUESTIONS_MAX) {
        let outputs = town.step_after(0, 2_000, Input::Tick);
        replayed += outputs
            .iter()
            .filter(|output| matches!(output, Output::Replayed { .. }))
            .count();
    }
    assert_eq!(replayed, CLIENTS);
}

#[test]
fn who_waits_too_long_for_its_turn_is_told_and_a_silent_node_is_not_asked() {
    let mut town = Town::of(2);
    for ticket in 0..CLIENTS {
        town.step(0, carry(ticket));
    }
    let unanswered = |outputs: Vec<Output>| {
        let results = outputs.into_iter().filter_map(|output| match output {
            Output::CarryDone { result, .. } => Some(result),
            _other => None,
        });
        results
            .inspect(|result| assert_eq!(*result, Err(CarryFault::Unanswered)))
            .count()
    };
    let due = town.wakeup(0);
    assert!(due <= 9_000 + 1_000);
    assert_eq!(unanswered(town.step_after(0, 9_000, Input::Tick)), CLIENTS);
    // It counts as silent for a moment; then it is asked again.
    assert_eq!(unanswered(town.step(0, carry(1))), 1);
    assert_eq!(unanswered(town.step_after(0, 2_000, carry(2))), 0);
}

#[test]
fn who_resumes_does_not_wait_behind_others_and_asks_a_silent_node_no_more() {
    let mut town = Town::of(2);
    for ticket in 0..CLIENTS {
        town.step(0, carry(ticket));
        let key = Bytes::from(format!("{ticket}"));
        town.step(
            0,
            Input::Recall {
                ticket: ticket as u64,
                key,
            },
        );
    }
    let replay = |ticket| Input::Replay {
        ticket,
        from: From::Vector(Vector::default()),
        types: Vec::new(),
    };
    assert_eq!(asked(&mut town, replay(1)).len(), 1);
    let over = |outputs: &[Output]| {
        let recalled = |output: &&Output| matches!(output, Output::Recalled { .. });
        let replayed = |output: &&Output| matches!(output, Output::Replayed { .. });
        (
            outputs.iter().filter(recalled).count(),
            outputs.iter().filter(replayed).count(),
        )
    };
    let outputs = town.step_after(0, 2_000, Input::Tick);
    assert_eq!(over(&outputs), (CLIENTS, 1));
    let outputs = town.step(0, replay(2));
    assert_eq!(over(&outputs), (0, 1));
}

#[test]
fn what_waits_for_its_turn_is_bounded_in_bytes() {
    let mut town = Town::of(2);
    let bytes = Bytes::from(vec![0; 1_000_000]);
    let carried = |ticket| Input::Carry {
        ticket,
        to: NodeId::new(2),
        desk: None,
        bytes: bytes.clone(),
    };
    let refused = (0..100).filter(|ticket| {
        let outputs = town.step(0, carried(*ticket));
        let is_overloaded = |output: &Output| {
            let Output::CarryDone { result, .. } = output else {
                return false;
            };
            *result == Err(CarryFault::Overloaded)
        };
        outputs.iter().any(is_overloaded)
    });
    let held = HELD_BYTES_MAX / 1_000_000;
    assert_eq!(refused.count(), 100 - CARRIES_MAX - held);
}
