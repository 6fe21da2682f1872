//! Words for the keys actor.

use actix::Message;

use crate::core::auth::keys::Generation;

/// A token names a key nobody knows: fetch the published keys again. Answered when that is done, or
/// at once if it was done meanwhile or too often.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct RefreshKeys {
    /// The keys among which the key was looked for.
    pub known: Generation,
}
