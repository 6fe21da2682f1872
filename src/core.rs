//! Floor 0: the deciding code.
//!
//! Everything here is pure: an input (and, where it matters, the time) goes in, a decision comes
//! out. No I/O, clock, environment, randomness, actor, `async` or global lives here, so every rule
//! can be tested by calling it. Rooms, each needing only those named before it: [`path`],
//! [`pattern`], [`api`]; on these stand [`route`], [`registry`] and [`auth`], which do not know each
//! other. [`session`] stands on [`auth`]. [`trace`] and [`seal`] stand alone.

pub mod api;
pub mod auth;
pub mod digest;
pub mod event;
pub mod hub;
pub mod path;
pub mod pattern;
pub mod registry;
pub mod replica;
pub mod route;
pub mod seal;
pub mod session;
pub mod subscription;
pub mod trace;
pub mod version;
