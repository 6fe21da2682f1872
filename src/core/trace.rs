//! W3C trace context: who called whom, handed on in `traceparent` and `tracestate`
//! (spec: `observability.md` 9.3, `proxying.md` 3.11; W3C Trace Context, version 00).
//!
//! Random ids are arguments. Deliberately absent: spans, exporters and logging.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

/// Name of the header, and of the member of an event, that carries a [`Context`].
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Name of the header, and of the member of an event, that carries vendors' state.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Longest `tracestate` handed on, in bytes: what W3C Trace Context 3.3.1.5 asks for at least.
pub const TRACESTATE_BYTES_MAX: usize = 512;
/// Length of `00-<trace id>-<span id>-<flags>` in bytes.
pub const TRACEPARENT_BYTES: usize = 55;

/// The place of one span in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Shared by all spans of a trace; not all zero.
    pub trace_id: [u8; 16],
    /// This span; not all zero.
    pub span_id: [u8; 8],
    /// The span is reported to exporters.
    pub sampled: bool,
}

/// A context with the state vendors attached to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The place in the trace.
    pub context: Context,
    /// Handed on as it is; visible ASCII, at most [`TRACESTATE_BYTES_MAX`] bytes, not empty.
    pub state: Option<HeaderValue>,
}

// === impl Context ===

impl Context {
    /// Starts a sampled trace with random ids. An all-zero id, which is not allowed, becomes 1.
    pub fn root(trace_id: [u8; 16], span_id: [u8; 8]) -> Self {
        Self {
            trace_id: not_zero(trace_id),
            span_id: not_zero(span_id),
            sampled: true,
        }
    }

    /// A span below this one, with a random id: same trace, same sampling.
    #[must_use]
    pub fn child(&self, new_span_id: [u8; 8]) -> Self {
        Self {
            span_id: not_zero(new_span_id),
            ..*self
        }
    }

    /// Reads a `traceparent`. The version must be `00`; upper-case digits and text after the flags
    /// are tolerated. `None` stands for: start a new trace.
    pub fn parse(traceparent: &[u8]) -> Option<Self> {
        let rest = traceparent.strip_prefix(b"00-")?;
        let (trace_id, rest) = read_hex::<16>(rest)?;
        let (span_id, rest) = read_hex::<8>(rest.strip_prefix(b"-")?)?;
        let ([flags], _) = read_hex::<1>(rest.strip_prefix(b"-")?)?;
        if trace_id == [0; 16] || span_id == [0; 8] {
            return None;
        }
        Some(Self {
            trace_id,
            span_id,
            sampled: flags & 1 == 1,
        })
    }

    /// Writes it as `traceparent`, in lower case, flags `01` or `00`.
    pub fn to_traceparent(&self) -> [u8; TRACEPARENT_BYTES] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write_hex(&mut text, 3, &self.trace_id);
        write_hex(&mut text, 36, &self.span_id);
        write_hex(&mut text, 53, &[u8::from(self.sampled)]);
        text
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_traceparent();
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

// === impl Trace ===

impl Trace {
    /// Reads the headers of a request. `None`, if they carry no valid context, stands for: start a
    /// new trace (then `tracestate` means nothing either). Several `traceparent` lines contradict
    /// each other, so they are none.
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(TRACEPARENT).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return None;
        };
        Some(Self {
            context: Context::parse(line.as_bytes())?,
            state: state(headers),
        })
    }

    /// A span below this one, with a random id; the state stays.
    #[must_use]
    pub fn child(&self, new_span_id: [u8; 8]) -> Self {
        Self {
            context: self.context.child(new_span_id),
            state: self.state.clone(),
        }
    }
}

impl From<Context> for Trace {
    /// A trace without state.
    fn from(context: Context) -> Self {
        Self {
            context,
            state: None,
        }
    }
}

/// All `tracestate` lines in order, as one list. Too long or not ASCII: none at all, because half a
/// list could mislead the vendor it belongs to.
fn state(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut lines = headers
        .get_all(TRACESTATE)
        .iter()
        .filter(|line| !line.is_empty());
    let first = lines.next()?;
    let state = match lines.next() {
        None => first.clone(),
        Some(second) => {
            let mut joined = first.as_bytes().to_vec();
            for line in [second].into_iter().chain(lines) {
                if joined.len() + 1 + line.len() > TRACESTATE_BYTES_MAX {
                    return None;
                }
                joined.push(b',');
                joined.extend_from_slice(line.as_bytes());
            }
            HeaderValue::from_bytes(&joined).ok()?
        }
    };
    (state.len() <= TRACESTATE_BYTES_MAX && state.to_str().is_ok()).then_some(state)
}

fn not_zero<const N: usize>(mut id: [u8; N]) -> [u8; N] {
    if id == [0; N]
        && let Some(last) = id.last_mut()
    {
        *last = 1;
    }
    id
}

/// Takes `N` bytes, written as two digits each, from the front.
fn read_hex<const N: usize>(text: &[u8]) -> Option<([u8; N], &[u8])> {
    let (digits, rest) = text.split_at_checked(2 * N)?;
    let (pairs, _) = digits.as_chunks::<2>();
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some((bytes, rest))
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

/// Writes `bytes` as two lower-case digits each, from `start` on.
fn write_hex(text: &mut [u8; TRACEPARENT_BYTES], start: usize, bytes: &[u8]) {
    let character = |digit: u8| match digit {
        0..=9 => b'0' + digit,
        _ => b'a' + digit - 10,
    };
    let places = text.iter_mut().skip(start);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    for (place, digit) in places.zip(digits) {
        *place = character(digit);
    }
}

#[cfg(test)]
mod tests;
