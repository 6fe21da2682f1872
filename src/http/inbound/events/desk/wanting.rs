//! What the lines of a desk want, and telling the hub of it.

use super::{Desk, LineId};
use crate::{
    core::subscription::{Subscription, TypePattern},
    http::inbound::events::{hub_link::HubLink, seats::Seat},
};

// === impl Desk ===

impl Desk {
    /// Replaces a line's subscriptions; effective at once for what reaches this worker. The hub is
    /// told soon, see [`flush_interest`](Self::flush_interest).
    pub fn subscribe(&self, id: LineId, subscriptions: &[Subscription]) {
        match self.seats.borrow_mut().get_mut(id) {
            None => return,
            Some(Seat {
                held: Some(held), ..
            }) => held.renew(subscriptions),
            Some(_) => {}
        }
        let changes = self.index.borrow_mut().replace(id, subscriptions);
        self.want(changes.added, changes.removed);
    }

    /// What a client wants that still waits for what it missed, if that has changed since this was
    /// asked.
    pub fn take_renewed(&self, id: LineId) -> Option<Vec<Subscription>> {
        let mut seats = self.seats.borrow_mut();
        seats.get_mut(id)?.held.as_mut()?.take_renewed()
    }

    pub(super) fn want(&self, added: Vec<TypePattern>, removed: Vec<TypePattern>) {
        let subscriptions = i64::try_from(self.index.borrow().len()).unwrap_or(i64::MAX);
        let change = subscriptions - self.subscriptions.replace(subscriptions);
        self.metrics.subscriptions.add(change);
        if added.is_empty() && removed.is_empty() {
            return;
        }
        let mut untold = self.untold.borrow_mut();
        // What comes and goes before the hub hears of it needs no telling.
        for pattern in added {
            if !cancel(&mut untold.1, &pattern) {
                untold.0.push(pattern);
            }
        }
        for pattern in removed {
            if !cancel(&mut untold.0, &pattern) {
                untold.1.push(pattern);
            }
        }
        self.has_untold.notify_one();
    }

    /// Completes when the hub has something to be told.
    pub async fn has_untold_interest(&self) {
        self.has_untold.notified().await;
    }

    /// Tells the hub what the worker wants; completes when all nodes know it.
    pub async fn flush_interest(&self, hub: &HubLink) {
        let (added, removed) = self.untold.take();
        // Also if there is nothing new: an earlier change may still be on its way.
        hub.interest(self.number, added, removed).await;
    }
}

/// Takes `pattern` out of `untold`, if it is there.
fn cancel(untold: &mut Vec<TypePattern>, pattern: &TypePattern) -> bool {
    let place = untold.iter().position(|other| other == pattern);
    if let Some(place) = place {
        untold.swap_remove(place);
    }
    place.is_some()
}
