//! The attacks: what is sent, and what must come of it.

/// What has to come of a case.
#[derive(Debug)]
pub(super) enum Outcome {
    /// This status, then the end of the connection; nothing reaches the back end.
    Refused(u16),
    /// Status 200, and the back end got this body. The client asked for the connection's end.
    Passed(&'static str),
    /// As [`Outcome::Refused`], but the back end may have seen the start of a body whose end was
    /// never told.
    CutOff(u16),
}

use Outcome::{CutOff, Passed, Refused};

/// An attack.
#[derive(Debug)]
pub(super) struct Case {
    /// What it tries.
    pub(super) name: &'static str,
    /// On the wire; `PATH` becomes the case's own path.
    pub(super) bytes: &'static [u8],
    /// What has to come of it.
    pub(super) outcome: Outcome,
}

const fn case(name: &'static str, bytes: &'static [u8], outcome: Outcome) -> Case {
    Case {
        name,
        bytes,
        outcome,
    }
}

/// All of them.
pub(super) fn all() -> Vec<&'static Case> {
    [FRAMING, LENGTHS, HEADS, BODIES]
        .into_iter()
        .flatten()
        .collect()
}

/// Two framings, or one that is not what it seems: one server ends the body by the length, the
/// other by the chunks, and what lies between is a request for the second.
const FRAMING: &[Case] = &[
    case(
        "length before chunked",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ncontent-length: 40\r\ntransfer-encoding: chunked\r\n\r\n\
          0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
        Refused(400),
    ),
    case(
        "chunked before length",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 40\r\n\r\n\
          0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
        Refused(400),
    ),
    case(
        "chunked in capitals beside a length",
        b"POST PATH HTTP/1.1\r\nhost: a\r\nTRANSFER-ENCODING: CHUNKED\r\nContent-Length: 40\r\n\r\n\
          0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
        Refused(400),
    ),
    case(
        "a length of nothing beside chunked",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n\
          23\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n\r\n0\r\n\r\n",
        Refused(400),
    ),
    case(
        "both, after empty lines",
        b"\r\n\r\nPOST PATH HTTP/1.1\r\nhost: a\r\ncontent-length: 40\r\n\
          transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
        Refused(400),
    ),
    // Spellings of `chunked` that one server knows and another does not.
    case(
        "chunked with a blank after it is chunked",
        b"POST PATH HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked \r\n\r\n\
          5\r\nhello\r\n0\r\n\r\n",
        Passed("hello"),
    ),
    case(
        "chunked with a tab before it is chunked",
        b"POST PATH HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding:\tChunked\r\n\r\n\
          5\r\nhello\r\n0\r\n\r\n",
        Passed("hello"),
    ),
    case(
        "xchunked",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        Refused(400),
    ),
    case(
        "chunked with a vertical tab",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        Refused(400),
    ),
    case(
        "chunked in quotes",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
        Refused(400),
    ),
    case(
        "chunked then identity",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        Refused(400),
    ),
    case(
        "identity then chunked",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        Refused(501),
    ),
    case(
        "chunked twice in one line",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        Refused(501),
    ),
    case(
        "chunked twice in two lines",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\
          transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        Refused(501),
    ),
    case(
        "compressed and chunked, which nobody would undo",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n\
          5\r\nhello\r\n0\r\n\r\n",
        Refused(501),
    ),
    case(
        "another coding in a second line",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\
          transfer-encoding: cow\r\n\r\n0\r\n\r\n",
        Refused(400),
    ),
    case(
        "an empty coding beside a length",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding:\r\ncontent-length: 3\r\n\r\nabc",
        Refused(400),
    ),
    case(
        "chunked in HTTP/1.0, which has no chunks",
        b"POST PATH HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
          0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
        Refused(400),
    ),
];

/// Lengths that number parsers read differently.
const LENGTHS: &[Case] = &[
    case(
        "the same length twice is that length",
        b"POST PATH HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 5\r\n\
          content-length: 5\r\n\r\nhello",
        Passed("hello"),
    ),
    case(
        "two lengths",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\ncontent-length: 35\r\n\r\n\
          GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
        Refused(400),
    ),
    case(
        "a list of lengths",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ncontent-length: 5, 5\r\n\r\nhello",
        Refused(400),
    ),
    case(
        "a length with a sign",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ncontent-length: +5\r\n\r\nhello",
        Refused(400),
    ),
    case(
        "a negative length",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\nhello",
        Refused(400),
    ),
    case(
        "a hexadecimal length",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ncontent-length: 0x5\r\n\r\nhello",
        Refused(400),
    ),
    case(
        "a length with a blank inside",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ncontent-length: 1 5\r\n\r\nhello",
        Refused(400),
    ),
    case(
        "a fractional length",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ncontent-length: 5.0\r\n\r\nhello",
        Refused(400),
    ),
    case(
        "an empty length",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ncontent-length:\r\n\r\nhello",
        Refused(400),
    ),
    case(
        "a length beyond 64 bits",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ncontent-length: 18446744073709551621\r\n\r\nhello",
        Refused(400),
    ),
    case(
        "a length with leading zeros is sent as that number",
        b"POST PATH HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 0005\r\n\r\nhello",
        Passed("hello"),
    ),
];

