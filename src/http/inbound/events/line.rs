//! One open line to a client: what is sent on it, and how it ends.
//!
//! Events are written straight into a plain socket while nothing waits; what the socket does not take
//! waits in the queue until the line's task ([`super::attend`]) or body ([`super::body`]) sends it.
//! Deliberately absent: subscriptions; those are the desk's.

use std::{
    cell::{Cell, OnceCell, RefCell},
    io,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use tokio::net::TcpStream;
use tungstenite::protocol::frame::{CloseFrame, Frame as WsFrame, coding::CloseCode};

use crate::http::inbound::{
    activity::{Activity, Signal},
    events::{
        frame::{self, Frame, KEY_CHARS, LAST_CHUNK, SSE_HEARTBEAT},
        queue::{Item, Queue},
    },
    worker::Open,
};

/// Most bytes written at once when a queue is emptied; so one line cannot hold its neighbours up.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// Largest event that is copied for a line, to be written with one call. Larger ones are shared, however
/// slow the lines are.
pub const COPY_BYTES_MAX: usize = 16 * 1024;

/// Pings a WebSocket client may leave unanswered: it is gone after three heartbeats, 45 s.
const PINGS_MAX: u8 = 2;

/// Seconds that a client has to take what was sent before its line ended. A socket of the line's own is
/// looked after by its task, for a little less.
const LINGER_TICKS: u8 = 6;

/// How the line speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Server-sent events; as chunks where we frame the body ourselves.
    Sse {
        /// Each event is a chunk.
        chunked: bool,
    },
    /// WebSocket messages.
    WebSocket,
}

/// Why a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The client closed without a word, or the network did.
    ClientGone,
    /// The client said good-bye.
    ClientClosed,
    /// The client does not read as fast as its events come.
    SlowConsumer,
    /// Its session was revoked.
    SessionKilled,
    /// Its token has expired.
    TokenExpired,
    /// The node stops.
    Shutdown,
    /// The client broke the rules of its protocol.
    Protocol,
}

/// A line.
pub struct Line {
    /// Names the connection in the `id` of its events; unguessable.
    pub key: [u8; KEY_CHARS],
    wire: Wire,
    /// A plain socket that is ours; others are written by the task or body.
    socket: OnceCell<TcpStream>,
    /// The HTTP/1.1 connection whose answer it is, where it has no socket of its own.
    connection: OnceCell<Rc<Activity>>,
    queue: RefCell<Queue>,
    queue_bytes_max: usize,
    task: RefCell<Option<Waker>>,
    end: Cell<Option<End>>,
    /// WebSocket pings since the client's last sign of life.
    pings: Cell<u8>,
    /// Ticks since the line has ended.
    lingered: Cell<u8>,
    /// The line's place among the open connections.
    _open: Rc<Open>,
}

// === impl Wire ===

impl Wire {
    /// Its name in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Sse { .. } => "sse",
            Self::WebSocket => "ws",
        }
    }

    /// Whether the gateway's last event can be told as an event.
    pub const fn is_sse(self) -> bool {
        match self {
            Self::Sse { .. } => true,
            Self::WebSocket => false,
        }
    }
}

// === impl End ===

impl End {
    /// Its name in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ClientGone => "client_gone",
            Self::ClientClosed => "client_closed",
            Self::SlowConsumer => "slow_consumer",
            Self::SessionKilled => "session_killed",
            Self::TokenExpired => "token_expired",
            Self::Shutdown => "shutdown",
            Self::Protocol => "protocol",
        }
    }

    /// Nothing more can reach the client.
    pub const fn is_abrupt(self) -> bool {
        matches!(self, Self::ClientGone | Self::SlowConsumer)
    }
}

// === impl Line ===

impl Line {
    /// A line without a socket; what is sent waits.
    pub fn new(
        key: [u8; KEY_CHARS],
        wire: Wire,
        queue_bytes_max: usize,
        open: Rc<Open>,
    ) -> Rc<Self> {
        Rc::new(Self {
            key,
            wire,
            socket: OnceCell::new(),
            connection: OnceCell::new(),
            queue: RefCell::default(),
            queue_bytes_max,
            task: RefCell::new(None),
            end: Cell::new(None),
            pings: Cell::new(0),
            lingered: Cell::new(0),
            _open: open,
        })
    }

    /// How the line speaks.
    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// Gives the line its own socket.
    pub fn attach(&self, socket: TcpStream) {
        drop(self.socket.set(socket));
    }

