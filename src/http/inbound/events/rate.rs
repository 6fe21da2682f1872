//! How many connections a minute the node takes (`MAX_CONNECTIONS_PER_MINUTE`; spec: `events.md` 5.4):
//! fixed windows, aligned to minutes of the clock, over all transports and workers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts attempts.
#[derive(Debug)]
pub struct Rate {
    per_minute: u64,
    /// The minute in the upper half, its attempts in the lower.
    window: AtomicU64,
}

// === impl Rate ===

impl Rate {
    /// At most `per_minute` connections a minute.
    pub fn new(per_minute: u64) -> Self {
        Self {
            per_minute,
            window: AtomicU64::new(0),
        }
    }

    /// Counts an attempt at this second since 1970; whether it may go on.
    pub fn admit(&self, second: u64) -> bool {
        let minute = (second / 60) & 0xffff_ffff;
        let next = |window: u64| {
            let attempts = if window >> 32 == minute {
                window & 0xffff_ffff
            } else {
                0
            };
            minute << 32 | (attempts + 1).min(0xffff_ffff)
        };
        // The closure never refuses.
        let before = self
            .window
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |window| {
                Some(next(window))
            });
        let attempts = next(before.unwrap_or_default()) & 0xffff_ffff;
        attempts <= self.per_minute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_inclusive_and_begins_anew_with_each_minute() {
        let rate = Rate::new(2);
        assert_eq!(
            [59, 59, 59].map(|second| rate.admit(second)),
            [true, true, false]
        );
        assert_eq!(
            [60, 119, 119].map(|second| rate.admit(second)),
            [true, true, false]
        );
        assert!(rate.admit(120));
    }
}
