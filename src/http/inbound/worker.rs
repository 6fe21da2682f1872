//! One inbound worker: a thread with its own connections, pool and view of the snapshot.

use std::{
    cell::{Cell, RefCell},
    ops::Deref,
    rc::{Rc, Weak},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ipnet::IpNet;
use tokio::sync::Notify;

use crate::{
    http::inbound::{
        activity::{Activity, Signal},
        events::{checks::Checks, desk::Desk, reception::Reception},
        gate::Gate,
        refusal::Cors,
        request_body::{Progress, RequestBody},
    },
    message::proxy::{Snapshot, SnapshotCell},
    telemetry::{health::Health, metrics::Metrics},
    upstream::{self, Pool, pool::SWEEP_INTERVAL},
};

/// Length of a tick; all coarse limits of connections are counted in it.
const TICK: Duration = Duration::from_secs(1);

/// The limits and manners of the inbound port.
#[derive(Debug)]
pub struct Settings {
    /// Longest wait for an answer's head, once the request is sent (`PROXY_RECV_TIMEOUT`).
    pub head_timeout: Duration,
    /// Longest pause within an answer's body (`PROXY_STREAM_IDLE_TIMEOUT`); `None`: any.
    pub answer_pause_max: Option<Duration>,
    /// Longest pause within a request's body (`BODY_TIMEOUT`); `None`: any.
    pub body_pause_max: Option<Duration>,
    /// Largest request body (`MAX_BODY_BYTES`); `None`: any.
    pub body_bytes_max: Option<u64>,
    /// Longest time for a request head (`HEADER_TIMEOUT`), whole seconds.
    pub header_timeout: Duration,
    /// Largest request head (`MAX_HEADER_BYTES`).
    pub header_bytes_max: usize,
    /// Most client connections at a time over all workers (`MAX_CONNECTIONS`).
    pub connections_max: usize,
    /// Peers whose forwarding headers are believed (`TRUSTED_PROXIES`).
    pub trusted_proxies: Vec<IpNet>,
    /// `by=` of `forwarded`: the address `HOST` resolves to, or its name.
    pub by: String,
    /// Origins for the gateway's own answers (`CORS`).
    pub cors: Cors,
    /// Requests are logged (`REQUEST_LOG=console`).
    pub request_log: bool,
    /// Longest wait for an asynchronous answer, once the target has accepted
    /// (`PROXY_HTTP_ASYNC_RESPONSE_TIMEOUT`).
    pub late_answer_timeout: Duration,
}

/// What all workers share.
pub struct Shared {
    /// Routes; replaced by the proxy actor.
    pub snapshot: Arc<SnapshotCell>,
    /// Checks tokens.
    pub gate: Gate,
    /// Events and their connections.
    pub events: Arc<Reception>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Readiness.
    pub health: Arc<Health>,
    /// Limits and manners.
    pub settings: Settings,
    /// Open client connections, tunnels included.
    open: AtomicUsize,
    /// Told when `open` falls to zero.
    all_closed: Notify,
}

/// One worker.
pub struct Worker {
    /// What all workers share.
    pub shared: Arc<Shared>,
    /// Connections to targets.
    pub pool: Rc<Pool<RequestBody>>,
    /// Lines of this worker's clients.
    pub desk: Rc<Desk>,
    /// Who may subscribe and submit.
    pub checks: Checks,
    /// Tick of the worker's clock.
    pub now: Rc<Cell<u64>>,
    snapshot: RefCell<Rc<Held>>,
    activities: RefCell<Vec<Weak<Activity>>>,
    uploads: RefCell<Vec<Weak<Progress>>>,
    draining: Cell<bool>,
}

/// A worker's share of a snapshot, counted by a counter of its own.
#[derive(Debug)]
pub struct Held(Arc<Snapshot>);

/// One open client connection; closing it is noticed by whoever waits for the last.
pub struct Open(Arc<Shared>);

// === impl Shared ===

impl Shared {
    /// What all workers share.
    pub fn new(
        snapshot: Arc<SnapshotCell>,
        gate: Gate,
        events: Arc<Reception>,
        metrics: Arc<Metrics>,
        health: Arc<Health>,
        settings: Settings,
    ) -> Arc<Self> {
        let (open, all_closed) = (AtomicUsize::new(0), Notify::new());
        Arc::new(Self {
            snapshot,
            gate,
            events,
            metrics,
            health,
            settings,
            open,
            all_closed,
        })
    }

    /// Counts a new connection, or refuses it (`None`) because there are too many.
    pub fn open(self: &Arc<Self>) -> Option<Open> {
        if self.open.fetch_add(1, Ordering::SeqCst) >= self.settings.connections_max {
            self.open.fetch_sub(1, Ordering::SeqCst);
            return None;
        }
        self.metrics.inbound_connections.inc();
        Some(Open(Arc::clone(self)))
    }

    /// Completes when no client connection is open.
    pub async fn all_closed(&self) {
        loop {
            let closed = self.all_closed.notified();
            tokio::pin!(closed);
            // Registered before the count is read, so that the last close cannot be missed.
            closed.as_mut().enable();
            if self.open.load(Ordering::SeqCst) == 0 {
                return;
            }
            closed.await;
        }
    }
}

impl Deref for Held {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics.inbound_connections.dec();
        if self.0.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.all_closed.notify_waiters();
        }
    }
}

