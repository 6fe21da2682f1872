//! Request smuggling: heads and bodies that two servers in a row could read differently
//! (RFC 9112, 6 and 11.2).
//!
//! Every case tries to bring `/smuggled` to the back end behind a request of its own. What has to
//! hold: the gateway refuses and closes, or the back end sees exactly the request that was meant,
//! with one framing; and nothing hangs. Cases run side by side, each on a path of its own.

mod cases;

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use serde_json::json;

use self::cases::{Case, Outcome, all};
use crate::support::{
    backend::{Backend, Seen},
    client::{Connection, receive},
    definition::{api, endpoint, guarded_api, post},
    gateway::{Builder, Gateway},
    wire::to_text,
};

/// No case may take as long; the limits of the gateway under test are one second and less.
const HANG: Duration = Duration::from_secs(8);

/// A gateway that lets `/case/...` and, if it ever came to that, `/smuggled` through.
fn start(builder: Builder, backend: &Backend) -> Gateway {
    let endpoints =
        ["GET", "POST"].map(|method| endpoint(method, method, "/(case/.*|smuggled)", json!({})));
    builder
        .config_json(&[api("a", backend.address(), &endpoints)])
        .start()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Speaks until the gateway closes; everything it said.
fn converse(address: SocketAddr, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(HANG))?;
    // The gateway may have refused and closed before everything is written.
    stream.write_all(bytes).ok();
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => Ok(said),
        // So ends a connection that is closed with something unread on it.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(said),
        Err(error) => Err(error),
    }
}

/// The status of every answer in `said`.
fn statuses(mut said: &[u8]) -> io::Result<Vec<u16>> {
    let mut statuses = Vec::new();
    while !said.is_empty() {
        statuses.push(receive(&mut said, "POST")?.status);
    }
    Ok(statuses)
}

/// What is wrong with the outcome of `case`, if anything.
fn judge(case: &Case, said: io::Result<Vec<u8>>, seen: &[&Seen]) -> Option<String> {
    let status = match case.outcome {
        Outcome::Passed(_) => 200,
        Outcome::Refused(status) | Outcome::CutOff(status) => status,
    };
    match said.and_then(|said| statuses(&said)) {
        Ok(statuses) if statuses == [status] => {}
        Ok(statuses) => return Some(format!("answered {statuses:?} instead of {status}")),
        Err(error) => return Some(format!("hung or broke: {error}")),
    }
    match (&case.outcome, seen) {
        (Outcome::Passed(body), [one]) => {
            let whole = one.body.complete && to_text(&one.body.bytes) == *body;
            let fine = whole && has_one_framing(one);
            (!fine).then(|| format!("the back end got {one:?}"))
        }
        (Outcome::Refused(_) | Outcome::CutOff(_), []) => None,
        (Outcome::CutOff(_), [one]) if !one.body.complete => None,
        (_, seen) => Some(format!("the back end got {seen:?}")),
    }
}

/// Every reader of this request finds the same end of its body.
fn has_one_framing(request: &Seen) -> bool {
    let all = |name: &str| -> Vec<&str> {
        let lines = request.headers.iter();
        let of = lines.filter(|(other, _)| other.eq_ignore_ascii_case(name));
        of.map(|(_, value)| value.as_str()).collect()
    };
    let body = &request.body.bytes;
    match (&all("content-length")[..], &all("transfer-encoding")[..]) {
        ([length], []) => length.parse() == Ok(body.len()),
        ([], ["chunked"]) => true,
        ([], []) => body.is_empty(),
        (_, _) => false,
    }
}

#[test]
fn no_request_is_smuggled_past_the_gateway() {
    let backend = Backend::start(0.0);
    let builder = Gateway::builder()
        .env("HEADER_TIMEOUT", "1")
        .env("BODY_TIMEOUT", "500ms");
    let gateway = start(builder, &backend);
    let inbound = gateway.inbound();
    let path = |number: usize| format!("/case/{number}/");
    let conversations: Vec<_> = (all().into_iter().enumerate())
        .map(|(number, case)| {
            let bytes = replaced(case.bytes, b"PATH", path(number).as_bytes());
            thread::spawn(move || converse(inbound, &bytes))
        })
        .collect();
    let said: Vec<_> = conversations
        .into_iter()
        .map(|conversation| conversation.join().expect("no panic"))
        .collect();
    let seen = backend.take();
    let mut failures = Vec::new();
    for (number, (case, said)) in all().into_iter().zip(said).enumerate() {
        let path = path(number);
        let mine: Vec<&Seen> = seen.iter().filter(|it| it.line.contains(&path)).collect();
        let failure = judge(case, said, &mine);
        failures.extend(failure.map(|failure| format!("{}: {failure}", case.name)));
    }
    let strange = seen.iter().filter(|it| !it.line.contains(" /case/"));
    failures.extend(strange.map(|it| format!("nobody asked for {it:?}")));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_trailer_does_not_become_a_header() {
    let backend = Backend::start(0.0);
    let gateway = start(Gateway::builder(), &backend);
    let bytes = b"POST /case/t HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\
        transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\ncontent-length: 35\r\n\
        x-role: admin\r\n\r\n";
    let said = converse(gateway.inbound(), bytes).expect("an answer");
    assert_eq!(statuses(&said).expect("an answer"), [200]);
    let seen = backend.take();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].header("x-role"), None);
    assert!(has_one_framing(&seen[0]), "{seen:?}");
}

