//! What is wrong with a definition, in the wire's error-map shape (spec: `api-definitions.md` 1.8).

/// All faults of one definition: group key (`api`, `<api id>`, `<api id>/<endpoint id>`) to entries
/// in rule order. Serialises as `{"api":[{"name":"must be string"}]}`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    groups: Vec<(String, Vec<(String, String)>)>,
}

impl Faults {
    /// Appends an entry; entries of equal groups are kept together.
    pub fn push(&mut self, group: &str, field: &str, message: impl Into<String>) {
        let entry = (field.to_owned(), message.into());
        match self.groups.iter_mut().find(|(name, _)| name == group) {
            Some((_, entries)) => entries.push(entry),
            None => self.groups.push((group.to_owned(), vec![entry])),
        }
    }

    /// Nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// Something accepted that will hardly do what its author wants.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Warning {
    /// Where, as `<api id>/<endpoint id>` or `<api id>`.
    pub path: String,
    /// What, and what to do about it.
    pub message: String,
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (group, entries) in &self.groups {
            for (field, message) in entries {
                writeln!(f, "{group}: {field} {message}")?;
            }
        }
        Ok(())
    }
}
