//! Random mutations of request heads: whatever arrives, the gateway answers something defined and
//! goes on.
//!
//! The seed is printed and can be given as `SEED`. Deliberately absent: coverage guidance; this is
//! the end-to-end net below the unit and property tests of each parser.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use fastrand::Rng;
use serde_json::json;

use crate::{
    hardening::seed,
    support::{
        client::{Connection, Request, ask, receive},
        definition::{api, endpoint, guarded_api},
        gateway::Gateway,
        puppet::Puppet,
        wire::to_text,
    },
};

const HEADS: usize = 5_000;
const CLIENTS: usize = 8;

/// How long an answer may take before the mutated request is taken for an unfinished one.
const UNFINISHED: Duration = Duration::from_millis(400);
/// How long the end of an unfinished request may take.
const HANG: Duration = Duration::from_secs(8);

/// What the gateway may answer. No 5xx but 501 (a method or coding it does not serve): the back end
/// answers everything, so any other would be the gateway's own failure.
const ALLOWED: [u16; 11] = [200, 400, 401, 404, 405, 408, 411, 413, 414, 431, 501];

/// Valid heads, of every kind the gateway knows.
const VALID: &[&str] = &[
    "GET /any HTTP/1.1\r\nhost: a\r\n\r\n",
    "GET /any?a=b&c=%20d HTTP/1.1\r\nHost: a.example:4000\r\nAccept: */*\r\nUser-Agent: x\r\n\r\n",
    "HEAD /any/x HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, x-a\r\nx-a: 1\r\n\r\n",
    "POST /any HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello",
    "POST /any HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nt: 1\r\n\r\n",
    "PUT /any/%2e%2e/any HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n",
    "DELETE http://b.example/any/../any/1 HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nhost: a\r\norigin: https://a.example\r\n\r\n",
    "GET /till?jwt=a.b.c HTTP/1.1\r\nhost: a\r\nauthorization: Bearer e30.e30.e30, Basic x\r\n\r\n",
    "GET /any HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
     sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n\r\n",
    "GET /any HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 10.0.0.1\r\nforwarded: for=\"[::1]\"\r\n\
     x-request-id: 12345678901234567890\r\ncookie: a=b; c=d\r\n\
     traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=b\r\n\r\n",
    "PATCH /any HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\nhello",
    "GET /_rig/health/ready HTTP/1.1\r\nhost: a\r\n\r\n",
    "TRACE /any HTTP/1.1\r\nhost: a\r\n\r\n",
];

/// What parsers stumble over.
const SPICE: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\t",
    " ",
    "  ",
    ":",
    ",",
    ";",
    "\"",
    "%",
    "%00",
    "%0d%0a",
    "%2e%2e/",
    "../",
    "//",
    "\\",
    "@",
    "#",
    "?",
    "*",
    "\u{ff}",
    "\u{80}",
    "\u{7f}",
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/2.0",
    "PRI ",
    "content-length: 5\r\n",
    "content-length: -1\r\n",
    "content-length: 99999999999999999999\r\n",
    "transfer-encoding: chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "connection: close\r\n",
    "connection: upgrade\r\n",
    "upgrade: h2c\r\n",
    "host: b\r\n",
    " folded\r\n",
    "0\r\n\r\n",
    "ffffffffffffffff\r\n",
    "\r\n\r\n",
    "http://",
    "GET /any HTTP/1.1\r\nhost: a\r\n\r\n",
];

