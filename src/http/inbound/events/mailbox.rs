//! What a long-polling session keeps for its client: the newest events, until they are asked for
//! (spec: `events.md` 5.6).

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::oneshot;

use crate::{
    core::event::Event,
    http::inbound::events::{
        cookies::cookie_id,
        gateway,
        reception::{PollOrder, Polled},
    },
};

/// Events kept; the original's number.
const EVENTS_MAX: usize = 200;

/// The id that a client has which has no event yet.
pub const FIRST_EVENT: &str = "first_event";

/// Ticks (seconds) that a poll waits for an event.
pub const WAIT_TICKS: u64 = 5;

/// Polls that may wait at once; more are answered at once.
const WAITERS_MAX: usize = 16;

/// Ticks without a poll after which the session ends: one hour.
const IDLE_TICKS_MAX: u64 = 3_600;

/// The events and who waits for more.
#[derive(Debug)]
pub struct Mailbox {
    events: VecDeque<(Arc<Event>, Arc<str>)>,
    /// Number of the first of them; those before it were dropped.
    first: u64,
    bytes: usize,
    bytes_max: usize,
    /// Where the session began, for a client that has no event yet.
    begun_at: Arc<str>,
    waiters: Vec<Waiter>,
    now: u64,
    polled_at: u64,
}

#[derive(Debug)]
struct Waiter {
    seen: Seen,
    bytes_max: usize,
    until: u64,
    answer: oneshot::Sender<Option<Polled>>,
}

/// What a client says that it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Id of the last event, from the cookie that clients of the original know.
    pub id: Option<String>,
    /// How many events it has, from the sealed cookie. Counts if the id is that event's: a client may
    /// go back to an earlier event.
    pub number: Option<u64>,
}

// === impl Mailbox ===

impl Mailbox {
    /// An empty one, which holds at most so many bytes of events, at this position of the cluster.
    pub fn new(bytes_max: usize, begun_at: Arc<str>) -> Self {
        Self {
            events: VecDeque::new(),
            first: 0,
            bytes: 0,
            bytes_max,
            begun_at,
            waiters: Vec::new(),
            now: 0,
            polled_at: 0,
        }
    }

    /// Bytes of the events kept.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps an event, after which the client is at `cursor`; the oldest go when there are too many.
    pub fn put(&mut self, event: Arc<Event>, cursor: Arc<str>) {
        self.bytes += event.text.len();
        self.events.push_back((event, cursor));
        while self.events.len() > EVENTS_MAX
            || (self.bytes > self.bytes_max && self.events.len() > 1)
        {
            let Some((oldest, _cursor)) = self.events.pop_front() else {
                break;
            };
            self.bytes -= oldest.text.len();
            self.first += 1;
        }
        self.answer_all();
    }

    /// Answers all who wait with what there is.
    pub fn answer_all(&mut self) {
        for waiter in std::mem::take(&mut self.waiters) {
            let _gone = waiter
                .answer
                .send(Some(self.after(&waiter.seen, waiter.bytes_max)));
        }
    }

    /// Answers a poll now, or, if it `waits`, when there is something.
    pub fn poll(&mut self, order: PollOrder, answer: oneshot::Sender<Option<Polled>>) {
        let PollOrder {
            seen,
            waits,
            bytes_max,
            ..
        } = order;
        self.polled_at = self.now;
        self.waiters.retain(|waiter| !waiter.answer.is_closed());
        let polled = self.after(&seen, bytes_max);
        if !waits || !polled.events.is_empty() || self.waiters.len() >= WAITERS_MAX {
            let _gone = answer.send(Some(polled));
            return;
        }
        self.waiters.push(Waiter {
            // From here on, whatever ids come.
            seen: Seen {
                id: Some(polled.last),
                number: Some(polled.number),
            },
            bytes_max,
            until: self.now + WAIT_TICKS,
            answer,
        });
    }

    /// A second has passed; whether the session goes on.
    pub fn tick(&mut self) -> bool {
        self.now += 1;
        let (late, waiting) = std::mem::take(&mut self.waiters)
            .into_iter()
            .partition(|waiter| waiter.until <= self.now);
        self.waiters = waiting;
        for waiter in late {
            let waiter: Waiter = waiter;
            let _gone = waiter
                .answer
                .send(Some(self.after(&waiter.seen, waiter.bytes_max)));
        }
        !self.waiters.is_empty() || self.now - self.polled_at < IDLE_TICKS_MAX
    }

