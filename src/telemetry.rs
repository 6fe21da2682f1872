//! The meter cupboard: what is logged, counted and reported as health. Any floor above 0 may use it.

pub mod cluster;
pub mod events;
pub mod health;
pub mod hub;
pub mod labels;
pub mod logging;
pub mod metrics;
pub mod network;
