//! The defaults and bounds of the settings, each with the reason for the number.
//!
//! Defaults are written as an operator would write them and go through the same parser. Those of the
//! original are kept (spec: `config.md` 8.2 to 8.8); the rest are ours (`names.md`).

use crate::config::settings::kind::{Kind, Unit};

/// The proxy is there to be reached.
pub const DEFAULT_INBOUND_BIND: &str = "0.0.0.0";
/// The management API changes where requests go, so reaching it from elsewhere is a decision.
pub const DEFAULT_API_BIND: &str = "127.0.0.1";
/// As the original.
pub const DEFAULT_INBOUND_PORT: &str = "4000";
/// As the original.
pub const DEFAULT_INBOUND_HTTPS_PORT: &str = "4001";
/// As the original.
pub const DEFAULT_API_HTTP_PORT: &str = "4010";
/// As the original.
pub const DEFAULT_API_HTTPS_PORT: &str = "4011";
/// As the original.
pub const DEFAULT_HOST: &str = "localhost";
/// As the original: any origin may read our own answers, which carry nothing personal.
pub const DEFAULT_CORS: &str = "*";
/// As the original.
pub const DEFAULT_JWT_ALG: &str = "HS256";
/// As the original: 5 s until the head of the answer.
pub const DEFAULT_PROXY_RECV_TIMEOUT: &str = "5000";
/// Off, for event streams may be silent for hours.
pub const DEFAULT_PROXY_STREAM_IDLE_TIMEOUT: &str = "off";
/// 2 s: one lost SYN is sent again after 1 s, so a single loss does not become a 502.
pub const DEFAULT_PROXY_CONNECT_TIMEOUT: &str = "2000";
/// 128 KiB: 100 headers fit with some of 16 KiB among them (spec: `management-api.md` 2.1).
pub const DEFAULT_MAX_HEADER_BYTES: &str = "128KiB";
/// 30 s for a whole head; a slow mobile line needs a few, an attacker wants all he can get.
pub const DEFAULT_HEADER_TIMEOUT: &str = "30";
/// 60 s between two pieces of a body, as the original's API port waits.
pub const DEFAULT_BODY_TIMEOUT: &str = "60";
/// 20,000: even if every one of them held a full head of 128 KiB, they would need less than 3 GiB.
pub const DEFAULT_MAX_CONNECTIONS: &str = "20000";
/// Off: bodies are streamed, so a large one costs the gateway no memory; targets know better.
pub const DEFAULT_MAX_BODY_BYTES: &str = "off";
/// 1 MiB: a definition with a few thousand endpoints; it must travel to every node.
pub const DEFAULT_DEFINITION_BYTES_MAX: &str = "1MiB";
/// None: only useful behind a load balancer that must notice first.
pub const DEFAULT_SHUTDOWN_DELAY: &str = "0";
/// 30 s: what Kubernetes grants a pod by default.
pub const DEFAULT_SHUTDOWN_TIMEOUT: &str = "30";
/// `info`, where the original says `warn`, so that the boot lines are seen.
pub const DEFAULT_LOG_LEVEL: &str = "info";
/// Lines for people.
pub const DEFAULT_LOG_FMT: &str = "text";
/// As the original: the usual claim for what tells one token from another (RFC 7519 4.1.7).
pub const DEFAULT_JWT_SESSION_FIELD: &str = "/jti";
/// As the original.
pub const DEFAULT_MAX_CONNECTIONS_PER_MINUTE: &str = "5000";
/// As the original.
pub const DEFAULT_PROXY_HTTP_ASYNC_RESPONSE_TIMEOUT: &str = "5000";
/// 1 MiB: a thousand events of 1 KiB, more than a client catches up with after a pause of seconds.
/// Connections share the bytes of an event, so many slow readers do not multiply it.
pub const DEFAULT_CONNECTION_QUEUE_BYTES: &str = "1MiB";
/// 64 MiB: a minute of 1,000 events of 1 KiB per second, in which a browser on a train or a restarted
/// node comes back.
pub const DEFAULT_REPLAY_BUFFER_BYTES: &str = "64MiB";

/// On all interfaces, for a node that others must reach. It holds only if there is a cluster.
pub const DEFAULT_CLUSTER_LISTEN: &str = "0.0.0.0:4020";
/// One name for all, as most networks have one cluster.
pub const DEFAULT_CLUSTER_NAME: &str = "rig";
/// As the original.
pub const DEFAULT_DNS_NAME: &str = "localhost";

const HOUR: u64 = 3_600_000;

/// Time limits of the proxy, in the original's unit. A day is longer than any sensible answer, and
/// short enough to never overflow a timer.
pub const PROXY_TIME: Kind = Kind::Time {
    unit: Unit::Milliseconds,
    min: 1,
    max: 24 * HOUR,
    off: false,
};

/// As [`PROXY_TIME`], and may be off.
pub const PROXY_TIME_OR_OFF: Kind = Kind::Time {
    unit: Unit::Milliseconds,
    min: 1,
    max: 24 * HOUR,
    off: true,
};

/// Time for a request head. Never off: a connection that sends nothing would stay for good.
pub const HEADER_TIME: Kind = Kind::Time {
    unit: Unit::Seconds,
    min: 1,
    max: HOUR,
    off: false,
};

/// Pause within a request body.
pub const BODY_TIME: Kind = Kind::Time {
    unit: Unit::Seconds,
    min: 1,
    max: 24 * HOUR,
    off: true,
};

/// Times of the shutdown, where 0 means "at once". An hour is beyond every orchestrator's patience.
pub const SHUTDOWN_TIME: Kind = Kind::Time {
    unit: Unit::Seconds,
    min: 0,
    max: HOUR,
    off: false,
};

/// Bytes of a request head. 8 KiB is the least the HTTP library can work with; 1 MiB times the
/// connections is already more memory than a gateway has.
pub const HEADER_BYTES: Kind = Kind::Bytes {
    min: 8 << 10,
    max: 1 << 20,
    off: false,
};

/// Bytes of a request body; the upper bound is only there because every number has one (1 TiB).
pub const BODY_BYTES: Kind = Kind::Bytes {
    min: 1,
    max: 1 << 40,
    off: true,
};

/// Bytes of a definition. 8 MiB is what one message between nodes may carry (cluster.md, part 6).
pub const DEFINITION_BYTES: Kind = Kind::Bytes {
    min: 1 << 10,
    max: 8 << 20,
    off: false,
};

/// Open client connections; a million is about the ports and descriptors one machine has.
pub const CONNECTIONS: Kind = Kind::Number {
    min: 1,
    max: 1_000_000,
};

/// New event connections in a minute; a million per second is beyond what one machine accepts.
pub const CONNECTIONS_PER_MINUTE: Kind = Kind::Number {
    min: 1,
    max: 60_000_000,
};

/// Bytes that wait for a connection. 64 KiB hold at least a few events, 1 GiB is no queue any more.
/// Never off: a client that does not read would take all memory.
pub const QUEUE_BYTES: Kind = Kind::Bytes {
    min: 64 << 10,
    max: 1 << 30,
    off: false,
};

/// Bytes of events that are kept. Never off: what is on its way to other nodes is kept there too, and
/// 1 MiB is several batches. The upper bound is the memory of a large machine (64 GiB).
pub const REPLAY_BYTES: Kind = Kind::Bytes {
    min: 1 << 20,
    max: 64 << 30,
    off: false,
};

/// Inbound workers; more threads than this have no machine to run on.
pub const WORKERS: Kind = Kind::Number { min: 1, max: 1_024 };
