//! A line as the body of an answer, where the socket is not ours alone: HTTP/2, and HTTP/1.1
//! connections that served other requests before.

use std::{
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame};

use crate::http::inbound::events::{desk::Seated, line::Line};

/// What hyper pulls a line's bytes out of.
pub struct LineBody {
    line: Rc<Line>,
    /// The line leaves the desk when hyper drops its body.
    _seated: Seated,
}

// === impl LineBody ===

impl LineBody {
    /// The body of the answer that opens `seated`.
    pub fn new(seated: Seated) -> Self {
        Self {
            line: Rc::clone(seated.line()),
            _seated: seated,
        }
    }
}

impl Body for LineBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let line = &self.line;
        let bytes = line.take();
        if !bytes.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if line.end_reason().is_some() {
            return Poll::Ready(None);
        }
        line.register(cx);
        Poll::Pending
    }
}

impl std::fmt::Debug for LineBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LineBody")
    }
}
