//! HTTP/1.1 framing, as little of it as a client and a back end need (RFC 9112).
//!
//! Text is Latin-1 in both directions, so that every byte of a head survives unchanged. Deliberately
//! absent: validation. A harness must be able to send and to receive what no library would.

use std::{
    io::{self, BufRead, Read},
    time::Instant,
};

/// Longest head read, far above what any side of a test sends.
const HEAD_BYTES_MAX: u64 = 256 * 1024;
/// Longest body read; the recordings' largest is 9 MB.
const BODY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Header lines in wire order; names as sent.
pub(crate) type Headers = Vec<(String, String)>;

/// Start line and header lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// Request or status line without its line end.
    pub(crate) start: String,
    /// In wire order.
    pub(crate) headers: Headers,
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is no body.
    None,
    /// `content-length`.
    Length(u64),
    /// `transfer-encoding: chunked`.
    Chunked,
    /// The connection's end.
    Close,
}

/// A body as far as it arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Body {
    /// Its bytes, without chunk framing.
    pub(crate) bytes: Vec<u8>,
    /// The end was told; otherwise the peer broke off.
    pub(crate) complete: bool,
    /// When its first byte was read.
    pub(crate) first_byte_at: Option<Instant>,
}

// === impl Head ===

impl Head {
    /// Reads one head; `None` if the peer closed before its first byte.
    ///
    /// # Errors
    /// The connection fails, ends within the head, or the head is too long.
    pub(crate) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut reader = reader.take(HEAD_BYTES_MAX);
        let Some(start) = line(&mut reader)? else {
            return Ok(None);
        };
        let mut headers = Headers::new();
        loop {
            let text = line(&mut reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if text.is_empty() {
                return Ok(Some(Self { start, headers }));
            }
            let (name, value) = text.split_once(':').unwrap_or((&text, ""));
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// First value of `name`, compared without regard to case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// What the header lines say about the body; `otherwise` if they say nothing.
    pub(crate) fn framing(&self, otherwise: Framing) -> Framing {
        let chunked = self
            .header("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        if chunked {
            return Framing::Chunked;
        }
        self.header("content-length")
            .and_then(|value| value.parse().ok())
            .map_or(otherwise, Framing::Length)
    }
}

// === impl Body ===

impl Body {
    /// Reads a body to its end, or as far as the peer sends it. A failing connection is a body that
    /// is not complete, no error.
    pub(crate) fn read(reader: &mut impl BufRead, framing: Framing) -> Self {
        let mut body = Self::default();
        body.complete = match framing {
            Framing::None | Framing::Length(0) => true,
            Framing::Length(length) => {
                body.some(reader, length.min(BODY_BYTES_MAX)) && length <= BODY_BYTES_MAX
            }
            Framing::Chunked => body.chunks(reader),
            Framing::Close => body.rest(reader),
        };
        body
    }

    /// Appends exactly `length` bytes; `false` if the peer broke off before.
    fn some(&mut self, reader: &mut impl BufRead, length: u64) -> bool {
        let mut left = length;
        while left > 0 {
            let Ok(buffer) = reader.fill_buf() else {
                return false;
            };
            let size = buffer
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            if size == 0 {
                return false;
            }
            self.first_byte_at.get_or_insert_with(Instant::now);
            self.bytes.extend_from_slice(&buffer[..size]);
            reader.consume(size);
            left -= size as u64;
        }
        true
    }

    /// Appends chunks up to and with the last; trailers are dropped.
    fn chunks(&mut self, reader: &mut impl BufRead) -> bool {
        loop {
            let Ok(Some(size)) = line(reader) else {
                return false;
            };
            let size = size.split(';').next().unwrap_or_default().trim();
            let Ok(size) = u64::from_str_radix(size, 16) else {
                return false;
            };
            if size > BODY_BYTES_MAX || !self.some(reader, size) {
                return false;
            }
            let last = size == 0;
            loop {
                match line(reader) {
                    Ok(Some(text)) if text.is_empty() => break,
                    // Only a trailer may stand here, and only after the last chunk.
                    Ok(Some(_)) if last => {}
                    Ok(_) | Err(_) => return false,
                }
            }
            if last {
                return true;
            }
        }
    }

    /// Appends everything up to the connection's end; `false` if that is a reset.
    fn rest(&mut self, reader: &mut impl BufRead) -> bool {
        loop {
            match reader.fill_buf() {
                Ok([]) => return true,
                Ok(buffer) => {
                    let size = buffer.len();
                    self.first_byte_at.get_or_insert_with(Instant::now);
                    self.bytes.extend_from_slice(buffer);
                    reader.consume(size);
                }
                Err(_) => return false,
            }
        }
    }
}

/// First value of `name` in `headers`, compared without regard to case.
pub(crate) fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// Latin-1 bytes of `text`; text with other characters goes out as UTF-8.
pub(crate) fn to_bytes(text: &str) -> Vec<u8> {
    let latin: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
    latin.unwrap_or_else(|_| text.as_bytes().to_vec())
}

/// The Latin-1 reading of `bytes`; never fails.
pub(crate) fn to_text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// One line without its end; `None` at the connection's end.
fn line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if reader.read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(Some(to_text(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::{Body, Framing, Head, to_bytes, to_text};

    #[test]
    fn a_head_keeps_order_duplicates_and_every_byte() {
        let bytes = b"GET /\xfc HTTP/1.1\r\nX-A: 1\r\nx-a: caf\xe9\r\nempty:\r\n\r\nrest";
        let mut reader = &bytes[..];
        let head = Head::read(&mut reader).expect("readable").expect("a head");
        assert_eq!(to_bytes(&head.start), b"GET /\xfc HTTP/1.1");
        let lines: Vec<_> = head
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(lines, [("X-A", "1"), ("x-a", "caf\u{e9}"), ("empty", "")]);
        assert_eq!(reader, b"rest");
    }

    #[test]
    fn a_connection_closed_before_a_head_is_not_an_error_but_within_a_head_is() {
        assert!(Head::read(&mut &b""[..]).expect("clean end").is_none());
        assert!(Head::read(&mut &b"GET / HTTP/1.1\r\nhost: a\r\n"[..]).is_err());
    }

    #[test]
    fn bodies_are_complete_only_if_their_end_is_told() {
        for (framing, bytes, text, complete) in [
            (Framing::None, "x", "", true),
            (Framing::Length(3), "abcd", "abc", true),
            (Framing::Length(3), "ab", "ab", false),
            (
                Framing::Chunked,
                "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\n\r\n",
                "abcde",
                true,
            ),
            (
                Framing::Chunked,
                "3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n",
                "abc",
                true,
            ),
            (Framing::Chunked, "3\r\nabc\r\n", "abc", false),
            (Framing::Chunked, "3\r\nab", "ab", false),
            (Framing::Chunked, "3\r\nabcd\r\n0\r\n\r\n", "abc", false),
            (Framing::Chunked, "zz\r\n", "", false),
            (Framing::Close, "abc", "abc", true),
        ] {
            let body = Body::read(&mut bytes.as_bytes(), framing);
            assert_eq!(
                (to_text(&body.bytes).as_str(), body.complete),
                (text, complete),
                "{bytes}"
            );
        }
    }

    #[test]
    fn framing_comes_from_the_header_lines_else_from_the_caller() {
        let head = |lines: &str| {
            Head::read(&mut format!("x\r\n{lines}\r\n").as_bytes())
                .expect("readable")
                .expect("a head")
                .framing(Framing::Close)
        };
        assert_eq!(head("Content-Length: 7\r\n"), Framing::Length(7));
        assert_eq!(
            head("Transfer-Encoding: Chunked\r\nContent-Length: 7\r\n"),
            Framing::Chunked
        );
        assert_eq!(head(""), Framing::Close);
    }
}
