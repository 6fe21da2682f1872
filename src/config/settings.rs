//! What a setting is. All of them are rows of one [`table`]: arguments, `--help`, reading and
//! docs/settings.md are driven by it, so none of them can name a setting the others do not know.
//!
//! To add a setting: a row in [`table`], its default in [`defaults`], a field read in `config`, and
//! `UPDATE_DOCS=1 cargo test --lib settings`. Spec: `config.md`, `names.md`.

pub mod defaults;
pub mod kind;
pub mod later;
#[cfg(test)]
mod markdown;
pub mod places;
pub mod table;
pub mod values;

use crate::config::settings::{kind::Kind, table::SETTINGS};

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The environment variable.
    pub variable: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// What holds if it is not set.
    pub default: Preset,
    /// What it is for: one or two sentences without full stop at the end.
    pub help: &'static str,
}

/// What holds if a setting is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// This text, as if somebody had written it.
    Value(&'static str),
    /// No value.
    Nothing,
    /// Found out at start, as described.
    Found(&'static str),
}

/// Settings that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// Heading in `--help` and in the documentation.
    pub heading: &'static str,
    /// In the order they are shown.
    pub settings: &'static [Setting],
}

// === impl Setting ===

impl Setting {
    const fn new(
        variable: &'static str,
        kind: Kind,
        default: &'static str,
        help: &'static str,
    ) -> Self {
        let default = Preset::Value(default);
        Self {
            variable,
            kind,
            default,
            help,
        }
    }

    const fn unset(variable: &'static str, kind: Kind, help: &'static str) -> Self {
        let default = Preset::Nothing;
        Self {
            variable,
            kind,
            default,
            help,
        }
    }

    const fn found(
        variable: &'static str,
        kind: Kind,
        how: &'static str,
        help: &'static str,
    ) -> Self {
        let default = Preset::Found(how);
        Self {
            variable,
            kind,
            default,
            help,
        }
    }

    /// Its flag without the dashes: the variable in kebab case.
    pub fn flag(&self) -> String {
        flag(self.variable)
    }

    /// The variable that names a file with the value, for secrets.
    pub fn file_variable(&self) -> Option<String> {
        (self.kind == Kind::Secret).then(|| format!("{}_FILE", self.variable))
    }

    /// The default as text, if it is one.
    pub const fn default_value(&self) -> Option<&'static str> {
        match self.default {
            Preset::Value(value) => Some(value),
            Preset::Nothing | Preset::Found(_) => None,
        }
    }
}

/// The flag of a variable without the dashes.
pub fn flag(variable: &str) -> String {
    variable.to_ascii_lowercase().replace('_', "-")
}

/// All settings in the order they are shown.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().flat_map(|group| group.settings)
}

/// The setting of `variable`.
pub fn named(variable: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.variable == variable)
}
