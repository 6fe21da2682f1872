//! One client connection: HTTP/1.1 or HTTP/2, until it is closed, told to close, or too slow.

use std::{convert::Infallible, future::poll_fn, pin::Pin, rc::Rc, task::Poll};

use http::{HeaderValue, StatusCode, header::CONNECTION};
use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{io::AsyncWriteExt, time::timeout};

use crate::{
    http::inbound::{
        activity::{Activity, Signal},
        client_stream::ClientStream,
        forward,
        peer::Peer,
        worker::{Open, Worker},
    },
    telemetry::health::Phase,
};

/// Streams a client may have open at once on one HTTP/2 connection (nginx: 128, Envoy: 100).
const H2_STREAMS_MAX: u32 = 128;

/// An HTTP/2 client that does not answer a ping within [`H2_PING_TIMEOUT`] is gone.
const H2_PING_INTERVAL: std::time::Duration = std::time::Duration::from_secs(30);
const H2_PING_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// What a slow head gets before its connection is closed.
const SLOW_HEAD: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// How long the last bytes of a connection may take; they fit into an empty send buffer.
const FAREWELL_MAX: std::time::Duration = std::time::Duration::from_secs(1);

/// What every request of one connection is handled with.
pub struct Client {
    /// The worker that owns the connection.
    pub worker: Rc<Worker>,
    /// Who is at the other end.
    pub peer: Rc<Peer>,
    /// What the connection is doing.
    pub activity: Rc<Activity>,
    /// Its place among the open connections; a tunnel takes a share of it along.
    pub open: Rc<Open>,
}

/// How serving HTTP/1.1 ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// hyper closed the connection, or gave it away.
    Over,
    /// It is open, and there is nothing on it.
    Idle,
    /// It is open, and has part of a head on it.
    Slow,
}

/// The futures of HTTP/2 streams run on the connection's own thread.
#[derive(Debug, Clone, Copy)]
struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor
where
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        actix_rt::spawn(future);
    }
}

/// Serves HTTP/1.1 on `stream`.
pub async fn serve_http1(client: Client, stream: ClientStream) {
    let settings = &client.worker.shared.settings;
    let mut builder = http1::Builder::new();
    builder.max_header_size(settings.header_bytes_max);
    builder.max_buf_size(settings.header_bytes_max.max(BUFFER_BYTES_MIN));
    let client = Rc::new(client);
    let activity = Rc::clone(&client.activity);
    let service = service_fn(move |request| {
        let client = Rc::clone(&client);
        async move {
            let mut response = forward::handle(Rc::clone(&client), request).await;
            if client.worker.shared.health.phase() == Phase::Draining
                && response.status() != StatusCode::SWITCHING_PROTOCOLS
            {
                // So that the client's next request goes to another node.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = builder
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let end = poll_fn(|cx| {
        // First what has arrived, so that a signal meets the true state.
        if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
            if let Err(error) = ended {
                log::debug!("a client connection ended: {error}");
            }
            return Poll::Ready(End::Over);
        }
        match activity.poll_signal(cx) {
            None => Poll::Pending,
            // hyper would wait for a first request, and would drop a later one that has only begun.
            Some(Signal::Drain) if activity.is_unused() => Poll::Ready(End::Idle),
            Some(Signal::Drain) if activity.is_in_head() => Poll::Pending,
            Some(Signal::Drain) => {
                Pin::new(&mut connection).graceful_shutdown();
                Pin::new(&mut connection).poll(cx).map(|_ended| End::Over)
            }
            Some(Signal::CloseIdle) => Poll::Ready(End::Idle),
            Some(Signal::CloseSlow) => Poll::Ready(End::Slow),
        }
    })
    .await;
    if end == End::Over {
        return;
    }
    if let Some(parts) = connection.into_parts() {
        let mut stream = parts.io.into_inner();
        let farewell = async {
            if end == End::Slow {
                stream.write_all(SLOW_HEAD).await?;
            }
            stream.shutdown().await
        };
        // The client may be gone, or not listen; then nobody needs the answer.
        drop(timeout(FAREWELL_MAX, farewell).await);
    }
}

/// Serves HTTP/2 on `stream`.
pub async fn serve_http2(client: Client, stream: ClientStream) {
    client.activity.set_multiplexed();
    let settings = &client.worker.shared.settings;
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(H2_PING_INTERVAL)
        .keep_alive_timeout(H2_PING_TIMEOUT)
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_header_list_size(u32::try_from(settings.header_bytes_max).unwrap_or(u32::MAX));
    let client = Rc::new(client);
    let activity = Rc::clone(&client.activity);
    let service = service_fn(move |request| {
        let client = Rc::clone(&client);
        async move { Ok::<_, Infallible>(forward::handle(client, request).await) }
    });
    let mut connection = builder.serve_connection(TokioIo::new(stream), service);
    poll_fn(|cx| {
        match activity.poll_signal(cx) {
            // An idle HTTP/2 client is told to go away, so that it loses no request it just sent.
            Some(Signal::Drain | Signal::CloseIdle) => {
                Pin::new(&mut connection).graceful_shutdown();
            }
            Some(Signal::CloseSlow) => return Poll::Ready(()),
            None => {}
        }
        Pin::new(&mut connection).poll(cx).map(|ended| {
            if let Err(error) = ended {
                log::debug!("a client connection ended: {error}");
            }
        })
    })
    .await;
}

/// hyper refuses smaller buffers; also the smallest useful unit of a body.
const BUFFER_BYTES_MIN: usize = 64 * 1024;
