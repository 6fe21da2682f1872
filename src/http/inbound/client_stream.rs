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

#[derive(Debug)]
enum Transport {
    Plain(TcpStream),
    /// Boxed: the session state is large.
    Tls(Box<TlsStream<TcpStream>>),
}

/// A handle on the connection's [`Activity`]. hyper wants a `Send` stream for upgrades although
/// nothing here leaves its thread; `send_wrapper` checks that instead of promising it.
type Watch = send_wrapper::SendWrapper<Rc<Activity>>;

/// Looks for both `transfer-encoding` and `content-length` in one head. hyper would silently
/// prefer the former; RFC 9112, 6.1 allows refusing, which leaves no room for two readings.
#[derive(Debug, Default)]
pub struct HeadScan {
    transfer_encoding: Cell<bool>,
    content_length: Cell<bool>,
    /// The head has ended.
    over: Cell<bool>,
    /// The last read ended with a line.
    at_line_start: Cell<bool>,
}

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

    /// Has the system close the connection with a reset, not with an end.
    pub fn reset_when_closed(&self) {
        let tcp = match &self.transport {
            Transport::Plain(stream) => stream,
            Transport::Tls(stream) => stream.get_ref().0,
        };
        // A socket that refuses is closed already.
        drop(SockRef::from(tcp).set_linger(Some(Duration::ZERO)));
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
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Transport::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
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
    /// More of a head arrived. A field name that is split over two reads is missed; hyper's own
    /// rule (chunked wins, the length is dropped and the target gets a fresh framing) still holds.
    pub fn feed(&self, bytes: &[u8]) {
        if self.at_line_start.get() {
            self.line(bytes);
        }
        let mut rest = bytes;
        while !self.over.get()
            && let Some(end) = memchr::memchr(b'\n', rest)
        {
            rest = rest.get(end + 1..).unwrap_or_default();
            self.line(rest);
        }
        self.at_line_start.set(bytes.last() == Some(&b'\n'));
    }

    /// Looks at what stands at the start of a line.
    fn line(&self, line: &[u8]) {
        match line.first() {
            Some(b't' | b'T') if starts_with(line, b"transfer-encoding:") => {
                self.transfer_encoding.set(true);
            }
            Some(b'c' | b'C') if starts_with(line, b"content-length:") => {
                self.content_length.set(true);
            }
            Some(b'\r' | b'\n') => self.over.set(true),
            Some(_) | None => {}
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
        self.over.set(false);
        self.at_line_start.set(false);
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
            &[
                "POST / HTTP/1.1\r\ncontent-length: 3\r\n",
                "\r\ntransfer-encoding: x\r\n\r\n",
            ],
        ] {
            let expected = reads.len() == 1;
            assert_eq!(is_ambiguous(reads), expected, "{reads:?}");
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
