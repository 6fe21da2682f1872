//! Several real gateways on loopback that form a cluster, told apart by name.
//!
//! A node keeps its name, its port and its settings over its lives, as a node in the field does; what
//! may change from one life to the next is its file. Nodes are compared by what anybody can see: the
//! `ETag` of a definition, metrics and log lines (cluster.md, parts 5 and 8). Deliberately absent:
//! multicast, which would reach machines that are not part of the test ([`lan`](super::lan)).

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{
    client::{Answer, Request, ask},
    gateway::{Builder, Gateway},
};

/// How long nodes may take to agree; most stories need a tenth of a second, those with rule M3's
/// `hold_max` five seconds.
pub(crate) const SETTLE_MAX: Duration = Duration::from_secs(20);
/// Pause between two looks at what cannot be waited on.
const LOOK_PAUSE: Duration = Duration::from_millis(2);
/// Cluster ports are taken from here up: below the ports that systems hand out for port 0, so that no
/// other test can get one between its choice and its use.
const PORT_FIRST: u16 = 18_000;
/// Ports to choose from, in one process and among processes at the same time.
const PORTS: u16 = 12_000;
/// The secret of all fleets.
pub(crate) const COOKIE: &str = "a secret of the tests only";

/// A cluster on loopback; node numbers begin at 0.
pub(crate) struct Fleet {
    seats: Vec<Seat>,
}

/// A node's place: who it is, and whether it runs.
struct Seat {
    listen: SocketAddr,
    builder: Builder,
    /// Its cluster port.
    port: u16,
    gateway: Option<Gateway>,
}

/// An acknowledged change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    /// 200, 201 or 204.
    pub(crate) status: u16,
    /// `<ref>-<digest prefix>`.
    pub(crate) version: String,
}

// === impl Fleet ===

impl Fleet {
    /// `size` nodes that know each other's addresses; none runs.
    pub(crate) fn new(size: usize) -> Self {
        let ports = free_ports(size);
        let peers: Vec<String> = ports
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        let seats = peers.iter().enumerate().map(|(number, listen)| Seat {
            listen: (Ipv4Addr::LOCALHOST, ports[number]).into(),
            builder: Gateway::builder()
                .env("CLUSTER_LISTEN", listen)
                .env("CLUSTER_PEERS", &peers.join(","))
                .env("NODE_COOKIE", COOKIE)
                .env("NODE_NAME", &format!("node-{number}")),
            port: ports[number],
            gateway: None,
        });
        Self {
            seats: seats.collect(),
        }
    }

    /// `size` nodes without definitions that all know each other.
    pub(crate) fn running(size: usize) -> Self {
        let mut fleet = Self::new(size);
        let files = vec![Vec::new(); size];
        fleet.start_all(&files);
        fleet
    }

    /// Sets a variable of one node, for its next lives.
    pub(crate) fn set(&mut self, node: usize, name: &str, value: &str) {
        let seat = &mut self.seats[node];
        seat.builder = seat.builder.clone().env(name, value);
    }

    /// Runs another build of the gateway at this seat, in its next lives; `None`: this one again.
    pub(crate) fn run_as(&mut self, node: usize, program: Option<&str>) {
        let seat = &mut self.seats[node];
        let program = program.unwrap_or(env!("CARGO_BIN_EXE_rig"));
        seat.builder = seat.builder.clone().program(program);
    }

    /// Where a node listens for others.
    pub(crate) fn address(&self, node: usize) -> SocketAddr {
        self.seats[node].listen
    }

    /// Starts the first nodes at the same time, each with its file; waits until they are ready and
    /// have met.
    pub(crate) fn start_all(&mut self, files: &[Vec<Value>]) {
        thread::scope(|scope| {
            for (seat, file) in self.seats.iter_mut().zip(files) {
                scope.spawn(move || seat.start(file));
            }
        });
        self.until_met();
    }

    /// Starts a node with this file; waits until it is ready.
    pub(crate) fn start(&mut self, node: usize, file: &[Value]) {
        self.seats[node].start(file);
    }

    /// Starts a node with this file; waits until it listens, ready or not.
    pub(crate) fn listen(&mut self, node: usize, file: &[Value]) {
        let seat = &mut self.seats[node];
        let builder = seat.builder.clone().config_json(file);
        seat.gateway = Some(builder.listen().unwrap_or_else(|error| panic!("{error}")));
    }

    /// Ends a node with SIGKILL.
    pub(crate) fn kill(&mut self, node: usize) {
        self.seats[node].gateway = None;
    }

    /// Where a node listens for others.
    pub(crate) fn cluster_port(&self, node: usize) -> u16 {
        self.seats[node].port
    }

    /// A running node.
    pub(crate) fn node(&self, node: usize) -> &Gateway {
        self.seats[node].gateway.as_ref().expect("a running node")
    }

