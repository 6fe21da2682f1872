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
    client::receive,
    definition::{api, endpoint},
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

/// `bytes` with the first `from` replaced.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match bytes.windows(from.len()).position(|window| window == from) {
        Some(at) => [&bytes[..at], to, &bytes[at + from.len()..]].concat(),
        None => bytes.to_vec(),
    }
}
