//! A back end on strings: a test decides, request by request, what it answers and when.
//!
//! One thread per connection, connections are kept alive. Deliberately absent: scripts; what the
//! recordings' back end does is in [`backend`](crate::support::backend).

use std::{
    io::{self, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use crate::support::wire::{Body, Framing, Head};

/// How long a connection may be idle before its thread ends; longer than any test uses one.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// How long a test waits for something the gateway surely does.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running back end; stops listening when dropped.
pub(crate) struct Puppet {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    connections: Arc<AtomicUsize>,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    /// Start line and headers.
    pub(crate) head: Head,
    /// The body, as far as it came.
    pub(crate) body: Body,
}

/// A back end that tells of each request and answers when it is allowed to.
pub(crate) struct Patient {
    puppet: Puppet,
    arrived: mpsc::Receiver<String>,
    allow: mpsc::Sender<()>,
}

// === impl Puppet ===

impl Puppet {
    /// Starts on a free loopback port. `answer` writes what it likes; the connection is closed if
    /// it fails.
    pub(crate) fn start(
        answer: impl Fn(&Arrived, &mut &TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        let address = listener.local_addr().expect("a bound socket");
        let puppet = Self {
            address,
            stopped: Arc::default(),
            connections: Arc::default(),
        };
        let (stopped, connections) = (Arc::clone(&puppet.stopped), Arc::clone(&puppet.connections));
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                connections.fetch_add(1, Ordering::SeqCst);
                let answer = Arc::clone(&answer);
                let stopped = Arc::clone(&stopped);
                thread::spawn(move || serve(&stream, &*answer, &stopped).ok());
            }
        });
        puppet
    }

    /// One that answers everything with `ok` and the request line as header `x-line`.
    pub(crate) fn obliging() -> Self {
        Self::start(|arrived, stream| {
            let line = &arrived.head.start;
            let line = line.strip_suffix(" HTTP/1.1").unwrap_or(line);
            answer(stream, &[("x-line", line)], "ok")
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections it got so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // The accept loop looks at the flag only when somebody connects.
        TcpStream::connect(self.address).ok();
    }
}

// === impl Patient ===

impl Patient {
    /// Starts it.
    pub(crate) fn start() -> Self {
        let (tell, arrived) = mpsc::channel();
        let (allow, allowed) = mpsc::channel::<()>();
        let allowed = Mutex::new(allowed);
        let puppet = Puppet::start(move |request, stream| {
            tell.send(request.head.start.clone()).ok();
            let allowed = allowed.lock().unwrap_or_else(PoisonError::into_inner);
            allowed.recv().map_err(io::Error::other)?;
            answer(stream, &[], "late")
        });
        Self {
            puppet,
            arrived,
            allow,
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.puppet.address()
    }

    /// Waits for the next request; gives its start line.
    ///
    /// # Panics
    /// None comes.
    pub(crate) fn arrived(&self) -> String {
        self.arrived.recv_timeout(PATIENCE).expect("a request")
    }

    /// Lets it answer one request.
    pub(crate) fn allow(&self) {
        self.allow.send(()).expect("a running back end");
    }
}

/// Writes a whole answer with status 200.
///
/// # Errors
/// The peer is gone.
pub(crate) fn answer(
    stream: &mut &TcpStream,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<()> {
    let mut text = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(body);
    stream.write_all(text.as_bytes())
}

fn serve(
    mut stream: &TcpStream,
    answer: &(impl Fn(&Arrived, &mut &TcpStream) -> io::Result<()> + ?Sized),
    stopped: &AtomicBool,
) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE_MAX))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(head) = Head::read(&mut reader)? {
        if stopped.load(Ordering::SeqCst) {
            return Ok(());
        }
        let body = Body::read(&mut reader, head.framing(Framing::None));
        answer(&Arrived { head, body }, &mut stream)?;
    }
    Ok(())
}
