//! core/registry
