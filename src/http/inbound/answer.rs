//! The answer on its way to the client: streamed from the target, or complete at once.
//!
//! A target that breaks off ends the stream with an error, on which hyper closes the client's
//! connection (HTTP/1.1) or resets the stream (HTTP/2): a cut-off answer is never seen as complete.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

use crate::{
    http::inbound::{
        activity::Busy,
        events::body::LineBody,
        request_body::{Progress, RequestBody, State},
        request_log::Record,
    },
    upstream::Lease,
};

/// Why an answer ended early.
#[derive(Debug, thiserror::Error)]
pub enum AnswerFailure {
    /// The target broke off or its framing was wrong.
    #[error("the target broke off: {0}")]
    Target(#[from] hyper::Error),
    /// The target paused longer than `PROXY_STREAM_IDLE_TIMEOUT`.
    #[error("the target paused too long within its answer")]
    Paused,
}

/// The body of an answer.
#[derive(Debug)]
pub struct Answer {
    source: Source,
    /// Written when the answer is over, also if the client is the one who leaves.
    record: Option<Record>,
    /// The connection counts as busy until the answer is over.
    busy: Option<Busy>,
}

enum Source {
    Complete(Option<Bytes>),
    Pieces(VecDeque<Bytes>),
    Line(LineBody),
    Target(FromTarget),
}

struct FromTarget {
    inner: Incoming,
    /// Given back when the answer was read to its end and the request was sent to its end.
    lease: Option<Lease<RequestBody>>,
    request: Option<std::rc::Rc<Progress>>,
    pause_max: Option<Duration>,
    pause: Option<Pin<Box<Sleep>>>,
}

// === impl Answer ===

impl Answer {
    /// An answer of the gateway itself.
    pub fn complete(bytes: Bytes) -> Self {
        let bytes = (!bytes.is_empty()).then_some(bytes);
        Self {
            source: Source::Complete(bytes),
            record: None,
            busy: None,
        }
    }

    /// An answer of the gateway itself in pieces, so that large ones can be shared.
    pub fn pieces(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        let pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
        Self {
            source: Source::Pieces(pieces.collect()),
            record: None,
            busy: None,
        }
    }

    /// Streams what is sent on a line.
    pub fn line(line: LineBody) -> Self {
        Self {
            source: Source::Line(line),
            record: None,
            busy: None,
        }
    }

    /// Streams a target's answer.
    pub fn stream(
        inner: Incoming,
        lease: Lease<RequestBody>,
        request: Option<std::rc::Rc<Progress>>,
        pause_max: Option<Duration>,
    ) -> Self {
        let mut from_target = FromTarget {
            inner,
            lease: Some(lease),
            request,
            pause_max,
            pause: None,
        };
        if from_target.inner.is_end_stream() {
            from_target.finish();
        }
        Self {
            source: Source::Target(from_target),
            record: None,
            busy: None,
        }
    }

    /// Keeps the connection marked as busy while the answer lasts.
    pub fn hold(&mut self, busy: Busy) {
        self.busy = Some(busy);
    }

    /// Has `record` written when the answer is over.
    pub fn record(&mut self, record: Record) {
        self.record = Some(record);
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = AnswerFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerFailure>>> {
        let this = &mut *self;
        let next = match &mut this.source {
            Source::Complete(bytes) => bytes.take().map(|bytes| Ok(Frame::data(bytes))),
            Source::Pieces(pieces) => pieces.pop_front().map(|piece| Ok(Frame::data(piece))),
            Source::Line(line) => ready!(Pin::new(line).poll_frame(cx))
                .map(|frame| frame.map_err(|never| match never {})),
            Source::Target(from_target) => ready!(from_target.poll(cx)),
        };
        if let Some(record) = &mut this.record {
            match &next {
                Some(Ok(frame)) => record.add_bytes(frame.data_ref().map_or(0, Bytes::len)),
                Some(Err(_)) => record.cut_off(),
                None => {}
            }
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Complete(bytes) => bytes.is_none(),
            Source::Pieces(pieces) => pieces.is_empty(),
            Source::Line(_) => false,
            Source::Target(from_target) => from_target.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Complete(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Source::Pieces(pieces) => {
                let bytes = pieces.iter().map(|piece| piece.len() as u64);
                SizeHint::with_exact(bytes.sum())
            }
            Source::Line(_) => SizeHint::new(),
            Source::Target(from_target) => from_target.inner.size_hint(),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let (Source::Target(from_target), Some(busy)) = (&self.source, &self.busy)
            && let Some(request) = &from_target.request
            && request.state() != State::Done
        {
            busy.activity().leave_unread();
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Complete(_) => "Complete",
            Self::Pieces(_) => "Pieces",
            Self::Line(_) => "Line",
            Self::Target(_) => "Target",
        })
    }
}

// === impl FromTarget ===

impl FromTarget {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerFailure>>> {
        let Poll::Ready(next) = Pin::new(&mut self.inner).poll_frame(cx) else {
            return self.poll_pause(cx);
        };
        self.pause = None;
        // Nobody asks for what comes after trailers.
        let has_ended = match &next {
            None => true,
            Some(Ok(frame)) => frame.is_trailers() || self.inner.is_end_stream(),
            Some(Err(_)) => false,
        };
        if has_ended {
            self.finish();
        }
        Poll::Ready(next.map(|frame| frame.map_err(AnswerFailure::Target)))
    }

    fn poll_pause(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerFailure>>> {
        let Some(pause_max) = self.pause_max else {
            return Poll::Pending;
        };
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(pause_max)));
        ready!(pause.as_mut().poll(cx));
        self.lease = None;
        Poll::Ready(Some(Err(AnswerFailure::Paused)))
    }

    fn finish(&mut self) {
        let Some(lease) = self.lease.take() else {
            return;
        };
        // A connection on which the request is still being sent cannot take the next one, but the
        // target may want the rest although it has answered.
        if self
            .request
            .as_ref()
            .is_none_or(|request| request.state() == State::Done)
        {
            lease.give_back();
        } else {
            lease.let_go();
        }
    }
}
