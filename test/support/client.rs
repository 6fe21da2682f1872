//! A client that sends exactly the bytes it is told to and reports exactly what comes back.
//!
//! One connection per exchange unless a caller keeps it. Deliberately absent: retries, redirects,
//! decoding, any header of its own beyond `host` and the body's framing.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::support::wire::{Body, Framing, Head, Headers, header, to_bytes};

/// Longest silence of the peer; no case takes a tenth of it.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// How long the rest of a body may take once the answer is there, before it is given up.
const REST_MAX: Duration = Duration::from_secs(1);

/// A request, to be written as it stands.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Any token.
    pub(crate) method: String,
    /// Request target, written as Latin-1.
    pub(crate) target: String,
    /// `1.1` or `1.0`.
    pub(crate) version: String,
    /// In this order; framing headers for `payload` are added unless given.
    pub(crate) headers: Headers,
    /// The body.
    pub(crate) payload: Payload,
}

/// A request body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Payload {
    /// None, and no framing header is added.
    None,
    /// With `content-length`.
    Bytes(Vec<u8>),
    /// Chunk by chunk.
    Chunks(Vec<Vec<u8>>),
}

/// A response.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Status code.
    pub(crate) status: u16,
    /// In wire order; names as sent.
    pub(crate) headers: Headers,
    /// How the body's end was told.
    pub(crate) framing: Framing,
    /// The body.
    pub(crate) body: Body,
}

/// A connection to a listener.
pub(crate) struct Connection {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

// === impl Request ===

impl Request {
    /// A request with a `host` header and nothing else.
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            version: "1.1".to_owned(),
            headers: vec![("host".to_owned(), "localhost".to_owned())],
            payload: Payload::None,
        }
    }

    /// The same with another header line.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with a JSON body.
    pub(crate) fn json(method: &str, target: &str, body: &serde_json::Value) -> Self {
        let mut request = Self::new(method, target);
        let content_type = ("content-type".to_owned(), "application/json".to_owned());
        request.headers.push(content_type);
        request.payload = Payload::Bytes(body.to_string().into_bytes());
        request
    }

    /// The bytes on the wire.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let start = format!("{} {} HTTP/{}\r\n", self.method, self.target, self.version);
        let mut bytes = to_bytes(&start);
        for (name, value) in &self.headers {
            bytes.extend(to_bytes(&format!("{name}: {value}\r\n")));
        }
        match &self.payload {
            Payload::None => bytes.extend(b"\r\n"),
            Payload::Bytes(body) => {
                if header(&self.headers, "content-length").is_none() {
                    bytes.extend(format!("content-length: {}\r\n", body.len()).into_bytes());
                }
                bytes.extend(b"\r\n");
                bytes.extend(body);
            }
            Payload::Chunks(chunks) => {
                bytes.extend(b"transfer-encoding: chunked\r\n\r\n");
                for chunk in chunks {
                    bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                    bytes.extend(chunk);
                    bytes.extend(b"\r\n");
                }
                bytes.extend(b"0\r\n\r\n");
            }
        }
        bytes
    }
}

// === impl Answer ===

impl Answer {
    /// First value of `name`.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body.bytes).unwrap_or_default()
    }
}

// === impl Connection ===

impl Connection {
    /// Opens a connection.
    ///
    /// # Errors
    /// Nobody listens.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        stream.set_nodelay(true)?;
        let reader = BufReader::new(stream.try_clone()?);
        Ok(Self { stream, reader })
    }

    /// Sends `bytes` and reads as many answers as there are `methods` (a method decides whether its
    /// answer has a body). Reads while it writes: a peer may answer before it has read everything.
    ///
    /// # Errors
    /// The peer is silent, or an answer's head is missing or not HTTP.
    pub(crate) fn exchange(&mut self, bytes: &[u8], methods: &[&str]) -> io::Result<Vec<Answer>> {
        let Self { stream, reader } = self;
        thread::scope(|scope| {
            // A refused rest of a body is the peer's right; what it answered is what counts.
            let writer = scope.spawn(|| stream.write_all(bytes).ok());
            let answers = methods
                .iter()
                .map(|method| receive(reader, method))
                .collect();
            let answered = Instant::now();
            while !writer.is_finished() {
                if answered.elapsed() > REST_MAX {
                    reader.get_ref().shutdown(Shutdown::Write).ok();
                }
                thread::sleep(Duration::from_millis(1));
            }
            answers
        })
    }

    /// Sends `bytes` and waits for nothing.
    ///
    /// # Errors
    /// The peer has closed the connection.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads one answer to a request with `method`.
    ///
    /// # Errors
    /// The peer is silent, or what it sends is not HTTP.
    pub(crate) fn receive(&mut self, method: &str) -> io::Result<Answer> {
        receive(&mut self.reader, method)
    }

    /// One request, one answer.
    ///
    /// # Errors
    /// As [`Self::exchange`].
    pub(crate) fn ask(&mut self, request: &Request) -> io::Result<Answer> {
        self.send(&request.to_bytes())?;
        self.receive(&request.method)
    }

    /// The peer has sent something, or closed, within `deadline`.
    pub(crate) fn is_readable_within(&mut self, deadline: Duration) -> bool {
        if !self.reader.buffer().is_empty() {
            return true;
        }
        let waited = self.stream.set_read_timeout(Some(deadline));
        let readable = waited.is_ok() && self.stream.peek(&mut [0]).is_ok();
        self.stream.set_read_timeout(Some(SILENCE_MAX)).ok();
        readable
    }

    /// The peer closes the connection within `deadline`, without another byte.
    pub(crate) fn closes_within(&mut self, deadline: Duration) -> bool {
        let timeout = self.stream.set_read_timeout(Some(deadline));
        timeout.is_ok() && matches!(self.reader.read(&mut [0]), Ok(0))
    }
}

