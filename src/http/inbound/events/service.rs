//! The loop of one desk: what the hub hands out, what other workers order, and the passing of time.

use std::{rc::Rc, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval},
};

use crate::{
    core::event::Event,
    http::inbound::events::{
        carried::{self, Answered, Carried},
        desk::{Desk, LineId},
        gateway,
        mailbox::Seen,
        memo::Memo,
        reception::{Order, Reception, Subscribe, now},
    },
    message::hub::{CarriedHere, FromHub, ToDesk},
};

/// Coarse limits of lines are counted in this.
const TICK: Duration = Duration::from_secs(1);

/// What reaches a desk.
pub struct Inbox {
    /// From the hub.
    pub hub: FromHub,
    /// From the other workers.
    pub orders: mpsc::UnboundedReceiver<Order>,
}

/// Serves until the hub is gone. Orders go first: they are few, and somebody waits for them.
pub async fn serve(desk: Rc<Desk>, reception: Arc<Reception>, mut inbox: Inbox) {
    actix_rt::spawn(tell_interest(Rc::clone(&desk), Arc::clone(&reception)));
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            Some(order) = inbox.orders.recv() => {
                // What the hub told before is handed out before: an event that was accepted before a
                // client subscribed is not for it.
                for _told in 0..inbox.hub.len() {
                    if let Some(told) = inbox.hub.next().await {
                        hear(&desk, &reception, told).await;
                    }
                }
                match order {
                    Order::Subscribe(order, done) => {
                        let _gone = done.send(subscribe(&desk, &reception, order));
                    }
                    Order::Poll(order, answer) => desk.poll(order, answer),
                }
            }
            _tick = ticks.tick() => desk.tick(now()),
            told = inbox.hub.next() => match told {
                Some(told) => hear(&desk, &reception, told).await,
                None => return,
            },
        }
    }
}

async fn hear(desk: &Rc<Desk>, reception: &Arc<Reception>, told: ToDesk) {
    match told {
        ToDesk::Deliver(handout) => desk.deliver(&handout).await,
        ToDesk::Gap(gap) => desk.tell_gap(&gap).await,
        ToDesk::Position(cursor) => desk.set_cursor(cursor),
        ToDesk::Revoked(names) => names.iter().for_each(|name| desk.kill_session(name)),
        ToDesk::Extractors(extractors) => desk.set_extractors(extractors),
        ToDesk::Carried(carried) => {
            actix_rt::spawn(answer(Rc::clone(desk), Arc::clone(reception), carried));
        }
    }
}

/// Tells the hub what the worker wants, as often as that changes.
async fn tell_interest(desk: Rc<Desk>, reception: Arc<Reception>) {
    loop {
        desk.has_untold_interest().await;
        // What comes in the same turn is told together.
        tokio::task::yield_now().await;
        desk.flush_interest(&reception.hub).await;
    }
}

/// Replaces a line's subscriptions; false if there is no such line.
pub fn subscribe(desk: &Rc<Desk>, reception: &Arc<Reception>, order: Subscribe) -> bool {
    let id = order.line;
    if !desk.is(id, &order.key) {
        return false;
    }
    desk.associate(id, &order.sessions);
    desk.subscribe(id, &order.subscriptions);
    let set = gateway::subscriptions_set(&order.subscriptions);
    actix_rt::spawn(confirm(Rc::clone(desk), Arc::clone(reception), id, set));
    let memo = Memo {
        subscriptions: order.subscriptions,
        sessions: desk.sessions_of(id),
        expires: desk.expiry_of(id),
    };
    memo.remember(reception, &order.key);
    // A session may have been revoked between the check of the token and the association.
    let is_revoked = |session| reception.gate.is_revoked(session);
    if memo.sessions.iter().any(is_revoked) {
        let desk = Rc::clone(desk);
        actix_rt::spawn(async move { desk.kill_in_turn(id).await });
    }
    true
}

/// Tells a client that its subscriptions have been replaced, once all nodes know them.
async fn confirm(desk: Rc<Desk>, reception: Arc<Reception>, id: LineId, set: Arc<Event>) {
    desk.flush_interest(&reception.hub).await;
    desk.send_own(id, set).await;
}

/// Does what another node ordered.
async fn answer(desk: Rc<Desk>, reception: Arc<Reception>, carried: CarriedHere) {
    let answered = match Carried::read(&carried.bytes) {
        Some(Carried::Subscribe {
            line,
            key,
            subscriptions,
            sessions,
        }) => carried::subscribe(line, &key, &subscriptions, &sessions)
            .filter(|order| subscribe(&desk, &reception, order.clone()))
            .map_or(Answered::Gone, |_order| Answered::Subscribed),
        Some(Carried::Poll {
            line,
            key,
            last: id,
            number,
        }) => match carried::poll(line, &key, Seen { id, number }) {
            Some(order) => {
                let (told, polled) = oneshot::channel();
                desk.poll(order, told);
                Answered::of(polled.await.ok().flatten())
            }
            None => Answered::Gone,
        },
        None => Answered::Gone,
    };
    carried.answer(Some(answered.to_bytes()));
}