    /// The events after what the client has, of all there are if that is unknown: at most `bytes_max`,
    /// but for a single one.
    fn after(&self, seen: &Seen, bytes_max: usize) -> Polled {
        let skipped = self.position(seen);
        let had = skipped.unwrap_or_default();
        let mut bytes = 0;
        let fits = |(event, _cursor): &&(Arc<Event>, Arc<str>)| {
            let is_first = bytes == 0;
            bytes += event.text.len();
            is_first || bytes <= bytes_max
        };
        let mut events: Vec<_> = self
            .events
            .iter()
            .skip(had)
            .take_while(fits)
            .map(|(event, _cursor)| event.text.clone())
            .collect();
        let has = had + events.len();
        if skipped.is_none() && self.first > 0 {
            // The mailbox no longer reaches back to what the client has.
            let from = seen.id.as_deref().unwrap_or(FIRST_EVENT);
            let to = self
                .events
                .front()
                .map_or(FIRST_EVENT, |(event, _)| &*event.id);
            events.insert(0, gateway::gap(from, to).text.clone());
        }
        let newest = has.checked_sub(1).and_then(|last| self.events.get(last));
        Polled {
            last: newest
                .map_or(FIRST_EVENT, |(event, _cursor)| &*event.id)
                .to_owned(),
            number: self.first + has as u64,
            cursor: newest
                .map_or(&self.begun_at, |(_event, cursor)| cursor)
                .to_string(),
            events,
        }
    }

    /// How many of the events here the client has; `None` if that is unknown.
    fn position(&self, seen: &Seen) -> Option<usize> {
        let id = seen.id.as_deref();
        if let Some(number) = seen.number {
            let count = usize::try_from(number.checked_sub(self.first)?).ok()?;
            let is_its = match count.checked_sub(1) {
                Some(last) => {
                    let event = self.events.get(last);
                    event
                        .zip(id)
                        .is_some_and(|((event, _), id)| is_called(event, id))
                }
                // The one before it is not here any more, or there was none.
                None => self.first > 0 || id == Some(FIRST_EVENT),
            };
            if is_its {
                return Some(count);
            }
        }
        // Ids can repeat: then events are given again, rather than left out.
        let id = id?;
        let at = self
            .events
            .iter()
            .position(|(event, _)| is_called(event, id))?;
        Some(at + 1)
    }
}

/// Whether a client means this event by `id`.
fn is_called(event: &Event, id: &str) -> bool {
    *event.id == *id || *cookie_id(&event.id) == *id
}

#[cfg(test)]
mod tests {
    use crate::http::inbound::events::seats::LineId;
    use bytes::Bytes;

    use super::*;