/// A mutated head.
fn mutated(random: &mut Rng) -> Vec<u8> {
    let pick = |random: &mut Rng, from: &[&str]| -> Vec<u8> {
        let text = random.choice(from).copied().unwrap_or_default();
        text.chars()
            .map(|c| u8::try_from(c).unwrap_or(b'?'))
            .collect()
    };
    let mut bytes = pick(random, VALID);
    for _ in 0..random.usize(0..=3) {
        let length = bytes.len();
        let at = random.usize(0..=length);
        let until = (at + random.usize(0..=12)).min(length);
        match random.u8(0..8) {
            // Flip, drop, repeat, move.
            0 if at < length => bytes[at] ^= 1 << random.u8(0..8),
            1 => drop(bytes.drain(at..until)),
            2 => {
                let piece = bytes[at..until].to_vec();
                bytes.splice(at..at, piece.repeat(random.usize(1..=3)));
            }
            3 => {
                let piece: Vec<u8> = bytes.drain(at..until).collect();
                let to = random.usize(0..=bytes.len());
                bytes.splice(to..to, piece);
            }
            // Put in.
            4 | 5 => drop(bytes.splice(at..at, pick(random, SPICE))),
            6 => drop(bytes.splice(at..at, [random.u8(..)])),
            // Another head from here on.
            _ => {
                let other = pick(random, VALID);
                let from = random.usize(0..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    // Ends what has lost its end; empty lines before a request are ignored.
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes
}

/// Sends `bytes`; what came back up to the end of a first answer, at the latest after the client has
/// said that it is done.
fn said(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
    // The gateway may have refused and closed before everything is written.
    stream.write_all(bytes).ok();
    let mut said = Vec::new();
    let mut piece = vec![0; 16 * 1024];
    stream.set_read_timeout(Some(UNFINISHED))?;
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return Ok(said),
            Ok(length) => said.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(said),
            Err(_silent) => break,
        }
        if receive(&mut &said[..], method(bytes)).is_ok_and(|answer| answer.body.complete) {
            return Ok(said);
        }
    }
    stream.shutdown(Shutdown::Write).ok();
    stream.set_read_timeout(Some(HANG))?;
    match stream.read_to_end(&mut said) {
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
        Ok(_) | Err(_) => Ok(said),
    }
}

/// What one client met: how often each status, and what must not be.
#[derive(Default)]
struct Met {
    statuses: BTreeMap<u16, usize>,
    failures: Vec<String>,
}

/// What decides whether an answer has a body.
fn method(bytes: &[u8]) -> &'static str {
    let blank = bytes.iter().take_while(|byte| b"\r\n".contains(byte));
    let start = bytes.get(blank.count()..).unwrap_or_default();
    if start.starts_with(b"HEAD ") {
        "HEAD"
    } else {
        "GET"
    }
}

/// A client that begins so is answered with the frames of HTTP/2 (RFC 9113, 3.4).
fn spoke_http2(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PRI")
}

/// Sends `count` mutated heads, on kept and on new connections.
fn client(inbound: SocketAddr, mut random: Rng, count: usize) -> Met {
    let mut met = Met::default();
    let mut kept: Option<TcpStream> = None;
    for _ in 0..count {
        let bytes = mutated(&mut random);
        let fresh = kept.is_none();
        let connected = kept.take().map_or_else(|| TcpStream::connect(inbound), Ok);
        let outcome = connected.and_then(|mut stream| {
            let said = said(&mut stream, &bytes)?;
            Ok((stream, said))
        });
        let (stream, said) = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                met.failures.push(format!("{error}: {:?}", to_text(&bytes)));
                continue;
            }
        };
        let mut rest = &said[..];
        if rest.is_empty() {
            // A kept connection may have been closed meanwhile; a new one deserves an answer, if
            // there is anything to answer.
            let blank = bytes.iter().all(|byte| b"\r\n".contains(byte));
            if fresh && !blank && !spoke_http2(&bytes) {
                let bytes = to_text(&bytes);
                met.failures
                    .push(format!("closed without an answer: {bytes:?}"));
            }
            continue;
        }
        match receive(&mut rest, method(&bytes)) {
            Ok(answer) if ALLOWED.contains(&answer.status) => {
                *met.statuses.entry(answer.status).or_default() += 1;
                // Only where there is no doubt that nothing else is under way.
                let clean = answer.status == 200 && rest.is_empty() && answer.body.complete;
                kept = (clean && random.bool()).then_some(stream);
            }
            // The frames of HTTP/2, to a client that began to speak it.
            Err(_) if spoke_http2(&bytes) => {}
            Ok(answer) => met
                .failures
                .push(format!("{} to {:?}", answer.status, to_text(&bytes))),
            Err(error) => met.failures.push(format!(
                "{error}: {:?} to {:?}",
                to_text(&said),
                to_text(&bytes)
            )),
        }
    }
    met
}

#[test]
fn any_mutation_of_a_head_gets_a_defined_answer_and_the_gateway_lives() {
    let seed = seed();
    let backend = Puppet::obliging();
    let endpoints = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]
        .map(|method| endpoint(method, method, "/any.*", json!({})));
    let till = endpoint("till", "GET", "/till", json!({"secured": true}));
    let mut gateway = Gateway::builder()
        .env("HEADER_TIMEOUT", "1")
        .env("BODY_TIMEOUT", "1")
        .env("JWT_SECRET_KEY", "mysecret")
        .env("LOG_LEVEL", "debug")
        .env("REQUEST_LOG", "console")
        .config_json(&[
            api("a", backend.address(), &endpoints),
            guarded_api("b", backend.address(), &[till]),
        ])
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let inbound = gateway.inbound();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let random = Rng::with_seed(seed.wrapping_add(number as u64));
            thread::spawn(move || client(inbound, random, HEADS / CLIENTS))
        })
        .collect();
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for client in clients {
        let met = client.join().expect("a client");
        failures.extend(met.failures);
        for (status, count) in met.statuses {
            *statuses.entry(status).or_default() += count;
        }
    }
    println!("{statuses:?}");
    assert!(failures.is_empty(), "SEED={seed}\n{}", failures.join("\n"));
    assert!(gateway.is_alive());
    let log = gateway.log();
    let panics: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("panicked"))
        .collect();
    assert_eq!(panics, [] as [&str; 0], "SEED={seed}");
    // Not everything was refused, or the test would show little.
    let passed = statuses.get(&200).copied().unwrap_or_default();
    assert!(passed > HEADS / 20, "{statuses:?}");
    let mut connection = Connection::open(inbound).expect("a connection");
    let answer = connection
        .ask(&Request::new("GET", "/any"))
        .expect("an answer");
    assert_eq!(answer.status, 200);
    let ready = ask(gateway.api(), &Request::new("GET", "/health/ready")).expect("an answer");
    assert_eq!(ready.status, 200);
}
