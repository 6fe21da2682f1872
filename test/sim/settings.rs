//! What a run is told by its environment: `RUNS`, `FROM`, `CLASS`, `SEED`. As everywhere, an empty variable
//! counts as unset.
//!
//! What is not understood ends the run. One that checks nothing, or something else than was asked for,
//! would be green.

use std::{env, num::NonZero};

use super::classes::{CLASSES, Class};

/// A variable that does not say what to run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettingFault {
    #[error("{name}={text} is no number")]
    Unreadable { name: &'static str, text: String },
    #[error("RUNS=0 checks nothing")]
    Nothing,
    #[error("CLASS={0} is unknown; there are {names}", names = names().join(", "))]
    Unknown(String),
}

/// The classes that can be asked for: those that must never fail, and the one that is measured.
fn all() -> impl Iterator<Item = Class> {
    CLASSES.into_iter().chain([Class::Ephemeral])
}

fn names() -> Vec<&'static str> {
    all().map(Class::name).collect()
}

/// The text of a variable.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var_os(name)
        .filter(|text| !text.is_empty())
        .map(|text| text.to_string_lossy().into_owned())
}

/// A seed, if `text` is there.
pub(crate) fn number(
    name: &'static str,
    text: Option<String>,
) -> Result<Option<u64>, SettingFault> {
    let Some(text) = text else { return Ok(None) };
    match text.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_malformed) => Err(SettingFault::Unreadable { name, text }),
    }
}

/// How many runs of a class.
pub(crate) fn runs(text: Option<String>) -> Result<Option<NonZero<u64>>, SettingFault> {
    match number("RUNS", text)? {
        None => Ok(None),
        Some(runs) => NonZero::new(runs).map(Some).ok_or(SettingFault::Nothing),
    }
}

/// The classes to run: the one named, or all that must never fail.
pub(crate) fn classes(text: Option<String>) -> Result<Vec<Class>, SettingFault> {
    let Some(name) = text else {
        return Ok(CLASSES.to_vec());
    };
    match all().find(|class| class.name() == name) {
        Some(class) => Ok(vec![class]),
        None => Err(SettingFault::Unknown(name)),
    }
}

#[test]
fn a_run_is_told_what_to_run_or_ends() {
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(classes(None), Ok(CLASSES.to_vec()));
    assert_eq!(classes(text("line")), Ok(vec![Class::Line]));
    assert_eq!(classes(text("ephemeral")), Ok(vec![Class::Ephemeral]));
    assert_eq!(runs(None), Ok(None));
    assert_eq!(runs(text("20")), Ok(NonZero::new(20)));
    assert_eq!(number("FROM", text("0")), Ok(Some(0)));
    let faults = [
        (
            classes(text("lines")).err(),
            "CLASS=lines is unknown; there are startup, ",
        ),
        (classes(text("Line")).err(), "CLASS=Line is unknown; "),
        (runs(text("0")).err(), "RUNS=0 checks nothing"),
        (runs(text("7_700")).err(), "RUNS=7_700 is no number"),
        (number("SEED", text("-1")).err(), "SEED=-1 is no number"),
    ];
    for (fault, expected) in faults {
        let told = fault.map(|fault| fault.to_string()).unwrap_or_default();
        assert!(told.starts_with(expected), "{told} instead of {expected}");
    }
}
