//! Garbage sent to the management API: refused with words, never an error of ours, and what is
//! refused changes nothing (spec: `api-definitions.md` 1.8, `management-api.md` 2.4).

use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::{
    hardening::seed,
    support::{
        client::{Connection, Payload, Request, ask},
        definition::{api, endpoint},
        gateway::Gateway,
        puppet::Puppet,
    },
};

const GARBAGE: usize = 1_500;

/// Names that mean something in a definition, and some that do not.
const NAMES: [&str; 28] = [
    "id",
    "name",
    "active",
    "auth_type",
    "auth",
    "use_header",
    "header_name",
    "use_query",
    "query_name",
    "versioned",
    "version_data",
    "default",
    "endpoints",
    "path_regex",
    "path_replacement",
    "method",
    "secured",
    "target",
    "response_from",
    "topic",
    "schema",
    "transform_request_headers",
    "add_headers",
    "proxy",
    "target_url",
    "port",
    "timeout_ms",
    "x",
];

/// Words that mean something somewhere, and what parsers stumble over.
const WORDS: [&str; 26] = [
    "",
    "a",
    "p",
    "GET",
    "jwt",
    "http",
    "kafka",
    "/a",
    "/(a",
    "/(a+)+",
    "\\1",
    "\\9",
    "\\g{x}",
    "//h",
    "http://h",
    "localhost",
    "authorization",
    "x-a",
    "a\r\nb: c",
    "\u{0}",
    "\u{fffd}",
    "é",
    "../..",
    "%zz",
    "true",
    "-1",
];

/// Any JSON value, rather small.
fn value(random: &mut Rng, depth: usize) -> Value {
    match random.u8(0..if depth == 0 { 7 } else { 10 }) {
        0 => Value::Null,
        1 => Value::from(random.bool()),
        2 => Value::from(random.i64(..)),
        3 => Value::from(random.u16(..)),
        4 => json!(random.f64() * 1e300),
        5 | 6 => Value::from(*random.choice(&WORDS).unwrap_or(&"")),
        7 => (0..random.usize(0..4))
            .map(|_| value(random, depth - 1))
            .collect(),
        _ => Value::Object(members(random, depth - 1)),
    }
}

fn members(random: &mut Rng, depth: usize) -> Map<String, Value> {
    (0..random.usize(0..6))
        .map(|_| {
            let name = *random.choice(&NAMES).unwrap_or(&"x");
            (name.to_owned(), value(random, depth))
        })
        .collect()
}

/// `valid` with one to three of its values replaced, dropped or joined by others.
fn bent(random: &mut Rng, valid: &Value) -> Value {
    let mut bent = valid.clone();
    for _ in 0..random.usize(1..=3) {
        bend(random, &mut bent);
    }
    bent
}

/// Goes down at random, stops at random, and changes what is there.
fn bend(random: &mut Rng, place: &mut Value) {
    let down = random.u8(0..4) > 0;
    match place {
        Value::Object(inner) if down && !inner.is_empty() => {
            let at = random.usize(0..inner.len());
            if let Some(value) = inner.values_mut().nth(at) {
                bend(random, value);
            }
        }
        Value::Array(items) if down && !items.is_empty() => {
            let at = random.usize(0..items.len());
            bend(random, &mut items[at]);
        }
        Value::Object(inner) if random.bool() => inner.extend(members(random, 2)),
        Value::Object(inner) if random.bool() => {
            let name = *random.choice(&NAMES).unwrap_or(&"x");
            inner.remove(name);
        }
        other => *other = value(random, 3),
    }
}

/// Everything that is stored, as the management API shows it.
fn stored(admin: &mut Connection) -> Value {
    let answer = admin
        .ask(&Request::new("GET", "/v3/apis"))
        .expect("an answer");
    assert_eq!(answer.status, 200);
    answer.json()
}

