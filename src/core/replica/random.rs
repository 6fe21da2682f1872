//! Chance for jitter, the choice of a peer and name suffixes: a SplitMix64 sequence (Steele, Lea,
//! Flood, "Fast splittable pseudorandom number generators", 2014) from a seed that is an input.
//! Depends on nothing. Deliberately absent: anything secret; these numbers can be guessed.

/// A deterministic sequence of numbers.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

// === impl Random ===

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 for bound 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }
}
