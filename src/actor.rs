//! Floor 2: the supervised actors, thin shells around the deciding code.
//!
//! Every shell does the same for each message: read the clock, call `core`, act on what it says.
//! actix's supervisor restarts an actor that stops, with its state; it cannot restart one that
//! panicked, whose mailbox is closed for good. Each shell therefore holds an [`Alarm`]: when the
//! shell is dropped, the wiring hears of it, takes the node out of service and ends the process,
//! so that its own supervisor starts a sound one.
//!

pub mod cluster;
pub mod hub;
pub mod keys;
pub mod proxy;
pub mod registry;
#[cfg(test)]
pub(crate) mod tests;

use tokio::sync::mpsc;

/// Messages an actor may have waiting. Far above what an operator's clients cause; a sender beyond
/// it waits.
const MAILBOX_MESSAGES_MAX: usize = 1_024;

/// Rings when it is dropped.
#[derive(Debug)]
pub struct Alarm {
    who: &'static str,
    /// `None`: disarmed.
    bell: Option<mpsc::UnboundedSender<&'static str>>,
}

// === impl Alarm ===

impl Alarm {
    /// An alarm that says `who` died. At most one message per actor is ever sent, so the channel
    /// needs no bound.
    pub fn new(who: &'static str, bell: &mpsc::UnboundedSender<&'static str>) -> Self {
        Self {
            who,
            bell: Some(bell.clone()),
        }
    }

    /// The end that comes is wanted.
    pub fn disarm(mut self) {
        self.bell = None;
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(bell) = &self.bell {
            // Nobody listens any more: the node is stopping.
            let _unheard = bell.send(self.who);
        }
    }
}
