//! An event as bytes on the wire of each transport, made once per worker and shared by all lines.
//!
//! Server-sent events: <https://html.spec.whatwg.org/multipage/server-sent-events.html>;
//! WebSocket: RFC 6455. Deliberately absent: queues and sockets.

use std::{cell::OnceCell, rc::Rc, sync::Arc};

use bytes::Bytes;
use tungstenite::protocol::frame::{
    Frame as WsFrame,
    coding::{Data, OpCode},
};

use crate::core::event::Event;

/// A connection's key as it stands in the `id` of its events: 12 random bytes as base64url.
pub const KEY_CHARS: usize = 16;

/// What separates the two parts of an `id`: a position of the cluster, and the connection's key.
pub const ID_SEPARATOR: u8 = b'.';

/// What keeps a stream of server-sent events alive (spec: `events.md` 5.6).
pub const SSE_HEARTBEAT: &[u8] = b": heartbeat\n\n";

/// What ends a chunked body (RFC 9112, 7.1).
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// One event for many lines.
#[derive(Debug)]
pub struct Frame {
    /// The event.
    pub event: Arc<Event>,
    /// Where the cluster stands after it, as text; what a client resumes from.
    pub cursor: Arc<str>,
    bytes: usize,
    sse: OnceCell<Sse>,
    text: OnceCell<Bytes>,
}

/// The part of a server-sent event that is the same on every line; a connection's key and two line
/// ends follow it.
#[derive(Debug)]
struct Sse {
    bytes: Bytes,
    /// The head of the chunk that holds one whole event.
    chunk: Bytes,
}

/// What begins each line of data.
const DATA: &[u8] = b"data: ";

/// What one line is sent of an event: the shared part between what is the line's own.
#[derive(Debug)]
pub struct Parts {
    /// The head of the chunk.
    pub head: Bytes,
    /// The event; shared by all lines of the worker.
    pub shared: Bytes,
    /// The connection's key, and what ends the event.
    pub tail: Bytes,
}

// === impl Frame ===

impl Frame {
    /// An event that leaves the cluster at `cursor`.
    pub fn new(event: Arc<Event>, cursor: Arc<str>) -> Rc<Self> {
        // Each line of the text is told as such; a text of many short lines grows several times.
        let line_ends = memchr::memchr2_iter(b'\n', b'\r', &event.text).count();
        let text = event.text.len() + line_ends * DATA.len();
        Rc::new(Self {
            bytes: text + event.event_type.len() + cursor.len() + KEY_CHARS,
            event,
            cursor,
            sse: OnceCell::new(),
            text: OnceCell::new(),
        })
    }

    /// About the bytes that it takes on the wire, whatever the transport.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends the server-sent event for the connection with `key`, as one chunk if `chunked`.
    pub fn write_sse(&self, key: &[u8; KEY_CHARS], chunked: bool, to: &mut Vec<u8>) {
        self.sse().write(key, chunked, to);
    }

    /// The same without a copy of what all lines share.
    pub fn parts_sse(&self, key: &[u8; KEY_CHARS], chunked: bool) -> Parts {
        self.sse().parts(key, chunked)
    }

    /// Appends the WebSocket text message.
    pub fn write_websocket(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.message());
    }

    /// The same without a copy.
    pub fn parts_websocket(&self) -> Parts {
        Parts {
            head: Bytes::new(),
            shared: self.message().clone(),
            tail: Bytes::new(),
        }
    }

    fn sse(&self) -> &Sse {
        let Event {
            event_type, text, ..
        } = &*self.event;
        self.sse
            .get_or_init(|| Sse::of(event_type, text, &self.cursor))
    }

    fn message(&self) -> &Bytes {
        self.text.get_or_init(|| message(&self.event.text))
    }
}

// === impl Sse ===

impl Sse {
    fn of(event_type: &str, text: &[u8], cursor: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + event_type.len() + 96);
        bytes.extend_from_slice(b"event: ");
        // A line end within the type would let an event forge others.
        bytes.extend(event_type.bytes().map(|byte| match byte {
            b'\r' | b'\n' | b'\0' => b' ',
            byte => byte,
        }));
        bytes.push(b'\n');
        for line in lines(text) {
            bytes.extend_from_slice(DATA);
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(b"id: ");
        bytes.extend_from_slice(cursor.as_bytes());
        bytes.push(ID_SEPARATOR);
        let whole = bytes.len() + KEY_CHARS + 2;
        Self {
            bytes: bytes.into(),
            chunk: format!("{whole:x}\r\n").into(),
        }
    }

    fn write(&self, key: &[u8; KEY_CHARS], chunked: bool, to: &mut Vec<u8>) {
        if chunked {
            to.extend_from_slice(&self.chunk);
        }
        to.extend_from_slice(&self.bytes);
        end(key, chunked, to);
    }

