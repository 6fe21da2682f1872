//! Label values that others choose, bounded: Prometheus keeps a series for each for ever. Depends on
//! nothing. Deliberately absent: the meters.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
};

/// Most values with a series of their own.
pub const LABELS_MAX: usize = 200;

/// Longest value with a series of its own, in bytes.
pub const LABEL_BYTES_MAX: usize = 256;

/// What all others are counted as.
pub const OTHERS: &str = "(other)";

/// The values that came first.
#[derive(Debug, Default)]
pub struct Labels {
    admitted: RwLock<HashSet<Arc<str>>>,
}

// === impl Labels ===

impl Labels {
    /// The value under which `value` is counted: itself, or [`OTHERS`] if it is too long or there are
    /// [`LABELS_MAX`] already.
    pub fn label<'v>(&self, value: &'v Arc<str>) -> &'v str {
        let (is_admitted, is_full) = {
            let admitted = self.admitted.read();
            let admitted = admitted.unwrap_or_else(PoisonError::into_inner);
            (admitted.contains(value), admitted.len() >= LABELS_MAX)
        };
        // Once there is no room nobody waits for another thread.
        let may_be = !is_full && value.len() <= LABEL_BYTES_MAX;
        if is_admitted || (may_be && self.admit(value)) {
            value
        } else {
            OTHERS
        }
    }

    fn admit(&self, value: &Arc<str>) -> bool {
        let admitted = self.admitted.write();
        let mut admitted = admitted.unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been faster.
        if admitted.len() >= LABELS_MAX {
            return admitted.contains(value);
        }
        admitted.insert(Arc::clone(value));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_values_have_series_of_their_own_and_the_rest_one_together() {
        let labels = Labels::default();
        let values: Vec<Arc<str>> = (0..LABELS_MAX + 2)
            .map(|number| format!("type-{number}").into())
            .collect();
        let (first, rest) = values.split_at(LABELS_MAX);
        for _again in 0..2 {
            for value in first {
                assert_eq!(labels.label(value), &**value);
            }
            for value in rest {
                assert_eq!(labels.label(value), OTHERS);
            }
        }
    }

    #[test]
    fn a_long_value_has_none() {
        let labels = Labels::default();
        let longest: Arc<str> = "x".repeat(LABEL_BYTES_MAX).into();
        assert_eq!(labels.label(&longest), &*longest);
        let longer: Arc<str> = "x".repeat(LABEL_BYTES_MAX + 1).into();
        assert_eq!(labels.label(&longer), OTHERS);
    }
}
