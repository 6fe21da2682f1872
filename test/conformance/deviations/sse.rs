//! `sse.jsonl`: streams can be resumed, refusals can be read by pages, constraints are never ignored.

use crate::support::{
    change::{
        Cases,
        Change::{self, Chunked, Header, NotFound},
        Deviation,
    },
    golden::{
        Case,
        File::Sse,
        stream::{Heard, Stream},
    },
};

/// What a stream tells other than recorded.
struct FrameDeviation {
    stream: &'static str,
    /// After which case.
    after: &'static str,
    /// The event's type and text; nothing at all if there is none.
    event: Option<(&'static str, &'static str)>,
}

/// All of them. The `id` that each event has besides (issue 4: resume) is judged by the replay.
const FRAMES: [FrameDeviation; 2] = [
    // events.md 5.9: refused, so the subscriptions stay.
    FrameDeviation {
        stream: "flow_stream",
        after: "flow_put_constraint_no_extractor",
        event: None,
    },
    // events.md 5.2: CloudEvents 1.0 is accepted.
    FrameDeviation {
        stream: "flow_stream",
        after: "flow_event_1_0_format",
        event: Some((
            "greeting",
            r#"{"specversion": "1.0", "type": "greeting", "source": "tester", "id": "ten"}"#,
        )),
    },
];

/// What `stream` has to tell after a case.
pub(crate) fn heard(stream: &Stream, case: &str) -> Vec<Heard> {
    let deviation = FRAMES
        .iter()
        .find(|deviation| deviation.stream == stream.name && deviation.after == case);
    match deviation {
        Some(deviation) => deviation
            .event
            .into_iter()
            .map(|(event, text)| Heard::Text {
                event: event.to_owned(),
                text: text.to_owned(),
            })
            .collect(),
        None => stream.after(case).into_iter().cloned().collect(),
    }
}

/// Where connecting is decided.
const CONNECT: &str = "events.md 5.1, 5.4";
/// Content type of texts.
const TEXT: Change = Header("content-type", "text/plain; charset=utf-8");
/// For pages of other origins.
const CORS: Change = Header("access-control-allow-origin", "*");

/// Decisions about single cases, then the rules for all of them.
pub(super) fn table() -> Vec<Deviation> {
    let mut table = vec![named(
        &["post_on_connection", "put"],
        CONNECT,
        "a stream is opened by GET only; other methods go to the proxy",
        &[NotFound],
    )];
    table.extend(rules());
    table
}

fn rules() -> Vec<Deviation> {
    vec![
        Deviation {
            cases: Cases::Every(|case, expected| {
                is_connection(case) && expected.status == 200 && case.send.method == "GET"
            }),
            spec: "events.md 5.6",
            why: "a stream is chunked",
            changes: &[Chunked],
        },
        Deviation {
            cases: Cases::Every(|case, expected| {
                is_connection(case) && expected.status >= 400 && expected.status != 404
            }),
            spec: CONNECT,
            why: "pages can read why they are refused",
            changes: &[CORS, TEXT],
        },
    ]
}

fn named(
    cases: &'static [&'static str],
    spec: &'static str,
    why: &'static str,
    changes: &'static [Change],
) -> Deviation {
    Deviation {
        cases: Cases::Named(Sse, cases),
        spec,
        why,
        changes,
    }
}

fn is_connection(case: &Case) -> bool {
    case.send.path.starts_with("/_rig/v1/connection/")
}
