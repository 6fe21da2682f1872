//! `PROXY_CONFIG_FILE`: where it is looked for, and what is said if it is nowhere.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use super::{Config, Disk, Flags, drawer, faults, good, lines, vars};

#[test]
fn without_definitions_the_boot_log_says_so() {
    let notices = good(&[]).notices;
    assert!(
        notices
            .iter()
            .any(|line| line.contains("PROXY_CONFIG_FILE is not set")),
        "{notices:?}"
    );
}

#[test]
fn a_value_that_is_neither_file_nor_json_names_every_attempt() {
    let faults = faults(&[("PROXY_CONFIG_FILE", "apis.json"), ("WORKERS", "x")]);
    assert_eq!(faults.len(), 2, "other faults are reported too: {faults:?}");
    let fault = faults
        .iter()
        .find(|line| line.starts_with("PROXY_CONFIG_FILE: "))
        .expect("it");
    for attempt in [
        "file \"apis.json\": does not exist",
        "file \"priv/apis.json\": does not exist",
        "JSON \"apis.json\": expected value at line 1 column 1",
    ] {
        assert!(fault.contains(attempt), "{fault}");
    }
}

#[test]
fn a_broken_file_is_not_replaced_by_another() {
    let files = drawer(&[("apis.json", "{"), ("priv/apis.json", "[]")]);
    let environment = vars(&[("PROXY_CONFIG_FILE", "apis.json")]);
    let faults = lines(Config::load(&Flags::new(), &environment, &files));
    assert_eq!(faults.len(), 1);
    assert!(
        faults[0].contains("file \"apis.json\": is not JSON: EOF"),
        "{faults:?}"
    );
    assert!(!faults[0].contains("priv"), "{faults:?}");
}

#[test]
fn definitions_are_as_old_as_their_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("apis.json");
    std::fs::write(&path, "[]").expect("written");
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_600_000_000_042);
    let file = File::options().write(true).open(&path).expect("opened");
    file.set_modified(time).expect("set");
    let environment = vars(&[("PROXY_CONFIG_FILE", &path.display().to_string())]);
    let config = Config::load(&Flags::new(), &environment, &Disk).expect("no fault");
    assert_eq!(config.seeds_modified_ms, Some(1_600_000_000_042));
}

#[test]
fn definitions_that_are_no_file_have_no_age() {
    assert_eq!(good(&[("PROXY_CONFIG_FILE", "[]")]).seeds_modified_ms, None);
    assert_eq!(good(&[]).seeds_modified_ms, None);
}

#[test]
fn broken_inline_json_is_shown_only_in_part() {
    let json = format!("[{{\"id\": \"{}", "a".repeat(10_000));
    let faults = faults(&[("PROXY_CONFIG_FILE", &json)]);
    assert!(
        faults[0].contains("EOF while parsing a string"),
        "{faults:?}"
    );
    assert!(faults[0].len() < 1_000, "{}", faults[0].len());
}

#[test]
fn definitions_larger_than_the_limit_are_all_named() {
    let big = "a".repeat(2_000);
    let json = format!(r#"[{{"id":"one","name":"{big}"}},{{"id":"two"}},{{"name":"{big}"}}]"#);
    let faults = faults(&[
        ("PROXY_CONFIG_FILE", &json),
        ("DEFINITION_BYTES_MAX", "1KiB"),
    ]);
    assert_eq!(faults.len(), 1);
    assert!(
        faults[0].contains("entry 0 \"one\" has 2022 bytes, more than the 1024"),
        "{faults:?}"
    );
    assert!(faults[0].contains("entry 2 "), "{faults:?}");
    assert!(!faults[0].contains("two"), "{faults:?}");
}
