//! Events on their way to the lines of a desk, and where each client is.

use std::{rc::Rc, sync::Arc};

use super::{Desk, LINES_PER_TURN, LineId};
use crate::{
    core::{
        event::Event,
        hub::{floor::Floor, position::Vector},
    },
    http::inbound::events::{
        frame::Frame,
        gateway,
        held::Item,
        seats::{Place, Seat},
    },
    message::hub::{Delivery, Gap, Handout},
};

// === impl Desk ===

impl Desk {
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
            } else if seat.place.tells_cursor() {
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
            }) => return held.put_gap(gap, self.held_bytes_max),
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
    /// `from`: where the client is, told with gaps. False: more came than is held, and it has to be
    /// fetched first.
    #[must_use]
    pub fn release(&self, id: LineId, from: &str, upto: Option<Vector>) -> bool {
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
                Item::Gap(gap) => self.give_gap(id, &gap, from),
            }
        }
        true
    }
}
