//! The recording back end: a raw HTTP/1.1 server that answers as the recordings' back end did, and
//! remembers every request it got.
//!
//! One thread per connection, connections are kept alive. What it answers to which path is in
//! [`answers`](crate::support::answers). Deliberately absent: an HTTP library, which would hide what
//! the gateway really sent.

use std::{
    io::{BufReader, Read},
    mem,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    answers,
    wire::{Body, Framing, Head, Headers, header},
};

/// How long a connection may be idle before its thread ends; longer than any test uses one.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// First byte of a TLS record that carries a handshake (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// A running back end; stops accepting when dropped.
pub(crate) struct Backend {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    stopped: Arc<AtomicBool>,
}

/// A request as it arrived, and what it got.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Request line without `HTTP/1.1`.
    pub(crate) line: String,
    /// In wire order; names as sent.
    pub(crate) headers: Headers,
    /// The body.
    pub(crate) body: Body,
    /// Bytes of the answer's body (also what a HEAD left out).
    pub(crate) answer: Vec<u8>,
    /// When the last piece of the answer was about to be written.
    pub(crate) finished: Arc<OnceLock<Instant>>,
}

/// A loopback port that refuses connections for as long as this lives: bound, never listening.
pub(crate) struct ClosedPort {
    socket: socket2::Socket,
}

// === impl Backend ===

impl Backend {
    /// Starts on a free loopback port. `pace` scales every delay of the recordings' back end.
    pub(crate) fn start(pace: f64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let seen = Arc::default();
        let stopped = Arc::new(AtomicBool::new(false));
        let backend = Self {
            address,
            seen: Arc::clone(&seen),
            stopped: Arc::clone(&stopped),
        };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(&stream, &seen, pace));
            }
        });
        backend
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What arrived since the last call, in order of arrival.
    pub(crate) fn take(&self) -> Vec<Seen> {
        mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // The accept loop looks at the flag only when somebody connects.
        TcpStream::connect(self.address).ok();
    }
}

// === impl Seen ===

impl Seen {
    /// First value of `name`.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

// === impl ClosedPort ===

impl ClosedPort {
    /// Reserves a port.
    pub(crate) fn reserve() -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)
            .expect("a socket");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(&any.into()).expect("a free loopback port");
        Self { socket }
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        let address = self
            .socket
            .local_addr()
            .ok()
            .and_then(|address| address.as_socket());
        address.expect("a bound socket has an address").port()
    }
}

/// Serves one connection until either side has enough.
fn serve(stream: &TcpStream, seen: &Mutex<Vec<Seen>>, pace: f64) {
    let (Ok(()), Ok(clone)) = (stream.set_read_timeout(Some(IDLE_MAX)), stream.try_clone()) else {
        return;
    };
    stream.set_nodelay(true).ok();
    let mut first = [0];
    if matches!(stream.peek(&mut first), Ok(1)) && first == [TLS_HANDSHAKE] {
        // The recordings' back end waited for a head that a TLS client never sends.
        BufReader::new(clone).read_to_end(&mut Vec::new()).ok();
        return;
    }
    let mut reader = BufReader::new(clone);
    while let Ok(Some(head)) = Head::read(&mut reader) {
        let body = Body::read(&mut reader, head.framing(Framing::None));
        let line = head.start.strip_suffix(" HTTP/1.1").unwrap_or(&head.start);
        let mut request = Seen {
            line: line.to_owned(),
            headers: head.headers,
            body,
            ..Seen::default()
        };
        let answer = answers::answer(&request);
        request.answer = answer.body_bytes();
        let finished = Arc::clone(&request.finished);
        let method = request
            .line
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned();
        seen.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request);
        if !answer.write(stream, &method, pace, &finished) {
            return;
        }
    }
}
