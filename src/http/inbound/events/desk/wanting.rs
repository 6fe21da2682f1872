//! What the lines of a desk want, and telling the hub of it.

use super::{Desk, LineId};
use crate::{
    core::subscription::{Subscription, changes::PatternChanges},
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
        self.want(&changes);
    }

    /// What a client wants that still waits for what it missed, if that has changed since this was
    /// asked.
    pub fn take_renewed(&self, id: LineId) -> Option<Vec<Subscription>> {
        let mut seats = self.seats.borrow_mut();
        seats.get_mut(id)?.held.as_mut()?.take_renewed()
    }

    pub(super) fn want(&self, changes: &PatternChanges) {
        let subscriptions = i64::try_from(self.index.borrow().len()).unwrap_or(i64::MAX);
        let change = subscriptions - self.subscriptions.replace(subscriptions);
        self.metrics.subscriptions.add(change);
        if changes.is_empty() {
            return;
        }
        let mut untold = self.untold.borrow_mut();
        for pattern in &changes.added {
            untold.add(pattern);
        }
        for pattern in &changes.removed {
            untold.remove(pattern);
        }
        self.has_untold.notify_one();
    }

    /// Completes when the hub has something to be told.
    pub async fn has_untold_interest(&self) {
        self.has_untold.notified().await;
    }

    /// Tells the hub what the worker wants; completes when all nodes know it.
    pub async fn flush_interest(&self, hub: &HubLink) {
        let untold = self.untold.take().changes();
        // Also if there is nothing new: an earlier change may still be on its way.
        hub.interest(untold).await;
    }
}
