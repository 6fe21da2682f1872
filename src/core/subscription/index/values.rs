//! What the fields of one event are, each looked up when a constraint first asks.
//!
//! Needs the event and the extractors. Deliberately absent: constraints.

use crate::core::{
    event::{Event, Scalar},
    subscription::extractors::Fields,
};

/// The fields of an event by name.
pub(super) struct Values<'e> {
    event: &'e Event,
    fields: &'e Fields,
    /// Those asked for; at most [`super::super::extractors::FIELDS_MAX`], so that looking through
    /// them is as fast as hashing.
    found: Vec<(&'e str, Option<Scalar>)>,
}

// === impl Values ===

impl<'e> Values<'e> {
    pub(super) const fn new(event: &'e Event, fields: &'e Fields) -> Self {
        Self {
            event,
            fields,
            found: Vec::new(),
        }
    }

    /// The value of a field; `None` if the event's type has no such field, or the event no scalar
    /// value there.
    pub(super) fn get(&mut self, name: &str) -> Option<&Scalar> {
        let at = match self.found.iter().position(|(known, _)| *known == name) {
            Some(at) => at,
            None => {
                let (name, field) = self.fields.get_key_value(name)?;
                let value = self.event.scalar(&field.event);
                self.found.push((name, value));
                self.found.len() - 1
            }
        };
        self.found.get(at)?.1.as_ref()
    }
}
