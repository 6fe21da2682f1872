//! The desk of one worker: owns the lines and mailboxes of its clients, knows who wants what, and
//! hands out every event to those.
//!
//! Lives on the worker's thread; nothing here is shared or locked. Heartbeats, expiry of tokens and
//! idle sessions are looked after once a second, so that a line needs no timer. Deliberately absent:
//! sockets ([`super::attend`]) and what clients ask for ([`super::admission`]).

mod ending;
mod giving;
#[cfg(test)]
mod tests;
mod wanting;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    rc::Rc,
    sync::Arc,
};

use tokio::sync::{Mutex, Notify, oneshot};

use crate::{
    core::{
        session::Name,
        subscription::{changes::Net, extractors::Extractors, index::Index},
    },
    http::inbound::events::{
        frame::KEY_CHARS,
        line::{End, Line},
        mailbox::Mailbox,
        reception::{PollOrder, Polled},
        seats::{Place, Seat, Seats},
    },
    telemetry::events::EventMetrics,
};

pub use crate::http::inbound::events::seats::LineId;

/// Seconds between two heartbeats of a line (spec: `events.md` 5.6).
const HEARTBEAT_TICKS: usize = 15;

/// Lines written to before other connections of the worker get a turn.
const LINES_PER_TURN: usize = 256;

/// A worker's lines and mailboxes.
pub struct Desk {
    number: u32,
    seats: RefCell<Seats>,
    index: RefCell<Index<LineId>>,
    sessions: RefCell<HashMap<Name, Vec<LineId>>>,
    /// Second of expiry, then who expires.
    expiries: RefCell<BTreeMap<u64, Vec<LineId>>>,
    /// Who gets a heartbeat at which tick.
    beats: RefCell<[Vec<LineId>; HEARTBEAT_TICKS]>,
    mailboxes: RefCell<Vec<LineId>>,
    tick: Cell<usize>,
    cursor: RefCell<Arc<str>>,
    /// Changes of what the worker wants that the hub has not been told yet; what comes and goes before it
    /// hears of it needs no telling.
    untold: RefCell<Net>,
    has_untold: Notify,
    scratch: RefCell<Vec<u8>>,
    metrics: Arc<EventMetrics>,
    /// What this worker has added to the gauges.
    subscriptions: Cell<i64>,
    queued: Cell<i64>,
    draining: Cell<bool>,
    /// Held while an event is handed out.
    turn: Mutex<()>,
    held_bytes_max: usize,
}

/// A line's place; given up when dropped.
pub struct Seated {
    desk: Rc<Desk>,
    line: Rc<Line>,
    id: LineId,
}

// === impl Desk ===

impl Desk {
    /// A desk without lines. `held_bytes_max`: of events that wait for what one client missed.
    pub fn new(
        number: u32,
        extractors: Arc<Extractors>,
        held_bytes_max: usize,
        metrics: Arc<EventMetrics>,
    ) -> Rc<Self> {
        Rc::new(Self {
            number,
            seats: RefCell::default(),
            index: RefCell::new(Index::new(extractors)),
            sessions: RefCell::default(),
            expiries: RefCell::default(),
            beats: RefCell::default(),
            mailboxes: RefCell::default(),
            tick: Cell::new(0),
            cursor: RefCell::new("".into()),
            untold: RefCell::default(),
            has_untold: Notify::new(),
            scratch: RefCell::default(),
            metrics,
            subscriptions: Cell::new(0),
            queued: Cell::new(0),
            draining: Cell::new(false),
            turn: Mutex::new(()),
            held_bytes_max,
        })
    }

    /// Its number among the node's desks.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Gives a line its place. `holding`: events wait until [`release`](Self::release).
    pub fn seat(self: &Rc<Self>, line: Rc<Line>, holding: bool) -> Seated {
        let place = Place::Line(Rc::clone(&line));
        let id = self.take(Seat::new(place, line.key, holding));
        // The first heartbeat comes a whole interval from now.
        if let Some(beat) = self.beats.borrow_mut().get_mut(self.tick.get()) {
            beat.push(id);
        }
        if self.draining.get() {
            line.end(End::Shutdown);
        }
        Seated {
            desk: Rc::clone(self),
            line,
            id,
        }
    }

