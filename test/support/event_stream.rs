//! A client of server-sent events that shows every byte of a frame
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! Over HTTP/1.1 chunks, an HTTP/1.0 connection or a stream of HTTP/2; never reconnects.

use std::{io, net::SocketAddr, time::Duration};

use serde_json::Value;

use crate::support::{
    multiplexed::Exchange,
    peer::{End, Peer},
    wire::Head,
};

/// Where a stream is opened.
pub(crate) const PATH: &str = "/_rig/v1/connection/sse";

/// An open stream.
pub(crate) struct EventStream {
    source: Source,
    rest: Vec<u8>,
}

enum Source {
    Chunked(Peer),
    Close(Peer),
    Multiplexed(Exchange),
}

/// What stands between two empty lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Value of `event`.
    pub(crate) event: String,
    /// Values of `data`.
    pub(crate) data: Vec<String>,
    /// Values of `id`.
    pub(crate) ids: Vec<String>,
    /// Comments.
    pub(crate) comments: Vec<String>,
}

// === impl EventStream ===

impl EventStream {
    /// Waits longer for each frame from now on.
    pub(crate) fn be_patient(&mut self, wait: Duration) {
        match &mut self.source {
            Source::Chunked(peer) | Source::Close(peer) => peer.be_patient(wait),
            Source::Multiplexed(_) => {}
        }
    }

    /// Opens a stream with this query, as the first request of an HTTP/1.1 connection.
    pub(crate) fn open(address: SocketAddr, query: &str) -> Self {
        Self::over(Peer::connect(address), query)
    }

    /// The same on this connection.
    pub(crate) fn over(mut peer: Peer, query: &str) -> Self {
        peer.say(format!("GET {PATH}?{query} HTTP/1.1\r\nhost: a\r\n\r\n"));
        let head = peer.status(200);
        Self::begun(peer, &head)
    }

    /// A stream whose head has been read.
    pub(crate) fn begun(peer: Peer, head: &Head) -> Self {
        let source = match head.header("transfer-encoding") {
            Some("chunked") => Source::Chunked(peer),
            Some(other) => panic!("another coding: {other}"),
            None => Source::Close(peer),
        };
        Self {
            source,
            rest: Vec::new(),
        }
    }

    /// A stream of HTTP/2 whose head has been read.
    pub(crate) fn multiplexed(exchange: Exchange) -> Self {
        Self {
            source: Source::Multiplexed(exchange),
            rest: Vec::new(),
        }
    }

    /// The next frame; nothing at the proper end.
    ///
    /// # Errors
    /// The stream is cut off or silent.
    pub(crate) fn try_next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            let end = self.rest.windows(2).position(|pair| pair == b"\n\n");
            if let Some(end) = end {
                let rest = self.rest.split_off(end + 2);
                let frame = std::mem::replace(&mut self.rest, rest);
                return Ok(Some(Frame::of(&frame)));
            }
            let more = self.source.more()?;
            if more.is_empty() {
                let rest = String::from_utf8_lossy(&self.rest);
                assert_eq!(rest, "", "half a frame at the end");
                return Ok(None);
            }
            self.rest.extend(more);
        }
    }

    /// The next frame that is no heartbeat; it must come.
    pub(crate) fn next(&mut self) -> Frame {
        loop {
            let frame = self.try_next().expect("a frame").expect("no end");
            if !frame.event.is_empty() {
                return frame;
            }
        }
    }

    /// The next event, which must have this type.
    pub(crate) fn event(&mut self, event_type: &str) -> Value {
        let frame = self.next();
        assert_eq!(frame.event, event_type, "{frame:?}");
        frame.json()
    }

    /// The next event is the one with this id.
    pub(crate) fn hears(&mut self, id: &str) {
        let frame = self.next();
        assert_eq!(frame.json()["id"], id, "{frame:?}");
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

    /// The stream ends properly, and with it, before HTTP/2, the connection.
    pub(crate) fn ends(&mut self) {
        let end = self.try_next().expect("a proper end");
        assert_eq!(end, None);
        match &mut self.source {
            Source::Chunked(peer) => assert_eq!(peer.end(), End::Closed),
            Source::Close(_) | Source::Multiplexed(_) => {}
        }
    }

    /// The connection itself, if it has one of its own.
    pub(crate) fn into_peer(self) -> Option<Peer> {
        match self.source {
            Source::Chunked(peer) | Source::Close(peer) => Some(peer),
            Source::Multiplexed(_) => None,
        }
    }
}

// === impl Source ===

impl Source {
    /// Some bytes; none at the proper end.
    fn more(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Chunked(peer) => peer.chunk(),
            Self::Close(peer) => peer.some(),
            Self::Multiplexed(exchange) => match exchange.some() {
                Some(Ok(bytes)) => Ok(bytes.to_vec()),
                Some(Err(error)) => Err(io::Error::other(error)),
                None => Ok(Vec::new()),
            },
        }
    }
}

// === impl Frame ===

impl Frame {
    fn of(bytes: &[u8]) -> Self {
        let mut frame = Self::default();
        let text = std::str::from_utf8(bytes).expect("UTF-8");
        for line in text.trim_end_matches('\n').split('\n') {
            assert!(!line.contains('\r'), "CR ends a line, too: {line:?}");
            let (name, value) = line.split_once(':').expect("a field");
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match name {
                "" => frame.comments.push(value),
                "event" => frame.event = value,
                "data" => frame.data.push(value),
                "id" => frame.ids.push(value),
                other => panic!("a field {other}"),
            }
        }
        frame
    }

    /// The data as a browser hands it out.
    pub(crate) fn text(&self) -> String {
        self.data.join("\n")
    }

    /// The data as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text()).expect("JSON")
    }
}
