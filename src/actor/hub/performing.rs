//! Carrying out what the hub says: one exhaustive match, each output one action.

use std::{sync::Arc, time::Instant};

use actix::{AsyncContext, Context};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::{CarryAnswered, HubActor, facts};
use crate::{
    core::hub::output::Output,
    message::{
        cluster::Tell,
        hub::{CarriedHere, Handout, ToDesk},
    },
};

impl HubActor {
    pub(super) fn perform(&mut self, output: Output, ctx: &mut Context<Self>) {
        match output {
            Output::Ask {
                to,
                exchange,
                bytes,
            } => self.tell_cluster(Tell::Ask {
                to,
                exchange,
                bytes,
            }),
            Output::Reply { exchange, bytes } => self.tell_cluster(Tell::Reply { exchange, bytes }),
            Output::Deliver(delivery) => {
                let handout = Arc::new(Handout::new(delivery, Instant::now()));
                self.tell_desks(|| ToDesk::Deliver(Arc::clone(&handout)));
            }
            Output::Gap(gap) => self.tell_desks(|| ToDesk::Gap(gap.clone())),
            Output::Position(cursor) => self.tell_desks(|| ToDesk::Position(Arc::clone(&cursor))),
            Output::Revoked(names) => {
                // Whoever connects from now on is refused (the actor has published it); the desks end
                // what is connected.
                let names: Arc<[_]> = names.into();
                self.tell_desks(|| ToDesk::Revoked(Arc::clone(&names)));
            }
            Output::Submitted { ticket, result } => {
                self.metrics.submitted(result);
                answer(self.waiting.submits.remove(&ticket), result);
            }
            Output::InterestKnown { ticket, missing } => {
                if missing > 0 {
                    log::debug!("{missing} nodes have not confirmed a subscription in time");
                }
                answer(self.waiting.interests.remove(&ticket), ());
            }
            Output::Replayed { ticket, replayed } => {
                answer(self.waiting.replays.remove(&ticket), replayed);
            }
            Output::Recalled { ticket, value } => {
                answer(self.waiting.recalls.remove(&ticket), value);
            }
            Output::CarryDone { ticket, result } => {
                answer(self.waiting.carries.remove(&ticket), result);
            }
            Output::Carried {
                exchange,
                desk,
                bytes,
            } => self.carried(exchange, desk, bytes, ctx),
            Output::RevokeDone { ticket, spread } => {
                answer(self.waiting.revokes.remove(&ticket), spread);
            }
            Output::Ready => {
                self.sessions.set_complete();
                answer(self.ready.take(), ());
            }
            Output::Left => {
                self.left = true;
                for told in self.leaving.drain(..) {
                    answer(Some(told), ());
                }
            }
            Output::Fact(fact) => facts::tell(&fact, &self.metrics),
        }
    }

    fn tell_cluster(&self, told: Tell) {
        if let Some(cluster) = &self.cluster {
            // Bounded by what the machine lets be under way; the network part has bounds of its own.
            cluster.do_send(told);
        }
    }

    fn tell_desks(&self, told: impl Fn() -> ToDesk) {
        for desk in &self.desks {
            // A desk that is gone rings its worker's alarm.
            let _is_there = desk.tell(told());
        }
    }

    /// Has a desk answer another node; without a desk it is for a request that waits here.
    fn carried(&mut self, exchange: u64, desk: Option<u32>, bytes: Bytes, ctx: &mut Context<Self>) {
        let Some(desk) = desk else {
            let bytes = (self.late_answers)(&bytes).then(Bytes::new);
            ctx.notify(CarryAnswered { exchange, bytes });
            return;
        };
        let (told, answered) = oneshot::channel();
        let here = ToDesk::Carried(CarriedHere::new(bytes, told));
        let desk = usize::try_from(desk)
            .ok()
            .and_then(|desk| self.desks.get(desk));
        if !desk.is_some_and(|desk| desk.tell(here)) {
            let bytes = None;
            ctx.notify(CarryAnswered { exchange, bytes });
            return;
        }
        let actor = ctx.address();
        actix_rt::spawn(async move {
            let bytes = answered.await.ok().flatten();
            actor.do_send(CarryAnswered { exchange, bytes });
        });
    }
}

/// Whoever waited may have left.
fn answer<T>(who: Option<oneshot::Sender<T>>, what: T) {
    if let Some(who) = who {
        let _unheard = who.send(what);
    }
}