    /// The line's own socket.
    pub fn socket(&self) -> Option<&TcpStream> {
        self.socket.get()
    }

    /// Why it ends, once it does.
    pub fn end_reason(&self) -> Option<End> {
        self.end.get()
    }

    /// The line is one answer of a connection that is not its own.
    pub fn set_connection(&self, connection: Rc<Activity>) {
        drop(self.connection.set(connection));
    }

    /// Whether the line has ended and its client gets nothing more, or has had its time to take the
    /// rest. Asked once a second.
    pub fn is_given_up(&self) -> bool {
        let Some(end) = self.end.get() else {
            return false;
        };
        let lingered = self.lingered.get().saturating_add(1);
        self.lingered.set(lingered);
        end.is_abrupt() || lingered > LINGER_TICKS
    }

    /// Forgets what was not sent, and closes the connection of which the line was an answer, if it
    /// carries one answer at a time.
    pub fn give_up(&self) {
        let mut queue = self.queue.borrow_mut();
        queue.clear();
        queue.drop_begun();
        drop(queue);
        self.wake();
        if let Some(connection) = self.connection.get() {
            connection.send(Signal::CloseIdle);
        }
    }

    /// Bytes that wait.
    pub fn queued_bytes(&self) -> usize {
        self.queue.borrow().bytes()
    }

    /// Sends an event, now or later.
    pub fn send(&self, event: &Rc<Frame>, scratch: &mut Vec<u8>) {
        self.put(Item::Event(Rc::clone(event)), scratch);
    }

    /// Keeps the line alive. A WebSocket client that answers no ping is gone; for the other lines
    /// the system's own limit on unacknowledged bytes decides.
    pub fn heartbeat(&self, scratch: &mut Vec<u8>) {
        let beat = match self.wire {
            Wire::Sse { chunked } => frame::chunk(SSE_HEARTBEAT, chunked).into(),
            Wire::WebSocket => {
                if !may_ping(&self.pings) {
                    return self.end(End::ClientGone);
                }
                frame::websocket(WsFrame::ping(Bytes::new()))
            }
        };
        self.put(Item::Raw(beat), scratch);
    }

    /// Sends bytes that are framed already.
    pub fn send_raw(&self, bytes: Bytes, scratch: &mut Vec<u8>) {
        self.put(Item::Raw(bytes), scratch);
    }

    /// The client gave a sign of life.
    pub fn heard(&self) {
        self.pings.set(0);
    }

