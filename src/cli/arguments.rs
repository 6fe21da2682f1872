//! The command line's grammar, built from the table of settings.

use clap::{Arg, ArgAction, Command, builder::ValueParser};

use crate::config::settings::{self, Group, Preset, Setting, kind::Kind, table::SETTINGS};

/// Subcommand that validates definitions.
pub(super) const CHECK: &str = "check";
/// Subcommand that runs a gateway with a demo upstream.
pub(super) const DEMO: &str = "demo";
/// What `check` validates.
pub(super) const SUBJECT: &str = "FILE|JSON";
const SERVE: &str = "serve";

const AFTER_HELP: &str = "\
Every setting is also an environment variable; a flag wins. Times take ms, s, m, h; sizes take KiB,
MiB, GiB. All settings: docs/settings.md.

Exit codes: 0 after an orderly stop, 2 if the arguments, the settings or the definitions are faulty.

Examples:
  rig --proxy-config-file apis.json
  rig check apis.json
  rig demo";

/// `rig` and its subcommands.
pub(super) fn command() -> Command {
    let serve = Command::new(SERVE)
        .about("Start the node (the default)")
        .args(arguments(|_| true));
    let check = Command::new(CHECK)
        .about("Validate API definitions and show every fault with its path")
        .arg(
            Arg::new(SUBJECT)
                .required(true)
                .value_name(SUBJECT)
                .help("A file, as given or below priv/, or the JSON itself"),
        )
        .args(arguments(|setting| {
            setting.variable == "DEFINITION_BYTES_MAX"
        }));
    let demo = Command::new(DEMO)
        .about("Start a gateway with a demo upstream and sample definitions, on loopback only")
        .args(arguments(|setting| {
            !super::DEMO
                .iter()
                .any(|(name, _)| *name == setting.variable)
        }));
    Command::new("rig")
        .about("The Reactive Interaction Gateway: a reverse proxy that is configured at run time")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(AFTER_HELP)
        .args(arguments(|_| true))
        .subcommand_precedence_over_arg(true)
        .disable_help_subcommand(true)
        .subcommands([serve, check, demo])
}

/// The flags of the settings that are `wanted`.
fn arguments(wanted: impl Fn(&Setting) -> bool) -> Vec<Arg> {
    let group = |group: &'static Group| group.settings.iter().map(move |s| (group.heading, s));
    SETTINGS
        .iter()
        .flat_map(group)
        .filter(|(_, setting)| wanted(setting))
        .flat_map(|(heading, setting)| [Some(argument(heading, setting)), file(heading, setting)])
        .flatten()
        .collect()
}

fn argument(heading: &'static str, setting: &'static Setting) -> Arg {
    let argument = Arg::new(setting.variable)
        .long(setting.flag())
        .value_name(setting.kind.placeholder())
        .value_parser(ValueParser::string())
        .help_heading(heading)
        .help(help(setting))
        // So that a faulty number is reported with its setting, like all other faults.
        .allow_negative_numbers(true)
        .action(ArgAction::Set);
    match setting.kind {
        Kind::Switch => argument.num_args(0..=1).default_missing_value("true"),
        // A PEM key begins with dashes.
        Kind::Secret => argument.allow_hyphen_values(true),
        Kind::Text
        | Kind::HeaderValue
        | Kind::HostName
        | Kind::Name
        | Kind::Url
        | Kind::File
        | Kind::Definitions
        | Kind::Address
        | Kind::Networks
        | Kind::Port
        | Kind::OneOf(_)
        | Kind::SomeOf(_)
        | Kind::Number { .. }
        | Kind::Bytes { .. }
        | Kind::Time { .. } => argument,
    }
}

fn file(heading: &'static str, setting: &'static Setting) -> Option<Arg> {
    let variable = setting.file_variable()?;
    let argument = Arg::new(variable.clone())
        .long(settings::flag(&variable))
        .value_name("FILE")
        .value_parser(ValueParser::string())
        .help_heading(heading)
        .help(format!(
            "File with the value of {} [env: {variable}]",
            setting.variable
        ))
        .action(ArgAction::Set);
    Some(argument)
}

fn help(setting: &Setting) -> String {
    let default = match setting.default {
        Preset::Value(value) => format!(" [default: {value}]"),
        Preset::Found(how) => format!(" [default: {how}]"),
        Preset::Nothing => String::new(),
    };
    format!("{} [env: {}]{default}", setting.help, setting.variable)
}
