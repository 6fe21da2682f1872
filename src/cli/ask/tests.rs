//! Questions to a node that is made up: a listener that gives one answer.

mod views;

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread::{self, JoinHandle},
};

use actix_rt::System;
use awc::http::StatusCode;
use serde_json::{Value, json};

use super::{
    Answer, Question, ask,
    report::{Report, report},
};
use crate::{config::secret::Secret, core::replica::input::Until};

/// Gives `answer` to one connection; the thread ends with the head it was asked with.
fn node(answer: String) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let heard = thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).expect("a head");
            head.extend(byte);
        }
        client.write_all(answer.as_bytes()).expect("answered");
        String::from_utf8(head).expect("text")
    });
    (url, heard)
}

fn http(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn wait(change: &str) -> Question {
    Question::Wait {
        change: change.to_owned(),
        until: Until::All,
        seconds: 30,
    }
}

fn asked(question: &Question, token: Option<&str>, answer: String) -> (Answer, String) {
    let (url, heard) = node(answer);
    let token = token.map(Secret::new);
    let answer = System::new().block_on(ask(&url, question, token.as_ref()));
    let answer = answer.unwrap_or_else(|error| panic!("{error}"));
    (answer, heard.join().expect("no panic"))
}

fn fine(question: &Question, body: &Value) -> String {
    match report(question, StatusCode::OK, body) {
        Report::Fine(text) => text,
        Report::Bad(text) => panic!("{text}"),
    }
}

fn bad(question: &Question, status: StatusCode, body: &Value) -> String {
    match report(question, status, body) {
        Report::Fine(text) => panic!("{text}"),
        Report::Bad(text) => text,
    }
}

#[test]
fn a_node_is_asked_with_the_token_and_its_answer_is_read() {
    let body = r#"{"nodes":[]}"#;
    let (answer, head) = asked(&Question::Members, Some("t0ken"), http("200 OK", body));
    assert_eq!(
        (answer.status, answer.body),
        (StatusCode::OK, json!({"nodes": []}))
    );
    assert!(
        head.starts_with("GET /v3/cluster/nodes HTTP/1.1\r\n"),
        "{head}"
    );
    let head = head.to_ascii_lowercase();
    assert!(head.contains("authorization: bearer t0ken\r\n"), "{head}");
}

#[test]
fn without_a_token_none_is_sent() {
    let (answer, head) = asked(
        &Question::Rounds,
        None,
        http("503 Service Unavailable", "busy"),
    );
    assert_eq!(answer.body, json!("busy"), "what is not JSON is text");
    assert!(
        head.starts_with("GET /v3/cluster/rounds HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        !head.to_ascii_lowercase().contains("authorization"),
        "{head}"
    );
}

#[test]
fn a_redirect_is_not_followed_with_the_token() {
    let answer = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let (answer, _) = asked(&Question::Members, Some("t"), answer.to_owned());
    assert_eq!(answer.status, StatusCode::FOUND);
    let text = bad(&Question::Members, answer.status, &answer.body);
    assert!(text.contains("302"), "{text}");
}

#[test]
fn a_node_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    let error = System::new()
        .block_on(ask(&url, &Question::Members, None))
        .err()
        .expect("nobody answers")
        .to_string();
    assert!(
        error.contains(&format!("{url}v3/cluster/nodes cannot be asked")),
        "{error}"
    );
}

#[test]
fn a_change_stands_in_the_path_as_in_the_header() {
    let version = "3-0123456789abcdef";
    for (change, expected) in [
        ("shop", "shop"),
        ("a%2Fb", "a%2Fb"),
        ("a/b", "a%2Fb"),
        ("a b?c#d", "a%20b%3Fc%23d"),
        ("100%", "100%25"),
        ("\u{e4}", "%C3%A4"),
        ("..", ".."),
    ] {
        let path = wait(&format!("{change}@{version}")).path();
        let expected = format!("/v3/cluster/changes/{expected}@{version}?wait=all&timeout=30");
        assert_eq!(path, expected);
    }
}

#[test]
fn a_refusal_is_told_in_the_words_of_the_node() {
    let unauthorized = json!({"errors": {"detail": "Unauthorized"}});
    assert_eq!(
        bad(&Question::Members, StatusCode::UNAUTHORIZED, &unauthorized),
        "rig: the node answers 401 Unauthorized: Unauthorized; set API_TOKEN to the node's token\n"
    );
    let text = bad(
        &wait("x"),
        StatusCode::NOT_FOUND,
        &json!({"message": "no\u{7} change"}),
    );
    assert!(text.contains("404 Not Found: no\\u{7} change; "), "{text}");
    let page = json!("x".repeat(10_000));
    let text = bad(&Question::Rounds, StatusCode::BAD_GATEWAY, &page);
    assert!(text.len() < 300, "{text}");
}

/// As a node answers to a command.
const ACCEPTED: &str = r#"{"message":"ok","view":{"node":"a","members":2,"root":"00"}}"#;

#[test]
fn a_command_is_posted_as_json() {
    let forget = Question::Forget {
        node: "b\"c".to_owned(),
    };
    let (answer, head) = asked(&forget, Some("t"), http("202 Accepted", ACCEPTED));
    assert!(
        head.starts_with("POST /v3/cluster/forget HTTP/1.1\r\n"),
        "{head}"
    );
    let head = head.to_ascii_lowercase();
    assert!(
        head.contains("content-type: application/json\r\n"),
        "{head}"
    );
    assert_eq!(forget.body(), Some(json!({"node": "b\"c"})));
    let told = report(&forget, answer.status, &answer.body);
    assert_eq!(
        told,
        Report::Fine("b\"c is no member any more\n".to_owned())
    );
    for (command, words) in [
        (Question::Leave, "left; stop the process now\n"),
        (
            Question::Join {
                address: "b:4020".to_owned(),
            },
            "connecting; rig members shows when it is there\n",
        ),
    ] {
        let told = report(&command, answer.status, &answer.body);
        assert_eq!(told, Report::Fine(words.to_owned()));
    }
    let unknown = json!({"message": "no member is named b"});
    let text = bad(&forget, StatusCode::NOT_FOUND, &unknown);
    assert!(text.contains("no member is named b"), "{text}");
}
