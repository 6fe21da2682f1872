//! Whether this node should get traffic (spec: `management-api.md` 2.3).

use std::sync::atomic::{AtomicU8, Ordering};

/// The life of a node; it only ever moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Definitions are not loaded yet.
    Starting = 0,
    /// Definitions are loaded and routed.
    Ready = 1,
    /// The node was told to leave its cluster: it hears of no change any more, but goes on proxying.
    Left = 2,
    /// A shutdown has begun; what is in flight is finished.
    Draining = 3,
    /// An actor died for good; the process is about to end.
    Broken = 4,
}

/// The shared phase; written by the wiring, read by the health routes.
#[derive(Debug, Default)]
pub struct Health(AtomicU8);

// === impl Health ===

impl Health {
    /// Moves to `phase`; earlier phases are never gone back to.
    pub fn advance(&self, phase: Phase) {
        self.0.fetch_max(phase as u8, Ordering::SeqCst);
    }

    /// The current phase.
    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::SeqCst) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            2 => Phase::Left,
            3 => Phase::Draining,
            _ => Phase::Broken,
        }
    }

    /// Load balancers may send traffic.
    pub fn is_ready(&self) -> bool {
        self.phase() == Phase::Ready
    }
}
