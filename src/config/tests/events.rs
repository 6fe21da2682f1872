//! Events: who decides, what is kept, and which fields there are.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use super::{Config, Flags, drawer, faults, good, lines, vars};
use crate::config::{
    events::{Check, SubmissionAck},
    files::Disk,
};

#[test]
fn events_have_the_documented_defaults() {
    let events = good(&[]).events;
    assert_eq!(events.connections_per_minute_max, 5_000);
    assert_eq!(events.connection_queue_bytes_max, 1 << 20);
    assert_eq!(events.session_field, "/jti");
    assert_eq!(events.subscription_check, Check::Nobody);
    assert_eq!(events.submission_check, Check::Nobody);
    assert_eq!(events.extractors.document().to_string(), "{}");
    assert!(!events.extractors_given);
    assert_eq!(events.submission_ack, SubmissionAck::Local);
    assert_eq!(events.replay_buffer_bytes_max, 64 << 20);
    assert_eq!(events.async_response_timeout, Duration::from_secs(5));
}

#[test]
fn events_are_what_their_settings_say() {
    let events = good(&[
        ("MAX_CONNECTIONS_PER_MINUTE", "7"),
        ("CONNECTION_QUEUE_BYTES", "64KiB"),
        ("JWT_SESSION_FIELD", "/session/0/id"),
        ("SUBMISSION_ACK", "Cluster"),
        ("CLUSTER_LISTEN", "127.0.0.1:0"),
        ("REPLAY_BUFFER_BYTES", "1GiB"),
        ("PROXY_HTTP_ASYNC_RESPONSE_TIMEOUT", "250"),
    ])
    .events;
    assert_eq!(events.connections_per_minute_max, 7);
    assert_eq!(events.connection_queue_bytes_max, 64 << 10);
    assert_eq!(events.session_field, "/session/0/id");
    assert_eq!(events.submission_ack, SubmissionAck::Cluster);
    assert_eq!(events.replay_buffer_bytes_max, 1 << 30);
    assert_eq!(events.async_response_timeout, Duration::from_millis(250));
}

#[test]
fn a_check_is_a_word_in_any_case_or_a_url_as_it_is() {
    for (value, expected) in [
        ("", Check::Nobody),
        ("No_Check", Check::Nobody),
        ("JWT_VALIDATION", Check::Token),
        (
            "HTTPS://Check.example:8443/CheckMe?a=B",
            Check::Url("HTTPS://Check.example:8443/CheckMe?a=B".to_owned()),
        ),
    ] {
        let events = good(&[("SUBSCRIPTION_CHECK", value), ("SUBMISSION_CHECK", value)]).events;
        assert_eq!(events.subscription_check, expected, "{value:?}");
        assert_eq!(events.submission_check, expected, "{value:?}");
    }
}

#[test]
fn faults_of_event_settings_are_all_told() {
    let faults = faults(&[
        ("MAX_CONNECTIONS_PER_MINUTE", "0"),
        ("CONNECTION_QUEUE_BYTES", "off"),
        ("JWT_SESSION_FIELD", "jti"),
        ("SUBSCRIPTION_CHECK", "none"),
        ("SUBMISSION_CHECK", "ftp://check/"),
        ("SUBMISSION_ACK", "all"),
        ("REPLAY_BUFFER_BYTES", "0"),
        ("PROXY_HTTP_ASYNC_RESPONSE_TIMEOUT", "off"),
    ]);
    assert_eq!(faults.len(), 8, "{faults:#?}");
    for line in [
        "MAX_CONNECTIONS_PER_MINUTE: \"0\" is not a whole number from 1 to 60000000",
        "JWT_SESSION_FIELD: \"jti\" is not a JSON pointer such as /jti (RFC 6901) of at most 1024 \
         bytes, where only 0 or 1 follow a ~",
        "SUBSCRIPTION_CHECK: \"none\" is not one of no_check, jwt_validation, or an http or https \
         URL without user name",
        "SUBMISSION_CHECK: \"ftp://check/\" is not one of no_check, jwt_validation, or an http or \
         https URL without user name",
        "SUBMISSION_ACK: \"all\" is not one of local, cluster",
    ] {
        assert!(
            faults.iter().any(|fault| fault == line),
            "{line}\n{faults:#?}"
        );
    }
}

