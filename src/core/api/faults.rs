//! What is wrong with a definition, in the wire's error-map shape (spec: `api-definitions.md` 1.8),
//! and what is merely odd about it. Deliberately absent: the rules, which live in
//! [`super::validate`].

#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::ser::{Serialize, SerializeMap, Serializer};

/// Most entries kept. A person mends what fits a screen and asks again; without a limit the answer
/// to a broken definition of 8 MiB would be a hundred times its size.
pub const FAULTS_MAX: usize = 1000;

/// Group of the faults that belong to no endpoint, and of the note that entries are missing.
pub const API_GROUP: &str = "api";

/// All faults of one definition: group key (`api`, `<api id>`, `<api id>/<endpoint id>`) to entries
/// in rule order. Serialises as `{"api":[{"name":"must be string"}]}`; beyond [`FAULTS_MAX`] entries
/// the rest is only counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    groups: Vec<(String, Vec<Entry>)>,
    kept: usize,
    omitted: usize,
}

/// Something accepted that will hardly do what its author wants.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Warning {
    /// Where, as `<api id>/<endpoint id>` or `<api id>`.
    pub path: String,
    /// What, and what to do about it.
    pub message: String,
}

/// One rule that is broken: a one-member object on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    field: Cow<'static, str>,
    message: Cow<'static, str>,
}

// === impl Faults ===

impl Faults {
    /// Appends an entry; entries of equal groups are kept together.
    pub fn push(
        &mut self,
        group: &str,
        field: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) {
        if self.kept == FAULTS_MAX {
            self.omitted += 1;
            return;
        }
        self.kept += 1;
        let entry = Entry {
            field: field.into(),
            message: message.into(),
        };
        // From the end: rules fill one group after the other.
        match self.groups.iter_mut().rev().find(|(name, _)| name == group) {
            Some((_, entries)) => entries.push(entry),
            None => self.groups.push((group.to_owned(), vec![entry])),
        }
    }

    /// Nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Every entry as (group, field, message), a group's entries together and in rule order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.groups.iter().flat_map(|(group, entries)| {
            entries
                .iter()
                .map(move |entry| (group.as_str(), entry.field.as_ref(), entry.message.as_ref()))
        })
    }

    /// How many faults are not among [`Self::iter`]'s, because there are too many.
    pub const fn omitted(&self) -> usize {
        self.omitted
    }

    /// One error map per group.
    pub fn by_group(&self) -> impl Iterator<Item = impl Serialize> {
        self.listed()
            .into_iter()
            .map(|(group, entries)| BTreeMap::from([(group, entries)]))
    }

    /// The groups in order, the note about omitted entries among them.
    fn listed(&self) -> Vec<(String, Vec<Entry>)> {
        let mut groups = self.groups.clone();
        if self.omitted > 0 {
            let note = Entry {
                field: Cow::Borrowed("faults"),
                message: Cow::Owned(format!("{} more are not listed", self.omitted)),
            };
            match groups.iter_mut().find(|(group, _)| group == API_GROUP) {
                Some((_, entries)) => entries.push(note),
                None => groups.push((API_GROUP.to_owned(), vec![note])),
            }
        }
        groups
    }
}

impl Serialize for Faults {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.listed())
    }
}

/// One line per fault, `group: field message`; what the client sent is escaped, so that it cannot
/// forge a line of the log.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (group, field, message) in self.iter() {
            write!(f, "{separator}{}: {} {message}", Plain(group), Plain(field))?;
            separator = "\n";
        }
        match self.omitted {
            0 => Ok(()),
            omitted => write!(
                f,
                "{separator}{API_GROUP}: {omitted} more faults are not listed"
            ),
        }
    }
}

impl std::error::Error for Faults {}

// === impl Entry ===

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_map(Some(1))?;
        entry.serialize_entry(&self.field, &self.message)?;
        entry.end()
    }
}

/// Text with its control characters escaped.
struct Plain<'a>(&'a str);

// === impl Plain ===

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}
