//! Connections to HTTP targets: a pool per inbound worker, TLS, and time limits on connecting.
//!
//! May depend on `core` (where an [`Origin`](crate::core::route::origin::Origin) is) and hyper's
//! client connection. Deliberately absent: what is sent. Heads and bodies belong to
//! `http/inbound/forward`; brokers get sibling rooms with the same drawers.

pub mod connect;
pub mod pool;
pub mod stream;
pub mod tls;
pub mod trust;

use std::{sync::Arc, time::Duration};

pub use connect::ConnectError;
pub use pool::{Lease, Pool};

/// How connections are made; shared by all workers.
#[derive(Clone)]
pub struct Settings {
    /// Longest time for name lookup, TCP and TLS together (`PROXY_CONNECT_TIMEOUT`).
    pub connect_timeout: Duration,
    /// Trust for `https` targets.
    pub tls: Arc<rustls::ClientConfig>,
    /// Open connections over all workers (`rig_upstream_connections`).
    pub connections: prometheus::IntGauge,
}
