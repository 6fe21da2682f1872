//! A connection that hyper began and a line goes on with.
//!
//! hyper parses the request; then its connection is taken apart before it answers, and the line owns
//! the bare socket. An idle stream so costs its socket and a small task instead of hyper's buffers, and
//! an event is written without waking anybody. Only the first request of an HTTP/1.1 connection can do
//! so: then nothing of ours can still be in hyper's hands.

use std::{cell::RefCell, rc::Rc};

use bytes::Bytes;

use crate::http::inbound::{
    client_stream::{ClientStream, Transport},
    events::{
        attend::{Wired, attend},
        desk::Seated,
        line::Line,
    },
};

/// Where a request leaves the line that takes its connection.
#[derive(Default)]
pub struct Handover(RefCell<Option<Seated>>);

// === impl Handover ===

impl Handover {
    /// Has the connection go on as this line.
    pub fn set(&self, seated: Seated) {
        self.0.replace(Some(seated));
    }

    /// A line waits.
    pub fn is_set(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// The line that waits.
    pub fn take(&self) -> Option<Seated> {
        self.0.take()
    }
}

/// Goes on as a line; `early` are bytes that were read already.
pub async fn take_over(seated: Seated, stream: ClientStream, early: Bytes) {
    let line = Rc::clone(seated.line());
    let wired = wire(&line, stream.into_transport());
    attend(line, wired, early).await;
    // Only now: until here the client has its place.
    drop(seated);
}

/// Gives `line` the connection.
pub fn wire(line: &Line, transport: Transport) -> Wired {
    transport.bound_unacknowledged();
    match transport {
        Transport::Plain(socket) => {
            line.attach(socket);
            Wired::Own
        }
        Transport::Tls(stream) => Wired::Through(stream),
    }
}
