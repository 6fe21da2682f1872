//! Keep-alive connections of one inbound worker, by origin.
//!
//! A worker is one thread, so nothing here is locked. hyper runs each connection in its own task
//! and notices a closed one at once; what is idle here is therefore almost always alive, and the
//! rest is what the one safe retry in `http/inbound/forward` is for.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use http_body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;

use crate::{
    core::route::origin::Origin,
    upstream::{Settings, connect::ConnectError, connect::connect},
};

/// Idle connections kept per origin and worker; more are closed when they fall idle. Far above
/// what one worker needs at once, far below the file limit.
pub const IDLE_PER_ORIGIN_MAX: usize = 512;

/// How often idle connections are looked at.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Sweeps an idle connection survives: it is closed after 10 to 15 s, well below the idle limits
/// of common back ends (nginx 75 s, Apache 5 s is the exception the retry covers).
const IDLE_SWEEPS_MAX: u64 = 2;

/// Largest response head accepted from a target; beyond it the target counts as broken. Twice what
/// clients may send by default.
const RESPONSE_HEAD_BYTES_MAX: usize = 256 * 1024;

/// The idle connections of one worker.
pub struct Pool<B> {
    idle: RefCell<HashMap<Arc<Origin>, Vec<Idle<B>>>>,
    sweep: Cell<u64>,
    settings: Arc<Settings>,
}

struct Idle<B> {
    sender: SendRequest<B>,
    task: JoinHandle<()>,
    since_sweep: u64,
}

/// A connection taken out of the pool, or a new one. Dropped without being given back or let go, it
/// is closed at once.
pub struct Lease<B> {
    /// Sends one request at a time.
    pub sender: SendRequest<B>,
    /// It has carried a request before, so the target may have closed it meanwhile.
    pub reused: bool,
    retired: bool,
    task: Task,
    origin: Arc<Origin>,
    pool: Rc<Pool<B>>,
}

/// What runs the connection of a lease. hyper ends it when nobody is interested any more, but first
/// writes what it holds: a target that does not read would keep it for ever.
struct Task(Option<JoinHandle<()>>);

// === impl Pool ===

impl<B> Pool<B>
where
    B: Body + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// An empty pool.
    pub fn new(settings: Arc<Settings>) -> Rc<Self> {
        Rc::new(Self {
            idle: RefCell::default(),
            sweep: Cell::new(0),
            settings,
        })
    }

    /// An idle connection to `origin`, the most recently used first.
    pub fn checkout(self: &Rc<Self>, origin: &Arc<Origin>) -> Option<Lease<B>> {
        let mut idle = self.idle.borrow_mut();
        let connections = idle.get_mut(origin)?;
        while let Some(Idle { sender, task, .. }) = connections.pop() {
            if !sender.is_closed() {
                let (origin, pool) = (Arc::clone(origin), Rc::clone(self));
                return Some(Lease {
                    sender,
                    reused: true,
                    retired: false,
                    task: Task(Some(task)),
                    origin,
                    pool,
                });
            }
        }
        None
    }

    /// A new connection to `origin`.
    ///
    /// # Errors
    /// [`ConnectError`]
    pub async fn connect(self: &Rc<Self>, origin: &Arc<Origin>) -> Result<Lease<B>, ConnectError> {
        let stream = connect(origin, &self.settings).await?;
        let (sender, connection) = builder()
            .handshake(TokioIo::new(stream))
            .await
            .map_err(ConnectError::Handshake)?;
        let task = actix_rt::spawn(async move {
            // Errors reach whoever waits for the response; an idle one has nobody to tell.
            drop(connection.await);
        });
        Ok(Lease {
            sender,
            reused: false,
            retired: false,
            task: Task(Some(task)),
            origin: Arc::clone(origin),
            pool: Rc::clone(self),
        })
    }

    /// A new connection to `origin` that may be upgraded.
    ///
    /// # Errors
    /// [`ConnectError`]
    pub async fn connect_for_upgrade(
        self: &Rc<Self>,
        origin: &Arc<Origin>,
    ) -> Result<Lease<B>, ConnectError> {
        let stream = connect(origin, &self.settings).await?;
        let (sender, connection) = builder()
            .handshake(TokioIo::new(stream))
            .await
            .map_err(ConnectError::Handshake)?;
        let task = actix_rt::spawn(async move {
            drop(connection.with_upgrades().await);
        });
        Ok(Lease {
            sender,
            reused: false,
            retired: false,
            task: Task(Some(task)),
            origin: Arc::clone(origin),
            pool: Rc::clone(self),
        })
    }

    /// Closes connections that have been idle too long; called every [`SWEEP_INTERVAL`].
    pub fn sweep(&self) {
        let now = self.sweep.get() + 1;
        self.sweep.set(now);
        self.idle.borrow_mut().retain(|_origin, connections| {
            connections.retain(|idle| {
                now - idle.since_sweep <= IDLE_SWEEPS_MAX && !idle.sender.is_closed()
            });
            !connections.is_empty()
        });
    }
}

impl<B> Lease<B> {
    /// The connection is closed after this response instead of given back.
    pub fn retire(&mut self) {
        self.retired = true;
    }

    /// Leaves the connection to itself: it is closed when what it still does is done.
    pub fn let_go(mut self) {
        self.task.0 = None;
    }

    /// Gives the connection back once its response is read to the end.
    pub fn give_back(mut self) {
        let Some(task) = self.task.0.take() else {
            return;
        };
        if self.retired || self.sender.is_closed() {
            return;
        }
        let since_sweep = self.pool.sweep.get();
        let mut idle = self.pool.idle.borrow_mut();
        let connections = idle.entry(self.origin).or_default();
        if connections.len() < IDLE_PER_ORIGIN_MAX {
            connections.push(Idle {
                sender: self.sender,
                task,
                since_sweep,
            });
        }
    }
}

// === impl Task ===

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(RESPONSE_HEAD_BYTES_MAX);
    // The buffer may grow beyond its limit in one step.
    builder.max_header_size(RESPONSE_HEAD_BYTES_MAX);
    builder
}
