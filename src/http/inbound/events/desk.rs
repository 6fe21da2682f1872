//! The desk of one worker: owns the lines and mailboxes of its clients, knows who wants what, and
//! hands out every event to those.
//!
//! Lives on the worker's thread; nothing here is shared or locked. Heartbeats, expiry of tokens and
//! idle sessions are looked after once a second, so that a line needs no timer. Deliberately absent:
//! sockets ([`super::attend`]) and what clients ask for ([`super::admission`]).

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    rc::Rc,
    sync::Arc,
};

use tokio::sync::{Mutex, Notify, oneshot};

use crate::{
    core::{
        event::Event,
        hub::{floor::Floor, position::Vector},
        session::Name,
        subscription::{Subscription, TypePattern, extractors::Extractors, index::Index},
    },
    http::inbound::events::{
        frame::{Frame, KEY_CHARS},
        gateway,
        held::Item,
        hub_link::HubLink,
        line::{End, Line},
        mailbox::Mailbox,
        reception::{PollOrder, Polled},
        seats::{Place, Seat, Seats},
    },
    message::hub::{Delivery, Gap, Handout},
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
    /// Changes of what the worker wants that the hub has not been told yet.
    untold: RefCell<(Vec<TypePattern>, Vec<TypePattern>)>,
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

    fn want(&self, added: Vec<TypePattern>, removed: Vec<TypePattern>) {
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

    /// Where the cluster stands for what this worker was given so far.
    pub fn cursor(&self) -> Arc<str> {
        Arc::clone(&self.cursor.borrow())
    }

    /// Where a client is that gets an event of the gateway's own. One that still waits for what it
    /// missed is nowhere: if it is cut off now, it is told of a gap.
    pub fn position(&self, id: LineId) -> Arc<str> {
        self.place_at(id, &self.cursor())
            .unwrap_or_else(|| "".into())
    }

    /// Where a client is when its node is at `cursor`; nothing while it waits for what it missed.
    fn place_at(&self, id: LineId, cursor: &Arc<str>) -> Option<Arc<str>> {
        let mut seats = self.seats.borrow_mut();
        match seats.get_mut(id) {
            Some(seat) if seat.held.is_some() => None,
            Some(Seat {
                floor: Some(floor), ..
            }) => Some(floor.position(cursor)),
            Some(_) | None => Some(Arc::clone(cursor)),
        }
    }

    /// The cluster stands here.
    pub fn set_cursor(&self, cursor: Arc<str>) {
        self.cursor.replace(cursor);
    }

    /// Hands out one event; lets others have a turn now and then.
    pub async fn deliver(&self, handout: &Handout) {
        let delivery = &handout.delivery;
        // Whoever tells a line where the node stands waits until all lines stand there: so the node
        // stands there only when nobody is in between.
        let _turn = self.turn.lock().await;
        self.set_cursor(Arc::clone(&delivery.cursor));
        let mut receivers = Vec::new();
        self.index
            .borrow()
            .matching(&delivery.event, &mut receivers);
        if receivers.is_empty() {
            return;
        }
        let frame = Frame::new(Arc::clone(&delivery.event), Arc::clone(&delivery.cursor));
        let mut given = 0;
        let mut turns = receivers.chunks(LINES_PER_TURN).peekable();
        while let Some(ids) = turns.next() {
            for id in ids {
                given += u64::from(self.give(*id, delivery, &frame));
            }
            if turns.peek().is_some() {
                tokio::task::yield_now().await;
            }
        }
        if given > 0 && handout.is_first() {
            self.metrics.forwarded(&delivery.event.event_type);
        }
        self.metrics.deliveries.inc_by(given);
        self.metrics
            .delivery_seconds
            .observe(handout.since.elapsed().as_secs_f64());
    }

    /// Whether the client is given the event, now or later.
    fn give(&self, id: LineId, delivery: &Arc<Delivery>, frame: &Rc<Frame>) -> bool {
        let mut seats = self.seats.borrow_mut();
        let Some(seat) = seats.get_mut(id) else {
            return false;
        };
        let mut own = None;
        if seat.held.is_none()
            && let Some(floor) = &mut seat.floor
        {
            let Some(cursor) = floor.admit(delivery) else {
                return false;
            };
            if Arc::ptr_eq(&cursor, &delivery.cursor) {
                seat.floor = None;
            } else {
                own = Some(Frame::new(Arc::clone(&delivery.event), cursor));
            }
        }
        let frame = own.as_ref().unwrap_or(frame);
        match (&mut seat.held, &mut seat.place) {
            (Some(held), _place) => held.put(delivery, self.held_bytes_max),
            (None, Place::Line(line)) => line.send(frame, &mut self.scratch.borrow_mut()),
            (None, Place::Mailbox(mailbox)) => {
                mailbox.put(Arc::clone(&delivery.event), Arc::clone(&frame.cursor));
            }
        }
        true
    }

    /// Sends an event to one client, before what is held for it.
    pub fn send(&self, id: LineId, event: Arc<Event>, cursor: Arc<str>) {
        let mut seats = self.seats.borrow_mut();
        match seats.get_mut(id).map(|seat| &mut seat.place) {
            Some(Place::Line(line)) => {
                line.send(&Frame::new(event, cursor), &mut self.scratch.borrow_mut());
            }
            Some(Place::Mailbox(mailbox)) => mailbox.put(event, cursor),
            None => {}
        }
    }

    /// Sends an event of the gateway's own to a client that lives on, at the position where it is.
    pub async fn send_own(&self, id: LineId, event: Arc<Event>) {
        let _turn = self.turn.lock().await;
        self.send(id, event, self.position(id));
    }

    /// Tells every client that events may be missing.
    pub async fn tell_gap(&self, gap: &Gap) {
        let _turn = self.turn.lock().await;
        let from = self.cursor();
        self.set_cursor(Arc::clone(&gap.cursor));
        let ids = self.seats.borrow().ids();
        for ids in ids.chunks(LINES_PER_TURN) {
            for id in ids {
                self.give_gap(*id, gap, &from);
            }
            tokio::task::yield_now().await;
        }
    }

    fn give_gap(&self, id: LineId, gap: &Gap, from: &str) {
        let cursor = match self.seats.borrow_mut().get_mut(id) {
            None => return,
            Some(Seat {
                held: Some(held), ..
            }) => return held.put_gap(gap),
            Some(Seat {
                floor: Some(floor), ..
            }) => floor.admit_gap(gap),
            Some(_) => Some(Arc::clone(&gap.cursor)),
        };
        if let Some(cursor) = cursor {
            self.send(id, gateway::gap(from, &cursor), cursor);
        }
    }

    /// Ends the holding of a line: it gets what came meanwhile and has not been replayed. The replay
    /// reached as far as `upto`, which may be ahead of the node: what is on its way is not given twice.
    /// False: more came than is held, and it has to be fetched first.
    #[must_use]
    pub fn release(&self, id: LineId, upto: Option<Vector>) -> bool {
        let from = self.position(id);
        let items = {
            let mut seats = self.seats.borrow_mut();
            let Some(seat) = seats.get_mut(id) else {
                return true;
            };
            let Some(held) = &mut seat.held else {
                return true;
            };
            let Some(items) = held.take_items() else {
                return false;
            };
            seat.held = None;
            seat.floor = upto.map(|upto| Box::new(Floor::new(upto)));
            items
        };
        for item in items {
            match item {
                Item::Event(delivery) => {
                    let cursor = Arc::clone(&delivery.cursor);
                    let frame = Frame::new(Arc::clone(&delivery.event), cursor);
                    self.give(id, &delivery, &frame);
                }
                Item::Gap(gap) => self.give_gap(id, &gap, &from),
            }
        }
        true
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

    /// Other extractors are in force.
    pub fn set_extractors(&self, extractors: Arc<Extractors>) {
        self.index.borrow_mut().set_extractors(extractors);
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

    fn leave(&self, id: LineId, reason: End) {
        let Some(seat) = self.seats.borrow_mut().leave(id) else {
            return;
        };
        let changes = self.index.borrow_mut().remove(id);
        self.want(changes.added, changes.removed);
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

/// Takes `pattern` out of `untold`, if it is there.
fn cancel(untold: &mut Vec<TypePattern>, pattern: &TypePattern) -> bool {
    let place = untold.iter().position(|other| other == pattern);
    if let Some(place) = place {
        untold.swap_remove(place);
    }
    place.is_some()
}
