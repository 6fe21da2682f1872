//! Where a desk keeps its lines and mailboxes: slots that are used again under new names.

use std::rc::Rc;

use crate::{
    core::{hub::floor::Floor, session::Name},
    http::inbound::events::{frame::KEY_CHARS, held::Held, line::Line, mailbox::Mailbox},
};

/// Names a client at its desk. Not used twice before a slot was used 4 billion times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId(u64);

/// All seats.
#[derive(Default)]
pub struct Seats {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    seat: Option<Seat>,
}

/// One client and what the desk knows of it.
pub struct Seat {
    /// Where its events go.
    pub place: Place,
    /// Its connection's key.
    pub key: [u8; KEY_CHARS],
    /// The sessions with which it ends.
    pub sessions: Vec<Name>,
    /// Second since 1970 at which it ends.
    pub expires: Option<u64>,
    /// What came while the missed events are being fetched.
    pub held: Option<Box<Held>>,
    /// How far it is ahead of the node, after it was given what it missed.
    pub floor: Option<Box<Floor>>,
}

/// Where a client's events go.
pub enum Place {
    /// To a client that listens.
    Line(Rc<Line>),
    /// To where a client looks from time to time.
    Mailbox(Box<Mailbox>),
}

// === impl LineId ===

impl LineId {
    /// As it stands in a connection token.
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// Reads what [`to_u64`](Self::to_u64) gave.
    pub const fn from_u64(id: u64) -> Self {
        Self(id)
    }

    const fn of(slot: u32, generation: u32) -> Self {
        Self((generation as u64) << 32 | slot as u64)
    }

    const fn slot(self) -> u32 {
        (self.0 & 0xffff_ffff) as u32
    }

    const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

// === impl Seat ===

impl Seat {
    /// A client without sessions.
    pub fn new(place: Place, key: [u8; KEY_CHARS], holding: bool) -> Self {
        Self {
            place,
            key,
            sessions: Vec::new(),
            expires: None,
            floor: None,
            held: holding.then(Box::default),
        }
    }
}

// === impl Place ===

impl Place {
    /// The transport's name in metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Line(line) => line.wire().label(),
            Self::Mailbox(_) => "longpolling",
        }
    }

    /// Whether an event says where its client is then; on a WebSocket it does not.
    pub fn tells_cursor(&self) -> bool {
        match self {
            Self::Line(line) => line.wire().is_sse(),
            Self::Mailbox(_) => true,
        }
    }
}

// === impl Seats ===

impl Seats {
    /// Gives a client its place.
    pub fn take(&mut self, seat: Seat) -> LineId {
        if let Some(number) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(number as usize)
        {
            slot.seat = Some(seat);
            return LineId::of(number, slot.generation);
        }
        // Far fewer than 4 billion: each has a socket.
        let number = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.slots.push(Slot {
            generation: 0,
            seat: Some(seat),
        });
        LineId::of(number, 0)
    }

    /// The client with this id, if it is still there.
    pub fn get(&self, id: LineId) -> Option<&Seat> {
        let slot = self.slots.get(id.slot() as usize)?;
        slot.seat
            .as_ref()
            .filter(|_seat| slot.generation == id.generation())
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, id: LineId) -> Option<&mut Seat> {
        let slot = self.slots.get_mut(id.slot() as usize)?;
        let is_same = slot.generation == id.generation();
        slot.seat.as_mut().filter(|_seat| is_same)
    }

    /// Frees a client's place.
    pub fn leave(&mut self, id: LineId) -> Option<Seat> {
        let slot = self.slots.get_mut(id.slot() as usize)?;
        if slot.generation != id.generation() {
            return None;
        }
        let seat = slot.seat.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.slot());
        Some(seat)
    }

    /// All that are taken.
    pub fn ids(&self) -> Vec<LineId> {
        (0..)
            .zip(&self.slots)
            .filter(|(_number, slot)| slot.seat.is_some())
            .map(|(number, slot)| LineId::of(number, slot.generation))
            .collect()
    }

    /// Lines that have ended and whose clients get nothing more, or have not taken the rest in time.
    /// Asked once a second.
    pub fn given_up(&self) -> Vec<(LineId, Rc<Line>)> {
        let slots = (0..).zip(&self.slots);
        let ended = slots.filter_map(|(number, slot)| match &slot.seat.as_ref()?.place {
            Place::Line(line) => line
                .is_given_up()
                .then(|| (LineId::of(number, slot.generation), Rc::clone(line))),
            Place::Mailbox(_) => None,
        });
        ended.collect()
    }

    /// Bytes that wait for clients.
    pub fn queued_bytes(&self) -> usize {
        self.slots
            .iter()
            .filter_map(|slot| slot.seat.as_ref())
            .map(|seat| match &seat.place {
                Place::Line(line) => line.queued_bytes(),
                Place::Mailbox(mailbox) => mailbox.bytes(),
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat() -> Seat {
        Seat::new(
            Place::Mailbox(Box::new(Mailbox::new(1, "".into()))),
            [0; 16],
            false,
        )
    }

    #[test]
    fn a_place_is_used_again_under_another_name() {
        let mut seats = Seats::default();
        let (first, second) = (seats.take(seat()), seats.take(seat()));
        assert!(seats.leave(first).is_some() && seats.leave(first).is_none());
        let third = seats.take(seat());
        assert_eq!(third.slot(), first.slot());
        assert!(seats.get(first).is_none() && seats.get_mut(third).is_some());
        assert_eq!(seats.ids(), [third, second]);
        assert_eq!(LineId::from_u64(third.to_u64()), third);
    }
}
