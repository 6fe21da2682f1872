//! The hybrid clock (cluster.md, part 4.1; Kulkarni et al., "Logical Physical Clocks", 2014).
//! Depends on nothing. Deliberately absent: reading a clock; the time is an argument.

use std::fmt;

/// A moment of the hybrid clock: milliseconds since the Unix epoch in the upper 48 bits, a counter
/// in the lower 16.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stamp(u64);

/// The two clocks of a step, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Never goes back while the process lives; all waiting is measured with it.
    pub monotonic: u64,
    /// Time of day since the Unix epoch; may be wrong and may jump. Only stamps use it.
    pub wall: u64,
}

/// Gives out stamps that only rise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    last: Stamp,
}

// === impl Stamp ===

impl Stamp {
    /// The first stamp of a millisecond. Milliseconds beyond 48 bits (year 10889) are cut to the
    /// last representable one.
    pub const fn at(wall_ms: u64) -> Self {
        let ms = if wall_ms >> 48 == 0 {
            wall_ms
        } else {
            (1 << 48) - 1
        };
        Self(ms << 16)
    }

    /// A stamp read from a message.
    pub const fn from_u64(raw: u64) -> Self {
        Self(raw)
    }

    /// The raw 64 bits.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> u64 {
        self.0 >> 16
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.millis(), self.0 & 0xffff)
    }
}

// === impl Clock ===

impl Clock {
    /// The next stamp: the wall clock, or one tick after the last stamp if that is later.
    pub fn tick(&mut self, wall_ms: u64) -> Stamp {
        self.last = Stamp::at(wall_ms).max(Stamp(self.last.0.saturating_add(1)));
        self.last
    }

    /// Takes notice of a stamp seen elsewhere. It moves this clock, but at most to the wall clock
    /// plus `drift_max`: one wrong clock must not carry all others away.
    pub fn observe(&mut self, stamp: Stamp, wall_ms: u64, drift_max: u64) {
        let limit = Stamp::at(wall_ms.saturating_add(drift_max));
        self.last = self.last.max(stamp.min(limit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_rise_within_a_millisecond_and_when_the_wall_clock_goes_back() {
        let mut clock = Clock::default();
        let stamps = [
            clock.tick(10),
            clock.tick(10),
            clock.tick(3),
            clock.tick(11),
        ];
        assert!(
            stamps.windows(2).all(|pair| pair[0] < pair[1]),
            "{stamps:?}"
        );
    }

    #[test]
    fn a_far_stamp_moves_the_clock_by_the_drift_at_most() {
        let mut clock = Clock::default();
        clock.observe(Stamp::at(1_000_000_000), 1_000, 60_000);
        assert_eq!(clock.tick(1_000).millis(), 61_000);
    }
}
