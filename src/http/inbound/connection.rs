//! One client connection: HTTP/1.1 or HTTP/2, until it is closed, told to close, or too slow.

use std::{convert::Infallible, future::poll_fn, pin::Pin, rc::Rc, task::Poll};

use http::{HeaderValue, StatusCode, header::CONNECTION};
use hyper::{
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};

use crate::{
    http::inbound::{
        activity::{Activity, Signal},
        client_stream::ClientStream,
        events::handover::{Handover, take_over},
        farewell::{Ending, part},
        forward,
        peer::Peer,
        worker::{Open, Worker},
    },
    telemetry::health::Phase,
};

/// Streams a client may have open at once on one HTTP/2 connection (nginx: 128, Envoy: 100).
const H2_STREAMS_MAX: u32 = 128;

/// Bytes a client may send on one stream before the target has taken them: 5 MB/s at 50 ms of way.
const H2_STREAM_WINDOW: u32 = 256 * 1024;

/// The same on all streams of a connection together. As much as all streams may hold, because an
/// upload whose target does not read would otherwise stop those of its neighbours.
const H2_CONNECTION_WINDOW: u32 = H2_STREAMS_MAX * H2_STREAM_WINDOW;

/// An HTTP/2 client that does not answer a ping within [`H2_PING_TIMEOUT`] is gone.
const H2_PING_INTERVAL: std::time::Duration = std::time::Duration::from_secs(30);
const H2_PING_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

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
    /// Set by a request whose line takes the connection over.
    pub handover: Rc<Handover>,
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
    let handover = Rc::clone(&client.handover);
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
    let ending = poll_fn(|cx| {
        // First what has arrived, so that a signal meets the true state.
        if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
            return Poll::Ready(ending(&activity, ended));
        }
        if handover.is_set() {
            return Poll::Ready(Ending::HandedOver);
        }
        match activity.poll_signal(cx) {
            None => Poll::Pending,
            // hyper would wait for a first request, and would drop a later one that has only begun.
            Some(Signal::Drain) if activity.is_unused() => Poll::Ready(Ending::Plain),
            Some(Signal::Drain) if activity.is_in_head() => Poll::Pending,
            Some(Signal::Drain) => {
                Pin::new(&mut connection).graceful_shutdown();
                Pin::new(&mut connection)
                    .poll(cx)
                    .map(|ended| ending(&activity, ended))
            }
            Some(Signal::CloseIdle) => Poll::Ready(Ending::Plain),
            Some(Signal::CloseSlow) => Poll::Ready(Ending::SlowHead),
        }
    })
    .await;
    if let Some(seated) = handover.take() {
        if let Some(parts) = connection.into_parts() {
            // A task of its own: this one is as large as hyper's connection.
            actix_rt::spawn(take_over(seated, parts.io.into_inner(), parts.read_buf));
        }
        return;
    }
    // An upgraded connection has no parts; it belongs to its tunnel.
    if ending != Ending::Plain
        && let Some(parts) = connection.into_parts()
    {
        // Boxed, because it must not make the future of every connection larger. The service stays
        // until then, and with it the connection's place among the open ones.
        Box::pin(part(parts.io.into_inner(), ending)).await;
    }
}

/// What the end of hyper's part means for the rest.
fn ending(activity: &Activity, ended: hyper::Result<()>) -> Ending {
    let unread = if activity.is_unread() {
        Ending::Unread
    } else {
        Ending::Plain
    };
    let Err(error) = ended else { return unread };
    log::debug!("a client connection ended: {error}");
    if error.is_user() {
        // The one thing of ours that fails is an answer's body.
        return if activity.is_unframed() {
            Ending::CutOff
        } else {
            Ending::Plain
        };
    }
    // hyper has answered a malformed or too long head, the rest of which may be on its way.
    if error.is_parse() {
        Ending::Unread
    } else {
        unread
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
        .initial_stream_window_size(H2_STREAM_WINDOW)
        .initial_connection_window_size(H2_CONNECTION_WINDOW)
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
