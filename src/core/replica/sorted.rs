//! A map kept as one sorted vector. Rounds have one or two candidates and few ballots, and there is
//! a round per API: a tree node for each would cost several times the data.
//! Depends on nothing. Deliberately absent: removal, since nothing is ever removed from a round.

/// A small map in key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sorted<K, V>(Vec<(K, V)>);

// === impl Sorted ===

impl<K: Ord + Copy, V> Sorted<K, V> {
    /// A map with one entry.
    pub fn of(key: K, value: V) -> Self {
        Self(vec![(key, value)])
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        let place = self.0.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    /// The value of `key`, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.0.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
        self.0.get_mut(place).map(|(_, value)| value)
    }

    /// Sets the value of `key`.
    pub fn insert(&mut self, key: K, value: V) {
        match self.0.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(place) => {
                if let Some(entry) = self.0.get_mut(place) {
                    entry.1 = value;
                }
            }
            Err(place) => self.0.insert(place, (key, value)),
        }
    }

    /// All entries in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// All keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }
}

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stay_in_order_and_are_replaced() {
        let mut map = Sorted::default();
        for (key, value) in [(3, 'c'), (1, 'a'), (2, 'b'), (1, 'z')] {
            map.insert(key, value);
        }
        assert_eq!(
            map.iter().collect::<Vec<_>>(),
            [(&1, &'z'), (&2, &'b'), (&3, &'c')]
        );
        assert_eq!((map.get(&2), map.get(&9)), (Some(&'b'), None));
    }
}