#[test]
fn extractors_are_a_file_or_the_json_itself() {
    const JSON: &str = r#"{"a":{"f":{"event":{"json_pointer":"/data/f"},"stable_field_index":0}}}"#;
    let with = |value: &str, files: &[(&str, &str)]| {
        let environment = vars(&[("EXTRACTORS", value)]);
        Config::load(&Flags::new(), &environment, &drawer(files))
            .unwrap_or_else(|faults| panic!("{faults}"))
            .events
    };
    for events in [
        with(JSON, &[]),
        with("e.json", &[("e.json", JSON)]),
        with("e.json", &[("priv/e.json", JSON)]),
    ] {
        assert!(events.extractors_given);
        assert_eq!(events.extractors.document().to_string(), JSON);
        assert_eq!(events.extractors_modified_ms, None);
    }
}

#[test]
fn extractors_are_as_old_as_their_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("extractors.json");
    std::fs::write(&path, "{}").expect("written");
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_600_000_000_042);
    let file = File::options().write(true).open(&path).expect("opened");
    file.set_modified(time).expect("set");
    let environment = vars(&[("EXTRACTORS", &path.display().to_string())]);
    let config = Config::load(&Flags::new(), &environment, &Disk).expect("no fault");
    let modified_ms = config.events.extractors_modified_ms;
    assert_eq!(modified_ms, Some(1_600_000_000_042));
}

#[test]
fn extractors_cannot_be_larger_than_a_definition() {
    let field = |pointer: &str| {
        format!(
            r#"{{"t":{{"f":{{"event":{{"json_pointer":"{pointer}"}},"stable_field_index":0}}}}}}"#
        )
    };
    let frame = field("/").len();
    let document = |bytes: usize| field(&format!("/{}", "x".repeat(bytes - frame)));
    let limit = ("DEFINITION_BYTES_MAX", "1024");
    good(&[("EXTRACTORS", &document(1_024)), limit]);
    let told = faults(&[("EXTRACTORS", &document(1_025)), limit]);
    let expected =
        "EXTRACTORS: the document has 1025 bytes, more than the 1024 of DEFINITION_BYTES_MAX";
    assert_eq!(told, [expected]);
}

#[test]
fn extractors_that_cannot_be_used_keep_the_gateway_from_starting() {
    assert_eq!(
        faults(&[("EXTRACTORS", r#"{"a":{"f":{"event":{}}},"b":5}"#)]),
        [
            "EXTRACTORS: \"a\" \"f\": stable_field_index must be an integer from 0 to \
          9007199254740991\n\
          \"a\" \"f\": event.json_pointer must be a string such as \"/data/name\"\n\
          \"b\": must be an object"
        ]
    );
    let lost = faults(&[("EXTRACTORS", "e.json")]);
    for attempt in [
        "EXTRACTORS: neither a readable JSON file nor JSON:",
        "file \"e.json\": does not exist",
        "file \"priv/e.json\": does not exist",
        "JSON \"e.json\": expected value at line 1 column 1",
    ] {
        assert!(lost[0].contains(attempt), "{lost:?}");
    }
    let long = format!("{{}}{}", " ".repeat(4 << 20));
    let environment = vars(&[("EXTRACTORS", "e.json")]);
    let files = drawer(&[("e.json", &long)]);
    let lines = lines(Config::load(&Flags::new(), &environment, &files));
    assert!(
        lines[0].contains("the file is longer than 4194304 bytes"),
        "{lines:?}"
    );
}

#[test]
fn a_node_alone_cannot_wait_for_another() {
    let ack = ("SUBMISSION_ACK", "cluster");
    assert_eq!(
        faults(&[ack]),
        [
            "SUBMISSION_ACK: cluster needs a cluster, or every event is refused: set CLUSTER_LISTEN, \
          CLUSTER_PEERS or DISCOVERY_TYPE"
        ]
    );
    let faulty = faults(&[ack, ("CLUSTER_LISTEN", "here")]);
    assert_eq!(faulty.len(), 1, "the cause alone: {faulty:?}");
}
