//! Words for the keys actor.

use actix::Message;

/// A token names a key nobody knows: fetch the published keys again. Answered when that is done,
/// or at once if it was done a moment ago.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct RefreshKeys;