    fn put(&self, item: Item, scratch: &mut Vec<u8>) {
        if self.end.get().is_some() {
            return;
        }
        let mut queue = self.queue.borrow_mut();
        let is_small = item.bytes() <= COPY_BYTES_MAX;
        if let (true, true, Some(socket)) = (is_small, queue.is_empty(), self.socket.get()) {
            scratch.clear();
            self.encode(&item, scratch);
            match socket.try_write(scratch) {
                Ok(written) if written == scratch.len() => return,
                Ok(written) => {
                    let rest = scratch.get(written..).unwrap_or_default();
                    queue.put_back(Bytes::copy_from_slice(rest));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => queue.push(item),
                Err(_gone) => {
                    drop(queue);
                    return self.end(End::ClientGone);
                }
            }
        } else {
            queue.push(item);
        }
        // One event alone may be larger than the queue: otherwise it could never be delivered.
        let is_full = queue.bytes_behind_first() > self.queue_bytes_max;
        drop(queue);
        if is_full {
            self.end(End::SlowConsumer);
        }
        self.wake();
    }

    /// Ends the line, after what waits has been sent unless that cannot be.
    pub fn end(&self, reason: End) {
        let last = match self.wire {
            Wire::Sse { chunked: true } => Bytes::from_static(LAST_CHUNK),
            Wire::Sse { chunked: false } => Bytes::new(),
            Wire::WebSocket => frame::websocket(WsFrame::close(Some(farewell(reason)))),
        };
        self.end_with(reason, last);
    }

    /// Ends the line with these last bytes.
    pub fn end_with(&self, reason: End, last: Bytes) {
        if self.end.get().is_some() {
            return;
        }
        self.end.set(Some(reason));
        let mut queue = self.queue.borrow_mut();
        if reason.is_abrupt() {
            queue.clear();
            // A half-written frame cannot be completed for a client that takes nothing.
            queue.drop_begun();
        } else if !last.is_empty() {
            queue.push(Item::Raw(last));
        }
        drop(queue);
        self.wake();
    }

    fn wake(&self) {
        if let Some(task) = self.task.borrow().as_ref() {
            task.wake_by_ref();
        }
    }

    /// Has the task of `cx` woken when there is something to send, or the line ends.
    pub fn register(&self, cx: &Context<'_>) {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
    }

    /// Takes what waits, as bytes, at most about `WRITE_BYTES_MAX`; empty if nothing does.
    pub fn take(&self) -> Bytes {
        let mut queue = self.queue.borrow_mut();
        let begun = queue.take_begun(WRITE_BYTES_MAX);
        if !begun.is_empty() {
            return begun;
        }
        let is_small = |item: &Item| item.bytes() <= COPY_BYTES_MAX;
        let mut bytes = Vec::new();
        while bytes.len() < WRITE_BYTES_MAX
            && queue.first().is_some_and(is_small)
            && let Some(item) = queue.pop()
        {
            self.encode(&item, &mut bytes);
        }
        if bytes.is_empty()
            && let Some(item) = queue.pop()
        {
            queue.begin(self.pieces(item));
            return queue.take_begun(WRITE_BYTES_MAX);
        }
        bytes.into()
    }

    /// Gives back what [`take`](Self::take) gave and the socket did not take.
    pub fn put_back(&self, rest: Bytes) {
        self.queue.borrow_mut().put_back(rest);
    }

    /// Nothing waits.
    pub fn is_flushed(&self) -> bool {
        self.queue.borrow().is_empty()
    }

    /// Writes what waits into the line's own socket, as far as it takes it.
    ///
    /// # Errors
    /// The socket's.
    pub fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(socket) = self.socket.get() else {
            return Poll::Ready(Ok(()));
        };
        while !self.is_flushed() {
            std::task::ready!(socket.poll_write_ready(cx))?;
            let bytes = self.take();
            match socket.try_write(&bytes) {
                Ok(written) => self.put_back(bytes.slice(written..)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.put_back(bytes),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn pieces(&self, item: Item) -> [Bytes; 3] {
        match (item, self.wire) {
            (Item::Raw(bytes), _) => [bytes, Bytes::new(), Bytes::new()],
            (Item::Event(frame), Wire::Sse { chunked }) => {
                frame.parts_sse(&self.key, chunked).into_pieces()
            }
            (Item::Event(frame), Wire::WebSocket) => frame.parts_websocket().into_pieces(),
        }
    }

    fn encode(&self, item: &Item, to: &mut Vec<u8>) {
        match (item, self.wire) {
            (Item::Raw(bytes), _) => to.extend_from_slice(bytes),
            (Item::Event(frame), Wire::Sse { chunked }) => frame.write_sse(&self.key, chunked, to),
            (Item::Event(frame), Wire::WebSocket) => frame.write_websocket(to),
        }
    }
}

/// What a WebSocket client is told at the end (spec: `events.md` 5.6).
fn farewell(reason: End) -> CloseFrame {
    let (code, reason) = match reason {
        End::SessionKilled => (CloseCode::Normal, "Session killed."),
        End::TokenExpired => (CloseCode::Policy, "Token expired."),
        End::Shutdown => (CloseCode::Restart, "The server restarts."),
        End::Protocol => (CloseCode::Protocol, ""),
        End::ClientGone | End::ClientClosed => (CloseCode::Normal, ""),
        End::SlowConsumer => (CloseCode::Policy, "Too slow."),
    };
    CloseFrame {
        code,
        reason: reason.into(),
    }
}

/// Counts one more ping without a sign of life since; not if there are as many as may be.
fn may_ping(unanswered: &Cell<u8>) -> bool {
    let may = unanswered.get() < PINGS_MAX;
    if may {
        unanswered.set(unanswered.get() + 1);
    }
    may
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_given_up_after_two_pings_without_a_sign_of_life() {
        let unanswered = Cell::new(0);
        assert_eq!(
            [(); 4].map(|()| may_ping(&unanswered)),
            [true, true, false, false]
        );
        let unanswered = Cell::new(0);
        for _beat in 0..300 {
            assert!(
                may_ping(&unanswered),
                "it is never given up if it answers every ping"
            );
            // What Line::heard does.
            unanswered.set(0);
        }
    }
}
