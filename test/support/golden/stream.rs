//! A recorded stream of server-sent events. Its line stands before the cases that were made while it
//! was open; `{connection}` in those is its token.

use serde::Deserialize;
use serde_json::Value;

use crate::support::{
    event_stream::Frame,
    golden::{Case, Recorded, Send},
};

/// One line.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stream {
    /// Unique within its file.
    #[serde(rename = "stream")]
    pub(crate) name: String,
    /// The request that opened it.
    pub(crate) send: Send,
    /// The head of the answer.
    pub(crate) answer: Recorded,
    /// What came, each with the case after which it came; nothing if it came before all of them.
    pub(crate) frames: Vec<(String, Heard)>,
    /// The gateway ended it.
    pub(crate) ends: bool,
    /// The last case made while it was open.
    pub(crate) until: Option<String>,
}

/// A recorded frame.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Heard {
    /// A comment.
    Comment {
        /// Its text.
        comment: String,
    },
    /// An event that came byte for byte like this.
    Text {
        /// Its type.
        event: String,
        /// Its text.
        text: String,
    },
    /// An event of the gateway's own; `"*"` stands for any text.
    Json {
        /// Its type.
        event: String,
        /// As JSON, members sorted.
        json: Value,
    },
}

// === impl Stream ===

impl Stream {
    /// The request alone, for answers that are no stream.
    pub(crate) fn case(&self) -> Case {
        Case {
            name: self.name.clone(),
            send: self.send.clone(),
            answer: self.answer.clone(),
            saw: Vec::new(),
        }
    }

    /// It takes as long as a heartbeat to come.
    pub(crate) fn is_slow(&self) -> bool {
        let is_comment = |(_, heard): &_| matches!(heard, Heard::Comment { .. });
        self.frames.iter().any(is_comment)
    }

    /// What comes after this case.
    pub(crate) fn after(&self, case: &str) -> Vec<&Heard> {
        let frames = self.frames.iter();
        let these = frames.filter(|(after, _)| after == case);
        these.map(|(_, heard)| heard).collect()
    }
}

// === impl Heard ===

impl Heard {
    /// Why `frame` is not this one.
    pub(crate) fn differs(&self, frame: &Frame) -> Option<String> {
        let differs = match self {
            Self::Comment { comment } => frame.comments != [comment.as_str()],
            Self::Text { event, text } => frame.event != *event || frame.data != [text.as_str()],
            Self::Json { event, json } => {
                frame.event != *event || frame.data.len() != 1 || !is_same(json, &frame.data[0])
            }
        };
        differs.then(|| format!("expected {self:?}, got {frame:?}"))
    }
}

/// Byte for byte, but for what may be anything.
fn is_same(wanted: &Value, text: &str) -> bool {
    let Ok(mut got) = serde_json::from_str::<Value>(text) else {
        return false;
    };
    // Members that are not sorted would be seen here.
    let sorted = got.to_string();
    if sorted != text {
        return false;
    }
    for pointer in ["/id", "/time", "/data/connection_token"] {
        let any = wanted.pointer(pointer) == Some(&Value::from("*"));
        if let (true, Some(member)) = (any, got.pointer_mut(pointer)) {
            if member.as_str().is_none_or(str::is_empty) {
                return false;
            }
            *member = Value::from("*");
        }
    }
    got == *wanted
}
