//! How clients leave a desk: revoked, expired, idle, or because the node stops; and the second's tick, which
//! looks after all that.

use std::sync::Arc;

use super::{Desk, HEARTBEAT_TICKS, LineId};
use crate::{
    core::{event::Event, session::Name},
    http::inbound::events::{
        gateway,
        line::End,
        seats::{Place, Seat},
    },
};

// === impl Desk ===

impl Desk {
    /// Ends all lines of this session, with notice.
    pub fn kill_session(&self, session: &Name) {
        let ids = self.sessions.borrow_mut().remove(session);
        for id in ids.unwrap_or_default() {
            self.kill(id);
        }
    }

    /// The same for a line of which others may be given events at this moment.
    pub async fn kill_in_turn(&self, id: LineId) {
        let _turn = self.turn.lock().await;
        self.kill(id);
    }

    /// Ends a line whose session was revoked, with notice.
    fn kill(&self, id: LineId) {
        self.end(id, End::SessionKilled, &gateway::session_killed());
    }

    /// Ends a client's line. A WebSocket is told in its close frame instead of by `notice`.
    fn end(&self, id: LineId, reason: End, notice: &Arc<Event>) {
        let Some(line) = self.line(id) else {
            self.end_mailbox(id, reason, notice);
            return;
        };
        if line.wire().is_sse() {
            self.send(id, Arc::clone(notice), self.position(id));
        }
        line.end(reason);
    }

    fn end_mailbox(&self, id: LineId, reason: End, notice: &Arc<Event>) {
        // Whoever polls at this moment is told; later polls begin a new session.
        self.send(id, Arc::clone(notice), self.cursor());
        self.leave(id, reason);
    }

    /// Once a second, with the second since 1970.
    pub fn tick(&self, second: u64) {
        let tick = (self.tick.get() + 1) % HEARTBEAT_TICKS;
        self.tick.set(tick);
        if let Some(beat) = self.beats.borrow_mut().get_mut(tick) {
            beat.retain(|id| {
                let line = self.line(*id);
                if let Some(line) = &line {
                    line.heartbeat(&mut self.scratch.borrow_mut());
                }
                line.is_some()
            });
        }
        self.expire(second);
        self.tick_mailboxes();
        // Where the socket is not ours alone, nobody asks for the body of a client that does not
        // read, so nobody would notice that the line has ended.
        let given_up = self.seats.borrow().given_up();
        for (id, line) in given_up {
            self.leave(id, line.end_reason().unwrap_or(End::ClientGone));
            line.give_up();
        }
        let queued = i64::try_from(self.seats.borrow().queued_bytes()).unwrap_or(i64::MAX);
        let change = queued - self.queued.replace(queued);
        self.metrics.queued_bytes.add(change);
    }

    fn expire(&self, second: u64) {
        let expired = {
            let mut expiries = self.expiries.borrow_mut();
            let later = expiries.split_off(&(second + 1));
            std::mem::replace(&mut *expiries, later)
        };
        for id in expired.into_values().flatten() {
            self.end(id, End::TokenExpired, &gateway::token_expired());
        }
    }

    fn tick_mailboxes(&self) {
        let ids = self.mailboxes.take();
        let (alive, idle): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| {
            let mut seats = self.seats.borrow_mut();
            match seats.get_mut(*id).map(|seat| &mut seat.place) {
                Some(Place::Mailbox(mailbox)) => mailbox.tick(),
                Some(Place::Line(_)) | None => false,
            }
        });
        self.mailboxes.borrow_mut().extend(alive);
        for id in idle {
            self.leave(id, End::ClientGone);
        }
    }

    /// Ends all lines, for the node stops.
    pub fn drain(&self) {
        self.draining.set(true);
        let ids = self.seats.borrow().ids();
        for id in ids {
            if let Some(line) = self.line(id) {
                line.end(End::Shutdown);
            } else if let Some(Seat {
                place: Place::Mailbox(mailbox),
                ..
            }) = self.seats.borrow_mut().get_mut(id)
            {
                // It stays: its client asks another node next, which asks here as long as it can.
                mailbox.answer_all();
            }
        }
    }

    /// The node stops: no new sessions.
    pub fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Long-polling sessions.
    pub fn mailboxes(&self) -> usize {
        self.mailboxes.borrow().len()
    }

    pub(super) fn leave(&self, id: LineId, reason: End) {
        let Some(seat) = self.seats.borrow_mut().leave(id) else {
            return;
        };
        let changes = self.index.borrow_mut().remove(id);
        self.want(&changes);
        if let Some(second) = seat.expires {
            let mut expiries = self.expiries.borrow_mut();
            if let Some(ids) = expiries.get_mut(&second) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    expiries.remove(&second);
                }
            }
        }
        let mut sessions = self.sessions.borrow_mut();
        for session in &seat.sessions {
            if let Some(ids) = sessions.get_mut(session) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    sessions.remove(session);
                }
            }
        }
        self.metrics.closed(seat.place.label(), reason.label());
    }
}
