//! Floor 1: the corridor. The only words actors and handlers may exchange.
//!
//! Commands are imperative ([`registry::ProposeChange`]), facts are past or state
//! ([`proxy::ApisPublished`]). Plain data with a result type; no behaviour, no actor types.

pub mod cluster;
pub mod extractors;
pub mod hub;
pub mod keys;
pub mod proxy;
pub mod registry;
pub mod session;
