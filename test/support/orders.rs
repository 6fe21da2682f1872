//! Clients that change APIs on several nodes at once, be these beside each other or on a LAN.

use std::{sync::Barrier, thread};

use serde_json::Value;

use crate::support::{
    client::Answer,
    gateway::Gateway,
    lan::{Host, Told},
};

/// What a node is asked to do.
pub(crate) enum Order {
    /// POST of this definition.
    Create(Value),
    /// PUT of this definition.
    Update(Value),
    /// DELETE of the API with this id.
    Delete(String),
}

/// A node that takes orders.
pub(crate) trait Managed: Sync {
    /// What it answers.
    type Told: Send;

    /// Carries the order out.
    fn carry_out(&self, order: &Order) -> Self::Told;
}

impl Managed for Gateway {
    type Told = Answer;

    fn carry_out(&self, order: &Order) -> Answer {
        match order {
            Order::Create(definition) => self.create(definition),
            Order::Update(definition) => self.update(definition),
            Order::Delete(id) => self.admin("DELETE", id),
        }
    }
}

impl Managed for Host {
    type Told = Told;

    fn carry_out(&self, order: &Order) -> Told {
        match order {
            Order::Create(definition) => self.create(definition),
            Order::Update(definition) => self.update(definition),
            Order::Delete(id) => self.delete(id),
        }
    }
}

/// Gives order `n` to node `n`, all at once; the answers.
pub(crate) fn at_once<'a, N: Managed + 'a>(
    node: impl Fn(usize) -> &'a N,
    orders: &[Order],
) -> Vec<N::Told> {
    let barrier = Barrier::new(orders.len());
    thread::scope(|scope| {
        let threads: Vec<_> = orders
            .iter()
            .enumerate()
            .map(|(number, order)| {
                let (barrier, node) = (&barrier, node(number));
                scope.spawn(move || {
                    barrier.wait();
                    node.carry_out(order)
                })
            })
            .collect();
        let answers = threads.into_iter().map(|thread| thread.join());
        answers.map(|answer| answer.expect("an answer")).collect()
    })
}