// === impl Worker ===

impl Worker {
    /// Starts the worker's clock on the current thread.
    pub fn start(
        shared: Arc<Shared>,
        upstream: Arc<upstream::Settings>,
        desk: Rc<Desk>,
        checks: Checks,
    ) -> Rc<Self> {
        let snapshot = Rc::new(Held(shared.snapshot.load_full()));
        let worker = Rc::new(Self {
            shared,
            pool: Pool::new(upstream),
            desk,
            checks,
            now: Rc::new(Cell::new(0)),
            snapshot: RefCell::new(snapshot),
            activities: RefCell::default(),
            uploads: RefCell::default(),
            draining: Cell::new(false),
        });
        actix_rt::spawn(tick(Rc::downgrade(&worker)));
        worker
    }

    /// The current snapshot. Counted references are per worker, so that workers do not contend for
    /// one counter with every request.
    pub fn snapshot(&self) -> Rc<Held> {
        let latest = self.shared.snapshot.load();
        let mut mine = self.snapshot.borrow_mut();
        if !Arc::ptr_eq(&latest, &mine.0) {
            *mine = Rc::new(Held(Arc::clone(&latest)));
        }
        Rc::clone(&mine)
    }

    /// A new connection's state, watched from now on.
    pub fn watch(&self) -> Rc<Activity> {
        let activity = Activity::new(&self.now);
        if self.draining.get() {
            activity.send(Signal::Drain);
        }
        self.activities.borrow_mut().push(Rc::downgrade(&activity));
        activity
    }

    /// Has an upload given up if its target takes nothing for too long.
    pub fn watch_upload(&self, progress: &Rc<Progress>) {
        self.uploads.borrow_mut().push(Rc::downgrade(progress));
    }

    /// Has every connection finish what is in flight and close.
    pub fn drain(&self) {
        self.draining.set(true);
        self.desk.drain();
        for activity in self.activities.borrow().iter().filter_map(Weak::upgrade) {
            activity.send(Signal::Drain);
        }
    }

    fn judge(&self) {
        let head_ticks_max = self.shared.settings.header_timeout.as_secs();
        self.activities.borrow_mut().retain(|activity| {
            let activity = activity.upgrade();
            if let Some(activity) = &activity {
                activity.judge(head_ticks_max);
            }
            activity.is_some()
        });
        let Some(pause_max) = self.shared.settings.body_pause_max else {
            return;
        };
        let pause_ticks_max = u64::try_from(pause_max.as_millis().div_ceil(TICK.as_millis()));
        let pause_ticks_max = pause_ticks_max.unwrap_or(u64::MAX);
        self.uploads.borrow_mut().retain(|upload| {
            let upload = upload.upgrade();
            upload.is_some_and(|upload| upload.judge(pause_ticks_max))
        });
    }
}

async fn tick(worker: Weak<Worker>) {
    let sweep_ticks = SWEEP_INTERVAL.as_secs().max(1);
    let mut interval = tokio::time::interval(TICK);
    loop {
        interval.tick().await;
        let Some(worker) = worker.upgrade() else {
            return;
        };
        let now = worker.now.get() + 1;
        worker.now.set(now);
        worker.judge();
        if now.is_multiple_of(sweep_ticks) {
            worker.pool.sweep();
        }
    }
}
