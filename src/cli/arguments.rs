//! The command line's grammar, built from the table of settings.

use clap::{Arg, ArgAction, ArgMatches, Command, builder::ValueParser, value_parser};

use crate::{
    cli::{
        self,
        ask::{DEFAULT_API_URL, DEFAULT_WAIT_SECONDS, Question, WAIT_SECONDS_MAX},
        local::NODES_MAX,
    },
    config::settings::{self, Group, Preset, Setting, kind::Kind, table::SETTINGS},
    core::replica::input::Until,
};

/// Which node of this machine to be.
pub(super) const LOCAL: &str = "local";

const CHECK: &str = "check";
const DEMO: &str = "demo";
const DIFF: &str = "diff";
const FORGET: &str = "forget";
const JOIN: &str = "join";
const LEAVE: &str = "leave";
const MEMBERS: &str = "members";
const ROUNDS: &str = "rounds";
const SERVE: &str = "serve";
const WAIT: &str = "wait";

/// What `check` validates.
const SUBJECT: &str = "FILE|JSON";
const NODES: &str = "nodes";
const API_URL: &str = "api-url";
const CHANGE: &str = "CHANGE";
const NODE: &str = "NODE";
const ADDRESS: &str = "ADDRESS";
const UNTIL: &str = "for";
const TIMEOUT: &str = "timeout";

/// The heading of arguments that are no settings.
const HEADING: &str = "This command";

const AFTER_HELP: &str = "\
Every setting is also an environment variable; a flag wins. Times take ms, s, m, h; sizes take KiB,
MiB, GiB. All settings: docs/settings.md.

Exit codes: 0 after an orderly stop or the wished-for answer, 1 if the node cannot start or the answer
is another, 2 if the arguments, the settings or the definitions are faulty.

Examples:
  rig --proxy-config-file apis.json
  rig check apis.json
  rig demo
  rig --local 1        (and --local 2 in another terminal: a cluster)
  rig members";

/// `rig` and its subcommands.
pub(super) fn command() -> Command {
    let serve = Command::new(SERVE)
        .about("Start the node (the default)")
        .arg(local_argument())
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
        .arg(
            option(NODES, "N")
                .value_parser(value_parser!(u8).range(1..=i64::from(NODES_MAX)))
                .default_value("1")
                .help("How many nodes; their ports are 100 apart"),
        )
        .args(arguments(|setting| {
            !super::DEMO
                .iter()
                .any(|(name, _)| *name == setting.variable)
        }));
    Command::new("rig")
        .about("The Reactive Interaction Gateway: a reverse proxy that is configured at run time")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(AFTER_HELP)
        .arg(local_argument())
        .args(arguments(|_| true))
        .subcommand_precedence_over_arg(true)
        .disable_help_subcommand(true)
        .subcommands([serve, check, demo])
        .subcommands(questions())
}

/// The commands that ask a node.
fn questions() -> [Command; 7] {
    let wait = question(WAIT, "Wait until a change has arrived, and tell where")
        .arg(
            Arg::new(CHANGE)
                .required(true)
                .value_name(CHANGE)
                .help("The change's id, as the answer to it had in X-Rig-Change"),
        )
        .arg(
            option(UNTIL, "all|NUMBER|settled")
                .value_parser(str::parse::<Until>)
                .default_value("all")
                .help("Until all nodes, or so many, serve it, or nobody votes on it any more"),
        )
        .arg(
            option(TIMEOUT, "SECONDS")
                .value_parser(value_parser!(u64).range(1..=WAIT_SECONDS_MAX))
                .default_value(DEFAULT_WAIT_SECONDS.to_string())
                .help("How long to wait at most"),
        );
    [
        question(
            MEMBERS,
            "Show the nodes of the cluster, as one of them sees it",
        ),
        question(ROUNDS, "Show the votes on APIs, as one node sees them"),
        question(
            DIFF,
            "Show which definitions another node has otherwise (exit code 1: some)",
        )
        .arg(positional(NODE, "The other node's name")),
        wait,
        question(JOIN, "Have a node connect to another one").arg(positional(
            ADDRESS,
            "Where the other one's cluster port is, host:port",
        )),
        question(
            FORGET,
            "Have a member that is gone for good removed from the list of members",
        )
        .arg(positional(NODE, "Its name")),
        question(LEAVE, "Have a node leave its cluster; stop it after that"),
    ]
}

fn positional(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).required(true).value_name(name).help(help)
}

fn question(name: &'static str, about: &'static str) -> Command {
    let url = option(API_URL, "URL")
        .value_parser(api_url)
        .default_value(DEFAULT_API_URL)
        .help("Management API of the node to ask");
    let token = arguments(|setting| setting.variable == "API_TOKEN");
    Command::new(name).about(about).arg(url).args(token)
}

/// What a subcommand and its arguments mean. `local` is what was said before the subcommand.
pub(super) fn subcommand(name: &str, inner: &ArgMatches, local: Option<u8>) -> cli::Command {
    let text = |id: &str| inner.get_one::<String>(id).cloned().unwrap_or_default();
    let ask = |question| cli::Command::Ask {
        api_url: text(API_URL),
        question,
    };
    match name {
        CHECK => cli::Command::Check {
            subject: text(SUBJECT),
        },
        DEMO => cli::Command::Demo {
            nodes: inner.get_one(NODES).copied().unwrap_or(1),
        },
        MEMBERS => ask(Question::Members),
        ROUNDS => ask(Question::Rounds),
        DIFF => ask(Question::Diff { node: text(NODE) }),
        JOIN => ask(Question::Join {
            address: text(ADDRESS),
        }),
        FORGET => ask(Question::Forget { node: text(NODE) }),
        LEAVE => ask(Question::Leave),
        WAIT => ask(Question::Wait {
            change: text(CHANGE),
            until: inner.get_one(UNTIL).copied().unwrap_or(Until::All),
            seconds: inner
                .get_one(TIMEOUT)
                .copied()
                .unwrap_or(DEFAULT_WAIT_SECONDS),
        }),
        _ => cli::Command::Serve {
            local: self::local(inner).or(local),
        },
    }
}

/// The value of `--local`.
pub(super) fn local(matches: &ArgMatches) -> Option<u8> {
    matches.try_get_one(LOCAL).ok().flatten().copied()
}

fn local_argument() -> Arg {
    option(LOCAL, "N")
        .value_parser(value_parser!(u8).range(1..=i64::from(NODES_MAX)))
        .help(format!(
            "Be node N (1 to {NODES_MAX}) of a cluster on this machine: ports 4000, 4010 and 4020, each \
             plus 100 for every node before, on loopback, with a secret in a private file of yours. \
             What is set explicitly wins"
        ))
}

/// An argument that is no setting.
fn option(name: &'static str, value: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(value)
        .help_heading(HEADING)
        .action(ArgAction::Set)
}

fn api_url(text: &str) -> Result<String, String> {
    let url = Kind::Url.text(text).filter(|url| !url.contains(['?', '#']));
    url.ok_or_else(|| format!("it must be {} and without query", Kind::Url.expects()))
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
        | Kind::Extractors
        | Kind::JsonPointer
        | Kind::Check
        | Kind::Address
        | Kind::Networks
        | Kind::Socket
        | Kind::Peers
        | Kind::Lookup
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