    /// The same, to wait for its end.
    pub(crate) fn node_mut(&mut self, node: usize) -> &mut Gateway {
        self.seats[node].gateway.as_mut().expect("a running node")
    }

    /// The nodes that run.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Gateway> {
        self.seats.iter().filter_map(|seat| seat.gateway.as_ref())
    }

    /// Waits until every running node counts all others as members.
    pub(crate) fn until_met(&self) {
        let others = self.live().count() - 1;
        for node in self.live() {
            until(&format!("{others} members"), || {
                let met = node.metric("rig_registry_members");
                (met.to_string() == others.to_string()).then_some(())
            });
        }
    }

    /// Waits until all running nodes show the same version of `id`, twice in a row, and no round is
    /// unfinished; gives it, `None` if there is no such API.
    pub(crate) fn settled(&self, id: &str) -> Option<String> {
        let mut last = Vec::new();
        until(&format!("one version of {id}"), || {
            let seen: Vec<_> = self.live().map(|node| node.version(id)).collect();
            let agreed = seen.iter().all(|version| *version == seen[0])
                && seen == last
                && self
                    .live()
                    .all(|node| node.metric("rig_registry_rounds_open") < 0.5);
            last.clone_from(&seen);
            agreed.then(|| seen[0].clone())
        })
    }

    /// Waits until all running nodes show this version of `id`.
    pub(crate) fn until_all_show(&self, id: &str, version: &str) {
        for node in self.live() {
            until(&format!("version {version} of {id}"), || {
                (node.version(id).as_deref() == Some(version)).then_some(())
            });
        }
    }
}

// === impl Seat ===

impl Seat {
    fn start(&mut self, file: &[Value]) {
        let started = self.builder.clone().config_json(file).start();
        self.gateway = Some(started.unwrap_or_else(|error| panic!("{error}")));
    }
}

// === impl Gateway ===

impl Gateway {
    /// Version of `id` that this node shows, as in its `ETag`; `None` if it knows no such API.
    pub(crate) fn version(&self, id: &str) -> Option<String> {
        let answer = self.admin("GET", id);
        match answer.status {
            200 => Some(etag(&answer)),
            404 => None,
            status => panic!("GET {id}: {status}"),
        }
    }

    /// Creates, with POST.
    pub(crate) fn create(&self, definition: &Value) -> Answer {
        self.tell(&Request::json("POST", "/v3/apis", definition))
    }

    /// Changes, with PUT.
    pub(crate) fn update(&self, definition: &Value) -> Answer {
        let id = definition["id"].as_str().expect("an id");
        self.tell(&Request::json("PUT", &format!("/v3/apis/{id}"), definition))
    }

    /// A request about `id` without a body.
    pub(crate) fn admin(&self, method: &str, id: &str) -> Answer {
        self.tell(&Request::new(method, &format!("/v3/apis/{id}")))
    }

    fn tell(&self, request: &Request) -> Answer {
        ask(self.api(), request).expect("an answer of the management API")
    }
}

// === impl Acknowledged ===

impl Acknowledged {
    /// What `answer` acknowledges; `None` if it refuses.
    pub(crate) fn of(answer: &Answer) -> Option<Self> {
        let change = answer.header("x-rig-change")?;
        let (_id, version) = change.rsplit_once('@')?;
        Some(Self {
            status: answer.status,
            version: version.to_owned(),
        })
    }

    /// What `answer` acknowledges.
    ///
    /// # Panics
    /// It refuses.
    pub(crate) fn expected(answer: &Answer) -> Self {
        Self::of(answer).unwrap_or_else(|| panic!("{}: {}", answer.status, answer.json()))
    }

    /// Its ref.
    pub(crate) fn ref_number(&self) -> u64 {
        let (number, _digest) = self.version.split_once('-').expect("a version");
        number.parse().expect("a ref")
    }
}

/// The version in the `ETag`.
pub(crate) fn etag(answer: &Answer) -> String {
    let tag = answer.header("etag").expect("an ETag");
    tag.trim_matches('"').to_owned()
}

/// Looks until there is something.
///
/// # Panics
/// There is nothing within [`SETTLE_MAX`].
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < SETTLE_MAX, "not seen: {what}");
        // There is nothing to wait on but the next look; the pause only spares the processor.
        thread::sleep(LOOK_PAUSE);
    }
}

/// Ports nobody listens at. Processes begin at different places, so that two runs of the tests do not
/// choose the same.
fn free_ports(count: usize) -> Vec<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u16::try_from(std::process::id() % u32::from(PORTS)).unwrap_or(0);
    let is_free = |port: &u16| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
        TcpListener::bind(address).is_ok()
    };
    let mut ports = std::iter::repeat_with(|| {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        PORT_FIRST + (begin + step % PORTS) % PORTS
    });
    ports.by_ref().filter(is_free).take(count).collect()
}