#[test]
fn garbage_definitions_are_refused_and_change_nothing() {
    let mut random = Rng::with_seed(seed());
    let backend = Puppet::obliging();
    let valid = api(
        "p",
        backend.address(),
        &[endpoint(
            "e",
            "GET",
            "/(a+)/b",
            json!({
                "path_replacement": "/c/\\1", "secured": false,
            }),
        )],
    );
    let mut gateway = Gateway::builder()
        .config_json(std::slice::from_ref(&valid))
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let mut admin = Connection::open(gateway.api()).expect("a connection");
    let mut before = stored(&mut admin);
    let (mut refused, mut accepted) = (0, 0);
    for _ in 0..GARBAGE {
        let garbage = match random.u8(0..4) {
            0 => value(&mut random, 4),
            _ => bent(&mut random, &valid),
        };
        let (method, target) = match random.u8(0..3) {
            0 => ("POST", "/v3/apis"),
            1 => ("POST", "/v2/apis"),
            _ => ("PUT", "/v3/apis/p"),
        };
        let request = Request::json(method, target, &garbage);
        let answer = admin.ask(&request).expect("an answer");
        assert!(
            matches!(answer.status, 200 | 201 | 400 | 409),
            "{}: {method} {target} {garbage}",
            answer.status
        );
        let now = stored(&mut admin);
        if answer.status >= 400 {
            assert!(answer.json().is_object(), "words: {garbage}");
            assert_eq!(now, before, "{method} {target} {garbage}");
            refused += 1;
        } else {
            accepted += 1;
        }
        before = now;
    }
    println!("{refused} refused, {accepted} accepted");
    assert!(
        refused > GARBAGE / 2 && accepted > 0,
        "{refused} refused, {accepted} accepted"
    );
    assert!(gateway.is_alive() && !gateway.log().contains("panicked"));
    // The routing survived whatever was accepted.
    let request = Request::json("PUT", "/v3/apis/p", &valid);
    assert_eq!(admin.ask(&request).expect("an answer").status, 200);
    let answer = ask(gateway.inbound(), &Request::new("GET", "/aaa/b")).expect("an answer");
    assert_eq!(
        (answer.status, answer.header("x-line")),
        (200, Some("GET /c/aaa"))
    );
}

/// Bodies that are no JSON, or JSON that no reader should follow to its end.
#[test]
fn what_is_no_definition_at_all_is_refused() {
    let gateway = Gateway::builder()
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let mut admin = Connection::open(gateway.api()).expect("a connection");
    let before = stored(&mut admin);
    let deep = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"{".to_vec(),
        b"\xff\xfe".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"\"a\"".to_vec(),
        b"{\"id\":\"\xff\"}".to_vec(),
        b"{\"id\":\"\\ud800\"}".to_vec(),
        b"{\"id\":1e999}".to_vec(),
        b"{}{}".to_vec(),
        b"id=a&name=b".to_vec(),
        deep(100_000),
        [b"{\"id\":".to_vec(), deep(100_000), b"}".to_vec()].concat(),
        [b"{\"id\":\"".to_vec(), vec![b'a'; 900_000], b"\"}".to_vec()].concat(),
    ];
    for body in bodies {
        let start = String::from_utf8_lossy(&body[..body.len().min(30)]).into_owned();
        for (method, target) in [("POST", "/v3/apis"), ("PUT", "/v3/apis/p")] {
            let mut request = Request::new(method, target).with("content-type", "application/json");
            request.payload = Payload::Bytes(body.clone());
            let answer = ask(gateway.api(), &request).expect("an answer");
            assert!(
                matches!(answer.status, 400 | 404),
                "{}: {start}",
                answer.status
            );
        }
    }
    for id in [
        "%ff",
        "%00",
        "..%2f..",
        "%2e%2e",
        "a".repeat(5_000).as_str(),
        "%zz",
    ] {
        let answer = ask(
            gateway.api(),
            &Request::new("GET", &format!("/v3/apis/{id}")),
        );
        let status = answer.expect("an answer").status;
        assert!(matches!(status, 400 | 404), "{status}: {id}");
    }
    assert_eq!(stored(&mut admin), before);
}