    fn parts(&self, key: &[u8; KEY_CHARS], chunked: bool) -> Parts {
        let mut tail = Vec::new();
        end(key, chunked, &mut tail);
        Parts {
            head: if chunked {
                self.chunk.clone()
            } else {
                Bytes::new()
            },
            shared: self.bytes.clone(),
            tail: tail.into(),
        }
    }
}

fn end(key: &[u8; KEY_CHARS], chunked: bool, to: &mut Vec<u8>) {
    to.extend_from_slice(key);
    to.extend_from_slice(b"\n\n");
    if chunked {
        to.extend_from_slice(b"\r\n");
    }
}

// === impl Parts ===

impl Parts {
    /// All of it, in order.
    pub fn into_pieces(self) -> [Bytes; 3] {
        [self.head, self.shared, self.tail]
    }
}

/// `bytes` as one chunk of a body, if `chunked`.
pub fn chunk(bytes: &[u8], chunked: bool) -> Vec<u8> {
    if !chunked {
        return bytes.to_vec();
    }
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// A WebSocket frame as bytes; servers do not mask (RFC 6455, 5.1).
pub fn websocket(frame: WsFrame) -> Bytes {
    let mut bytes = Vec::with_capacity(frame.len());
    // Writing to memory does not fail.
    drop(frame.format(&mut bytes));
    bytes.into()
}

fn message(text: &Bytes) -> Bytes {
    websocket(WsFrame::message(
        text.clone(),
        OpCode::Data(Data::Text),
        true,
    ))
}

/// The lines of a text as readers of server-sent events see them: after LF, CR or both.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = memchr::memchr2(b'\n', b'\r', text) else {
            rest = None;
            return Some(text);
        };
        let (line, after) = text.split_at(end);
        let after = after.strip_prefix(b"\r\n").or_else(|| after.get(1..));
        rest = Some(after.unwrap_or_default());
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sse(event_type: &str, text: &str, chunked: bool) -> String {
        let mut bytes = Vec::new();
        let sse = Sse::of(event_type, text.as_bytes(), "CUR");
        sse.write(b"kkkkkkkkkkkkkkkk", chunked, &mut bytes);
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn a_server_sent_event_has_type_data_and_id() {
        assert_eq!(
            sse("greeting", r#"{"a":1}"#, false),
            "event: greeting\ndata: {\"a\":1}\nid: CUR.kkkkkkkkkkkkkkkk\n\n"
        );
    }

    #[test]
    fn each_line_of_the_text_is_a_data_line() {
        assert_eq!(
            sse("t", "{\n\"a\":\r\n1\r}", false),
            "event: t\ndata: {\ndata: \"a\":\ndata: 1\ndata: }\nid: CUR.kkkkkkkkkkkkkkkk\n\n"
        );
    }

    #[test]
    fn a_type_cannot_forge_another_event() {
        let forged = sse("a\ndata: x\n\nevent: b", "{}", false);
        assert_eq!(forged.lines().count(), 4, "{forged}");
    }

    #[test]
    fn a_chunk_says_its_length() {
        let chunked = sse("greeting", "{}", true);
        let (length, rest) = chunked.split_once("\r\n").expect("head");
        let length = usize::from_str_radix(length, 16).expect("hex");
        assert_eq!(&rest[length..], "\r\n");
        assert_eq!(&rest[..length], sse("greeting", "{}", false));
    }

    #[test]
    fn parts_are_the_whole_and_the_large_one_is_shared() {
        let text = Bytes::from_static(
            br#"{"specversion":"0.2","type":"t","id":"1","source":"s",
"data":
1}"#,
        );
        let event = Event::parse(text).expect("an event");
        let frame = Frame::new(Arc::new(event), "CUR".into());
        let key = b"kkkkkkkkkkkkkkkk";
        for chunked in [false, true] {
            let mut whole = Vec::new();
            frame.write_sse(key, chunked, &mut whole);
            let parts = frame.parts_sse(key, chunked);
            assert_eq!(parts.shared.as_ptr(), frame.sse().bytes.as_ptr());
            assert_eq!(parts.into_pieces().concat(), whole);
            // Two line ends, each told as the beginning of a further line.
            assert!(frame.bytes() <= whole.len() && whole.len() < frame.bytes() + 40);
        }
        let mut whole = Vec::new();
        frame.write_websocket(&mut whole);
        assert_eq!(frame.parts_websocket().into_pieces().concat(), whole);
    }

    #[test]
    fn a_websocket_message_is_the_text_unmasked() {
        assert_eq!(
            &message(&Bytes::from_static(b"{}"))[..],
            [0x81, 2, b'{', b'}']
        );
    }
}
