//! What an HTTP request submits: one event, structured or binary, or a batch of events
//! (spec: `events.md` 5.3; CloudEvents HTTP protocol binding 1.0.2, 3).
//!
//! Batches (`application/cloudevents-batch+json`) go beyond the spec, which refuses them: all of
//! their events are accepted or none is. Deliberately absent: reading bodies, limits on their
//! length, and the answer's headers; those are the ports'.

use std::{ops::Range, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};

use super::{
    Event, EventFault,
    binary::{self, BinaryFault},
    json::{self, Piece, Sink},
};

/// Most events of a batch. It is handed on as a whole and answered as a whole, so it must take about
/// as long as a large event; more is sent in several batches.
pub const BATCH_EVENTS_MAX: usize = 1000;

/// The events of a request, in its order.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The events; exactly one if it is no batch.
    pub events: Vec<Arc<Event>>,
    /// They came as a list, and are shown as one.
    pub is_batch: bool,
}

/// Why nothing of a request is accepted. The text is the answer's body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmissionFault {
    /// No content type, several, or something else: 415.
    #[error("Expected a content-type header.")]
    NoContentType,
    /// A batch in another format than JSON: 415.
    #[error("The batched CloudEvents HTTP transport binding mode is currently not supported.\n")]
    BatchFormat,
    /// An event in another format than JSON: 415.
    #[error(
        "The given content-type {{\"application\", \"{0}\"}} is currently not supported for structured mode."
    )]
    EventFormat(String),
    /// No event: 400.
    #[error("The request body does not look like a CloudEvent: {0}")]
    Structured(#[from] EventFault),
    /// No list: 400.
    #[error("The request body does not look like a batch of CloudEvents: {0}")]
    Batch(#[from] BatchFault),
    /// No event, in headers and body: 400.
    #[error(transparent)]
    Binary(#[from] BinaryFault),
}

/// Why a text is no batch. No event of it is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchFault {
    /// Not JSON.
    #[error("{0}")]
    NotJson(#[from] json::Fault),
    /// Another JSON document.
    #[error("it must be a JSON list of events")]
    NotAList,
    /// More events than allowed.
    #[error("it has more than {BATCH_EVENTS_MAX} events; send several batches")]
    TooMany,
    /// A bad event.
    #[error("event {index} (from 0): {fault}")]
    Event {
        /// Its place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        fault: EventFault,
    },
}

/// How a request carries its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Structured,
    Binary,
    Batch,
}

/// Reads the events of a request. `content_type` is what [`content_type`] finds in `headers`.
///
/// # Errors
/// [`SubmissionFault`]; then no event is accepted.
pub fn from_http(
    content_type: Option<&[u8]>,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Submission, SubmissionFault> {
    let content_type = content_type.ok_or(SubmissionFault::NoContentType)?;
    match Mode::of(content_type, headers)? {
        Mode::Structured => Ok(Submission::one(Event::parse(body)?)),
        Mode::Binary => Ok(Submission::one(binary::event(
            content_type,
            headers,
            &body,
        )?)),
        Mode::Batch => Ok(Submission {
            events: batch(&body)?,
            is_batch: true,
        }),
    }
}

/// The one content type of a request. `None` if there is none, or if there are several, of which
/// another reader might believe another one.
pub fn content_type(headers: &HeaderMap) -> Option<&[u8]> {
    let mut lines = headers.get_all(CONTENT_TYPE).iter();
    match (lines.next(), lines.next()) {
        (Some(only), None) => Some(only.as_bytes()),
        (None | Some(_), _) => None,
    }
}

// === impl Submission ===

impl Submission {
    fn one(event: Event) -> Self {
        Self {
            events: vec![Arc::new(event)],
            is_batch: false,
        }
    }

    /// The events as JSON, each as it was accepted: an object, or a list of objects for a batch.
    pub fn to_json(&self) -> Bytes {
        match self.events.as_slice() {
            [event] if !self.is_batch => event.text.clone(),
            events => {
                let length: usize = events.iter().map(|event| event.text.len() + 1).sum();
                let mut list = BytesMut::with_capacity(length + 2);
                list.put_u8(b'[');
                for (index, event) in events.iter().enumerate() {
                    if index > 0 {
                        list.put_u8(b',');
                    }
                    list.put_slice(&event.text);
                }
                list.put_u8(b']');
                list.freeze()
            }
        }
    }
}

// === impl SubmissionFault ===

impl SubmissionFault {
    /// The answer's status: 400 or 415.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::NoContentType | Self::BatchFormat | Self::EventFormat(_) => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::Structured(_) | Self::Batch(_) | Self::Binary(_) => StatusCode::BAD_REQUEST,
        }
    }
}

