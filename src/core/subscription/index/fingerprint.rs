//! What stands for the values of a key: 128 bits, so that a look-up reads one place of memory instead of
//! three, and a key of a long text takes no more room than that of a short one.
//!
//! Two results of a keyed hash whose key nobody knows: that two different lists of values have the same
//! is as likely as to guess 128 bits, for a hundred thousand keys about 1 in 10^28. Deliberately absent:
//! the values, which nobody needs any more.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, BuildHasherDefault, Hash, Hasher},
};

use crate::core::event::Scalar;

/// Stands for a list of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(u64, u64);

/// Hashes a [`Fingerprint`] by itself: it is a hash already.
pub(super) type AsIs = BuildHasherDefault<Half>;

/// See [`AsIs`].
#[derive(Debug, Default)]
pub(super) struct Half(u64);

/// Takes one value after the other.
pub(super) struct Taking<H>(H, H);

// === impl Taking ===

impl Taking<<RandomState as BuildHasher>::Hasher> {
    /// Begins with no value.
    pub(super) fn new(keys: &RandomState) -> Self {
        let (mut first, mut second) = (keys.build_hasher(), keys.build_hasher());
        // One hash of two different texts is as good as two hashes of the same.
        first.write_u8(0);
        second.write_u8(1);
        Self(first, second)
    }
}

impl<H: Hasher> Taking<H> {
    /// The next value.
    pub(super) fn take(&mut self, value: &Scalar) {
        value.hash(&mut self.0);
        value.hash(&mut self.1);
    }

    /// No more values follow.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint(self.0.finish(), self.1.finish())
    }
}

// === impl Half ===

impl Hasher for Half {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, half: u64) {
        self.0 ^= half;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn of(keys: &RandomState, values: &[&str]) -> Fingerprint {
        let mut taking = Taking::new(keys);
        for value in values {
            taking.take(&Scalar::Text((*value).into()));
        }
        taking.fingerprint()
    }

    #[test]
    fn equal_lists_have_the_same_and_others_have_not() {
        let keys = RandomState::new();
        let lists: [&[&str]; 6] = [&[], &["a"], &["b"], &["a", "b"], &["b", "a"], &["ab"]];
        let all: HashSet<Fingerprint, AsIs> = lists.iter().map(|list| of(&keys, list)).collect();
        assert_eq!(all.len(), lists.len());
        for list in lists {
            assert!(all.contains(&of(&keys, list)));
        }
        let Fingerprint(first, second) = of(&keys, &["a"]);
        assert_ne!(first, second);
        assert_ne!(of(&RandomState::new(), &["a"]), of(&keys, &["a"]));
    }
}
