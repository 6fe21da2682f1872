//! The rows for one type pattern: how a constraint becomes the key of a bucket, and how the buckets
//! an event may match are found.
//!
//! Constraints on the same fields have the same *shape*; within a shape the values of an event lead
//! straight to the one bucket whose constraint they fulfil. The number of shapes is bounded: beyond it
//! a constraint is found by one of its fields, and the *rest* is compared. Deliberately absent: rows
//! and their owners ([`super`]).

use std::{
    collections::{HashMap, hash_map::RandomState},
    sync::Arc,
};

use crate::core::{
    event::Scalar,
    subscription::{
        TypePattern,
        index::{
            fingerprint::{AsIs, Fingerprint, Taking},
            slab::Slab,
            values::Values,
        },
        patterns::slacken,
    },
};

/// Most combinations of fields that are looked up one by one for an event. People write a few; with
/// 64 fields somebody could invent 2^64.
pub(super) const SHAPES_MAX: usize = 64;

/// A field and what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) field: Arc<str>,
    pub(super) value: Scalar,
}

/// The buckets of one type pattern.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: TypePattern,
    /// The bucket of those who want all.
    plain: Option<usize>,
    shapes: Slab<Shape>,
    shape_count: usize,
    /// Of the fingerprints.
    keys: RandomState,
}

/// Buckets of constraints on the same fields.
#[derive(Debug)]
struct Shape {
    /// Sorted.
    fields: Box<[Arc<str>]>,
    buckets: HashMap<Fingerprint, usize, AsIs>,
}

/// Where in its table a bucket is found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Home {
    /// Always.
    Plain,
    /// By these values of the fields of this shape.
    Keyed { shape: usize, values: Fingerprint },
}

// === impl Table ===

impl Table {
    pub(super) fn new(name: TypePattern) -> Self {
        Self {
            name,
            plain: None,
            shapes: Slab::default(),
            shape_count: 0,
            keys: RandomState::new(),
        }
    }

    /// Where a row with these conditions, sorted by field, belongs, and which of them are not part of
    /// the key. `length` tells how many rows a bucket has.
    pub(super) fn arrange(
        &mut self,
        conditions: Vec<Condition>,
        length: impl Fn(usize) -> usize,
    ) -> (Home, Vec<Condition>) {
        if conditions.is_empty() {
            return (Home::Plain, conditions);
        }
        let is_kept = conditions.len() == 1
            || self.shape_count < SHAPES_MAX
            || self.shape(&conditions).is_some();
        if is_kept {
            return (self.keyed(&conditions), Vec::new());
        }
        // The rarest so far: a country is shared by thousands, a customer's number is not.
        let rows = |condition: &Condition| {
            let single = std::slice::from_ref(condition);
            let shape = self.shapes.get(self.shape(single)?)?;
            let bucket = shape.buckets.get(&self.fingerprint(single))?;
            Some(length(*bucket))
        };
        let (mut keys, mut rest) = (Vec::new(), conditions);
        let rarest = (0..rest.len()).min_by_key(|at| rest.get(*at).and_then(rows));
        keys.extend(rarest.map(|at| rest.swap_remove(at)));
        (self.keyed(&keys), rest)
    }

    /// The bucket that is there.
    pub(super) fn bucket(&self, home: Home) -> Option<usize> {
        match home {
            Home::Plain => self.plain,
            Home::Keyed { shape, values } => self.shapes.get(shape)?.buckets.get(&values).copied(),
        }
    }

    pub(super) fn set_bucket(&mut self, home: Home, bucket: usize) {
        match home {
            Home::Plain => self.plain = Some(bucket),
            Home::Keyed { shape, values } => {
                if let Some(shape) = self.shapes.get_mut(shape) {
                    shape.buckets.insert(values, bucket);
                }
            }
        }
    }

    /// Forgets a bucket, and its shape with the last.
    pub(super) fn unset_bucket(&mut self, home: Home) {
        match home {
            Home::Plain => self.plain = None,
            Home::Keyed {
                shape: number,
                values,
            } => {
                let Some(shape) = self.shapes.get_mut(number) else {
                    return;
                };
                shape.buckets.remove(&values);
                slacken(&mut shape.buckets);
                if shape.buckets.is_empty() && self.shapes.remove(number).is_some() {
                    self.shape_count -= 1;
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.plain.is_none() && self.shape_count == 0
    }

    /// The bucket of those who want all.
    pub(super) const fn plain(&self) -> Option<usize> {
        self.plain
    }

    /// The buckets whose key an event fulfils; one per shape at most.
    pub(super) fn fulfilled(&self, values: &mut Values<'_>) -> impl Iterator<Item = usize> {
        self.shapes
            .iter()
            .filter_map(|(_, shape)| shape.fulfilled(values, &self.keys))
    }

    fn fingerprint(&self, conditions: &[Condition]) -> Fingerprint {
        let mut taking = Taking::new(&self.keys);
        for condition in conditions {
            taking.take(&condition.value);
        }
        taking.fingerprint()
    }

    fn shape(&self, conditions: &[Condition]) -> Option<usize> {
        let mut shapes = self.shapes.iter();
        let fields = || conditions.iter().map(|condition| &condition.field);
        shapes
            .find(|(_, shape)| shape.fields.iter().eq(fields()))
            .map(|(number, _)| number)
    }

    fn keyed(&mut self, conditions: &[Condition]) -> Home {
        let values = self.fingerprint(conditions);
        let shape = self.shape(conditions).unwrap_or_else(|| {
            self.shape_count += 1;
            self.shapes.insert(Shape {
                fields: conditions
                    .iter()
                    .map(|one| Arc::clone(&one.field))
                    .collect(),
                buckets: HashMap::default(),
            })
        });
        Home::Keyed { shape, values }
    }
}

// === impl Shape ===

impl Shape {
    fn fulfilled(&self, values: &mut Values<'_>, keys: &RandomState) -> Option<usize> {
        let mut taking = Taking::new(keys);
        for field in &self.fields {
            taking.take(values.get(field)?);
        }
        self.buckets.get(&taking.fingerprint()).copied()
    }
}
