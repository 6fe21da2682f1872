//! An HTTP/2 client for stories that are told on one thread.
//!
//! hyper's client runs on a thread of its own; what is called here waits for it, with a deadline.
//! An HTTP library on this side only: frames by hand would be a library too.

use std::{
    convert::Infallible,
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, response::Parts};
use http_body_util::{BodyExt, Empty, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    runtime::{Builder, Handle},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

use crate::support::peer::WAIT_MAX;

type Said = UnsyncBoxBody<Bytes, Infallible>;

/// A connection.
pub(crate) struct Multiplexed {
    handle: Handle,
    sender: SendRequest<Said>,
    /// Dropping it ends the thread and with it the connection.
    _end: oneshot::Sender<()>,
}

/// One request and its answer.
pub(crate) struct Exchange {
    handle: Handle,
    said: Option<mpsc::Sender<Bytes>>,
    answer: Option<JoinHandle<hyper::Result<Response<Incoming>>>>,
    body: Option<Incoming>,
    heard: Vec<u8>,
}

// === impl Multiplexed ===

impl Multiplexed {
    /// Speaks HTTP/2 from the first byte.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::start(address, None)
    }

    /// Speaks it because TLS has agreed on it.
    pub(crate) fn connect_tls(address: SocketAddr, config: Arc<rustls::ClientConfig>) -> Self {
        Self::start(address, Some(config))
    }

    fn start(address: SocketAddr, tls: Option<Arc<rustls::ClientConfig>>) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        thread::spawn(move || {
            runtime.block_on(ended).ok();
            runtime.shutdown_background();
        });
        let tcp = TcpStream::connect(address).expect("a listener");
        tcp.set_nonblocking(true).expect("a live socket");
        let sender = handle.block_on(async {
            let tcp = tokio::net::TcpStream::from_std(tcp).expect("a live socket");
            let executor = TokioExecutor::new();
            let Some(config) = tls else {
                let (sender, connection) = http2::handshake(executor, TokioIo::new(tcp))
                    .await
                    .expect("HTTP/2");
                tokio::spawn(connection);
                return sender;
            };
            let name = "localhost".try_into().expect("a name");
            let tls = tokio_rustls::TlsConnector::from(config)
                .connect(name, tcp)
                .await;
            let tls = tls.expect("a handshake");
            assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            let (sender, connection) = http2::handshake(executor, TokioIo::new(tls))
                .await
                .expect("HTTP/2");
            tokio::spawn(connection);
            sender
        });
        Self {
            handle,
            sender,
            _end: end,
        }
    }

    /// Begins a request whose body is said later.
    pub(crate) fn open(&self, request: http::request::Builder) -> Exchange {
        let (said, mut saying) = mpsc::channel(1);
        let frames = stream::poll_fn(move |cx| {
            saying
                .poll_recv(cx)
                .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
        });
        let mut exchange = self.send(request, StreamBody::new(frames).boxed_unsync());
        exchange.said = Some(said);
        exchange
    }

    /// Sends a request without a body.
    pub(crate) fn get(&self, uri: &str) -> Exchange {
        self.send(Request::get(uri), Empty::new().boxed_unsync())
    }

    fn send(&self, request: http::request::Builder, body: Said) -> Exchange {
        let request = request.body(body).expect("a request");
        let mut sender = self.sender.clone();
        let answer = self
            .handle
            .spawn(async move { sender.send_request(request).await });
        Exchange {
            handle: self.handle.clone(),
            said: None,
            answer: Some(answer),
            body: None,
            heard: Vec::new(),
        }
    }
}

// === impl Exchange ===

impl Exchange {
    /// Sends `text` as part of the body.
    pub(crate) fn say(&self, text: impl Into<Bytes>) {
        assert!(self.try_say(text), "the gateway does not take it");
    }

    /// Sends `text`; `false` if it is not taken within the deadline, or the stream was reset.
    pub(crate) fn try_say(&self, text: impl Into<Bytes>) -> bool {
        self.say_within(text, WAIT_MAX)
    }

    /// The same with another deadline.
    pub(crate) fn say_within(&self, text: impl Into<Bytes>, deadline: Duration) -> bool {
        let said = self.said.as_ref().expect("an open body");
        let sending = async { timeout(deadline, said.send(text.into())).await };
        matches!(self.handle.block_on(sending), Ok(Ok(())))
    }

    /// Ends the request's body.
    pub(crate) fn finish(&mut self) {
        self.said = None;
    }

    /// The answer's head, which must have this status.
    pub(crate) fn status(&mut self, status: u16) -> Parts {
        let answer = self.answer.take().expect("asked once");
        let waiting = async { timeout(WAIT_MAX, answer).await };
        let answer = self
            .handle
            .block_on(waiting)
            .expect("in time")
            .expect("a task");
        let (parts, body) = answer.expect("an answer").into_parts();
        assert_eq!(parts.status, status, "{parts:?}");
        self.body = Some(body);
        parts
    }

    /// The next bytes of the body, which must be `text`.
    pub(crate) fn hears(&mut self, text: &str) {
        while self.heard.len() < text.len() {
            let frame = self.frame().expect("more of the body").expect("no cut");
            self.heard
                .extend_from_slice(&frame.into_data().expect("data"));
        }
        let rest = self.heard.split_off(text.len());
        assert_eq!(String::from_utf8_lossy(&self.heard), text);
        self.heard = rest;
    }

    /// What comes next of the body; nothing at its proper end.
    pub(crate) fn some(&mut self) -> Option<hyper::Result<Bytes>> {
        let frame = self.frame()?;
        Some(frame.map(|frame| frame.into_data().expect("data")))
    }

    /// How many bytes are left of the body, which must end properly.
    pub(crate) fn length_of_rest(&mut self) -> u64 {
        let mut length = self.heard.len() as u64;
        while let Some(frame) = self.frame() {
            let frame = frame.expect("no cut");
            length += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        length
    }

    /// The body ends properly, with these trailers.
    pub(crate) fn ends_with_trailers(&mut self) -> http::HeaderMap {
        let frame = self.frame().expect("trailers").expect("no cut");
        frame.into_trailers().expect("trailers")
    }

    /// The body is cut off by a reset of the stream.
    pub(crate) fn is_cut_off(&mut self) {
        let error = self.frame().expect("no proper end").expect_err("a cut");
        assert!(format!("{error:?}").contains("Reset"), "{error:?}");
    }

    /// Resets the stream before its answer.
    pub(crate) fn give_up(mut self) {
        self.answer.take().expect("no answer yet").abort();
    }

    fn frame(&mut self) -> Option<hyper::Result<Frame<Bytes>>> {
        let body = self.body.as_mut().expect("a head before the body");
        let waiting = async { timeout(WAIT_MAX, body.frame()).await };
        self.handle.block_on(waiting).expect("in time")
    }
}
