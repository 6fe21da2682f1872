//! The client's body on its way to the target: streamed, counted, limited.
//!
//! The target's connection pulls it, so a slow target slows the client and nothing piles up here.
//! What ended it is left in [`Progress`], where the handler finds out why sending failed.

use std::{
    cell::{Cell, RefCell},
    io::ErrorKind,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};

/// How far a request body has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// More may come.
    Sending,
    /// All of it was taken by the target's connection.
    Done,
    /// Longer than allowed.
    TooLarge,
    /// The client paused longer than `BODY_TIMEOUT`.
    TimedOut,
    /// The client's framing was wrong.
    Malformed,
    /// The client broke off.
    Broken,
    /// The target's connection takes no more: it has failed, or its answer is over.
    Abandoned,
    /// The target took nothing for longer than `BODY_TIMEOUT`.
    Stalled,
}

/// Why a body ended early, as the target's connection is told.
#[derive(Debug, thiserror::Error)]
pub enum BodyFailure {
    /// See [`State::TooLarge`].
    #[error("the request body is larger than allowed")]
    TooLarge,
    /// See [`State::TimedOut`].
    #[error("the client paused too long within its body")]
    TimedOut,
    /// See [`State::Malformed`] and [`State::Broken`].
    #[error("the client broke off or framed its body wrongly: {0}")]
    Client(#[from] hyper::Error),
    /// See [`State::Broken`].
    #[error("the client reset its stream")]
    Reset,
}

/// Shared between a body and the handler that waits for the answer.
#[derive(Debug)]
pub struct Progress {
    state: Cell<State>,
    bytes: Cell<u64>,
    /// It is the client that is waited for.
    client_pauses: Cell<bool>,
    /// Bytes passed on when it was judged last, and since how many ticks it is as many.
    judged: Cell<(u64, u64)>,
    waiting: RefCell<Option<Waker>>,
}

/// A request body as the target's connection pulls it.
#[derive(Debug)]
pub enum RequestBody {
    /// There is none.
    Empty,
    /// Streams from the client. Boxed, because most requests have none and every one is moved.
    Streaming(Box<Streaming>),
}

/// The parts of a streaming body.
#[derive(Debug)]
pub struct Streaming {
    inner: Incoming,
    multiplexed: bool,
    progress: Rc<Progress>,
    bytes_max: u64,
    pause_max: Option<Duration>,
    /// Runs while the client is silent; made at the first silence.
    pause: Option<Pin<Box<Sleep>>>,
}

// === impl Progress ===

impl Progress {
    /// How far the body has come.
    pub fn state(&self) -> State {
        self.state.get()
    }

    /// Bytes passed on so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Wakes the task of `cx` when the body ends.
    pub fn wake_at_end(&self, cx: &Context<'_>) {
        self.waiting.replace(Some(cx.waker().clone()));
    }

    /// Judges whether the target still takes the body; called once a tick. `false`: it is over.
    pub fn judge(&self, pause_ticks_max: u64) -> bool {
        let (bytes, ticks) = self.judged.get();
        let moves = self.client_pauses.get() || bytes != self.bytes.get();
        let ticks = if moves { 0 } else { ticks + 1 };
        self.judged.set((self.bytes.get(), ticks));
        if self.state() == State::Sending && ticks > pause_ticks_max {
            self.end(State::Stalled);
        }
        self.state() == State::Sending
    }

    fn end(&self, state: State) {
        self.state.set(state);
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }
}

// === impl RequestBody ===

impl RequestBody {
    /// Wraps what the client sends; `None` as progress means there is no body. `multiplexed`: the
    /// client speaks HTTP/2.
    pub fn new(
        inner: Incoming,
        multiplexed: bool,
        bytes_max: Option<u64>,
        pause_max: Option<Duration>,
    ) -> (Self, Option<Rc<Progress>>) {
        if inner.is_end_stream() {
            return (Self::Empty, None);
        }
        let progress = Rc::new(Progress {
            state: Cell::new(State::Sending),
            bytes: Cell::new(0),
            client_pauses: Cell::new(false),
            judged: Cell::new((0, 0)),
            waiting: RefCell::new(None),
        });
        let streaming = Streaming {
            inner,
            multiplexed,
            progress: Rc::clone(&progress),
            bytes_max: bytes_max.unwrap_or(u64::MAX),
            pause_max,
            pause: None,
        };
        (Self::Streaming(Box::new(streaming)), Some(progress))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Streaming(streaming) => streaming.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Streaming(streaming) => streaming.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Streaming(streaming) => streaming.inner.size_hint(),
        }
    }
}

// === impl Streaming ===

impl Streaming {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        let next = Pin::new(&mut self.inner).poll_frame(cx);
        self.progress.client_pauses.set(next.is_pending());
        let Poll::Ready(next) = next else {
            return self.poll_pause(cx);
        };
        self.pause = None;
        match next {
            // hyper takes a stream that was reset without an error for one that has ended.
            None if self.multiplexed && !self.inner.is_end_stream() => {
                self.progress.end(State::Broken);
                Poll::Ready(Some(Err(BodyFailure::Reset)))
            }
            None => {
                self.progress.end(State::Done);
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                let state = if is_malformed(&error) {
                    State::Malformed
                } else {
                    State::Broken
                };
                self.progress.end(state);
                Poll::Ready(Some(Err(error.into())))
            }
            Some(Ok(frame)) => {
                let Some(data) = frame.data_ref() else {
                    // Trailers end a body, and are not passed on (RFC 9110, 6.5.1).
                    self.progress.end(State::Done);
                    return Poll::Ready(None);
                };
                let bytes = self.progress.bytes.get() + data.len() as u64;
                if bytes > self.bytes_max {
                    self.progress.end(State::TooLarge);
                    return Poll::Ready(Some(Err(BodyFailure::TooLarge)));
                }
                self.progress.bytes.set(bytes);
                if self.inner.is_end_stream() {
                    self.progress.end(State::Done);
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn poll_pause(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        let Some(pause_max) = self.pause_max else {
            return Poll::Pending;
        };
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(pause_max)));
        ready!(pause.as_mut().poll(cx));
        self.progress.end(State::TimedOut);
        Poll::Ready(Some(Err(BodyFailure::TimedOut)))
    }
}

impl Drop for Streaming {
    /// Nothing more is awaited.
    fn drop(&mut self) {
        if self.progress.state() == State::Sending {
            self.progress.end(State::Abandoned);
        }
    }
}

/// Chunks were wrong, rather than the connection. hyper tells only by the kind of the I/O error
/// inside.
fn is_malformed(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error);
    let io = source.and_then(|source| source.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| matches!(io.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidData))
}

/// Waits until `deadline` after the body has been sent, for use beside the wait for an answer.
pub struct AfterBody {
    progress: Option<Rc<Progress>>,
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl AfterBody {
    /// Completes `limit` after `progress` has ended (at once counted, if there is no body), or as
    /// soon as it has stalled.
    pub fn new(progress: Option<Rc<Progress>>, limit: Duration) -> Self {
        Self {
            progress,
            limit,
            sleep: None,
        }
    }

    /// Ready when the time is over.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(progress) = &self.progress {
            match progress.state() {
                State::Sending => {
                    progress.wake_at_end(cx);
                    return Poll::Pending;
                }
                State::Stalled => return Poll::Ready(()),
                State::Done
                | State::TooLarge
                | State::TimedOut
                | State::Malformed
                | State::Broken
                | State::Abandoned => self.progress = None,
            }
        }
        let limit = self.limit;
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + limit)));
        sleep.as_mut().poll(cx)
    }
}
