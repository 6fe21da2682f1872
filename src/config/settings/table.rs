//! The table of all settings, in the order they are shown. Defaults and bounds: [`super::defaults`].

pub mod cluster;
pub mod events;

use crate::{
    config::settings::{
        Group, Setting,
        defaults::{
            BODY_BYTES, BODY_TIME, CONNECTIONS, DEFAULT_API_BIND, DEFAULT_API_HTTP_PORT,
            DEFAULT_API_HTTPS_PORT, DEFAULT_BODY_TIMEOUT, DEFAULT_CORS,
            DEFAULT_DEFINITION_BYTES_MAX, DEFAULT_HEADER_TIMEOUT, DEFAULT_HOST,
            DEFAULT_INBOUND_BIND, DEFAULT_INBOUND_HTTPS_PORT, DEFAULT_INBOUND_PORT,
            DEFAULT_JWT_ALG, DEFAULT_LOG_FMT, DEFAULT_LOG_LEVEL, DEFAULT_MAX_BODY_BYTES,
            DEFAULT_MAX_CONNECTIONS, DEFAULT_MAX_HEADER_BYTES, DEFAULT_PROXY_CONNECT_TIMEOUT,
            DEFAULT_PROXY_RECV_TIMEOUT, DEFAULT_PROXY_STREAM_IDLE_TIMEOUT, DEFAULT_SHUTDOWN_DELAY,
            DEFAULT_SHUTDOWN_TIMEOUT, DEFINITION_BYTES, HEADER_BYTES, HEADER_TIME, PROXY_TIME,
            PROXY_TIME_OR_OFF, SHUTDOWN_TIME, WORKERS,
        },
        kind::Kind,
    },
    telemetry::logging::Format,
};

/// The signature algorithms of `JWT_ALG` (spec: `auth.md` 6.1).
pub const ALGORITHMS: &[&str] = &[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "EdDSA",
];

/// The words of `LOG_LEVEL`.
pub const LEVELS: &[&str] = &["debug", "info", "warn", "error"];

/// Where request log lines may go; `kafka` is known so that it can be refused with a reason.
pub const REQUEST_LOGS: &[&str] = &["console", "kafka"];

/// All settings.
pub const SETTINGS: &[Group] = &[
    Group {
        heading: "Listeners",
        settings: LISTENERS,
    },
    Group {
        heading: "HTTPS",
        settings: HTTPS,
    },
    Group {
        heading: "Node",
        settings: NODE,
    },
    Group {
        heading: "Cluster",
        settings: cluster::CLUSTER,
    },
    Group {
        heading: "Tokens",
        settings: TOKENS,
    },
    Group {
        heading: "Proxy",
        settings: PROXY,
    },
    Group {
        heading: "Events",
        settings: events::EVENTS,
    },
    Group {
        heading: "Limits",
        settings: LIMITS,
    },
    Group {
        heading: "Logs and metrics",
        settings: LOGS,
    },
];

const LISTENERS: &[Setting] = &[
    Setting::new(
        "INBOUND_BIND",
        Kind::Address,
        DEFAULT_INBOUND_BIND,
        "Address of the proxy's ports",
    ),
    Setting::new(
        "INBOUND_PORT",
        Kind::Port,
        DEFAULT_INBOUND_PORT,
        "HTTP port of the proxy",
    ),
    Setting::new(
        "INBOUND_HTTPS_PORT",
        Kind::Port,
        DEFAULT_INBOUND_HTTPS_PORT,
        "HTTPS port of the proxy; open only with a certificate",
    ),
    Setting::new(
        "API_BIND",
        Kind::Address,
        DEFAULT_API_BIND,
        "Address of the management API's ports. Beyond loopback, API_TOKEN or API_INSECURE is needed",
    ),
    Setting::new(
        "API_HTTP_PORT",
        Kind::Port,
        DEFAULT_API_HTTP_PORT,
        "HTTP port of the management API",
    ),
    Setting::new(
        "API_HTTPS_PORT",
        Kind::Port,
        DEFAULT_API_HTTPS_PORT,
        "HTTPS port of the management API; open only with a certificate",
    ),
    Setting::unset(
        "API_TOKEN",
        Kind::Secret,
        "Bearer token the management API asks for, except on /health and /metrics",
    ),
    Setting::new(
        "API_INSECURE",
        Kind::Switch,
        "false",
        "Leave the management API open to everybody who reaches API_BIND",
    ),
    Setting::unset(
        "TRUSTED_PROXIES",
        Kind::Networks,
        "Networks whose Forwarded and X-Forwarded-* headers are kept and extended",
    ),
    Setting::new(
        "CORS",
        Kind::HeaderValue,
        DEFAULT_CORS,
        "Origin, or comma list of origins, that may read the gateway's own answers in a browser",
    ),
];

const HTTPS: &[Setting] = &[
    Setting::unset(
        "HTTPS_CERTFILE",
        Kind::File,
        "PEM certificate chain; together with HTTPS_KEYFILE it opens the HTTPS ports",
    ),
    Setting::unset(
        "HTTPS_KEYFILE",
        Kind::File,
        "PEM private key; may be encrypted",
    ),
    Setting::unset(
        "HTTPS_KEYFILE_PASS",
        Kind::Secret,
        "Pass phrase of HTTPS_KEYFILE",
    ),
];

