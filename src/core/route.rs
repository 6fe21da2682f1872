//! Which endpoint answers a request, and what goes upstream.

pub mod headers;
pub mod origin;
pub mod query;
pub mod shadow;
pub mod table;
mod trie;

pub use table::{Plan, Refusal, RequestHead, Route, RouteTable};
