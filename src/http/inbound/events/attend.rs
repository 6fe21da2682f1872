//! The task of one open line with a socket of its own: notices when the client leaves, sends what
//! waits, speaks WebSocket, and closes.
//!
//! Deliberately absent: deciding what is sent ([`super::desk`]).

use std::{
    cell::RefCell,
    future::poll_fn,
    io::{self, Read, Write},
    net::Shutdown,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::timeout,
};
use tungstenite::{
    Message,
    error::{CapacityError, Error},
    protocol::{
        Role, WebSocketConfig, WebSocketContext,
        frame::{CloseFrame, Frame as WsFrame, coding::CloseCode},
    },
};

use crate::http::inbound::events::{
    frame,
    line::{End, Line, Wire},
};

/// How long an ended line's client has to take its last bytes and close its side.
const LINGER_MAX: Duration = Duration::from_secs(5);

/// Read at a time; clients of these lines have little to say.
const READ_BYTES: usize = 1024;

/// Bytes a client of server-sent events may send into the void before it is taken for broken.
const STRAY_BYTES_MAX: usize = 64 * 1024;

/// Longest message of a WebSocket client (spec: `events.md` 5.6).
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Reads in one turn, so that a client that never stops talking cannot hold the worker.
const READS_MAX: usize = 16;

/// What a client is told that sends a message (spec: `events.md` 5.6).
pub const ONE_WAY: &str = "This WebSocket endpoint cannot be used for two-way communication.";

/// Anything bytes pass through in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// A line's end at the client's side.
pub enum Wired {
    /// The socket is in the line, and the desk writes into it too.
    Own,
    /// TLS, or a stream of an HTTP/2 connection.
    Through(Box<dyn Duplex>),
}

/// Attends to `line` until it has ended and its last bytes are sent or given up. `early` are bytes
/// that were read already.
pub async fn attend(line: Rc<Line>, mut wired: Wired, early: Bytes) {
    let mut ear = Ear::new(line.wire());
    ear.hear(&line, &early);
    // Even empty it holds on to the whole buffer of hyper's connection.
    drop(early);
    let ended = poll_fn(|cx| turn(&line, &mut wired, &mut ear, cx)).await;
    if ended.is_abrupt() {
        return;
    }
    // Boxed: it must not make every line's task larger for the sake of its last seconds.
    drop(Box::pin(timeout(LINGER_MAX, part(&line, &mut wired))).await);
}

/// One turn of the task: send, listen.
fn turn(line: &Rc<Line>, wired: &mut Wired, ear: &mut Ear, cx: &mut Context<'_>) -> Poll<End> {
    line.register(cx);
    match poll_flush(line, wired, cx) {
        Poll::Ready(Ok(())) | Poll::Pending => {}
        Poll::Ready(Err(_gone)) => line.end(End::ClientGone),
    }
    if let Some(end) = line.end_reason() {
        // The rest is sent in `part`, under its time limit.
        return Poll::Ready(end);
    }
    let mut bytes = [0; READ_BYTES];
    for _read in 0..READS_MAX {
        match poll_read(line, wired, cx, &mut bytes) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(count @ 1..)) => {
                ear.hear(line, bytes.get(..count).unwrap_or_default());
            }
            Poll::Ready(Ok(0) | Err(_)) => line.end(End::ClientGone),
        }
        if let Some(end) = line.end_reason() {
            return Poll::Ready(end);
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Sends the last bytes, ends our half, waits for the client's.
async fn part(line: &Rc<Line>, wired: &mut Wired) -> io::Result<()> {
    poll_fn(|cx| poll_flush(line, wired, cx)).await?;
    match wired {
        Wired::Own => {
            if let Some(socket) = line.socket() {
                SockRef::from(socket).shutdown(Shutdown::Write)?;
            }
        }
        Wired::Through(stream) => poll_fn(|cx| Pin::new(&mut *stream).poll_shutdown(cx)).await?,
    }
    let mut bytes = [0; READ_BYTES];
    while poll_fn(|cx| poll_read(line, wired, cx, &mut bytes)).await? > 0 {}
    Ok(())
}

fn poll_flush(line: &Line, wired: &mut Wired, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    let stream = match wired {
        Wired::Own => return line.poll_flush(cx),
        Wired::Through(stream) => stream,
    };
    while !line.is_flushed() {
        let bytes = line.take();
        match Pin::new(&mut *stream).poll_write(cx, &bytes) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(written)) => line.put_back(bytes.slice(written..)),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => {
                line.put_back(bytes);
                return Poll::Pending;
            }
        }
    }
    Pin::new(stream).poll_flush(cx)
}