/// A head in several pieces is read as one: no piece is taken for a head of its own, and two
/// framings are still not both believed.
#[test]
fn a_head_that_arrives_byte_by_byte_smuggles_nothing() {
    let backend = Backend::start(0.0);
    let gateway = start(Gateway::builder(), &backend);
    let bytes = b"POST /case/slow HTTP/1.1\r\nhost: a\r\ncontent-length: 40\r\n\
        transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut stream = TcpStream::connect(gateway.inbound()).expect("a connection");
    stream.set_nodelay(true).expect("a connection");
    stream.set_read_timeout(Some(HANG)).expect("a connection");
    for byte in bytes {
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
    }
    let mut said = Vec::new();
    stream.read_to_end(&mut said).ok();
    assert_eq!(
        statuses(&said).expect("an answer"),
        [400],
        "{}",
        to_text(&said)
    );
    assert_eq!(backend.take().len(), 0);
}

/// The gateway's own check sees only the first of several requests sent at once. For the others the
/// HTTP library's rule holds: chunks count, the length is dropped, nothing is read after them.
#[test]
fn two_framings_behind_another_request_smuggle_nothing() {
    let backend = Backend::start(0.0);
    let gateway = start(Gateway::builder(), &backend);
    let bytes = b"GET /case/one HTTP/1.1\r\nhost: a\r\n\r\n\
        POST /case/two HTTP/1.1\r\nhost: a\r\ncontent-length: 40\r\n\
        transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    let said = converse(gateway.inbound(), bytes).expect("an end");
    let statuses = statuses(&said).expect("answers");
    assert!(matches!(statuses[..], [200, 200 | 400]), "{statuses:?}");
    for request in backend.take() {
        assert!(request.line.contains(" /case/"), "{request:?}");
        assert!(has_one_framing(&request) && request.body.bytes.is_empty());
    }
}

/// A body that nobody wants must be skipped to its end, or end the connection: its bytes look like
/// the next request.
#[test]
fn the_body_of_a_refused_request_is_never_taken_for_a_request() {
    const INSIDE: &str = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    let backend = Backend::start(0.0);
    let till = endpoint("till", "POST", "/till", json!({"secured": true}));
    let builder = Gateway::builder().env("JWT_SECRET_KEY", "mysecret");
    let gateway = start(builder, &backend);
    post(&gateway, &guarded_api("b", backend.address(), &[till]));
    let after = "GET /case/after HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let chunk = format!("{:x}\r\n{INSIDE}\r\n0\r\n\r\n", INSIDE.len());
    let length = format!("content-length: {}", INSIDE.len());
    for (start, status) in [
        ("POST /nowhere", 404),
        ("POST /till", 401),
        ("POST /case/%zz", 400),
        ("TRACE /case/trace", 501),
        ("GET /_rig/health", 200),
    ] {
        for (framing, body) in [
            (&*length, INSIDE),
            ("transfer-encoding: chunked", &chunk),
            ("content-length: 100000", INSIDE),
        ] {
            for at_once in [true, false] {
                let name = format!("{start}, {framing}, at once: {at_once}");
                let head = format!("{start} HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n");
                let mut client = Connection::open(gateway.inbound()).expect("a connection");
                let first = if at_once {
                    [&*head, body].concat()
                } else {
                    head
                };
                client.send(first.as_bytes()).expect("sent");
                let answer = client.receive("POST").expect("an answer");
                assert_eq!(answer.status, status, "{name}");
                let rest = if at_once {
                    after.to_owned()
                } else {
                    [body, after].concat()
                };
                // The connection may be closed by now, which is as good.
                client.send(rest.as_bytes()).ok();
                if let Ok(answer) = client.receive("GET") {
                    assert_eq!(answer.status, 200, "{name}");
                }
                for request in backend.take() {
                    assert_eq!(request.line, "GET /case/after", "{name}");
                }
            }
        }
    }
}

/// `bytes` with the first `from` replaced.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match bytes.windows(from.len()).position(|window| window == from) {
        Some(at) => [&bytes[..at], to, &bytes[at + from.len()..]].concat(),
        None => bytes.to_vec(),
    }
}
