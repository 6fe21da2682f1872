//! Stand-in for the hub actor: one node.
use crate::core::hub::{
    cursor,
    delivery::{Delivery, Replayed},
    output::CarryFault,
    position::{NodeId, Reached, Vector},
};
use crate::message::hub::*;
use actix::{Actor, Context, Handler, MessageResult, Supervised};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::mpsc;
/// Stand-in.
pub struct HubActor {
    node: NodeId,
    seq: u64,
    desks: Vec<mpsc::UnboundedSender<ToDesk>>,
}
impl HubActor {
    /// Stand-in.
    pub fn new(node: NodeId, desks: Vec<mpsc::UnboundedSender<ToDesk>>) -> Self {
        Self {
            node,
            seq: 0,
            desks,
        }
    }
}
impl Actor for HubActor {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(1024);
    }
}
impl Supervised for HubActor {}
impl Handler<Submit> for HubActor {
    type Result = Result<(), SubmitRefusal>;
    fn handle(&mut self, submit: Submit, _: &mut Self::Context) -> Self::Result {
        for event in submit.events {
            self.seq += 1;
            let mut vector = Vector::default();
            vector.raise(
                self.node,
                Reached {
                    seq: self.seq,
                    ended: false,
                },
            );
            let delivery = Arc::new(Delivery {
                origin: self.node,
                seq: self.seq,
                event,
                cursor: cursor::encode(&vector),
            });
            for desk in &self.desks {
                drop(desk.send(ToDesk::Deliver(Arc::clone(&delivery))));
            }
        }
        Ok(())
    }
}
impl Handler<InterestChanged> for HubActor {
    type Result = ();
    fn handle(&mut self, _: InterestChanged, _: &mut Self::Context) {}
}
impl Handler<Replay> for HubActor {
    type Result = MessageResult<Replay>;
    fn handle(&mut self, _: Replay, _: &mut Self::Context) -> Self::Result {
        MessageResult(Some(Replayed {
            gaps: vec![],
            events: vec![],
            upto: Vector::default(),
            more: false,
        }))
    }
}
impl Handler<Remember> for HubActor {
    type Result = ();
    fn handle(&mut self, _: Remember, _: &mut Self::Context) {}
}
impl Handler<Recall> for HubActor {
    type Result = Option<Bytes>;
    fn handle(&mut self, _: Recall, _: &mut Self::Context) -> Self::Result {
        None
    }
}
impl Handler<Carry> for HubActor {
    type Result = Result<Bytes, CarryFault>;
    fn handle(&mut self, _: Carry, _: &mut Self::Context) -> Self::Result {
        Err(CarryFault::Gone)
    }
}
