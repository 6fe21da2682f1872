//! Things under small numbers that are used again.
//!
//! Deliberately absent: a guard against stale numbers; whoever removes a thing forgets its number.

/// A list with holes.
#[derive(Debug, Clone)]
pub(super) struct Slab<T> {
    slots: Vec<Option<T>>,
    holes: Vec<usize>,
}

// === impl Slab ===

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            holes: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    /// Puts a thing in; gives its number.
    pub(super) fn insert(&mut self, thing: T) -> usize {
        while let Some(hole) = self.holes.pop() {
            if let Some(slot) = self.slots.get_mut(hole) {
                *slot = Some(thing);
                return hole;
            }
        }
        self.slots.push(Some(thing));
        self.slots.len() - 1
    }

    pub(super) fn get(&self, number: usize) -> Option<&T> {
        self.slots.get(number)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        self.slots.get_mut(number)?.as_mut()
    }

    /// Takes a thing out. With the last one all memory is given back.
    pub(super) fn remove(&mut self, number: usize) -> Option<T> {
        let thing = self.slots.get_mut(number)?.take()?;
        self.holes.push(number);
        if self.is_empty() {
            *self = Self::default();
        }
        Some(thing)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.len() == self.holes.len()
    }

    /// All things with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        let numbered = self.slots.iter().enumerate();
        numbered.filter_map(|(number, slot)| Some((number, slot.as_ref()?)))
    }
}
