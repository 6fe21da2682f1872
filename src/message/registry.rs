//! Words for the registry actor.

use std::sync::Arc;

use actix::Message;

use crate::core::{
    api::document::Document,
    registry::{Accepted, Change, Preconditions, Rejection, Version},
};

/// Change a definition. Answered once the change is in this node's routing snapshot.
#[derive(Debug, Message)]
#[rtype(result = "Result<Accepted, Rejection>")]
pub struct ProposeChange {
    /// What to change.
    pub change: Change,
    /// Under which conditions.
    pub preconditions: Preconditions,
}

/// Show all active definitions, ordered by id.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Current>")]
pub struct ListApis;

/// Show one active definition.
#[derive(Debug, Message)]
#[rtype(result = "Option<Current>")]
pub struct GetApi {
    /// Its id.
    pub id: String,
}

/// An active definition as this node has it.
#[derive(Debug, Clone)]
pub struct Current {
    /// Its version.
    pub version: Version,
    /// Milliseconds since the epoch of the write that made this version.
    pub timestamp_ms: u64,
    /// The document as submitted.
    pub document: Arc<Document>,
}
