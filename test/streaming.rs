//! Bodies, upgrades and connections pass as they are (spec: `proxying.md` 3.6).
//!
//! Each story is told on one thread between a client and a target that are spoken by hand
//! (`support::peer`), with the real gateway in between. Nothing sleeps: what is waited for is
//! something the other side says, or a metric.

mod answers;
mod bodies;
mod http2;
mod leaving;
mod refusals;
mod upgrades;
mod upstream;
