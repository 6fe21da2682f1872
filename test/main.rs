//! The integration tests: one binary, so that everything links once.
//!
//! `support` is the harness: it starts the real gateway as a child process, puts a recording back
//! end behind it and speaks raw HTTP/1.1 to it, byte for byte. `conformance` replays what the
//! original answered (`golden/README.md`), `operations` tells stories of a gateway's life, `cluster` of
//! several that work together, `browser` drives the example pages, and `hardening` attacks it
//! (`docs/hardening.md`). Deliberately absent: any call into the library; these tests know the gateway
//! only from outside.

mod support {
    pub(crate) mod answers;
    pub(crate) mod authority;
    pub(crate) mod backend;
    pub(crate) mod browser;
    pub(crate) mod change;
    pub(crate) mod client;
    pub(crate) mod compare;
    pub(crate) mod definition;
    pub(crate) mod event_stream;
    pub(crate) mod expected;
    pub(crate) mod fleet;
    pub(crate) mod frontend;
    pub(crate) mod gateway;
    pub(crate) mod golden;
    pub(crate) mod intruder;
    pub(crate) mod issuer;
    pub(crate) mod lan;
    pub(crate) mod long;
    pub(crate) mod meter;
    pub(crate) mod multiplexed;
    pub(crate) mod orders;
    pub(crate) mod peer;
    pub(crate) mod puppet;
    pub(crate) mod relay;
    pub(crate) mod replay;
    pub(crate) mod target;
    pub(crate) mod tls;
    pub(crate) mod token;
    pub(crate) mod websocket;
    pub(crate) mod wire;
}

mod conformance {
    mod auth;
    mod blacklist;
    pub(crate) mod deviations;
    mod events;
    mod mgmt;
    mod proxy;
    mod sse;
}

mod browser;
mod streaming;
mod operations {
    mod asynchronous;
    mod change;
    mod https;
    mod limits;
    mod log;
    mod metrics;
    mod shutdown;
    mod start;
    mod submission;
    mod tokens;
}

mod cluster;
mod events;
mod events_cluster;
mod hardening;
#[expect(
    clippy::unwrap_used,
    reason = "a simulation that cannot go on has failed"
)]
mod sim;
