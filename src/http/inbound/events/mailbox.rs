//! What a long-polling session keeps for its client: the newest events, until they are asked for
//! (spec: `events.md` 5.6).

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::oneshot;

use crate::{
    core::event::Event,
    http::inbound::events::{gateway, reception::Polled},
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
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    bytes_max: usize,
    /// Id of the newest event that was dropped.
    dropped: Option<Arc<str>>,
    waiters: Vec<Waiter>,
    now: u64,
    polled_at: u64,
}

#[derive(Debug)]
struct Waiter {
    last: Option<String>,
    until: u64,
    answer: oneshot::Sender<Option<Polled>>,
}

// === impl Mailbox ===

impl Mailbox {
    /// An empty one, which holds at most so many bytes of events.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
            bytes_max,
            dropped: None,
            waiters: Vec::new(),
            now: 0,
            polled_at: 0,
        }
    }

    /// Bytes of the events kept.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps an event; the oldest go when there are too many.
    pub fn put(&mut self, event: Arc<Event>) {
        self.bytes += event.text.len();
        self.events.push_back(event);
        while self.events.len() > EVENTS_MAX
            || (self.bytes > self.bytes_max && self.events.len() > 1)
        {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.bytes -= oldest.text.len();
            self.dropped = Some(Arc::clone(&oldest.id));
        }
        for waiter in std::mem::take(&mut self.waiters) {
            // Whoever waited has what came before; so the new event is news for all of them.
            let _gone = waiter.answer.send(Some(self.after(waiter.last.as_deref())));
        }
    }

    /// Answers a poll now, or, if it `waits`, when there is something.
    pub fn poll(
        &mut self,
        last: Option<String>,
        waits: bool,
        answer: oneshot::Sender<Option<Polled>>,
    ) {
        self.polled_at = self.now;
        self.waiters.retain(|waiter| !waiter.answer.is_closed());
        let polled = self.after(last.as_deref());
        if !waits || !polled.events.is_empty() || self.waiters.len() >= WAITERS_MAX {
            let _gone = answer.send(Some(polled));
            return;
        }
        self.waiters.push(Waiter {
            last,
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
            let _gone = waiter.answer.send(Some(self.after(waiter.last.as_deref())));
        }
        !self.waiters.is_empty() || self.now - self.polled_at < IDLE_TICKS_MAX
    }

    /// All events after the one with this id; all there are if there is no such.
    fn after(&self, last: Option<&str>) -> Polled {
        let known = last.and_then(|last| {
            let position = self.events.iter().rposition(|event| &*event.id == last);
            position.map(|position| position + 1)
        });
        let is_newest_dropped = self.dropped.as_deref() == last;
        let mut events: Vec<_> = self
            .events
            .iter()
            .skip(known.unwrap_or_default())
            .map(|event| event.text.clone())
            .collect();
        if let (None, Some(dropped), false) = (known, &self.dropped, is_newest_dropped) {
            // The buffer no longer reaches back to what the client has.
            let gap = gateway::gap(last.unwrap_or(FIRST_EVENT), dropped);
            events.insert(0, gap.text.clone());
        }
        let last = self.events.back().map_or(FIRST_EVENT, |event| &*event.id);
        Polled {
            last: last.to_owned(),
            events,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn event(id: &str) -> Arc<Event> {
        let text = format!(r#"{{"specversion":"0.2","type":"t","id":"{id}","source":"s"}}"#);
        Arc::new(Event::parse(Bytes::from(text)).expect("event"))
    }

    fn poll(mailbox: &mut Mailbox, last: &str) -> oneshot::Receiver<Option<Polled>> {
        let (answer, polled) = oneshot::channel();
        mailbox.poll(Some(last.to_owned()), true, answer);
        polled
    }

    fn now(mut polled: oneshot::Receiver<Option<Polled>>) -> (String, usize) {
        let polled = polled.try_recv().expect("an answer").expect("a session");
        (polled.last, polled.events.len())
    }

    #[test]
    fn a_client_gets_what_came_after_its_last_event() {
        let mut mailbox = Mailbox::new(1_000_000);
        for id in ["a", "b", "c"] {
            mailbox.put(event(id));
        }
        assert_eq!(now(poll(&mut mailbox, FIRST_EVENT)), ("c".into(), 3));
        assert_eq!(now(poll(&mut mailbox, "a")), ("c".into(), 2));
    }

    #[test]
    fn a_poll_without_news_waits_and_is_woken_by_an_event() {
        let mut mailbox = Mailbox::new(1_000_000);
        mailbox.put(event("a"));
        let mut waiting = poll(&mut mailbox, "a");
        assert!(waiting.try_recv().is_err());
        mailbox.put(event("b"));
        assert_eq!(now(waiting), ("b".into(), 1));
    }

    #[test]
    fn a_poll_is_answered_after_five_seconds_without_events() {
        let mut mailbox = Mailbox::new(1_000_000);
        mailbox.put(event("a"));
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
        let mut mailbox = Mailbox::new(1_000_000);
        for id in 0..EVENTS_MAX + 5 {
            mailbox.put(event(&id.to_string()));
        }
        let (_, events) = now(poll(&mut mailbox, "2"));
        assert_eq!(events, EVENTS_MAX + 1);
        // It has all but what is there: nothing is missing.
        let (_, events) = now(poll(&mut mailbox, "4"));
        assert_eq!(events, EVENTS_MAX);
    }

    #[test]
    fn a_session_ends_an_hour_after_its_last_poll() {
        let mut mailbox = Mailbox::new(1_000_000);
        mailbox.put(event("a"));
        now(poll(&mut mailbox, FIRST_EVENT));
        let ticks = (0..).take_while(|_tick| mailbox.tick()).count();
        assert_eq!(ticks as u64, IDLE_TICKS_MAX - 1);
    }
}
