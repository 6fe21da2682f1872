//! Finds the receivers of an event among very many subscriptions (spec: `events.md` 5.9).
//!
//! A *row* is one constraint of one key, or a subscription without any. Rows that match the same
//! events lie in one *bucket*, so finding the receivers costs a few look-ups and then only what is
//! found, however many others there are. Every row knows its owner and every owner its rows, so
//! removal does not search. Needs: `table`, `slab`, `values`. Deliberately absent: what a key
//! stands for, and whether constraints name known fields.

mod fingerprint;
mod slab;
mod table;
#[cfg(test)]
mod tests;
mod values;

use std::{collections::HashMap, hash::Hash, sync::Arc};

use crate::core::{
    event::{Event, Scalar},
    subscription::{
        Constraint, Subscription, TypePattern,
        changes::{Net, PatternChanges},
        extractors::Extractors,
        index::{
            slab::Slab,
            table::{Condition, Home, Table},
            values::Values,
        },
        patterns::{PatternMap, slacken},
    },
};

/// The subscriptions of many keys.
#[derive(Debug)]
pub struct Index<K> {
    extractors: Arc<Extractors>,
    /// Where the rows of a key are; keys without rows are not here.
    owners: HashMap<K, Box<[Place]>>,
    names: PatternMap<usize>,
    tables: Slab<Table>,
    buckets: Slab<Bucket<K>>,
    row_count: usize,
}

/// Rows that match the same events, but for their rest.
#[derive(Debug)]
struct Bucket<K> {
    table: usize,
    home: Home,
    /// Never empty for longer than a call.
    rows: Vec<Row<K>>,
}

#[derive(Debug)]
struct Row<K> {
    key: K,
    /// Its position in the owner's list.
    nth: usize,
    /// What else must be fulfilled; nearly always nothing, so it takes no more than a pointer.
    #[expect(
        clippy::box_collection,
        reason = "a box of a list is half as large as a list"
    )]
    rest: Option<Box<Vec<Condition>>>,
}

/// Where a row is.
#[derive(Debug, Clone, Copy)]
struct Place {
    bucket: usize,
    at: usize,
}

// === impl Index ===

impl<K: Copy + Ord + Hash> Index<K> {
    /// An empty index.
    pub fn new(extractors: Arc<Extractors>) -> Self {
        Self {
            extractors,
            owners: HashMap::new(),
            names: PatternMap::default(),
            tables: Slab::default(),
            buckets: Slab::default(),
            row_count: 0,
        }
    }

    /// `key` has these subscriptions and no others from now on. Gives the patterns that are wanted
    /// for the first time, and those nobody wants any more.
    pub fn replace(&mut self, key: K, subscriptions: &[Subscription]) -> PatternChanges {
        let mut net = Net::default();
        self.take_out(key, &mut net);
        let mut places = Vec::new();
        for subscription in subscriptions {
            let types = &subscription.types;
            if subscription.one_of.is_empty() {
                self.put(key, types, Vec::new(), &mut places, &mut net);
            }
            for conditions in subscription.one_of.iter().filter_map(conditions) {
                self.put(key, types, conditions, &mut places, &mut net);
            }
        }
        if !places.is_empty() {
            self.owners.insert(key, places.into_boxed_slice());
        }
        net.changes()
    }

    /// `key` is gone. Costs as much as it had rows.
    pub fn remove(&mut self, key: K) -> PatternChanges {
        let mut net = Net::default();
        self.take_out(key, &mut net);
        slacken(&mut self.owners);
        net.changes()
    }

    /// Writes the keys that want `event` into `found`, each once, in place of what is there; their
    /// order means nothing.
    pub fn matching(&self, event: &Event, found: &mut Vec<K>) {
        found.clear();
        let fields = self.extractors.fields(&event.event_type);
        let mut values = fields.map(|fields| Values::new(event, fields));
        let mut contributors = 0_usize;
        for table in self.names.covering(&event.event_type) {
            let Some(table) = self.tables.get(*table) else {
                continue;
            };
            if let Some(bucket) = table.plain().and_then(|plain| self.buckets.get(plain)) {
                contributors += 1;
                found.extend(bucket.rows.iter().map(|row| row.key));
            }
            let Some(values) = &mut values else {
                continue;
            };
            let fulfilled: Vec<usize> = table.fulfilled(values).collect();
            for bucket in fulfilled.iter().filter_map(|id| self.buckets.get(*id)) {
                contributors += bucket.collect(values, found);
            }
        }
        // A bucket holds a key once, so a single one needs no look for repetitions.
        if contributors > 1 {
            found.sort_unstable();
            found.dedup();
        }
    }