    /// Opens a long-polling session.
    pub fn seat_mailbox(&self, mailbox: Mailbox, key: [u8; KEY_CHARS], holding: bool) -> LineId {
        let id = self.take(Seat::new(Place::Mailbox(Box::new(mailbox)), key, holding));
        self.mailboxes.borrow_mut().push(id);
        id
    }

    fn take(&self, seat: Seat) -> LineId {
        self.metrics.opened(seat.place.label());
        self.seats.borrow_mut().take(seat)
    }

    /// The line with this id.
    pub fn line(&self, id: LineId) -> Option<Rc<Line>> {
        match &self.seats.borrow().get(id)?.place {
            Place::Line(line) => Some(Rc::clone(line)),
            Place::Mailbox(_) => None,
        }
    }

    /// Bytes that wait for a client; nothing if it is gone or about to be.
    pub fn backlog(&self, id: LineId) -> Option<usize> {
        match &self.seats.borrow().get(id)?.place {
            Place::Line(line) => line.end_reason().is_none().then(|| line.queued_bytes()),
            // A mailbox drops what is too much.
            Place::Mailbox(_) => Some(0),
        }
    }

    /// Whether the line is the one with this key.
    pub fn is(&self, id: LineId, key: &[u8; KEY_CHARS]) -> bool {
        self.seats
            .borrow()
            .get(id)
            .is_some_and(|seat| seat.key == *key)
    }

    /// Has the line end with each of these sessions.
    pub fn associate(&self, id: LineId, names: &[Name]) {
        let mut seats = self.seats.borrow_mut();
        let Some(seat) = seats.get_mut(id) else {
            return;
        };
        for name in names {
            if !seat.sessions.contains(name) {
                seat.sessions.push(name.clone());
                let mut sessions = self.sessions.borrow_mut();
                sessions.entry(name.clone()).or_default().push(id);
            }
        }
    }

    /// The second since 1970 at which a line ends.
    pub fn expiry_of(&self, id: LineId) -> Option<u64> {
        self.seats.borrow().get(id)?.expires
    }

    /// The sessions that a line belongs to.
    pub fn sessions_of(&self, id: LineId) -> Vec<Name> {
        let seats = self.seats.borrow();
        seats
            .get(id)
            .map(|seat| seat.sessions.clone())
            .unwrap_or_default()
    }

    /// Has the line end at this second since 1970.
    pub fn expire_at(&self, id: LineId, second: u64) {
        if let Some(seat) = self.seats.borrow_mut().get_mut(id) {
            seat.expires = Some(second);
            let mut expiries = self.expiries.borrow_mut();
            expiries.entry(second).or_default().push(id);
        }
    }

    /// What a long-polling session has for its client; `None` to the asker if there is none.
    pub fn poll(&self, order: PollOrder, answer: oneshot::Sender<Option<Polled>>) {
        let mut seats = self.seats.borrow_mut();
        match seats.get_mut(order.line) {
            Some(Seat {
                key,
                place: Place::Mailbox(mailbox),
                ..
            }) if *key == order.key => {
                let waits = order.waits && !self.draining.get();
                mailbox.poll(PollOrder { waits, ..order }, answer);
            }
            Some(_) | None => drop(answer.send(None)),
        }
    }

    /// Other extractors are in force.
    pub fn set_extractors(&self, extractors: Arc<Extractors>) {
        self.index.borrow_mut().set_extractors(extractors);
    }
}

// === impl Seated ===

impl Seated {
    /// The line.
    pub const fn line(&self) -> &Rc<Line> {
        &self.line
    }

    /// Its id.
    pub const fn id(&self) -> LineId {
        self.id
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        let reason = self.line.end_reason().unwrap_or(End::ClientGone);
        self.desk.leave(self.id, reason);
    }
}
