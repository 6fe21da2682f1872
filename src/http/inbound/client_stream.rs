//! A client's byte stream, plain or TLS, watched while a request head arrives.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use crate::http::inbound::activity::Activity;

/// What hyper reads and writes.
#[derive(Debug)]
pub struct ClientStream {
    transport: Transport,
    watch: Watch,
}

/// The connection under the stream.
#[derive(Debug)]
pub enum Transport {
    /// Without TLS.
    Plain(TcpStream),
    /// With TLS. Boxed: the session state is large.
    Tls(Box<TlsStream<TcpStream>>),
}

/// How long a client of a stream of events may leave sent bytes unacknowledged before the system gives
/// it up; with a heartbeat every 15 s, a client that vanished is noticed within 75 s.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(60);

/// A handle on the connection's [`Activity`]. hyper wants a `Send` stream for upgrades although
/// nothing here leaves its thread; `send_wrapper` checks that instead of promising it.
type Watch = send_wrapper::SendWrapper<Rc<Activity>>;

/// Looks for both `transfer-encoding` and `content-length` in one head. hyper would silently
/// prefer the former; RFC 9112, 6.1 allows refusing, which leaves no room for two readings. Of
/// requests sent ahead of their predecessors' answers it sees only the first, and hyper's rule holds.
#[derive(Debug, Default)]
pub struct HeadScan {
    transfer_encoding: Cell<bool>,
    content_length: Cell<bool>,
    /// Part of the request line has arrived; empty lines before it do not count (RFC 9112, 2.2).
    begun: Cell<bool>,
    over: Cell<bool>,
    /// How a line began whose end has not arrived yet.
    open: Cell<LineStart>,
}

/// The first bytes of a line: as many as it takes to know its name.
#[derive(Debug, Default, Clone, Copy)]
struct LineStart {
    bytes: [u8; TRANSFER_ENCODING.len()],
    length: usize,
}

const TRANSFER_ENCODING: &[u8] = b"transfer-encoding:";
const CONTENT_LENGTH: &[u8] = b"content-length:";

// === impl ClientStream ===

impl ClientStream {
    /// A plain connection.
    pub fn plain(stream: TcpStream, activity: Rc<Activity>) -> Self {
        Self {
            transport: Transport::Plain(stream),
            watch: Watch::new(activity),
        }
    }

    /// A TLS connection.
    pub fn tls(stream: TlsStream<TcpStream>, activity: Rc<Activity>) -> Self {
        Self {
            transport: Transport::Tls(Box::new(stream)),
            watch: Watch::new(activity),
        }
    }

    /// The connection, no longer watched.
    pub fn into_transport(self) -> Transport {
        self.transport
    }

    /// Has the system close the connection with a reset, not with an end.
    pub fn reset_when_closed(&self) {
        // A socket that refuses is closed already.
        drop(SockRef::from(self.transport.tcp()).set_linger(Some(Duration::ZERO)));
    }

    /// Something was written, or cannot be.
    fn wrote(&self) {
        self.watch.wrote();
        if self.watch.takes_stream() {
            self.transport.bound_unacknowledged();
        }
    }
}

// === impl Transport ===

impl Transport {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    /// Has the system give up a client that does not acknowledge what it is sent. For streams of events
    /// only: another answer may rest as long as its client likes.
    pub fn bound_unacknowledged(&self) {
        // A system that does not know this limit has others, later ones.
        drop(SockRef::from(self.tcp()).set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX)));
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Transport::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        if self.watch.expects_head()
            && let Some(bytes) = buf.filled().get(before..)
            && !bytes.is_empty()
        {
            self.watch.head_bytes(bytes);
        }
        result
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        };
        if result.is_ready() {
            self.wrote();
        }
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        };
        if result.is_ready() {
            self.wrote();
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(stream) => stream.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

// === impl HeadScan ===

impl HeadScan {
    /// More of a head arrived.
    pub fn feed(&self, bytes: &[u8]) {
        let mut rest = bytes;
        while !self.over.get() && !rest.is_empty() {
            let mut open = self.open.take();
            let Some(end) = memchr::memchr(b'\n', rest) else {
                open.extend(rest);
                self.open.set(open);
                return;
            };
            let (line, after) = rest.split_at(end);
            if open.length == 0 {
                self.judge(line);
            } else {
                open.extend(line);
                self.judge(open.as_bytes());
            }
            rest = after.get(1..).unwrap_or_default();
        }
    }

    /// Looks at the start of a line that is whole.
    fn judge(&self, line: &[u8]) {
        match line {
            [] | [b'\r'] => self.over.set(self.begun.get()),
            [b't' | b'T', ..] if starts_with(line, TRANSFER_ENCODING) => {
                self.transfer_encoding.set(true);
            }
            [b'c' | b'C', ..] if starts_with(line, CONTENT_LENGTH) => self.content_length.set(true),
            _ => self.begun.set(true),
        }
    }

    /// Two ways to frame the body were given.
    pub fn is_ambiguous(&self) -> bool {
        self.transfer_encoding.get() && self.content_length.get()
    }

    /// The next head begins.
    pub fn reset(&self) {
        self.transfer_encoding.set(false);
        self.content_length.set(false);
        self.begun.set(false);
        self.over.set(false);
        self.open.take();
    }
}

// === impl LineStart ===

impl LineStart {
    fn extend(&mut self, bytes: &[u8]) {
        let room = self.bytes.iter_mut().skip(self.length);
        for (place, byte) in room.zip(bytes) {
            *place = *byte;
            self.length += 1;
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

fn starts_with(bytes: &[u8], lower_case: &[u8]) -> bool {
    bytes
        .get(..lower_case.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(lower_case))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ambiguous(reads: &[&str]) -> bool {
        let scan = HeadScan::default();
        for read in reads {
            scan.feed(read.as_bytes());
        }
        scan.is_ambiguous()
    }

    #[test]
    fn a_head_with_both_framings_is_noticed() {
        for reads in [
            &["POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncontent-length: 3\r\n\r\n"][..],
            &["POST / HTTP/1.1\r\ncontent-length: 3\r\nTRANSFER-ENCODING: x\r\n\r\n"],
            &["POST / HTTP/1.1\ncontent-length: 3\ntransfer-encoding: x\n\n"],
            &["\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: x\r\n\r\n"],
        ] {
            assert!(is_ambiguous(reads), "{reads:?}");
        }
    }

    #[test]
    fn it_is_noticed_however_it_arrives() {
        let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        for at in 0..head.len() {
            let (first, second) = head.split_at(at);
            assert!(is_ambiguous(&[first, second]), "{first:?} {second:?}");
        }
        let bytes: Vec<&str> = head.split("").collect();
        assert!(is_ambiguous(&bytes));
    }

    #[test]
    fn a_head_with_one_framing_or_similar_names_is_not_ambiguous() {
        for head in [
            "POST / HTTP/1.1\r\ncontent-length: 3\r\nx-transfer-encoding: x\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: x\r\ncontent-lengths: 3\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: x\r\nx: content-length: 3\r\n\r\n",
        ] {
            assert!(!is_ambiguous(&[head]), "{head:?}");
            let bytes: Vec<&str> = head.split("").collect();
            assert!(!is_ambiguous(&bytes), "{head:?}");
        }
    }

    #[test]
    fn what_a_body_says_does_not_matter() {
        assert!(!is_ambiguous(&[
            "POST / HTTP/1.1\r\ncontent-length: 3\r\n",
            "\r\ntransfer-encoding: x"
        ]));
        assert!(!is_ambiguous(&[
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\n\ncontent-length: 3\r\n"
        ]));
    }
}