/// Heads that parsers take apart differently.
const HEADS: &[Case] = &[
    case(
        "a folded header line",
        b"POST PATH HTTP/1.1\r\nhost: a\r\nx: y\r\n transfer-encoding: chunked\r\n\
          content-length: 0\r\n\r\n",
        Refused(400),
    ),
    case(
        "a folded coding",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        Refused(400),
    ),
    case(
        "a blank before the colon",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\ncontent-length: 5\r\n\r\n\
          hello",
        Refused(400),
    ),
    case(
        "a blank before the first name",
        b"POST PATH HTTP/1.1\r\n host: a\r\ncontent-length: 5\r\n\r\nhello",
        Refused(400),
    ),
    case(
        "a carriage return alone within a value",
        b"POST PATH HTTP/1.1\r\nhost: a\r\nx: y\rtransfer-encoding: chunked\r\ncontent-length: 0\
          \r\n\r\n",
        Refused(400),
    ),
    case(
        "a carriage return alone as a line end",
        b"GET PATH HTTP/1.1\rhost: a\r\r",
        Refused(400),
    ),
    case(
        "line feeds alone are line ends, and are made whole",
        b"POST PATH HTTP/1.1\nhost: a\nconnection: close\ncontent-length: 5\n\nhello",
        Passed("hello"),
    ),
    case(
        "a NUL in a value",
        b"POST PATH HTTP/1.1\r\nhost: a\r\nx: \0\r\ncontent-length: 0\r\n\r\n",
        Refused(400),
    ),
    case(
        "a NUL in a name",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ncontent\0-length: 5\r\n\r\nhello",
        Refused(400),
    ),
    case(
        "a name that only a lenient server reads as a length",
        b"GET PATH HTTP/1.1\r\nhost: a\r\ncontent-length\x01: 5\r\n\r\nhello",
        Refused(400),
    ),
    case(
        "a name with a byte beyond ASCII",
        b"GET PATH HTTP/1.1\r\nhost: a\r\nx\xff: y\r\n\r\n",
        Refused(400),
    ),
    case(
        "a name with brackets",
        b"GET PATH HTTP/1.1\r\nhost: a\r\n(x): y\r\n\r\n",
        Refused(400),
    ),
    case(
        "a line without a colon",
        b"GET PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding\r\n\r\n",
        Refused(400),
    ),
    case(
        "an empty name",
        b"GET PATH HTTP/1.1\r\nhost: a\r\n: chunked\r\n\r\n",
        Refused(400),
    ),
    case(
        "tabs in the request line",
        b"GET\tPATH\tHTTP/1.1\r\nhost: a\r\n\r\n",
        Refused(400),
    ),
    case(
        "a second request in the request line",
        b"GET PATH HTTP/1.1 GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
        Refused(400),
    ),
    case(
        "no version",
        b"GET PATH\r\nhost: a\r\n\r\n",
        Refused(400),
    ),
    case(
        "a version nobody speaks",
        b"GET PATH HTTP/1.2\r\nhost: a\r\n\r\n",
        Refused(400),
    ),
    case(
        "a version of two digits",
        b"GET PATH HTTP/1.10\r\nhost: a\r\n\r\n",
        Refused(400),
    ),
    case(
        "another protocol",
        b"GET PATH HTTPS/1.1\r\nhost: a\r\n\r\n",
        Refused(400),
    ),
    case("no host", b"GET PATH HTTP/1.1\r\n\r\n", Refused(400)),
    case(
        "two hosts",
        b"GET PATH HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n",
        Refused(400),
    ),
    // The tunnel would be the client's, past every check of the gateway.
    case(
        "a CONNECT",
        b"CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
        Refused(501),
    ),
];

/// Bodies that end elsewhere for another reader.
const BODIES: &[Case] = &[
    case(
        "a request in the body of a GET stays its body",
        b"GET PATH HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 35\r\n\r\n\
          GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
        Passed("GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"),
    ),
    case(
        "a request in a chunk stays in its chunk",
        b"POST PATH HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
          23\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n\r\n0\r\n\r\n",
        Passed("GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"),
    ),
    case(
        "what follows a request that asked to close is not one",
        b"GET PATH HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n\
          GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
        Passed(""),
    ),
    case(
        "a chunk size beyond 64 bits",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
          10000000000000005\r\nhello\r\n0\r\n\r\n",
        CutOff(400),
    ),
    case(
        "a chunk size that is no number",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n",
        CutOff(400),
    ),
    case(
        "a chunk size with a sign",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
        CutOff(400),
    ),
    case(
        "a chunk size with a prefix",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        CutOff(400),
    ),
    case(
        "a negative chunk size",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n",
        CutOff(400),
    ),
    case(
        "an empty chunk size",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n",
        CutOff(400),
    ),
    case(
        "a chunk longer than it says",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
        CutOff(400),
    ),
    case(
        "chunks with line feeds alone",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\nhello\n0\n\n",
        CutOff(400),
    ),
    case(
        "an extension is dropped",
        b"POST PATH HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
          5;a=b\r\nhello\r\n0;c\r\n\r\n",
        Passed("hello"),
    ),
    // A server that ends the line at the line feed takes the rest for a chunk.
    case(
        "a line feed in an extension",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
          5;\nxxxx\r\nhello\r\n0\r\n\r\n",
        CutOff(400),
    ),
    case(
        "a trailer that is none",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
          5\r\nhello\r\n0\r\nGET /smuggled HTTP/1.1\r\n\r\n",
        CutOff(400),
    ),
    case(
        "the last line end is missing",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        CutOff(408),
    ),
    case(
        "the last chunk is missing",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        CutOff(408),
    ),
    case(
        "a body shorter than its length",
        b"POST PATH HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nhello",
        CutOff(408),
    ),
];