/// One request, one answer, on a connection of its own.
///
/// # Errors
/// Nobody listens, or what answers is not HTTP.
pub(crate) fn ask(address: SocketAddr, request: &Request) -> io::Result<Answer> {
    let mut answers =
        Connection::open(address)?.exchange(&request.to_bytes(), &[&request.method])?;
    answers
        .pop()
        .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Asks again until `accepted`, because a listener opens before what it answers for is ready.
///
/// # Errors
/// `deadline` passed; says what the last answer was.
pub(crate) fn ask_until(
    address: SocketAddr,
    request: &Request,
    deadline: Duration,
    accepted: impl Fn(&Answer) -> bool,
) -> Result<Answer, String> {
    let start = Instant::now();
    loop {
        let last = match ask(address, request) {
            Ok(answer) if accepted(&answer) => return Ok(answer),
            Ok(answer) => format!("status {}", answer.status),
            Err(error) => error.to_string(),
        };
        if start.elapsed() > deadline {
            let Request { method, target, .. } = request;
            return Err(format!("{method} {target} after {deadline:?}: {last}"));
        }
        // There is nothing to wait on but the next answer; the pause only spares the processor.
        thread::sleep(Duration::from_millis(10));
    }
}

/// Reads the final answer to a request with `method`; informational ones before it are skipped.
///
/// # Errors
/// The peer is silent, or an answer's head is missing or not HTTP.
pub(crate) fn receive(reader: &mut impl BufRead, method: &str) -> io::Result<Answer> {
    loop {
        let head = Head::read(reader)?.ok_or_else(|| {
            io::Error::new(io::ErrorKind::UnexpectedEof, "closed without an answer")
        })?;
        let mut words = head.start.split(' ');
        let status = match (words.next(), words.next().map(str::parse)) {
            (Some(protocol), Some(Ok(status))) if protocol.starts_with("HTTP/1.") => status,
            _ => {
                return Err(io::Error::other(format!(
                    "not a status line: {:?}",
                    head.start
                )));
            }
        };
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        let framing = match (method, status) {
            ("HEAD", _) | (_, 101 | 204 | 304) => Framing::None,
            _ => head.framing(Framing::Close),
        };
        let body = Body::read(reader, framing);
        return Ok(Answer {
            status,
            headers: head.headers,
            framing,
            body,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Payload, Request};

    #[test]
    fn a_request_is_written_as_it_stands() {
        let mut request = Request::new("get", "/a?x=\u{fc}");
        request.headers.push(("X-A".to_owned(), "1".to_owned()));
        request.headers.push(("X-A".to_owned(), "2".to_owned()));
        assert_eq!(
            request.to_bytes(),
            b"get /a?x=\xfc HTTP/1.1\r\nhost: localhost\r\nX-A: 1\r\nX-A: 2\r\n\r\n"
        );
        request.headers.clear();
        request.payload = Payload::Bytes(b"ab".to_vec());
        assert_eq!(
            request.to_bytes(),
            b"get /a?x=\xfc HTTP/1.1\r\ncontent-length: 2\r\n\r\nab"
        );
        request.payload = Payload::Chunks(vec![b"ab".to_vec(), b"c".to_vec()]);
        assert_eq!(
            request.to_bytes(),
            b"get /a?x=\xfc HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n\
              2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
        );
    }
}
