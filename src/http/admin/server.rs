//! Serves the management API on listeners that are bound already.
//!
//! May depend on actix-web and rustls. Deliberately absent: binding and signals. The wiring binds
//! both ports before it says it is up, and stops this server through its handle after the proxy.

use std::{io, net::TcpListener, time::Duration};

use actix_web::{HttpServer, dev::Server, web};
use rustls::ServerConfig;

use crate::http::admin::{AdminState, app};

/// How long an idle connection is kept: shorter than the usual minute between two scrapes would
/// make each of them connect anew.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Longest wait for a request's head, against clients that hold connections by being slow.
const HEAD_MAX: Duration = Duration::from_secs(10);

/// Connections per worker. This port serves operators and scrapers; the bound keeps a leak of
/// theirs from eating the descriptors of the proxy.
const CONNECTIONS_MAX: usize = 512;

/// How the port is served.
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// Threads; one is plenty.
    pub workers: usize,
    /// How long requests in flight may take once the server is told to stop.
    pub shutdown_timeout: Duration,
}

// === impl ServerOptions ===

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            workers: 1,
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

/// A server on `plain` and, if given, with TLS on the listener of `tls`. It runs once it is
/// awaited or spawned; its handle stops it.
///
/// # Errors
/// A listener cannot be used.
pub fn server(
    state: AdminState,
    plain: TcpListener,
    tls: Option<(TcpListener, ServerConfig)>,
    options: ServerOptions,
) -> io::Result<Server> {
    let state = web::Data::new(state);
    let server = HttpServer::new(move || app(state.clone()))
        .workers(options.workers.max(1))
        .max_connections(CONNECTIONS_MAX)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_MAX)
        // Else connections whose client has gone stay in CLOSE-WAIT until something is written.
        .h1_allow_half_closed(false)
        .shutdown_timeout(options.shutdown_timeout.as_secs())
        .disable_signals()
        .listen(plain)?;
    let server = match tls {
        Some((listener, config)) => server.listen_rustls_0_23(listener, config)?,
        None => server,
    };
    Ok(server.run())
}
