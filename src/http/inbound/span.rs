//! The gateway's own mark on a request: its span in the trace, and its request id.

use http::{HeaderMap, HeaderValue};

use crate::{
    core::{route::headers::X_REQUEST_ID, trace},
    http::inbound::refusal::Marks,
};

/// Lengths of a client's `x-request-id` that answers of the gateway repeat
/// (spec: `management-api.md` 2.1).
const REQUEST_ID_BYTES: std::ops::RangeInclusive<usize> = 20..=200;

/// The span of one request. Ids need to be unique, not secret, so a fast generator makes them.
#[derive(Debug)]
pub struct Span {
    context: trace::Context,
    continued: bool,
}

// === impl Span ===

impl Span {
    /// A child of the span the client names, or a new, sampled trace.
    pub fn of(headers: &HeaderMap) -> Self {
        let span_id = id_bytes(fastrand::u64(1..));
        let parent = headers
            .get("traceparent")
            .and_then(|value| value.to_str().ok())
            .and_then(trace::Context::parse);
        match parent {
            Some(parent) => Self {
                context: parent.child(span_id),
                continued: true,
            },
            None => {
                let trace_id = fastrand::u128(1..).to_be_bytes();
                Self {
                    context: trace::Context::root(trace_id, span_id),
                    continued: false,
                }
            }
        }
    }

    /// `traceparent` for the next hop.
    pub fn traceparent(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.context.format())
            .unwrap_or(HeaderValue::from_static("00-0-0-00"))
    }

    /// The client's `tracestate`, if its trace is continued and the state is short enough.
    pub fn tracestate(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if !self.continued || !headers.contains_key("tracestate") {
            return None;
        }
        let lines = headers
            .get_all("tracestate")
            .iter()
            .filter_map(|line| line.to_str().ok());
        trace::join_state(lines).and_then(|state| HeaderValue::try_from(state).ok())
    }

    /// A new request id.
    pub fn request_id(&self) -> HeaderValue {
        let mut text = [0_u8; 32];
        let id = fastrand::u128(..).to_be_bytes();
        for (pair, byte) in text.chunks_exact_mut(2).zip(id) {
            if let [high, low] = pair {
                *high = hex(byte >> 4);
                *low = hex(byte & 0xf);
            }
        }
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("0"))
    }

    /// Marks for an answer of the gateway to a request with `headers`.
    pub fn marks(&self, headers: &HeaderMap) -> Marks {
        self.marks_for(headers.get(X_REQUEST_ID))
    }

    /// Marks for an answer of the gateway to a request with this id.
    pub fn marks_for(&self, id: Option<&HeaderValue>) -> Marks {
        let usable = id.filter(|id| REQUEST_ID_BYTES.contains(&id.len()));
        Marks {
            request_id: usable.cloned().unwrap_or_else(|| self.request_id()),
            traceparent: self.traceparent(),
        }
    }
}

fn id_bytes(id: u64) -> [u8; 8] {
    id.to_be_bytes()
}

fn hex(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' + nibble - 10,
    }
}
