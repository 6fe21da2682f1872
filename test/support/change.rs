//! The ways in which our gateway may intentionally differ from a recording.
//!
//! A [`Deviation`] names cases, the spec section that decided, the reason, and what we do instead.
//! The table itself is in [`deviations`](crate::conformance::deviations).

use serde_json::Value;

use crate::support::{
    expected::{Body, Expected, Framed, Want},
    golden::{Case, Content, File, Origin, Port, Ports, filled},
};

/// One decision.
pub(crate) struct Deviation {
    /// Which cases it is about.
    pub(crate) cases: Cases,
    /// Where the spec decides it.
    pub(crate) spec: &'static str,
    /// Why.
    pub(crate) why: &'static str,
    /// What we do instead, applied in this order.
    pub(crate) changes: &'static [Change],
}

/// The cases of a deviation.
pub(crate) enum Cases {
    /// By file and name.
    Named(File, &'static [&'static str]),
    /// Every case of which this is true, named deviations applied before.
    Every(fn(&Case, &Expected) -> bool),
}

/// One difference.
pub(crate) enum Change {
    /// Another status.
    Status(u16),
    /// Another JSON body.
    Json(&'static str),
    /// Another value at a JSON pointer of the body.
    Member(&'static str, &'static str),
    /// The body list lacks the documents with these ids.
    Without(&'static [&'static str]),
    /// A header of the answer has this value.
    Header(&'static str, &'static str),
    /// A header of the answer has these lines.
    Lines(&'static str, &'static [&'static str]),
    /// Our own text answers; what reached the back end stays.
    Own(u16, &'static str),
    /// Our own text answers with CORS headers that allow these request headers.
    Cors(u16, &'static str, &'static str),
    /// The proxy finds no route; nothing reaches the back end.
    NotFound,
    /// The request is malformed: 400, empty; nothing reaches the back end.
    Malformed,
    /// The back end's echo answers.
    Echo,
    /// The back end's `/status/NNN` passes.
    Passed(u16),
    /// The answer is cut off after this text.
    Cut(&'static str),
    /// The answer is chunked.
    Chunked,
    /// The answer is streamed.
    Streamed,
    /// The back end may see the request twice.
    Retried,
    /// The back end sees this request line.
    Line(&'static str),
    /// The back end sees method and target as sent.
    AsSent,
    /// The back end sees the query as sent.
    Query,
    /// The back end sees the body as sent.
    SentBody,
    /// The back end sees a header with this value.
    Saw(&'static str, &'static str),
    /// The back end does not see a header.
    NotSaw(&'static str),
    /// Anything else.
    With(fn(&mut Expected, &Case)),
}

/// `case` of `file` as our gateway must answer it: the recording, changed by the deviations of
/// `table` that name the case, then by those for every such case.
pub(crate) fn expected(table: &[Deviation], file: File, case: &Case, ports: Ports) -> Expected {
    let mut expected = Expected::recorded(case, ports);
    for deviation in table
        .iter()
        .filter(|deviation| deviation.names(file, &case.name))
    {
        deviation.apply(&mut expected, case, ports);
    }
    for deviation in table {
        if let Cases::Every(applies) = deviation.cases
            && applies(case, &expected)
        {
            deviation.apply(&mut expected, case, ports);
        }
    }
    expected
}

// === impl Deviation ===

impl Deviation {
    /// The case is one of those listed by name.
    pub(crate) fn names(&self, file: File, case: &str) -> bool {
        match self.cases {
            Cases::Named(of, names) => of == file && names.contains(&case),
            Cases::Every(_) => false,
        }
    }

    /// Applies all changes.
    pub(crate) fn apply(&self, expected: &mut Expected, case: &Case, ports: Ports) {
        for change in self.changes {
            change.apply(expected, case, ports);
        }
    }
}

// === impl Change ===

impl Change {
    fn apply(&self, expected: &mut Expected, case: &Case, ports: Ports) {
        match *self {
            Self::Status(status) => expected.status = status,
            Self::Json(document) => {
                expected.body = Body::Json(json(document, ports));
                expected.set("content-type", [exactly("application/json; charset=utf-8")]);
            }
            Self::Member(pointer, value) => set_member(expected, pointer, json(value, ports)),
            Self::Without(ids) => drop_documents(expected, ids),
            Self::Header(name, value) => expected.set(name, [exactly(value)]),
            Self::Lines(name, values) => {
                expected.set(name, values.iter().map(|value| exactly(value)));
            }
            Self::Own(status, text) => own(expected, status, text),
            Self::Cors(status, text, headers) => cors(expected, status, text, headers),
            Self::NotFound => {
                own(expected, 404, "");
                expected.body = Body::Json(json(r#"{"message":"Not Found"}"#, ports));
                expected.saw.clear();
            }
            Self::Malformed => {
                own(expected, 400, "");
                expected.origin = Origin::Wire;
                expected.saw.clear();
            }
            Self::Echo => {
                own(expected, 200, "");
                expected.origin = Origin::Echo;
                expected.body = Body::Echo;
            }
            Self::Passed(status) => {
                own(expected, status, &format!("status {status}"));
                expected.origin = Origin::Target;
                expected.set("content-type", [exactly("text/plain")]);
            }
            Self::Cut(text) => {
                own(expected, 200, text);
                expected.origin = Origin::Target;
                expected.cut = true;
            }
            Self::Chunked => expected.framing = Framed::Chunked,
            Self::Streamed => expected.streamed = true,
            Self::Retried => expected.retried = true,
            Self::Line(line) => line.clone_into(&mut expected.arrival(case, ports).line),
            Self::AsSent => {
                let line = format!("{} {}", case.send.method, case.send.path);
                expected.arrival(case, ports).line = line;
            }
            Self::Query => with_query_as_sent(&mut expected.arrival(case, ports).line, case),
            Self::SentBody => {
                let body = case.send.body.as_ref().map(Content::bytes);
                expected.arrival(case, ports).body = body.unwrap_or_default();
            }
            Self::Saw(name, value) => expected.arrival(case, ports).set(name, [exactly(value)]),
            Self::NotSaw(name) => expected.arrival(case, ports).set(name, []),
            Self::With(change) => change(expected, case),
        }
    }
}

/// The answer is made by the gateway itself, with nothing in it but `text`.
fn own(expected: &mut Expected, status: u16, text: &str) {
    expected.status = status;
    expected.origin = Origin::Gateway;
    expected.headers.clear();
    expected.body = Body::Bytes(text.as_bytes().to_vec());
    expected.closes = false;
}

/// The same with CORS headers.
fn cors(expected: &mut Expected, status: u16, text: &str, headers: &str) {
    own(expected, status, text);
    expected.set("access-control-allow-origin", [exactly("*")]);
    expected.set("access-control-allow-methods", [exactly("*")]);
    expected.set("access-control-allow-headers", [exactly(headers)]);
}

fn with_query_as_sent(line: &mut String, case: &Case) {
    let path = line.split('?').next().unwrap_or_default();
    let query = case
        .send
        .path
        .split_once('?')
        .map_or("", |(_, query)| query);
    *line = format!("{path}?{query}");
}

fn set_member(expected: &mut Expected, pointer: &str, value: Value) {
    let Body::Json(document) = &mut expected.body else {
        panic!("{pointer} of a body that is no JSON");
    };
    *document
        .pointer_mut(pointer)
        .expect("a member that is there") = value;
}

fn drop_documents(expected: &mut Expected, ids: &[&str]) {
    let Body::Json(Value::Array(list)) = &mut expected.body else {
        panic!("a list without {ids:?} that is no list");
    };
    list.retain(|document| !ids.iter().any(|id| document["id"] == *id));
}

fn json(text: &str, ports: Ports) -> Value {
    serde_json::from_str(&filled(text, ports)).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn exactly(value: &str) -> Want {
    Want::Exactly(value.to_owned())
}

/// The case goes to the management API.
pub(crate) fn to_api(case: &Case) -> bool {
    case.send.to == Port::Api
}