    /// Constraints are matched by these extractors from now on. Those that name a field which is not
    /// known any more match nothing.
    pub fn set_extractors(&mut self, extractors: Arc<Extractors>) {
        self.extractors = extractors;
    }

    /// How many rows there are: one per constraint, one per subscription without; duplicates of a
    /// key and constraints that cannot be fulfilled are not kept.
    pub const fn len(&self) -> usize {
        self.row_count
    }

    /// No key has a row.
    pub const fn is_empty(&self) -> bool {
        self.row_count == 0
    }

    fn put(
        &mut self,
        key: K,
        types: &TypePattern,
        conditions: Vec<Condition>,
        places: &mut Vec<Place>,
        net: &mut Net,
    ) {
        let number = match self.names.get(types) {
            Some(number) => *number,
            None => {
                let number = self.tables.insert(Table::new(types.clone()));
                self.names.insert(types, number);
                net.add(types);
                number
            }
        };
        let Some(table) = self.tables.get_mut(number) else {
            return;
        };
        let buckets = &mut self.buckets;
        let length = |bucket: usize| buckets.get(bucket).map_or(0, |bucket| bucket.rows.len());
        let (home, rest) = table.arrange(conditions, length);
        let rest = (!rest.is_empty()).then(|| Box::new(rest));
        let bucket = table.bucket(home).unwrap_or_else(|| {
            let bucket = buckets.insert(Bucket {
                table: number,
                home,
                rows: Vec::with_capacity(1),
            });
            table.set_bucket(home, bucket);
            bucket
        });
        let Some(rows) = buckets.get_mut(bucket).map(|bucket| &mut bucket.rows) else {
            return;
        };
        // The rows of a key are put in one after the other, so an equal one would be the last.
        let is_double = |row: &Row<K>| row.key == key && row.rest == rest;
        if rows.last().is_some_and(is_double) {
            return;
        }
        places.push(Place {
            bucket,
            at: rows.len(),
        });
        let nth = places.len() - 1;
        rows.push(Row { key, nth, rest });
        self.row_count += 1;
    }

    fn take_out(&mut self, key: K, net: &mut Net) {
        let Some(mut places) = self.owners.remove(&key) else {
            return;
        };
        for nth in 0..places.len() {
            let Some(Place { bucket, at }) = places.get(nth).copied() else {
                continue;
            };
            let Some(rows) = self.buckets.get_mut(bucket).map(|bucket| &mut bucket.rows) else {
                continue;
            };
            if at >= rows.len() {
                continue;
            }
            rows.swap_remove(at);
            self.row_count -= 1;
            if let Some(moved) = rows.get(at) {
                let places = if moved.key == key {
                    Some(&mut places)
                } else {
                    self.owners.get_mut(&moved.key)
                };
                if let Some(place) = places.and_then(|places| places.get_mut(moved.nth)) {
                    place.at = at;
                }
            }
            if rows.is_empty() {
                self.drop_bucket(bucket, net);
            } else if rows.len() < rows.capacity() / 4 {
                rows.shrink_to(rows.len() * 2);
            }
        }
    }

    fn drop_bucket(&mut self, bucket: usize, net: &mut Net) {
        let Some(Bucket {
            table: number,
            home,
            ..
        }) = self.buckets.remove(bucket)
        else {
            return;
        };
        let Some(table) = self.tables.get_mut(number) else {
            return;
        };
        table.unset_bucket(home);
        if table.is_empty() {
            net.remove(&table.name);
            self.names.remove(&table.name);
            self.tables.remove(number);
        }
    }
}

// === impl Bucket ===

impl<K: Copy> Bucket<K> {
    /// Adds the keys whose rest is fulfilled. Gives how often a key may be among them: as a key can
    /// have several rests, two stands for "several times".
    fn collect(&self, values: &mut Values<'_>, found: &mut Vec<K>) -> usize {
        let mut times = 1;
        for row in &self.rows {
            match &row.rest {
                None => found.push(row.key),
                Some(rest) => {
                    times = 2;
                    let is_so = |one: &Condition| values.get(&one.field) == Some(&one.value);
                    if rest.iter().all(is_so) {
                        found.push(row.key);
                    }
                }
            }
        }
        times
    }
}

/// What a constraint asks for, sorted by field; `None` if nothing can fulfil it.
fn conditions(constraint: &Constraint) -> Option<Vec<Condition>> {
    constraint
        .0
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(field, value)| {
            Some(Condition {
                field: field.as_str().into(),
                value: Scalar::of(value)?,
            })
        })
        .collect()
}
