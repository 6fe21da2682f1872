//! What a person types: `rig [serve]`, `rig check`, `rig demo`, questions to a node, `--help`,
//! `--version`.
//!
//! Arguments become a [`Command`] and a map of variables; what they mean is `config`'s business.
//! Deliberately absent: starting anything.

mod arguments;
pub mod ask;
pub mod check;
pub mod local;
#[cfg(test)]
mod tests;

use std::ffi::OsString;

use clap::{ArgMatches, error::ErrorKind};

use crate::{
    cli::ask::Question,
    config::{settings, vars::Flags},
};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Run a node.
    Serve {
        /// As this node of a cluster on this machine, 1 to [`local::NODES_MAX`].
        local: Option<u8>,
    },
    /// Validate definitions.
    Check {
        /// A file, or the JSON itself.
        subject: String,
    },
    /// Run a gateway on loopback with a demo upstream.
    Demo {
        /// How many nodes, 1 to [`local::NODES_MAX`].
        nodes: u8,
    },
    /// Ask the management API of a node that runs. Its token is among the flags, or in the environment.
    Ask {
        /// Where it is, an `http` or `https` URL.
        api_url: String,
        /// What is asked.
        question: Question,
    },
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
    let flags = flags(&matches);
    let Some((name, inner)) = matches.subcommand() else {
        return Ok(Invocation {
            command: Command::Serve {
                local: arguments::local(&matches),
            },
            flags,
        });
    };
    let mut flags = merged(flags, name, inner)?;
    let before = arguments::local(&matches);
    let command = arguments::subcommand(name, inner, before);
    if before.is_some() && !matches!(command, Command::Serve { .. }) {
        return Err(unknown(name, arguments::LOCAL));
    }
    if let Command::Demo { .. } = command {
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
        return Err(unknown(subcommand, &settings::flag(variable)));
    }
    let mut flags = before;
    flags.extend(self::flags(inner));
    Ok(flags)
}

fn unknown(subcommand: &str, flag: &str) -> clap::Error {
    let message = format!("rig {subcommand} has no --{flag}");
    arguments::command().error(ErrorKind::ArgumentConflict, message)
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
