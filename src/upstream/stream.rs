//! A byte stream to a target, plain or TLS, as hyper reads and writes it.
//!
//! A target may answer before it has read all of a request, and then reset the connection. hyper
//! would take the write that fails first for the end, and drop an answer that has arrived. Here a
//! write fails only after reading has come to its end.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// An open connection to a target. Counted in the gauge it was made with while it lives.
#[derive(Debug)]
pub struct UpstreamStream {
    transport: Transport,
    /// Nothing more can be read.
    read_over: bool,
    connections: prometheus::IntGauge,
}

#[derive(Debug)]
enum Transport {
    Plain(TcpStream),
    /// Boxed: the session state is large, and most targets are plain.
    Tls(Box<TlsStream<TcpStream>>),
}

// === impl UpstreamStream ===

impl UpstreamStream {
    /// A plain connection.
    pub fn plain(stream: TcpStream, connections: prometheus::IntGauge) -> Self {
        Self::new(Transport::Plain(stream), connections)
    }

    /// A TLS connection.
    pub fn tls(stream: TlsStream<TcpStream>, connections: prometheus::IntGauge) -> Self {
        Self::new(Transport::Tls(Box::new(stream)), connections)
    }

    fn new(transport: Transport, connections: prometheus::IntGauge) -> Self {
        connections.inc();
        Self {
            transport,
            read_over: false,
            connections,
        }
    }

    /// Passes on what writing gave, unless it is the news that the target is gone and something may
    /// be left to read. The reader is woken then, which is the writer's task too.
    fn written<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match result {
            Poll::Ready(Err(error)) if !self.read_over && is_gone(&error) => Poll::Pending,
            other => other,
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

impl Drop for UpstreamStream {
    fn drop(&mut self) {
        self.connections.dec();
    }
}

impl AsyncRead for UpstreamStream {
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
        if result.is_ready() && buf.filled().len() == before {
            self.read_over = true;
        }
        result
    }
}

impl AsyncWrite for UpstreamStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        };
        self.written(result)
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
        self.written(result)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(stream) => stream.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        };
        self.written(result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
