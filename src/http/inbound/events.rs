//! Events towards frontends: what of it is the inbound port's.

pub mod checks;
