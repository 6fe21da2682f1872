//! The Reactive Interaction Gateway, in Rust.
//!
//! The house has four floors, and every `use` looks down (docs/ARCHITECTURE.md):
//!
//! * **floor 3**: [`app`] wires everything, [`config`] reads the settings, [`cli`] is what a person
//!   types. They know everyone and decide nothing.
//! * **floor 2**: [`http`] (two doors: the proxy and the management API), [`actor`] (the supervised
//!   shells around the deciding code) and [`upstream`] (connections to targets). They do things.
//! * **floor 1**: [`message`], the only words actors may exchange.
//! * **floor 0**: [`core`], which decides everything and does nothing: no I/O, clock, actor, async.
//! * [`telemetry`] is the meter cupboard: any floor above 0 may read and count there.

pub mod actor;
pub mod app;
pub mod cli;
pub mod config;
pub mod core;
pub mod http;
pub mod message;
pub mod p2p;
pub mod telemetry;
pub mod upstream;
