//! What the recording back end answers: the echo, and the special paths of `golden/proxy.jsonl`.
//!
//! Status, headers and bodies are those the recordings show through the original. Where it hid
//! something (duplicates joined, lengths computed, an answer refused), the likeliest is sent.

use std::{
    io::{self, Write},
    net::{Shutdown, TcpStream},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::support::backend::Seen;

/// The recorded answer of `/gzip`: `compressed body`.
const GZIP: &str = "H4sIAAAAAAACA0vOzy0oSi0uTk1RSMpPqQQAt7T7OA8AAAA=";
/// Pause of `/slowchunk` before each chunk but the first; the recorded answer took 1.5 s.
const CHUNK_PAUSE: Duration = Duration::from_millis(750);

/// What goes back over the connection.
pub(crate) struct Scripted {
    /// Status line and headers, without framing.
    head: String,
    /// The body and how it is framed.
    body: Framed,
}

/// A body with its framing.
enum Framed {
    /// `content-length` and the body, after a delay.
    Length(Vec<u8>, Duration),
    /// Chunks with a pause between them.
    Chunks(&'static [&'static str], Duration),
    /// No framing header; the connection's end is the body's.
    Close(&'static str),
    /// As it stands, head included, then the connection is closed.
    Raw(&'static str),
    /// A status that has no body.
    None,
}

// === impl Scripted ===

impl Scripted {
    /// Bytes of the body, without framing.
    pub(crate) fn body_bytes(&self) -> Vec<u8> {
        match &self.body {
            Framed::Length(body, _) => body.clone(),
            Framed::Chunks(chunks, _) => chunks.concat().into_bytes(),
            Framed::Close(text) => text.as_bytes().to_vec(),
            Framed::Raw(_) | Framed::None => Vec::new(),
        }
    }

    /// Writes everything; `false` if the connection is over.
    pub(crate) fn write(
        &self,
        stream: &TcpStream,
        method: &str,
        pace: f64,
        finished: &OnceLock<Instant>,
    ) -> bool {
        self.try_write(stream, method, pace, finished)
            .unwrap_or(false)
    }

    fn try_write(
        &self,
        mut stream: &TcpStream,
        method: &str,
        pace: f64,
        finished: &OnceLock<Instant>,
    ) -> io::Result<bool> {
        let mut head = self.head.clone().into_bytes();
        match &self.body {
            Framed::Length(body, delay) => {
                thread::sleep(delay.mul_f64(pace));
                head.extend(format!("content-length: {}\r\n\r\n", body.len()).into_bytes());
                if method != "HEAD" {
                    head.extend(body);
                }
                finished.get_or_init(Instant::now);
                stream.write_all(&head)?;
            }
            Framed::Chunks(chunks, pause) => {
                head.extend(b"transfer-encoding: chunked\r\n\r\n");
                stream.write_all(&head)?;
                for (index, chunk) in chunks.iter().enumerate() {
                    if index > 0 {
                        thread::sleep(pause.mul_f64(pace));
                    }
                    if index + 1 == chunks.len() {
                        finished.get_or_init(Instant::now);
                    }
                    write!(stream, "{:x}\r\n{chunk}\r\n", chunk.len())?;
                }
                stream.write_all(b"0\r\n\r\n")?;
            }
            Framed::Close(text) => {
                head.extend(format!("\r\n{text}").into_bytes());
                finished.get_or_init(Instant::now);
                stream.write_all(&head)?;
                stream.shutdown(Shutdown::Both)?;
                return Ok(false);
            }
            Framed::Raw(text) => {
                stream.write_all(text.as_bytes())?;
                stream.shutdown(Shutdown::Both)?;
                return Ok(false);
            }
            Framed::None => {
                head.extend(b"\r\n");
                stream.write_all(&head)?;
            }
        }
        Ok(true)
    }
}

/// The answer to a request: by its path, else the echo.
pub(crate) fn answer(request: &Seen) -> Scripted {
    let target = request.line.split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let text = "content-type: text/plain\r\n";
    match path {
        "/hdrs" => ok(HDRS, b"{}"),
        "/chunked" => scripted(
            200,
            text,
            Framed::Chunks(&["hello ", "world!"], Duration::ZERO),
        ),
        "/slowchunk" => scripted(
            200,
            text,
            Framed::Chunks(&["hello", "world", "!"], CHUNK_PAUSE),
        ),
        "/slow" => {
            let delay = query
                .strip_prefix("ms=")
                .and_then(|ms| ms.parse().ok())
                .unwrap_or(0);
            let delay = Duration::from_millis(delay);
            scripted(200, "", Framed::Length(b"slow".to_vec(), delay))
        }
        "/http10" => Scripted {
            head: format!("HTTP/1.0 200 OK\r\n{text}"),
            body: Framed::Close("close delimited"),
        },
        "/nolen" => scripted(200, text, Framed::Close("no length")),
        "/gzip" => ok(
            "content-encoding: gzip\r\n",
            &BASE64_STANDARD.decode(GZIP).expect("a constant"),
        ),
        "/bin" => ok(
            "content-type: application/octet-stream\r\n",
            &(0..=u8::MAX).collect::<Vec<_>>(),
        ),
        "/big" => ok("", &vec![b'x'; 5_000_000]),
        "/close" => raw(""),
        "/garbage" => raw("this is not HTTP\r\n\r\n"),
        "/short" => raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"),
        "/badhdr" => ok("x-empty: \r\nx-utf8: caf\u{e9}\r\n", b"ok"),
        _ => match path
            .strip_prefix("/status/")
            .and_then(|code| code.parse().ok())
        {
            Some(code) => status(code),
            None => echo(request),
        },
    }
}

/// The headers of `/hdrs`, among them a hop-by-hop one.
const HDRS: &str = "access-control-allow-origin: https://backend.example\r\n\
    cache-control: public, max-age=60\r\n\
    content-type: application/json\r\n\
    date: Mon, 01 Jan 2024 00:00:00 GMT\r\n\
    etag: \"abc\"\r\n\
    keep-alive: timeout=5\r\n\
    server: echo/1\r\n\
    set-cookie: a=1; Path=/\r\n\
    set-cookie: b=2; HttpOnly\r\n\
    vary: Origin\r\n\
    vary: Accept\r\n\
    X-Mixed-Case: Value One\r\n";

/// The request as JSON.
fn echo(request: &Seen) -> Scripted {
    let body = match std::str::from_utf8(&request.body.bytes) {
        Ok(text) => Value::from(text),
        Err(_) => json!({"base64": BASE64_STANDARD.encode(&request.body.bytes)}),
    };
    let echo = json!({
        "request_line": format!("{} HTTP/1.1", request.line),
        "headers": request.headers,
        "body": body,
    });
    ok(
        "content-type: application/json\r\nx-backend: echo\r\n",
        echo.to_string().as_bytes(),
    )
}

/// The answer of `/status/NNN`.
fn status(code: u16) -> Scripted {
    let more = match code {
        301 | 302 | 303 | 307 | 308 => "location: /elsewhere?x=1\r\n",
        401 => "www-authenticate: Basic realm=\"x\"\r\n",
        _ => "",
    };
    let body = match code {
        204 | 304 => Framed::None,
        _ => Framed::Length(format!("status {code}").into_bytes(), Duration::ZERO),
    };
    scripted(code, &format!("content-type: text/plain\r\n{more}"), body)
}

fn ok(headers: &str, body: &[u8]) -> Scripted {
    scripted(200, headers, Framed::Length(body.to_vec(), Duration::ZERO))
}

fn raw(text: &'static str) -> Scripted {
    Scripted {
        head: String::new(),
        body: Framed::Raw(text),
    }
}

fn scripted(status: u16, headers: &str, body: Framed) -> Scripted {
    Scripted {
        head: format!("HTTP/1.1 {status} Recorded\r\n{headers}"),
        body,
    }
}

#[cfg(test)]
mod tests {
    use crate::support::{
        backend::Backend,
        client::{Answer, Connection, Payload, Request, ask},
        wire::Framing,
    };

    fn get(backend: &Backend, target: &str) -> Answer {
        ask(backend.address(), &Request::new("GET", target)).expect("an answer")
    }

    #[test]
    fn the_echo_tells_line_headers_and_body_and_remembers_them() {
        let backend = Backend::start(1.0);
        let mut request = Request::new("POST", "/a?b=\u{fc}");
        request
            .headers
            .push(("X-A".to_owned(), "caf\u{e9}".to_owned()));
        request.payload = Payload::Chunks(vec![b"hello".to_vec(), b" world".to_vec()]);
        let answer = ask(backend.address(), &request).expect("an answer");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-backend"), Some("echo"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let echo = answer.json();
        assert_eq!(echo["request_line"], "POST /a?b=\u{fc} HTTP/1.1");
        assert_eq!(echo["headers"][1], serde_json::json!(["X-A", "caf\u{e9}"]));
        assert_eq!(echo["body"], "hello world");
        let seen = backend.take();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].line, "POST /a?b=\u{fc}");
        assert_eq!(seen[0].header("x-a"), Some("caf\u{e9}"));
        assert_eq!(seen[0].body.bytes, b"hello world");
        assert_eq!(seen[0].answer, answer.body.bytes);
        assert!(backend.take().is_empty(), "taken once");
    }

    #[test]
    fn head_gets_the_length_and_no_body_and_the_connection_stays() {
        let backend = Backend::start(1.0);
        let request = Request::new("HEAD", "/a").to_bytes();
        let mut connection = Connection::open(backend.address()).expect("a connection");
        let answers = connection.exchange(&[&request[..], &request].concat(), &["HEAD", "HEAD"]);
        for (answer, seen) in answers.expect("answers").iter().zip(backend.take()) {
            assert_eq!(
                answer.header("content-length"),
                Some(&*seen.answer.len().to_string())
            );
            assert!(answer.body.bytes.is_empty());
        }
    }

    #[test]
    fn the_special_paths_answer_as_recorded() {
        let backend = Backend::start(0.01);
        for (target, status, framing, body) in [
            ("/chunked", 200, Framing::Chunked, "hello world!"),
            ("/slowchunk", 200, Framing::Chunked, "helloworld!"),
            ("/slow?ms=20", 200, Framing::Length(4), "slow"),
            ("/http10", 200, Framing::Close, "close delimited"),
            ("/nolen", 200, Framing::Close, "no length"),
            ("/hdrs", 200, Framing::Length(2), "{}"),
            ("/badhdr", 200, Framing::Length(2), "ok"),
            ("/status/204", 204, Framing::None, ""),
            ("/status/304", 304, Framing::None, ""),
            ("/status/418", 418, Framing::Length(10), "status 418"),
            ("/status/999", 999, Framing::Length(10), "status 999"),
        ] {
            let answer = get(&backend, target);
            assert_eq!(answer.status, status, "{target}");
            assert_eq!(answer.framing, framing, "{target}");
            assert_eq!(answer.body.bytes, body.as_bytes(), "{target}");
            assert!(answer.body.complete, "{target}");
        }
        assert_eq!(
            get(&backend, "/status/302").header("location"),
            Some("/elsewhere?x=1")
        );
        assert_eq!(get(&backend, "/bin").body.bytes.len(), 256);
        assert_eq!(get(&backend, "/big").body.bytes.len(), 5_000_000);
        assert_eq!(
            get(&backend, "/badhdr").header("x-utf8"),
            Some("caf\u{c3}\u{a9}")
        );
    }

    #[test]
    fn a_slow_chunk_arrives_before_the_last_one_is_written() {
        let backend = Backend::start(0.1);
        let first = get(&backend, "/slowchunk").body.first_byte_at;
        let last = backend.take()[0].finished.get().copied();
        assert!(first.expect("a first byte") < last.expect("a last chunk"));
    }

    #[test]
    fn broken_answers_are_broken() {
        let backend = Backend::start(1.0);
        let short = get(&backend, "/short");
        assert_eq!((short.status, short.body.complete), (200, false));
        for target in ["/close", "/garbage"] {
            assert!(
                ask(backend.address(), &Request::new("GET", target)).is_err(),
                "{target}"
            );
        }
        assert_eq!(backend.take().len(), 3);
    }
}