const NODE: &[Setting] = &[
    Setting::new(
        "HOST",
        Kind::HostName,
        DEFAULT_HOST,
        "Name of this gateway in the Forwarded header of proxied requests",
    ),
    Setting::found(
        "NODE_NAME",
        Kind::Name,
        "NODE_HOST, else the host name",
        "Stable name of this node",
    ),
    Setting::unset(
        "NODE_HOST",
        Kind::HostName,
        "Address of this node as others know it",
    ),
    Setting::found(
        "WORKERS",
        WORKERS,
        "number of cores",
        "Threads that serve the proxy's ports",
    ),
    Setting::new(
        "SHUTDOWN_DELAY",
        SHUTDOWN_TIME,
        DEFAULT_SHUTDOWN_DELAY,
        "How long a stopping gateway reports itself unready before it stops to accept",
    ),
    Setting::new(
        "SHUTDOWN_TIMEOUT",
        SHUTDOWN_TIME,
        DEFAULT_SHUTDOWN_TIMEOUT,
        "How long what is in flight may take after that",
    ),
];

const TOKENS: &[Setting] = &[
    Setting::unset(
        "JWT_SECRET_KEY",
        Kind::Secret,
        "Key that tokens are verified with: the HMAC secret, or a PEM public key or certificate",
    ),
    Setting::new(
        "JWT_ALG",
        Kind::OneOf(ALGORITHMS),
        DEFAULT_JWT_ALG,
        "The one algorithm that tokens may be signed with",
    ),
    Setting::unset(
        "JWT_JWKS_URL",
        Kind::Url,
        "Key set to take keys from, by kid",
    ),
    Setting::unset(
        "JWT_ISSUER",
        Kind::Text,
        "Value that tokens must have as iss",
    ),
    Setting::unset(
        "JWT_AUDIENCE",
        Kind::Text,
        "Value that tokens must have in aud",
    ),
];

const PROXY: &[Setting] = &[
    Setting::unset(
        "PROXY_CONFIG_FILE",
        Kind::Definitions,
        "API definitions to start with: a file, as given or below priv/, or the JSON itself",
    ),
    Setting::new(
        "PROXY_CONNECT_TIMEOUT",
        PROXY_TIME,
        DEFAULT_PROXY_CONNECT_TIMEOUT,
        "How long connecting to a target may take; then 502",
    ),
    Setting::new(
        "PROXY_RECV_TIMEOUT",
        PROXY_TIME,
        DEFAULT_PROXY_RECV_TIMEOUT,
        "How long a target may take to begin its answer after the request was sent; then 504. \
         Definitions can override it with timeout_ms",
    ),
    Setting::new(
        "PROXY_STREAM_IDLE_TIMEOUT",
        PROXY_TIME_OR_OFF,
        DEFAULT_PROXY_STREAM_IDLE_TIMEOUT,
        "Longest pause within the body of an answer; then the connection is closed",
    ),
    Setting::found(
        "PROXY_CA_CERTFILE",
        Kind::File,
        "the system's only",
        "PEM certificates of further authorities to trust for https targets",
    ),
];

const LIMITS: &[Setting] = &[
    Setting::new(
        "MAX_HEADER_BYTES",
        HEADER_BYTES,
        DEFAULT_MAX_HEADER_BYTES,
        "Longest head of a request, request line and headers together; then 431",
    ),
    Setting::new(
        "HEADER_TIMEOUT",
        HEADER_TIME,
        DEFAULT_HEADER_TIMEOUT,
        "How long the head of a request may take",
    ),
    Setting::new(
        "BODY_TIMEOUT",
        BODY_TIME,
        DEFAULT_BODY_TIMEOUT,
        "Longest pause within the body of a request",
    ),
    Setting::new(
        "MAX_BODY_BYTES",
        BODY_BYTES,
        DEFAULT_MAX_BODY_BYTES,
        "Largest body of a proxied request; then 413. Definitions can override it with \
         max_body_bytes",
    ),
    Setting::new(
        "MAX_CONNECTIONS",
        CONNECTIONS,
        DEFAULT_MAX_CONNECTIONS,
        "Client connections open at the same time on the proxy's ports",
    ),
    Setting::new(
        "DEFINITION_BYTES_MAX",
        DEFINITION_BYTES,
        DEFAULT_DEFINITION_BYTES_MAX,
        "Largest API definition",
    ),
];

const LOGS: &[Setting] = &[
    Setting::new(
        "LOG_LEVEL",
        Kind::OneOf(LEVELS),
        DEFAULT_LOG_LEVEL,
        "What is logged: this level and the more serious ones",
    ),
    Setting::new(
        "LOG_FMT",
        Kind::OneOf(&Format::WORDS),
        DEFAULT_LOG_FMT,
        "Shape of log lines; erlang means text, gcl is for Google Cloud",
    ),
    Setting::unset(
        "REQUEST_LOG",
        Kind::SomeOf(REQUEST_LOGS),
        "Where a line per proxied request is written; kafka is not supported yet",
    ),
    Setting::new(
        "PROMETHEUS_METRICS_ENABLED",
        Kind::Switch,
        "true",
        "Count, and answer on /metrics of the management API",
    ),
];
