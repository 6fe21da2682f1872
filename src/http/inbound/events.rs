//! Events on the inbound port (spec: `events.md`).
//!
//! [`submission`] takes them.

pub mod submission;
