//! What is wrong with the settings: all of it, each fault with the variable's name.

use std::fmt;

/// Longest part of a faulty value that is shown in bytes; enough to recognise it, short enough that
/// an inline definition does not fill the screen.
const SHOWN_BYTES_MAX: usize = 80;

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {message}")]
pub struct ConfigFault {
    /// The variable, followed by the flag if the value came from there.
    pub name: String,
    /// What is wrong and what to do about it.
    pub message: String,
}

/// Why the process does not start. `Display` has one line for the count and one or more per fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFaults(pub Vec<ConfigFault>);

// === impl ConfigFault ===

impl ConfigFault {
    /// A fault of the variable `name`.
    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            message: message.into(),
        }
    }
}

// === impl ConfigFaults ===

impl std::error::Error for ConfigFaults {}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "the configuration has 1 fault:")?,
            count => write!(f, "the configuration has {count} faults:")?,
        }
        for fault in &self.0 {
            write!(f, "\n  {}", indented(&fault.to_string()))?;
        }
        Ok(())
    }
}

/// `text` with every line but the first moved in, to show what belongs together.
pub fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n    ")
}

/// A faulty value as it may be shown: quoted, escaped, and cut if it is long.
pub fn shown(value: &str) -> String {
    if value.len() <= SHOWN_BYTES_MAX {
        return format!("{value:?}");
    }
    let mut start = value.to_owned();
    start.truncate(
        (0..=SHOWN_BYTES_MAX)
            .rfind(|at| value.is_char_boundary(*at))
            .unwrap_or(0),
    );
    format!("{start:?}...")
}

#[cfg(test)]
mod tests {
    use super::{ConfigFault, ConfigFaults, SHOWN_BYTES_MAX, shown};

    #[test]
    fn all_faults_are_shown_each_with_its_name() {
        let faults = ConfigFaults(vec![
            ConfigFault::new("A", "is odd"),
            ConfigFault::new("B", "is wrong:\none\ntwo\n"),
        ]);
        assert_eq!(
            faults.to_string(),
            "the configuration has 2 faults:\n  A: is odd\n  B: is wrong:\n    one\n    two"
        );
    }

    #[test]
    fn one_fault_is_counted_in_the_singular() {
        let faults = ConfigFaults(vec![ConfigFault::new("A", "is odd")]);
        assert_eq!(
            faults.to_string(),
            "the configuration has 1 fault:\n  A: is odd"
        );
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let shown = shown(&format!("x{}", "ä".repeat(SHOWN_BYTES_MAX)));
        assert!(shown.ends_with("ä\"..."), "{shown}");
        assert!(shown.len() <= SHOWN_BYTES_MAX + 5, "{shown}");
    }
}
