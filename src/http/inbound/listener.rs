//! Accepting connections: one loop per worker and port, all on the same listening socket.
//!
//! A shared socket instead of `SO_REUSEPORT`: a second gateway on the same port fails to start
//! instead of silently taking half of the connections.

use std::{io, net::SocketAddr, rc::Rc, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::http::inbound::{
    client_stream::ClientStream,
    connection::{Client, serve_http1, serve_http2},
    peer::Peer,
    worker::{Open, Worker},
};

/// Wait after an accept failed for lack of file descriptors or memory; retrying at once would
/// only burn the time in which others could close theirs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Wait before looking again whether the three bytes that tell HTTP/2 have arrived.
const PREFACE_PAUSE: Duration = Duration::from_millis(5);

/// How HTTP/2 without TLS begins (RFC 9113, 3.4); no HTTP/1.1 method starts so.
const PREFACE_START: &[u8; 3] = b"PRI";

/// What a connection beyond `MAX_CONNECTIONS` gets.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";

/// Accepts until `stop` says true or its sender is gone.
pub async fn accept(
    worker: Rc<Worker>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            _stopped = stop.wait_for(|stop| *stop) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                take(&worker, stream, address, tls.as_ref());
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                log::warn!("connections cannot be accepted: {error}");
                worker
                    .shared
                    .metrics
                    .inbound_refused
                    .with_label_values(&["accept"])
                    .inc();
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The client gave up between its handshake and our accept.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

fn take(worker: &Rc<Worker>, stream: TcpStream, address: SocketAddr, tls: Option<&TlsAcceptor>) {
    let Some(open) = worker.shared.open() else {
        worker
            .shared
            .metrics
            .inbound_refused
            .with_label_values(&["max_connections"])
            .inc();
        if tls.is_none() {
            // Fits into an empty send buffer; if it does not, closing is answer enough.
            drop(stream.try_write(TOO_MANY));
        }
        return;
    };
    actix_rt::spawn(serve(
        Rc::clone(worker),
        stream,
        address,
        tls.cloned(),
        open,
    ));
}

async fn serve(
    worker: Rc<Worker>,
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    open: Open,
) {
    if let Err(error) = stream.set_nodelay(true) {
        log::debug!("a client connection is gone already: {error}");
        return;
    }
    let settings = &worker.shared.settings;
    let peer = Peer::new(
        address.ip(),
        tls.is_some(),
        &settings.by,
        &settings.trusted_proxies,
    );
    let header_timeout = settings.header_timeout;
    let activity = worker.watch();
    let client = Client {
        worker,
        peer,
        activity: Rc::clone(&activity),
        open: Rc::new(open),
        handover: Rc::default(),
    };
    // Until something has arrived, every signal means the same: there is nothing to finish.
    let Some(tls) = tls else {
        let started = tokio::select! {
            biased;
            started = timeout(header_timeout, starts_http2(&stream)) => started,
            _close = activity.signal() => return,
        };
        match started {
            Ok(Ok(true)) => serve_http2(client, ClientStream::plain(stream, activity)).await,
            Ok(Ok(false)) => serve_http1(client, ClientStream::plain(stream, activity)).await,
            Ok(Err(_gone)) => {}
            Err(_elapsed) => refused(&client, "header_timeout"),
        }
        return;
    };
    let accepted = tokio::select! {
        biased;
        accepted = timeout(header_timeout, tls.accept(stream)) => accepted,
        _close = activity.signal() => return,
    };
    match accepted {
        Ok(Ok(stream)) => {
            let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let stream = ClientStream::tls(stream, activity);
            if http2 {
                serve_http2(client, stream).await;
            } else {
                serve_http1(client, stream).await;
            }
        }
        Ok(Err(error)) => {
            log::debug!("a TLS handshake failed: {error}");
            refused(&client, "tls_handshake");
        }
        Err(_elapsed) => refused(&client, "header_timeout"),
    }
}

fn refused(client: &Client, reason: &str) {
    client
        .worker
        .shared
        .metrics
        .inbound_refused
        .with_label_values(&[reason])
        .inc();
}

/// Looks at the first bytes without taking them.
async fn starts_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut start = [0; PREFACE_START.len()];
    loop {
        let length = stream.peek(&mut start).await?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if start.get(..length) != PREFACE_START.get(..length) {
            return Ok(false);
        }
        if length == PREFACE_START.len() {
            return Ok(true);
        }
        sleep(PREFACE_PAUSE).await;
    }
}

/// A worker's own handle on a listening socket that all workers share.
///
/// # Errors
/// The socket cannot be duplicated or registered.
pub fn share(listener: &Arc<std::net::TcpListener>) -> io::Result<TcpListener> {
    let listener = listener.try_clone()?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}