    fn event(id: &str) -> Arc<Event> {
        let text = format!(r#"{{"specversion":"0.2","type":"t","id":"{id}","source":"s"}}"#);
        Arc::new(Event::parse(Bytes::from(text)).expect("event"))
    }

    fn mailbox() -> Mailbox {
        Mailbox::new(1_000_000, "start".into())
    }

    fn put(mailbox: &mut Mailbox, ids: &[&str]) {
        for id in ids {
            mailbox.put(event(id), format!("at-{id}").into());
        }
    }

    fn poll(mailbox: &mut Mailbox, id: &str) -> oneshot::Receiver<Option<Polled>> {
        poll_at(mailbox, id, None)
    }

    fn poll_at(
        mailbox: &mut Mailbox,
        id: &str,
        number: Option<u64>,
    ) -> oneshot::Receiver<Option<Polled>> {
        poll_up_to(mailbox, (id, number), usize::MAX)
    }

    fn poll_up_to(
        mailbox: &mut Mailbox,
        (id, number): (&str, Option<u64>),
        bytes_max: usize,
    ) -> oneshot::Receiver<Option<Polled>> {
        let (answer, polled) = oneshot::channel();
        let seen = Seen {
            id: Some(id.to_owned()),
            number,
        };
        let order = PollOrder {
            line: LineId::from_u64(0),
            key: [0; 16],
            seen,
            waits: true,
            bytes_max,
        };
        mailbox.poll(order, answer);
        polled
    }

    fn now(mut polled: oneshot::Receiver<Option<Polled>>) -> (String, usize) {
        let polled = polled.try_recv().expect("an answer").expect("a session");
        (polled.last, polled.events.len())
    }

    #[test]
    fn a_client_gets_what_came_after_its_last_event() {
        let mut mailbox = mailbox();
        put(&mut mailbox, &["a", "b", "c"]);
        assert_eq!(now(poll(&mut mailbox, FIRST_EVENT)), ("c".into(), 3));
        assert_eq!(now(poll(&mut mailbox, "a")), ("c".into(), 2));
    }

    #[test]
    fn a_poll_says_where_the_client_is_then() {
        let mut mailbox = mailbox();
        let mut waiting = poll(&mut mailbox, FIRST_EVENT);
        assert!(waiting.try_recv().is_err());
        put(&mut mailbox, &["a"]);
        let polled = waiting.try_recv().expect("an answer").expect("a session");
        assert_eq!((polled.number, &*polled.cursor), (1, "at-a"));
    }

    #[test]
    fn an_id_that_comes_again_hides_nothing() {
        let mut mailbox = mailbox();
        put(&mut mailbox, &["x", "y", "x"]);
        assert_eq!(now(poll_at(&mut mailbox, "x", Some(1))), ("x".into(), 2));
        // Without the number, from the first of that id on.
        assert_eq!(now(poll(&mut mailbox, "x")), ("x".into(), 2));
        assert!(poll_at(&mut mailbox, "x", Some(3)).try_recv().is_err());
        // A client that goes back to an earlier event gets what came after it.
        assert_eq!(now(poll_at(&mut mailbox, "y", Some(3))), ("x".into(), 1));
    }

    #[test]
    fn a_poll_without_news_waits_and_is_woken_by_an_event() {
        let mut mailbox = mailbox();
        put(&mut mailbox, &["a"]);
        let mut waiting = poll(&mut mailbox, "a");
        assert!(waiting.try_recv().is_err());
        put(&mut mailbox, &["a"]);
        assert_eq!(now(waiting), ("a".into(), 1));
    }

    #[test]
    fn a_poll_is_answered_after_five_seconds_without_events() {
        let mut mailbox = mailbox();
        put(&mut mailbox, &["a"]);
        let mut waiting = poll(&mut mailbox, "a");
        for _second in 0..WAIT_TICKS - 1 {
            assert!(mailbox.tick());
        }
        assert!(waiting.try_recv().is_err());
        mailbox.tick();
        assert_eq!(now(waiting), ("a".into(), 0));
    }

    #[test]
    fn a_client_that_lost_events_is_told_so() {
        let mut mailbox = mailbox();
        for id in 0..EVENTS_MAX + 5 {
            put(&mut mailbox, &[&id.to_string()]);
        }
        assert_eq!(now(poll_at(&mut mailbox, "2", Some(3))).1, EVENTS_MAX + 1);
        // It has all but what is there: nothing is missing.
        assert_eq!(now(poll_at(&mut mailbox, "4", Some(5))).1, EVENTS_MAX);
        // Neither does a later event with the same id hide what lies between.
        put(&mut mailbox, &["2"]);
        assert_eq!(now(poll_at(&mut mailbox, "2", Some(3))).1, EVENTS_MAX + 1);
    }

    #[test]
    fn what_is_too_much_for_one_answer_comes_with_the_next() {
        let mut mailbox = mailbox();
        put(&mut mailbox, &["a", "b", "c", "d"]);
        let room = event("a").text.len() * 2;
        let mut polled = poll_up_to(&mut mailbox, ("a", Some(1)), room);
        let polled = polled.try_recv().expect("an answer").expect("a session");
        assert_eq!((&*polled.last, polled.events.len()), ("c", 2));
        assert_eq!((polled.number, &*polled.cursor), (3, "at-c"));
        let rest = poll_up_to(&mut mailbox, (&polled.last, Some(polled.number)), 1);
        assert_eq!(now(rest), ("d".into(), 1));
    }

    #[test]
    fn an_event_with_a_long_id_is_had_by_the_name_in_the_cookie() {
        let mut mailbox = mailbox();
        let long = "x".repeat(5_000);
        put(&mut mailbox, &["a", &long, "b"]);
        let name = cookie_id(&long);
        for number in [Some(2), None] {
            assert_eq!(now(poll_at(&mut mailbox, &name, number)), ("b".into(), 1));
            assert_eq!(now(poll_at(&mut mailbox, &long, number)), ("b".into(), 1));
        }
    }

    #[test]
    fn a_session_ends_an_hour_after_its_last_poll() {
        let mut mailbox = mailbox();
        put(&mut mailbox, &["a"]);
        now(poll(&mut mailbox, FIRST_EVENT));
        let ticks = (0..).take_while(|_tick| mailbox.tick()).count();
        assert_eq!(ticks as u64, IDLE_TICKS_MAX - 1);
    }
}
