//! Where settings come from: anything that maps a variable's name to a text.
//!
//! Deliberately absent: meaning. What a variable may hold is said in [`super::settings`].

use std::collections::BTreeMap;

/// A source of variables. The process has two (command line, environment); tests pass maps.
pub trait Vars {
    /// The value of `name`, if it is set. Bytes that are not UTF-8 come as U+FFFD.
    fn get(&self, name: &str) -> Option<String>;
}

/// The environment of the process.
#[derive(Debug, Clone, Copy)]
pub struct Environment;

/// Variables given as flags, by variable name; also what tests use.
pub type Flags = BTreeMap<String, String>;

// === impl Vars ===

impl Vars for Environment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }
}

impl Vars for Flags {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }
}