fn poll_read(
    line: &Line,
    wired: &mut Wired,
    cx: &mut Context<'_>,
    to: &mut [u8],
) -> Poll<io::Result<usize>> {
    match wired {
        Wired::Own => {
            let Some(socket) = line.socket() else {
                return Poll::Ready(Ok(0));
            };
            loop {
                ready!(socket.poll_read_ready(cx))?;
                match socket.try_read(to) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return Poll::Ready(read),
                }
            }
        }
        Wired::Through(stream) => {
            let mut to = ReadBuf::new(to);
            ready!(Pin::new(stream).poll_read(cx, &mut to))?;
            Poll::Ready(Ok(to.filled().len()))
        }
    }
}

/// Understands what the client says.
enum Ear {
    /// Nothing is expected.
    Deaf {
        /// Bytes that came all the same.
        stray: usize,
    },
    /// WebSocket; made when the client first says something, which most never do.
    WebSocket(Option<Box<WebSocketContext>>),
}

/// What the WebSocket library reads from and writes to.
struct Exchange<'a> {
    heard: &'a [u8],
    said: &'a RefCell<Vec<u8>>,
}

// === impl Ear ===

impl Ear {
    fn new(wire: Wire) -> Self {
        match wire {
            Wire::Sse { .. } => Self::Deaf { stray: 0 },
            Wire::WebSocket => Self::WebSocket(None),
        }
    }

    fn hear(&mut self, line: &Line, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Deaf { stray } => {
                *stray += bytes.len();
                if *stray > STRAY_BYTES_MAX {
                    line.end(End::Protocol);
                }
            }
            Self::WebSocket(context) => {
                line.heard();
                let context = context.get_or_insert_with(|| {
                    let config = WebSocketConfig::default()
                        .read_buffer_size(READ_BYTES)
                        .write_buffer_size(0)
                        .max_message_size(Some(MESSAGE_BYTES_MAX))
                        .max_frame_size(Some(MESSAGE_BYTES_MAX));
                    Box::new(WebSocketContext::new(Role::Server, Some(config)))
                });
                converse(line, context, bytes);
            }
        }
    }
}

/// Has the library read `bytes`; pongs go into the line's queue, whole, between its events.
fn converse(line: &Line, context: &mut WebSocketContext, bytes: &[u8]) {
    let said = RefCell::new(Vec::new());
    let mut exchange = Exchange {
        heard: bytes,
        said: &said,
    };
    let closing = loop {
        match context.read(&mut exchange) {
            Ok(Message::Ping(_) | Message::Frame(_)) => {}
            Ok(Message::Pong(_)) => {}
            Ok(Message::Text(_) | Message::Binary(_)) => {
                break Some(Some(close(CloseCode::Normal, ONE_WAY)));
            }
            // The library answers a close frame itself.
            Ok(Message::Close(_)) => break Some(None),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break None,
            Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => {
                break Some(Some(close(CloseCode::Size, "message too large")));
            }
            Err(Error::Utf8(_)) => break Some(Some(close(CloseCode::Invalid, "no UTF-8"))),
            Err(_violation) => break Some(Some(close(CloseCode::Protocol, ""))),
        }
    };
    if closing.is_some() {
        drop(context.flush(&mut exchange));
    }
    let said = Bytes::from(said.take());
    let mut scratch = Vec::new();
    if !said.is_empty() {
        line.send_raw(said, &mut scratch);
    }
    match closing {
        None => {}
        Some(None) => line.end_with(End::ClientClosed, Bytes::new()),
        Some(Some(close)) => {
            line.end_with(End::Protocol, frame::websocket(WsFrame::close(Some(close))));
        }
    }
}

fn close(code: CloseCode, reason: &'static str) -> CloseFrame {
    CloseFrame {
        code,
        reason: reason.into(),
    }
}

impl Read for Exchange<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.heard.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.heard.read(to)
    }
}

impl Write for Exchange<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.said.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
