//! Amounts as a person reads them, for what a setting expects.
//!
//! Deliberately absent: reading them ([`super::super::values`]).

use std::fmt;

/// A number of bytes in the largest unit that shows it whole.
pub(super) struct ByteSize(pub(super) u64);

/// A time in the largest unit that shows it whole.
pub(super) struct Milliseconds(pub(super) u64);

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
            if self.0 != 0 && self.0.is_multiple_of(1 << shift) {
                return write!(f, "{} {unit}", self.0 >> shift);
            }
        }
        match self.0 {
            1 => write!(f, "1 byte"),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (length, unit) in [(3_600_000, "h"), (60_000, "m"), (1_000, "s")] {
            if self.0 != 0 && self.0.is_multiple_of(length) {
                return write!(f, "{}{unit}", self.0 / length);
            }
        }
        match self.0 {
            0 => write!(f, "0"),
            milliseconds => write!(f, "{milliseconds}ms"),
        }
    }
}

/// The end of an expectation.
pub(super) fn or_off(off: bool) -> &'static str {
    if off { ", or off" } else { "" }
}
