//! Request and response bytes together with the share of the memory budget they occupy.
//!
//! A bound on the number of frames would not bound memory (one may have 9 MiB), so every frame
//! takes its size from a budget before it is read or queued and gives it back when dropped.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The budget counts in KiB, because permits are 32-bit.
const UNIT: usize = 1024;

/// Bytes of a request or response; give it up soon, a held payload keeps its share of the budget.
pub struct Payload {
    bytes: Vec<u8>,
    _share: Option<OwnedSemaphorePermit>,
}

/// Memory that may be occupied by frames at once.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

// === impl Payload ===

impl Payload {
    pub(crate) fn new(bytes: Vec<u8>, share: OwnedSemaphorePermit) -> Self {
        Self {
            bytes,
            _share: Some(share),
        }
    }

    /// The bytes without their share of the budget.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.bytes
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<Vec<u8>> for Payload {
    /// A payload outside any budget, for tests and for small internal messages.
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            _share: None,
        }
    }
}

impl fmt::Debug for Payload {
    /// The length only: definitions may hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.bytes.len())
    }
}

// === impl Budget ===

impl Budget {
    pub(crate) fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / UNIT)))
    }

    /// The share for `bytes`, if it is free now.
    pub(crate) fn try_take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0)
            .try_acquire_many_owned(units(bytes))
            .ok()
    }

    /// The share for `bytes`; waits in turn. `None` only if the budget was closed, which nobody
    /// does.
    pub(crate) async fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0)
            .acquire_many_owned(units(bytes))
            .await
            .ok()
    }
}

fn units(bytes: usize) -> u32 {
    // An empty frame occupies memory too.
    u32::try_from(bytes / UNIT + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_payload_gives_its_share_back() {
        let budget = Budget::of(4 * UNIT);
        let held = Payload::new(
            vec![0; 3 * UNIT],
            budget.try_take(3 * UNIT).expect("4 of 4 units"),
        );
        assert!(budget.try_take(0).is_none());
        drop(held);
        assert!(budget.try_take(3 * UNIT).is_some());
    }
}
