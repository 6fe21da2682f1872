//! What a client connection is doing, so that idle and slow ones can be closed.
//!
//! One coarse tick per worker instead of a timer per request: a timer costs every request, a tick
//! costs one look at each connection a second. The connection's own task acts on the [`Signal`].

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use crate::http::inbound::client_stream::HeadScan;

/// How long a connection may wait for its next request, in ticks (seconds): as nginx does.
pub const IDLE_TICKS_MAX: u64 = 75;

/// What a connection's task should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Finish what is in flight, a head that has begun to arrive included, then close.
    Drain,
    /// Close; nothing has been received since the last answer.
    CloseIdle,
    /// Close; a request head takes too long.
    CloseSlow,
}

/// The state of one connection.
#[derive(Debug)]
pub struct Activity {
    /// Requests being answered.
    busy: Cell<u32>,
    /// Part of a head has arrived.
    in_head: Cell<bool>,
    /// Tick of the last change of the above.
    since: Cell<u64>,
    now: Rc<Cell<u64>>,
    /// HTTP/2 frames are not heads, so only idleness is judged.
    multiplexed: Cell<bool>,
    /// The body of the last request was not read to its end.
    unread: Cell<bool>,
    /// The client speaks HTTP/1.0, in which the connection's end can be an answer's.
    unframed: Cell<bool>,
    /// A stream of events has begun on it of which the socket does not know yet.
    streams: Cell<bool>,
    /// Requests received so far.
    begun: Cell<u64>,
    /// Looks for ambiguous framing in heads as they arrive.
    pub scan: HeadScan,
    signal: Cell<Option<Signal>>,
    task: RefCell<Option<Waker>>,
}

/// A request is being answered; dropped with the answer.
#[derive(Debug)]
pub struct Busy(Rc<Activity>);

// === impl Activity ===

impl Activity {
    /// A connection that has just been accepted; `now` is the worker's tick.
    pub fn new(now: &Rc<Cell<u64>>) -> Rc<Self> {
        Rc::new(Self {
            busy: Cell::new(0),
            in_head: Cell::new(false),
            since: Cell::new(now.get()),
            now: Rc::clone(now),
            multiplexed: Cell::new(false),
            unread: Cell::new(false),
            unframed: Cell::new(false),
            streams: Cell::new(false),
            begun: Cell::new(0),
            scan: HeadScan::default(),
            signal: Cell::new(None),
            task: RefCell::new(None),
        })
    }

    /// The connection speaks HTTP/2.
    pub fn set_multiplexed(&self) {
        self.multiplexed.set(true);
    }

    /// The client speaks HTTP/1.0.
    pub fn set_unframed(&self) {
        self.unframed.set(true);
    }

    /// See [`set_unframed`](Self::set_unframed).
    pub fn is_unframed(&self) -> bool {
        self.unframed.get()
    }

    /// The answer that begins is a stream of events.
    pub fn set_streaming(&self) {
        self.streams.set(true);
    }

    /// See [`set_streaming`](Self::set_streaming); true once.
    pub fn takes_stream(&self) -> bool {
        self.streams.take()
    }

    /// Several requests are answered at once.
    pub fn is_multiplexed(&self) -> bool {
        self.multiplexed.get()
    }

    /// The body of the current request will not be read to its end.
    pub fn leave_unread(&self) {
        self.unread.set(true);
    }

    /// See [`leave_unread`](Self::leave_unread).
    pub fn is_unread(&self) -> bool {
        self.unread.get()
    }

    /// No request is being answered: what arrives belongs to a head.
    pub fn expects_head(&self) -> bool {
        self.busy.get() == 0 && !self.multiplexed.get()
    }

    /// Part of a head arrived.
    pub fn head_bytes(&self, bytes: &[u8]) {
        if !self.in_head.replace(true) {
            self.since.set(self.now.get());
        }
        self.scan.feed(bytes);
    }

    /// Part of an answer went out: a client that reads slowly is not idle, although its answer is
    /// complete on this side.
    pub fn wrote(&self) {
        if !self.in_head.get() {
            self.since.set(self.now.get());
        }
    }

