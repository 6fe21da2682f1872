//! What a person types: `rig [serve]`, `rig check`, `rig demo`, `--help`, `--version`.
//!
//! Arguments become a [`Command`] and a map of variables; what they mean is `config`'s business.
//! Deliberately absent: starting anything.

mod arguments;
pub mod check;
#[cfg(test)]
mod tests;

use std::ffi::OsString;

use clap::{ArgMatches, error::ErrorKind};

use crate::config::{settings, vars::Flags};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Run a node.
    Serve,
    /// Validate definitions.
    Check {
        /// A file, or the JSON itself.
        subject: String,
    },
    /// Run a gateway on loopback with a demo upstream.
    Demo,
}

/// A command line, understood.
#[derive(Clone, PartialEq, Eq)]
pub struct Invocation {
    /// What is to be done.
    pub command: Command,
    /// The settings given as flags, by variable. May hold secrets, hence no `Debug`.
    pub flags: Flags,
}

/// What `rig demo` does not leave to anybody: it is for this machine only, and brings its own
/// definitions.
const DEMO: [(&str, &str); 3] = [
    ("INBOUND_BIND", "127.0.0.1"),
    ("API_BIND", "127.0.0.1"),
    ("PROXY_CONFIG_FILE", "[]"),
];

/// Understands a command line; the first argument is the program.
///
/// # Errors
/// `--help` and `--version` (exit code 0), or a usage error (exit code 2): `clap::Error::exit`
/// prints and ends accordingly.
pub fn parse(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<Invocation, clap::Error> {
    let matches = arguments::command().try_get_matches_from(arguments)?;
    let mut flags = flags(&matches);
    let command = match matches.subcommand() {
        Some((name, inner)) => {
            flags = merged(flags, name, inner)?;
            match name {
                arguments::CHECK => Command::Check {
                    subject: inner
                        .get_one(arguments::SUBJECT)
                        .cloned()
                        .unwrap_or_default(),
                },
                arguments::DEMO => Command::Demo,
                _ => Command::Serve,
            }
        }
        None => Command::Serve,
    };
    if command == Command::Demo {
        flags.extend(DEMO.map(|(variable, value)| (variable.to_owned(), value.to_owned())));
    }
    Ok(Invocation { command, flags })
}

/// The flags before a subcommand and those after it; the latter win. A flag the subcommand does not
/// know would be ignored, so it is refused.
fn merged(before: Flags, subcommand: &str, inner: &ArgMatches) -> Result<Flags, clap::Error> {
    if let Some(variable) = before
        .keys()
        .find(|name| inner.try_contains_id(name).is_err())
    {
        let message = format!("rig {subcommand} has no --{}", settings::flag(variable));
        return Err(arguments::command().error(ErrorKind::ArgumentConflict, message));
    }
    let mut flags = before;
    flags.extend(self::flags(inner));
    Ok(flags)
}

fn flags(matches: &ArgMatches) -> Flags {
    settings::all()
        .flat_map(|setting| [Some(setting.variable.to_owned()), setting.file_variable()])
        .flatten()
        .filter_map(|variable| {
            // A subcommand knows only some of the settings, and asking for others is an error.
            let value = matches.try_get_one::<String>(&variable).ok().flatten()?;
            Some((variable, value.clone()))
        })
        .collect()
}