// === impl Mode ===

impl Mode {
    fn of(content_type: &[u8], headers: &HeaderMap) -> Result<Self, SubmissionFault> {
        let essence = essence(content_type).ok_or(SubmissionFault::NoContentType)?;
        let Some(subtype) = essence.strip_prefix("application/") else {
            return Ok(Self::Binary);
        };
        if let Some(format) = subtype.strip_prefix("cloudevents-batch") {
            return match format {
                "+json" => Ok(Self::Batch),
                other if other.is_empty() || other.starts_with('+') => {
                    Err(SubmissionFault::BatchFormat)
                }
                _ => Ok(Self::Binary),
            };
        }
        match subtype.strip_prefix("cloudevents+") {
            Some("json") => Ok(Self::Structured),
            Some(_) => Err(SubmissionFault::EventFormat(subtype.to_owned())),
            None if subtype == "json" && !headers.contains_key("ce-specversion") => {
                Ok(Self::Structured)
            }
            None => Ok(Self::Binary),
        }
    }
}

/// `type/subtype` in lower case, without parameters.
pub(super) fn essence(content_type: &[u8]) -> Option<String> {
    let essence = content_type.split(|byte| *byte == b';').next()?;
    let essence = std::str::from_utf8(essence).ok()?.trim_ascii();
    let (main, sub) = essence.split_once('/')?;
    let is_token = |text: &str| {
        let is_tchar =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !text.is_empty() && text.bytes().all(is_tchar)
    };
    (is_token(main) && is_token(sub)).then(|| essence.to_ascii_lowercase())
}

/// Notes where the values of a list stand.
#[derive(Default)]
struct Elements {
    depth: usize,
    is_list: bool,
    start: usize,
    found: Vec<Range<usize>>,
}

// === impl Elements ===

impl Sink for Elements {
    fn take(&mut self, piece: Piece, at: Range<usize>) -> bool {
        match piece {
            Piece::ObjectBegin | Piece::ArrayBegin => {
                self.is_list |= self.depth == 0 && piece == Piece::ArrayBegin;
                if self.depth == 1 {
                    self.start = at.start;
                }
                self.depth += 1;
            }
            Piece::ObjectEnd | Piece::ArrayEnd => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 1 {
                    self.found.push(self.start..at.end);
                }
            }
            Piece::String | Piece::Number | Piece::Boolean | Piece::Null => {
                if self.depth == 1 {
                    self.found.push(at);
                }
            }
            Piece::Name => {}
        }
        self.found.len() <= BATCH_EVENTS_MAX
    }
}

fn batch(body: &Bytes) -> Result<Vec<Arc<Event>>, BatchFault> {
    let text = json::utf8(body)?;
    let mut elements = Elements::default();
    json::read(text, &mut elements)?;
    if !elements.is_list {
        return Err(BatchFault::NotAList);
    }
    if elements.found.len() > BATCH_EVENTS_MAX {
        return Err(BatchFault::TooMany);
    }
    let event = |(index, at): (usize, Range<usize>)| {
        // Copied, so that one event that is kept does not keep the whole batch.
        let text = text.get(at).unwrap_or_default();
        Event::parse(Bytes::copy_from_slice(text.as_bytes()))
            .map(Arc::new)
            .map_err(|fault| BatchFault::Event { index, fault })
    };
    elements.found.into_iter().enumerate().map(event).collect()
}
