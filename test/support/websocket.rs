//! A WebSocket client that sends and shows single frames (RFC 6455, 5.2). Deliberately absent: a
//! library, which would not send what is forbidden.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;

use crate::support::{
    peer::{End, Peer},
    wire::Head,
};

/// Where a WebSocket is opened.
pub(crate) const PATH: &str = "/_rig/v1/connection/ws";

/// Opcodes.
pub(crate) const CONTINUATION: u8 = 0;
/// See [`CONTINUATION`].
pub(crate) const TEXT: u8 = 1;
/// See [`CONTINUATION`].
pub(crate) const BINARY: u8 = 2;
/// See [`CONTINUATION`].
pub(crate) const CLOSE: u8 = 8;
/// See [`CONTINUATION`].
pub(crate) const PING: u8 = 9;
/// See [`CONTINUATION`].
pub(crate) const PONG: u8 = 10;

/// The last frame of a message.
const FIN: u8 = 0x80;
/// The answer to the key of [`handshake`] (RFC 6455, 1.3).
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Any mask.
const MASK: [u8; 4] = [1, 2, 3, 4];

/// An open connection.
pub(crate) struct WebSocket {
    peer: Peer,
}

/// The request that opens one, with these additional lines.
pub(crate) fn handshake(query: &str, lines: &str) -> String {
    format!(
        "GET {PATH}?{query} HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
    )
}

// === impl WebSocket ===

impl WebSocket {
    /// Opens one with this query.
    pub(crate) fn open(address: SocketAddr, query: &str) -> Self {
        Self::over(Peer::connect(address), query)
    }

    /// The same on this connection.
    pub(crate) fn over(mut peer: Peer, query: &str) -> Self {
        peer.say(handshake(query, ""));
        let head = peer.status(101);
        Self::begun(peer, &head)
    }

    /// One whose handshake was answered by `head`.
    pub(crate) fn begun(peer: Peer, head: &Head) -> Self {
        assert_eq!(head.header("sec-websocket-accept"), Some(ACCEPT));
        assert_eq!(head.header("upgrade"), Some("websocket"));
        Self { peer }
    }

    /// Sends one whole message.
    pub(crate) fn say(&mut self, opcode: u8, payload: &[u8]) {
        self.peer.say(masked(FIN | opcode, payload));
    }

    /// Sends part of a message, not the last.
    pub(crate) fn say_part(&mut self, opcode: u8, payload: &[u8]) {
        self.peer.say(masked(opcode, payload));
    }

    /// Sends bytes as they are.
    pub(crate) fn say_raw(&mut self, bytes: &[u8]) {
        self.peer.try_say(bytes).ok();
    }

    /// The next frame: opcode and payload. It must be whole and not masked.
    pub(crate) fn frame(&mut self) -> (u8, Vec<u8>) {
        let head = self.peer.bytes(2);
        let (first, length) = (head[0], head[1]);
        assert_eq!(first & 0xf0, FIN, "one frame per message, no extensions");
        assert!(length < 0x80, "servers do not mask");
        let length = match length {
            126 => be(&self.peer.bytes(2)),
            127 => be(&self.peer.bytes(8)),
            length => usize::from(length),
        };
        (first & 0xf, self.peer.bytes(length))
    }

    /// The next event, which must have this type.
    pub(crate) fn event(&mut self, event_type: &str) -> Value {
        let (opcode, payload) = self.frame();
        assert_eq!(opcode, TEXT, "{}", String::from_utf8_lossy(&payload));
        let event: Value = serde_json::from_slice(&payload).expect("JSON");
        assert_eq!(event["type"], event_type);
        event
    }

    /// The first two events; the connection's token and what it is subscribed to.
    pub(crate) fn welcome(&mut self) -> (String, Value) {
        let mut create = self.event("rig.connection.create");
        let mut set = self.event("rig.subscriptions_set");
        let token = create["data"]["connection_token"].take();
        (
            token.as_str().expect("a token").to_owned(),
            set["data"].take(),
        )
    }

    /// The next frame closes the connection for this reason; then it is closed.
    pub(crate) fn closes(mut self, code: u16, reason: &str) {
        let (opcode, payload) = self.frame();
        let text = String::from_utf8_lossy(payload.get(2..).unwrap_or_default()).into_owned();
        assert_eq!(opcode, CLOSE, "{payload:?}");
        let got = (be(payload.get(..2).unwrap_or_default()), text.as_str());
        assert_eq!(got, (usize::from(code), reason));
        // As a browser does.
        self.say_raw(&masked(FIN | CLOSE, &payload));
        assert_eq!(self.peer.end(), End::Closed);
    }

    /// Waits longer for each frame from now on.
    pub(crate) fn be_patient(&mut self, wait: Duration) {
        self.peer.be_patient(wait);
    }

    /// The connection itself.
    pub(crate) fn into_peer(self) -> Peer {
        self.peer
    }
}

/// A frame as clients send it.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | u8::try_from(length).expect("small")),
        length @ 126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(length).expect("small").to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    let bytes = payload.iter().zip(MASK.iter().cycle());
    frame.extend(bytes.map(|(byte, mask)| byte ^ mask));
    frame
}

fn be(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}