    /// Part of a head has arrived, and no request is being answered.
    pub fn is_in_head(&self) -> bool {
        self.in_head.get() && self.busy.get() == 0
    }

    /// Nothing has arrived yet.
    pub fn is_unused(&self) -> bool {
        self.begun.get() == 0 && !self.in_head.get()
    }

    /// The request being answered is the connection's first: nothing has been written yet.
    pub fn is_first(&self) -> bool {
        self.begun.get() == 1 && !self.multiplexed.get()
    }

    /// A whole head arrived.
    pub fn begin(self: &Rc<Self>) -> Busy {
        self.busy.set(self.busy.get() + 1);
        self.in_head.set(false);
        self.unread.set(false);
        self.begun.set(self.begun.get() + 1);
        Busy(Rc::clone(self))
    }

    /// Judges the connection; called once a tick.
    pub fn judge(&self, head_ticks_max: u64) {
        if self.busy.get() > 0 {
            return;
        }
        let elapsed = self.now.get().saturating_sub(self.since.get());
        if self.in_head.get() {
            if elapsed > head_ticks_max {
                self.send(Signal::CloseSlow);
            }
        } else if elapsed > IDLE_TICKS_MAX {
            self.send(Signal::CloseIdle);
        }
    }

    /// Tells the connection's task what to do.
    pub fn send(&self, signal: Signal) {
        self.signal.set(Some(signal));
        if let Some(task) = self.task.borrow().as_ref() {
            task.wake_by_ref();
        }
    }

    /// Waits for the next signal, while the connection has no other task.
    pub async fn signal(&self) -> Signal {
        poll_fn(|cx| self.poll_signal(cx).map_or(Poll::Pending, Poll::Ready)).await
    }

    /// The signal that has arrived, if any; the task of `cx` is woken for the next one.
    pub fn poll_signal(&self, cx: &Context<'_>) -> Option<Signal> {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
        self.signal.take()
    }
}

// === impl Busy ===

impl Busy {
    /// The connection that is busy.
    pub fn activity(&self) -> &Activity {
        &self.0
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let activity = &self.0;
        activity.busy.set(activity.busy.get() - 1);
        activity.since.set(activity.now.get());
        activity.scan.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal_after(
        ticks: u64,
        prepare: impl FnOnce(&Rc<Activity>) -> Option<Busy>,
    ) -> Option<Signal> {
        let now = Rc::new(Cell::new(0));
        let activity = Activity::new(&now);
        let _busy = prepare(&activity);
        now.set(ticks);
        activity.judge(30);
        activity.signal.get()
    }

    #[test]
    fn a_connection_is_closed_when_it_idles_or_dawdles_but_never_while_it_is_answered() {
        assert_eq!(signal_after(IDLE_TICKS_MAX, |_| None), None);
        assert_eq!(
            signal_after(IDLE_TICKS_MAX + 1, |_| None),
            Some(Signal::CloseIdle)
        );
        let head = |activity: &Rc<Activity>| {
            activity.head_bytes(b"GET / HT");
            None
        };
        assert_eq!(signal_after(30, head), None);
        assert_eq!(signal_after(31, head), Some(Signal::CloseSlow));
        assert_eq!(
            signal_after(10_000, |activity| Some(activity.begin())),
            None
        );
    }

    #[test]
    fn a_client_that_still_reads_is_not_idle_and_reading_does_not_excuse_a_slow_head() {
        let now = Rc::new(Cell::new(0));
        let activity = Activity::new(&now);
        drop(activity.begin());
        for tick in [50, 100, 150] {
            now.set(tick);
            activity.judge(30);
            assert_eq!(activity.signal.take(), None, "{tick}");
            activity.wrote();
        }
        activity.head_bytes(b"G");
        now.set(181);
        activity.wrote();
        activity.judge(30);
        assert_eq!(activity.signal.take(), Some(Signal::CloseSlow));
    }
}
