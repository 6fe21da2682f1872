//! What the command line understands and refuses.

use clap::error::ErrorKind;

use super::{Command, arguments, parse};
use crate::config::{
    settings::{self, kind::Kind, later::LATER},
    vars::Flags,
};

mod commands;

const SERVE: Command = Command::Serve { local: None };

fn flags(pairs: &[(&str, &str)]) -> Flags {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn understood(arguments: &[&str]) -> (Command, Flags) {
    let arguments = ["rig"].iter().chain(arguments).copied();
    let invocation = parse(arguments).unwrap_or_else(|error| panic!("{error}"));
    (invocation.command, invocation.flags)
}

fn refused(arguments: &[&str]) -> ErrorKind {
    match parse(["rig"].iter().chain(arguments).copied()) {
        Ok(_) => panic!("{arguments:?} was understood"),
        Err(error) => error.kind(),
    }
}

fn help(arguments: &[&str]) -> String {
    match parse(["rig"].iter().chain(arguments).copied()) {
        Ok(_) => panic!("{arguments:?} was understood"),
        Err(error) => {
            assert_eq!(error.exit_code(), 0);
            error.to_string()
        }
    }
}

#[test]
fn the_grammar_is_sound() {
    arguments::command().debug_assert();
}

#[test]
fn no_arguments_start_the_node() {
    assert_eq!(understood(&[]), (SERVE, Flags::new()));
    assert_eq!(understood(&["serve"]), (SERVE, Flags::new()));
}

#[test]
fn flags_are_variables_in_kebab_case_with_and_without_serve() {
    let expected = flags(&[("INBOUND_PORT", "0"), ("LOG_FMT", "json")]);
    let given = ["--inbound-port", "0", "--log-fmt=json"];
    assert_eq!(understood(&given).1, expected);
    let given = ["serve", "--inbound-port=0", "--log-fmt", "json"];
    assert_eq!(understood(&given).1, expected);
}

#[test]
fn every_setting_is_a_flag_of_the_same_name() {
    for setting in settings::all() {
        let flag = format!("--{}={}", setting.flag(), "x");
        assert_eq!(
            understood(&[&flag]).1,
            flags(&[(setting.variable, "x")]),
            "{flag}"
        );
        if let Some(variable) = setting.file_variable() {
            let flag = format!("--{}-file", setting.flag());
            assert_eq!(
                understood(&[&flag, "f"]).1,
                flags(&[(&variable, "f")]),
                "{flag}"
            );
        }
    }
}

#[test]
fn a_switch_needs_no_value_and_does_not_eat_a_subcommand() {
    let on = flags(&[("API_INSECURE", "true")]);
    assert_eq!(understood(&["--api-insecure"]).1, on);
    assert_eq!(understood(&["--api-insecure", "true"]).1, on);
    assert_eq!(
        understood(&["--api-insecure=no"]).1,
        flags(&[("API_INSECURE", "no")])
    );
    assert_eq!(understood(&["--api-insecure", "serve"]), (SERVE, on));
}

#[test]
fn flags_before_a_subcommand_count_if_it_knows_them() {
    let given = [
        "--log-fmt",
        "json",
        "--inbound-port",
        "1",
        "serve",
        "--inbound-port",
        "2",
    ];
    let expected = flags(&[("LOG_FMT", "json"), ("INBOUND_PORT", "2")]);
    assert_eq!(understood(&given), (SERVE, expected));
    assert_eq!(
        refused(&["--api-bind", "::", "demo"]),
        ErrorKind::ArgumentConflict
    );
    assert_eq!(
        refused(&["--log-fmt", "json", "check", "x"]),
        ErrorKind::ArgumentConflict
    );
}

#[test]
fn a_key_may_begin_with_dashes() {
    let pem = "-----BEGIN PUBLIC KEY-----";
    assert_eq!(
        understood(&["--jwt-secret-key", pem]).1,
        flags(&[("JWT_SECRET_KEY", pem)])
    );
}

#[test]
fn a_negative_number_is_left_to_the_settings_to_refuse() {
    assert_eq!(
        understood(&["--inbound-port", "-1"]).1,
        flags(&[("INBOUND_PORT", "-1")])
    );
}

#[test]
fn what_is_not_there_yet_is_refused() {
    for variable in LATER.iter().flat_map(|later| later.variables) {
        let flag = format!("--{}", settings::flag(variable));
        assert_eq!(refused(&[&flag, "x"]), ErrorKind::UnknownArgument, "{flag}");
    }
}

#[test]
fn usage_errors_end_with_2() {
    for arguments in [
        &["--nonsense"][..],
        &["nonsense"],
        &["--inbound-port"],
        &["check"],
    ] {
        let error = parse(["rig"].iter().chain(arguments).copied())
            .err()
            .expect("an error");
        assert_eq!(error.exit_code(), 2, "{arguments:?}");
    }
}

#[test]
fn version_and_help_end_with_0() {
    assert_eq!(
        help(&["--version"]),
        concat!("rig ", env!("CARGO_PKG_VERSION"), "\n")
    );
    assert!(help(&["demo", "--help"]).contains("loopback"));
}

#[test]
fn help_names_every_setting_with_variable_and_default() {
    let lines = help(&["--help"]);
    // Lines may break anywhere, whatever the width of the terminal.
    let help = lines.split_whitespace().collect::<Vec<_>>().join(" ");
    for setting in settings::all() {
        assert!(
            help.contains(&format!("--{}", setting.flag())),
            "{}",
            setting.variable
        );
        assert!(
            help.contains(&format!("[env: {}]", setting.variable)),
            "{}",
            setting.variable
        );
    }
    assert!(help.contains("[default: 4000]"));
    for subcommand in ["serve", "check", "demo", "members", "rounds", "wait"] {
        assert!(
            lines.contains(&format!("\n  {subcommand} ")),
            "{subcommand}"
        );
    }
}

#[test]
fn only_switches_may_stand_without_a_value() {
    for setting in settings::all().filter(|setting| setting.kind != Kind::Switch) {
        let flag = format!("--{}", setting.flag());
        assert_eq!(refused(&[&flag]), ErrorKind::InvalidValue, "{flag}");
    }
}
