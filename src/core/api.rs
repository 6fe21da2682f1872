//! The validated model of an API definition: what routing reads.
//!
//! A client's JSON ([`document`]) becomes an [`Api`] only through [`validate`]; whoever holds an
//! [`Api`] may rely on its patterns being compiled, its method upper-cased, its defaults applied
//! (spec: `api-definitions.md`). Deliberately absent: serde on the model. The document is stored
//! and returned as submitted; the model is never serialised.

pub mod digest;
pub mod document;
pub mod faults;
pub mod seed;
pub mod target_url;
mod token_source;
pub mod validate;
pub mod view;

use std::{fmt, sync::Arc, time::Duration};

use crate::core::pattern::{Pattern, Replacement};

/// Longest API id in bytes; the cluster carries ids in every message (cluster.md, part 6).
pub const API_ID_BYTES_MAX: usize = 128;

/// One back-end service: where it lives, and which requests reach it.
#[derive(Debug)]
pub struct Api {
    /// Unique key in the cluster; bytewise ascending order of ids is the match order.
    pub id: Arc<str>,
    /// For display only.
    pub name: String,
    /// `true`: stored but never routed (versioning is announced by the format, not implemented).
    pub versioned: bool,
    /// Where tokens are looked for, once an endpoint is `secured`.
    pub auth: Auth,
    /// Where requests with an HTTP target go.
    pub proxy: Address,
    /// Headers set on forwarded requests of endpoints with `transform_request_headers`; names
    /// lower-case, unique, values valid header values.
    pub add_headers: Arc<[(String, String)]>,
    /// The endpoints of version `default`, in list order.
    pub endpoints: Vec<Endpoint>,
}

/// How an API wants its secured endpoints guarded (spec: `proxying.md` 3.9, `auth.md` 6).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Auth {
    /// `auth_type` is exactly `"jwt"`.
    pub jwt: bool,
    /// Header that carries tokens, lower-case; `authorization` means the `Bearer` scheme, any other
    /// name a bare token or `Bearer <token>`.
    pub header: Option<String>,
    /// Query parameter that carries a comma list of bare tokens.
    pub query: Option<String>,
}

/// A target address as the definition gives it; environment variables are looked up when the
/// route table is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// URL, bare host, or (with `use_env`) the name of a variable that holds one of those.
    pub target_url: String,
    /// Port of the target; always wins over a port in `target_url`.
    pub port: u16,
    /// `target_url` names an environment variable.
    pub use_env: bool,
}

/// One (method, path pattern) → target mapping.
#[derive(Debug)]
pub struct Endpoint {
    /// Label in faults, warnings and request logs; not necessarily unique.
    pub id: String,
    /// Upper-case.
    pub method: String,
    /// Compiled `path_regex`.
    pub pattern: Arc<Pattern>,
    /// Compiled `path_replacement`; `None` forwards the path as it matched.
    pub replacement: Option<Arc<Replacement>>,
    /// Requests need a valid token. Only ever `true` together with `Auth::jwt`.
    pub secured: bool,
    /// `Api::add_headers` are set on forwarded requests.
    pub transform: bool,
    /// Where requests go.
    pub target: Target,
    /// Topic, stream or subject for the broker targets.
    pub topic: Option<String>,
    /// Where the answer comes from.
    pub response_from: ResponseFrom,
    /// Longest wait for the response head; overrides `PROXY_RECV_TIMEOUT`. From the endpoint, else
    /// from its API (`timeout_ms`).
    pub timeout: Option<Duration>,
    /// Largest request body; overrides `MAX_BODY_BYTES`. From the endpoint, else from its API.
    pub body_bytes_max: Option<u64>,
}

/// What carries a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// An HTTP back end.
    Http,
    /// A Kafka topic.
    Kafka,
    /// A Kinesis stream.
    Kinesis,
    /// A NATS subject.
    Nats,
}

/// What carries the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResponseFrom {
    /// The target's own HTTP answer.
    Http,
    /// A later call of `/vN/responses`.
    HttpAsync,
    /// A Kafka topic.
    Kafka,
    /// A Kinesis stream.
    Kinesis,
    /// A NATS reply.
    Nats,
}

// === impl Target ===

impl Target {
    /// All targets, in the order error messages list them.
    pub const ALL: [Self; 4] = [Self::Http, Self::Kafka, Self::Kinesis, Self::Nats];

    /// The word in definitions and metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Kafka => "kafka",
            Self::Kinesis => "kinesis",
            Self::Nats => "nats",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl ResponseFrom ===

impl ResponseFrom {
    /// All sources, in the order error messages list them.
    pub const ALL: [Self; 5] = [
        Self::Http,
        Self::HttpAsync,
        Self::Kafka,
        Self::Kinesis,
        Self::Nats,
    ];

    /// The word in definitions and metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::HttpAsync => "http_async",
            Self::Kafka => "kafka",
            Self::Kinesis => "kinesis",
            Self::Nats => "nats",
        }
    }
}

impl fmt::Display for ResponseFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
