//! One pass over a JSON text (RFC 8259) that reports what it meets, without building anything.
//!
//! Written by hand because no parser we have tells where a value stands and how its number is
//! written, keeps the first of two members, and accepts every valid text (serde_json refuses lone
//! surrogates and numbers beyond a double, which must travel unchanged). Agreement with serde_json
//! is a property test. Deliberately absent: values; see [`super::scalar`].

use std::{borrow::Cow, ops::Range};

/// Containers within containers, at most. As many as serde_json takes; the reader calls itself for
/// each, so it bounds the stack, and it bounds what every later parser of the event must bear.
pub const DEPTH_MAX: usize = 128;

/// What is met, with the bytes it stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// `{`
    ObjectBegin,
    /// `}`
    ObjectEnd,
    /// `[`
    ArrayBegin,
    /// `]`
    ArrayEnd,
    /// The name of a member, with its quotes.
    Name,
    /// A string, with its quotes.
    String,
    /// A number.
    Number,
    /// `true` or `false`
    Boolean,
    /// `null`
    Null,
}

/// Is told of every piece, in the order of the text.
pub trait Sink {
    /// `piece` stands at `at`. `false`: nothing more is of interest, and the reader may stop.
    fn take(&mut self, piece: Piece, at: Range<usize>) -> bool;
}

/// Where and why a text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Something else is needed here.
    #[error("{wanted} expected at byte {at}")]
    Expected {
        /// What could stand here.
        wanted: &'static str,
        /// Offset of the byte, from 0.
        at: usize,
    },
    /// Containers within containers, more than allowed.
    #[error("nested deeper than {DEPTH_MAX} levels at byte {at}")]
    TooDeep {
        /// Offset of the byte, from 0.
        at: usize,
    },
    /// Not UTF-8.
    #[error("not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Offset of the byte, from 0.
        at: usize,
    },
}

/// How the reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Fault(Fault),
    /// The sink wants no more.
    Enough,
}

struct Reader<'a, S> {
    text: &'a [u8],
    at: usize,
    sink: &'a mut S,
}

/// Reads all of `text`, which has to be one JSON value with white space around it.
///
/// # Errors
/// The first [`Fault`].
pub fn read(text: &str, sink: &mut impl Sink) -> Result<(), Fault> {
    let mut reader = Reader {
        text: text.as_bytes(),
        at: 0,
        sink,
    };
    match reader.document() {
        Ok(()) | Err(Stop::Enough) => Ok(()),
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

/// Only asks whether [`read`] would read all of `text`.
///
/// # Errors
/// The first [`Fault`].
pub fn check(text: &str) -> Result<(), Fault> {
    read(text, &mut Deaf)
}

/// `bytes` as text.
///
/// # Errors
/// [`Fault::NotUtf8`]
pub fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|error| Fault::NotUtf8 {
        at: error.valid_up_to(),
    })
}

/// What `quoted`, a [`Piece::Name`] or [`Piece::String`], means. `None`: an escaped lone surrogate,
/// which JSON can spell and no text can contain.
pub fn unquoted(quoted: &str) -> Option<Cow<'_, str>> {
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str::<String>(quoted).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Listens to nothing.
struct Deaf;

// === impl Deaf ===

impl Sink for Deaf {
    fn take(&mut self, _piece: Piece, _at: Range<usize>) -> bool {
        true
    }
}

// === impl Reader ===

impl<S: Sink> Reader<'_, S> {
    fn document(&mut self) -> Result<(), Stop> {
        self.blank();
        self.value(0)?;
        self.blank();
        if self.at < self.text.len() {
            return Err(self.expected("the end"));
        }
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<(), Stop> {
        let start = self.at;
        let piece = match self.peek() {
            Some(b'{') => return self.object(depth),
            Some(b'[') => return self.array(depth),
            Some(b'"') => {
                self.string()?;
                Piece::String
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Piece::Number
            }
            Some(b't') => {
                self.word(b"true")?;
                Piece::Boolean
            }
            Some(b'f') => {
                self.word(b"false")?;
                Piece::Boolean
            }
            Some(b'n') => {
                self.word(b"null")?;
                Piece::Null
            }
            Some(_) | None => return Err(self.expected("a value")),
        };
        self.tell(piece, start)
    }

    fn object(&mut self, depth: usize) -> Result<(), Stop> {
        self.open(Piece::ObjectBegin, depth)?;
        self.blank();
        if self.peek() != Some(b'}') {
            loop {
                let start = self.at;
                if self.peek() != Some(b'"') {
                    return Err(self.expected("a member's name"));
                }
                self.string()?;
                self.tell(Piece::Name, start)?;
                self.blank();
                if !self.skip(b':') {
                    return Err(self.expected("`:`"));
                }
                self.blank();
                self.value(depth + 1)?;
                self.blank();
                if !self.skip(b',') {
                    break;
                }
                self.blank();
            }
        }
        self.close(Piece::ObjectEnd, b'}', "`,` or `}`")
    }

    fn array(&mut self, depth: usize) -> Result<(), Stop> {
        self.open(Piece::ArrayBegin, depth)?;
        self.blank();
        if self.peek() != Some(b']') {
            loop {
                self.value(depth + 1)?;
                self.blank();
                if !self.skip(b',') {
                    break;
                }
                self.blank();
            }
        }
        self.close(Piece::ArrayEnd, b']', "`,` or `]`")
    }

    fn open(&mut self, piece: Piece, depth: usize) -> Result<(), Stop> {
        if depth >= DEPTH_MAX {
            return Err(Stop::Fault(Fault::TooDeep { at: self.at }));
        }
        let start = self.at;
        self.at += 1;
        self.tell(piece, start)
    }

    fn close(&mut self, piece: Piece, bracket: u8, wanted: &'static str) -> Result<(), Stop> {
        let start = self.at;
        if !self.skip(bracket) {
            return Err(self.expected(wanted));
        }
        self.tell(piece, start)
    }

    /// At a quote. The text is UTF-8, so only controls and escapes can be wrong.
    fn string(&mut self) -> Result<(), Stop> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                Some(0..=0x1f) | None => return Err(self.expected("the rest of a string")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), Stop> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.expected("a hexadecimal digit"));
                    }
                    self.at += 1;
                }
            }
            Some(_) | None => return Err(self.expected("an escape")),
        }
        Ok(())
    }

    /// RFC 8259, 6: no plus, no leading zero, digits around the point.
    fn number(&mut self) -> Result<(), Stop> {
        self.skip(b'-');
        if !self.skip(b'0') {
            self.digits()?;
        }
        if self.skip(b'.') {
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            if !self.skip(b'-') {
                self.skip(b'+');
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Stop> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.expected("a digit"));
        }
        Ok(())
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), Stop> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.expected("a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn tell(&mut self, piece: Piece, start: usize) -> Result<(), Stop> {
        if self.sink.take(piece, start..self.at) {
            Ok(())
        } else {
            Err(Stop::Enough)
        }
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    const fn expected(&self, wanted: &'static str) -> Stop {
        Stop::Fault(Fault::Expected {
            wanted,
            at: self.at,
        })
    }
}
