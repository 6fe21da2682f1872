//! What each command takes beside the settings.

use clap::error::ErrorKind;

use super::{flags, refused, understood};
use crate::{
    cli::{Command, DEMO, ask::Question},
    config::{settings, vars::Flags},
    core::replica::input::Until,
};

#[test]
fn check_takes_one_subject_and_the_size_limit() {
    let subject = |text: &str| Command::Check {
        subject: text.to_owned(),
    };
    assert_eq!(
        understood(&["check", "a.json"]),
        (subject("a.json"), Flags::new())
    );
    assert_eq!(understood(&["check", "[]"]).0, subject("[]"));
    assert_eq!(
        understood(&["check", "a.json", "--definition-bytes-max", "2MiB"]).1,
        flags(&[("DEFINITION_BYTES_MAX", "2MiB")])
    );
    assert_eq!(refused(&["check"]), ErrorKind::MissingRequiredArgument);
    assert_eq!(refused(&["check", "a", "b"]), ErrorKind::UnknownArgument);
    assert_eq!(
        refused(&["check", "a", "--inbound-port", "1"]),
        ErrorKind::UnknownArgument
    );
}

#[test]
fn demo_stays_on_loopback_and_brings_its_own_definitions() {
    let (command, given) = understood(&["demo", "--inbound-port", "5000"]);
    assert_eq!(command, Command::Demo { nodes: 1 });
    assert_eq!(
        given.get("INBOUND_BIND").map(String::as_str),
        Some("127.0.0.1")
    );
    assert_eq!(given.get("API_BIND").map(String::as_str), Some("127.0.0.1"));
    assert_eq!(given.get("INBOUND_PORT").map(String::as_str), Some("5000"));
    for (variable, value) in DEMO {
        let flag = format!("--{}", settings::flag(variable));
        assert_eq!(
            refused(&["demo", &flag, value]),
            ErrorKind::UnknownArgument,
            "{flag}"
        );
    }
}

#[test]
fn a_node_of_this_machine_is_one_of_nine() {
    for (arguments, local) in [
        (&["--local", "1"][..], 1),
        (&["--local=9"], 9),
        (&["serve", "--local", "2"], 2),
        (&["--local", "3", "serve"], 3),
        (&["--local", "3", "serve", "--local", "4"], 4),
    ] {
        let expected = Command::Serve { local: Some(local) };
        assert_eq!(
            understood(arguments),
            (expected, Flags::new()),
            "{arguments:?}"
        );
    }
    for number in ["0", "10", "-1", "x", ""] {
        let local = format!("--local={number}");
        assert_refused_value(&[&local]);
        assert_refused_value(&["serve", &local]);
    }
    let others = ["demo", "members", "rounds", "leave"].map(|name| vec!["--local", "1", name]);
    let more = [
        vec!["--local", "1", "check", "x"],
        vec!["--local", "1", "wait", "x"],
    ];
    for arguments in others.iter().chain(&more) {
        assert_eq!(
            refused(arguments),
            ErrorKind::ArgumentConflict,
            "{arguments:?}"
        );
    }
}

fn assert_refused_value(arguments: &[&str]) {
    let kind = refused(arguments);
    let expected = [ErrorKind::ValueValidation, ErrorKind::InvalidValue];
    assert!(expected.contains(&kind), "{arguments:?}: {kind}");
}

#[test]
fn a_demo_has_one_to_nine_nodes() {
    assert_eq!(understood(&["demo"]).0, Command::Demo { nodes: 1 });
    let given = understood(&["demo", "--nodes", "3", "--log-fmt", "json"]);
    assert_eq!(given.0, Command::Demo { nodes: 3 });
    for number in ["0", "10", "x"] {
        assert_refused_value(&["demo", "--nodes", number]);
    }
    assert_eq!(refused(&["--nodes", "3"]), ErrorKind::UnknownArgument);
}

#[test]
fn a_node_is_asked_on_its_own_machine_unless_said_otherwise() {
    let ask = |api_url: &str, question| Command::Ask {
        api_url: api_url.to_owned(),
        question,
    };
    let here = "http://127.0.0.1:4010";
    assert_eq!(
        understood(&["members"]),
        (ask(here, Question::Members), Flags::new())
    );
    let there = "https://node-b.example:4011/rig";
    assert_eq!(
        understood(&["rounds", "--api-url", there, "--api-token-file", "token"]),
        (
            ask(there, Question::Rounds),
            flags(&[("API_TOKEN_FILE", "token")])
        )
    );
    assert_eq!(
        understood(&["--api-token", "t", "members"]).1,
        flags(&[("API_TOKEN", "t")])
    );
    for url in [
        "node-b",
        "ftp://node-b",
        "http://u:p@b",
        "http://b?x",
        "http://b#x",
        "",
    ] {
        assert_refused_value(&["members", &format!("--api-url={url}")]);
    }
    assert_eq!(
        refused(&["members", "--inbound-port", "1"]),
        ErrorKind::UnknownArgument
    );
    assert_eq!(
        refused(&["--inbound-port", "1", "members"]),
        ErrorKind::ArgumentConflict
    );
}

#[test]
fn a_change_is_waited_for() {
    let wait = |until, seconds| Question::Wait {
        change: "shop@1-a".to_owned(),
        until,
        seconds,
    };
    for (more, expected) in [
        (&[][..], wait(Until::All, 30)),
        (&["--for", "2"], wait(Until::Count(2), 30)),
        (&["--for=settled", "--timeout=60"], wait(Until::Settled, 60)),
    ] {
        let mut given = vec!["wait", "shop@1-a"];
        given.extend(more);
        let Command::Ask { question, .. } = understood(&given).0 else {
            panic!("{given:?}");
        };
        assert_eq!(question, expected);
    }
    assert_eq!(refused(&["wait"]), ErrorKind::MissingRequiredArgument);
    for faulty in ["--for=some", "--timeout=0", "--timeout=61"] {
        assert_refused_value(&["wait", "x", faulty]);
    }
}

#[test]
fn a_node_is_told_about_others() {
    let name = || "node-b".to_owned();
    let address = || "b:4020".to_owned();
    for (given, question) in [
        (vec!["diff", "node-b"], Question::Diff { node: name() }),
        (vec!["forget", "node-b"], Question::Forget { node: name() }),
        (
            vec!["join", "b:4020"],
            Question::Join { address: address() },
        ),
        (vec!["leave"], Question::Leave),
    ] {
        let Command::Ask {
            question: asked, ..
        } = understood(&given).0
        else {
            panic!("{given:?}");
        };
        assert_eq!(asked, question);
    }
    for given in ["diff", "forget", "join"] {
        assert_eq!(refused(&[given]), ErrorKind::MissingRequiredArgument);
    }
}
