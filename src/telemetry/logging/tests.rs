//! The three shapes of a line, and what a hostile message cannot do to them.

use chrono::{DateTime, Utc};
use log::{Level, Record};
use serde_json::{Value, json};

use super::{Entry, Format, MESSAGE_BYTES_MAX, line};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn entry(message: &str) -> Entry<'static> {
    Entry {
        level: Level::Warn,
        message: message.to_owned(),
        module: "rig::some::module",
        file: Some("src/some/module.rs"),
        line: Some(7),
        metadata: vec![
            ("request_id".to_owned(), json!("Fw-1")),
            ("status".to_owned(), json!(502)),
        ],
    }
}

fn text_of(entry: &Entry<'_>) -> String {
    line(Format::Text, entry, at("2026-03-04T08:15:00.042Z"))
}

fn json_of(format: Format, entry: &Entry<'_>) -> Value {
    let line = line(format, entry, at("2026-03-04T08:15:00.042Z"));
    assert!(!line.contains('\n'));
    serde_json::from_str(&line).expect("one JSON object")
}

#[test]
fn a_text_line_has_time_metadata_level_and_message() {
    assert_eq!(
        text_of(&entry("text")),
        "08:15:00.042 module=rig::some::module request_id=Fw-1 status=502 [warn] text"
    );
}

#[test]
fn a_text_line_without_metadata_still_names_its_module() {
    let entry = Entry {
        metadata: Vec::new(),
        level: Level::Info,
        ..entry("started")
    };
    assert_eq!(
        text_of(&entry),
        "08:15:00.042 module=rig::some::module [info] started"
    );
}

#[test]
fn a_message_cannot_forge_a_second_line() {
    let line = text_of(&entry("GET /a\r\n08:15:00.043 [error] forged\u{1b}[31m"));
    assert!(!line.contains(['\n', '\r', '\u{1b}']), "{line}");
    assert!(
        line.ends_with(r"GET /a\r\n08:15:00.043 [error] forged\u{1b}[31m"),
        "{line}"
    );
}

#[test]
fn metadata_that_could_be_mistaken_for_a_level_is_quoted() {
    let metadata = vec![
        ("topic".to_owned(), json!("a [error] b")),
        ("empty".to_owned(), json!("")),
        ("quoted".to_owned(), json!("a\"b")),
    ];
    let line = text_of(&Entry {
        metadata,
        ..entry("m")
    });
    assert!(
        line.contains(r#"topic="a [error] b" empty="" quoted="a\"b" [warn] m"#),
        "{line}"
    );
}

#[test]
fn a_json_line_has_exactly_four_members() {
    assert_eq!(
        json_of(Format::Json, &entry("say \"hi\"\n")),
        json!({
            "time": "2026-03-04T08:15:00.042Z",
            "severity": "warn",
            "message": "say \"hi\"\n",
            "metadata": {"module": "rig::some::module", "request_id": "Fw-1", "status": 502},
        })
    );
}

#[test]
fn a_google_cloud_line_has_its_metadata_at_the_top() {
    assert_eq!(
        json_of(Format::Gcl, &entry("text")),
        json!({
            "time": "2026-03-04T08:15:00.042Z",
            "severity": "WARNING",
            "message": "text",
            "request_id": "Fw-1",
            "status": 502,
            "logging.googleapis.com/sourceLocation":
                {"file": "src/some/module.rs", "line": 7, "function": "rig::some::module"},
            "logging.googleapis.com/operation": {"id": "Fw-1"},
        })
    );
}

#[test]
fn metadata_cannot_replace_the_members_of_a_google_cloud_line() {
    let metadata = vec![
        ("severity".to_owned(), json!("DEBUG")),
        ("message".to_owned(), json!("other")),
        (
            "logging.googleapis.com/operation".to_owned(),
            json!("other"),
        ),
    ];
    let line = json_of(
        Format::Gcl,
        &Entry {
            metadata,
            ..entry("text")
        },
    );
    assert_eq!(line["severity"], "WARNING");
    assert_eq!(line["message"], "text");
    assert_eq!(line.get("logging.googleapis.com/operation"), None);
}

#[test]
fn severities_have_the_words_of_each_format() {
    for (level, plain, gcl) in [
        (Level::Debug, "debug", "DEBUG"),
        (Level::Info, "info", "INFO"),
        (Level::Warn, "warn", "WARNING"),
        (Level::Error, "error", "ERROR"),
    ] {
        let entry = Entry {
            level,
            ..entry("text")
        };
        assert_eq!(json_of(Format::Json, &entry)["severity"], plain);
        assert_eq!(json_of(Format::Gcl, &entry)["severity"], gcl);
        assert!(text_of(&entry).contains(&format!(" [{plain}] ")));
    }
}

#[test]
fn an_overlong_message_is_cut_between_characters() {
    let long = "ä".repeat(MESSAGE_BYTES_MAX);
    let line = json_of(Format::Json, &entry(&format!("x{long}")));
    let message = line["message"].as_str().expect("text");
    assert!(message.len() <= MESSAGE_BYTES_MAX + "...".len());
    assert!(message.ends_with("ä..."));
}

#[test]
fn key_values_of_a_record_keep_their_types() {
    let pairs = [
        ("id", log::kv::Value::from("x")),
        ("count", log::kv::Value::from(3_u64)),
        ("delta", log::kv::Value::from(-3_i64)),
        ("ratio", log::kv::Value::from(0.5)),
        ("lost", log::kv::Value::from(f64::NAN)),
        ("ready", log::kv::Value::from(true)),
    ];
    let record = Record::builder()
        .level(Level::Info)
        .target("rig::here")
        .args(format_args!("said"))
        .key_values(&pairs)
        .build();
    let entry = Entry::of(&record);
    assert_eq!((entry.level, entry.module), (Level::Info, "rig::here"));
    assert_eq!(
        json_of(Format::Json, &entry)["metadata"],
        json!({"module": "rig::here", "id": "x", "count": 3, "delta": -3, "ratio": 0.5,
               "lost": "NaN", "ready": true})
    );
}

#[test]
fn every_word_names_a_format_and_others_name_none() {
    for word in Format::WORDS {
        assert!(Format::named(word).is_some(), "{word}");
    }
    assert_eq!(Format::named("erlang"), Some(Format::Text));
    assert_eq!(Format::named("logfmt"), None);
}
