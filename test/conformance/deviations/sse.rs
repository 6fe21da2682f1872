//! `sse.jsonl`: streams can be resumed, refusals can be read by pages, constraints are never ignored.

use super::events::accepted_as_sent;
use crate::support::{
    change::{
        Cases,
        Change::{self, Chunked, Header, NotFound, Own, With},
        Deviation,
    },
    golden::{
        Case,
        File::Sse,
        Origin,
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
/// Where a list of subscriptions that is put is.
const PUT: &str = "events.md 5.7";
/// Content type of texts.
const TEXT: Change = Header("content-type", "text/plain; charset=utf-8");
/// For pages of other origins.
const CORS: Change = Header("access-control-allow-origin", "*");

/// The documented reason for refusing a connection is kept; what follows it is free.
const REWORDED: [(&[&str], &[Change]); 10] = [
    (
        &["subs_param_not_json"],
        &[Own(
            400,
            r#"Failed to decode subscription list: key must be a string at line 1 column 2"#,
        )],
    ),
    (
        &["subs_param_not_list"],
        &[Own(
            400,
            r#"could not parse subscriptions: could not decode subscriptions: subscriptions is expected to be a JSON encoded list when parsing JSON: {"a":1}"#,
        )],
    ),
    (
        &["subs_param_string"],
        &[Own(
            400,
            r#"could not parse subscriptions: could not decode subscriptions: subscriptions is expected to be a JSON encoded list when parsing JSON: "abc""#,
        )],
    ),
    (
        &["subs_param_number"],
        &[Own(
            400,
            r#"could not parse subscriptions: could not decode subscriptions: subscriptions is expected to be a JSON encoded list when parsing JSON: 5"#,
        )],
    ),
    (
        &["subs_param_null"],
        &[Own(
            400,
            r#"could not parse subscriptions: could not decode subscriptions: subscriptions is expected to be a JSON encoded list when parsing JSON: null"#,
        )],
    ),
    (
        &["subs_param_no_type"],
        &[Own(
            400,
            r#"could not parse subscriptions: could not parse subscription from JSON: invalid subscription: event-type not found when parsing {}"#,
        )],
    ),
    (
        &["subs_param_type_empty"],
        &[Own(
            400,
            r#"could not parse subscriptions: could not parse subscription from JSON: invalid subscription: event-type empty when parsing {"eventType":""}"#,
        )],
    ),
    (
        &["subs_param_type_number"],
        &[Own(
            400,
            r#"could not parse subscriptions: could not parse subscription from JSON: invalid subscription: event-type empty when parsing {"eventType":5}"#,
        )],
    ),
    (
        &["subs_param_constraints_not_list"],
        &[Own(
            400,
            r#"could not parse subscriptions: could not parse subscription from JSON: invalid subscription: constraints expected to be a list of disjunctive clauses when parsing {"eventType":"g","oneOf":{"a":1}}"#,
        )],
    ),
    (
        &["subs_param_constraints_inner"],
        &[Own(
            400,
            r#"could not parse subscriptions: could not parse subscription from JSON: invalid subscription: a disjunctive clause expected to be a conjunction represented by a map when parsing {"eventType":"g","oneOf":["a"]}"#,
        )],
    ),
];

/// The same for a list of subscriptions that is put.
const REWORDED_PUTS: [(&[&str], &[Change]); 7] = [
    (
        &["flow_put_bad_bad_sub"],
        &[Own(
            400,
            r#"cannot accept subscription request: could not parse given subscriptions: invalid subscription: event-type not found when parsing {}"#,
        )],
    ),
    (
        &["flow_put_bad_no_subscriptions_key"],
        &[Own(
            400,
            r#"Expected field "subscriptions" is not present."#,
        )],
    ),
    (
        &["flow_put_bad_array"],
        &[Own(
            400,
            r#"Expected field "subscriptions" is not present."#,
        )],
    ),
    (
        &["flow_put_bad_string"],
        &[Own(
            400,
            r#"Expected field "subscriptions" is not present."#,
        )],
    ),
    (
        &["flow_put_bad_not_json"],
        &[Own(
            400,
            "Expected JSON encoded body.\n\nTechnical info:\nEOF while parsing an object at line 1 column 1",
        )],
    ),
    (
        &["flow_put_bad_empty"],
        &[Own(
            400,
            "Expected JSON encoded body.\n\nTechnical info:\nEOF while parsing a value at line 1 column 0",
        )],
    ),
    (
        &["flow_put_bad_text_plain"],
        &[Own(
            400,
            "Expected JSON encoded body.\n\nTechnical info:\nthe content-type is text/plain",
        )],
    ),
];

/// A constraint on a field that no extractor knows.
const UNKNOWN: [(&[&str], &[Change]); 3] = [
    (
        &["subs_param_constraints"],
        &[Own(
            400,
            r#"could not parse subscriptions: could not parse subscription from JSON: invalid subscription: constraint on unknown field "name": no extractor is configured for "greeting" when parsing {"eventType":"greeting","oneOf":[{"name":"alice"},{"name":"bob"}]}"#,
        )],
    ),
    (
        &["subs_param_event_type_snake"],
        &[Own(
            400,
            r#"could not parse subscriptions: could not parse subscription from JSON: invalid subscription: constraint on unknown field "name": no extractor is configured for "greeting" when parsing {"eventType":"greeting","oneOf":[{"name":"alice"}]}"#,
        )],
    ),
    (
        &["flow_put_constraint_no_extractor"],
        &[Own(
            400,
            r#"cannot accept subscription request: could not parse given subscriptions: invalid subscription: constraint on unknown field "name": no extractor is configured for "greeting" when parsing {"eventType":"greeting","oneOf":[{"name":"alice"}]}"#,
        )],
    ),
];

/// The original crashed.
const CRASHED: [(&[&str], &[Change]); 4] = [
    (
        &["flow_put_bad_no_ct"],
        &[Own(
            400,
            "Expected JSON encoded body.\n\nTechnical info:\nthere is no content-type",
        )],
    ),
    (
        &["flow_put_bad_subs_not_list"],
        &[Own(
            400,
            r#"cannot accept subscription request: subscriptions is expected to be a JSON encoded list when parsing JSON: {}"#,
        )],
    ),
    (
        &["flow_put_bad_subs_null"],
        &[Own(
            400,
            r#"cannot accept subscription request: subscriptions is expected to be a JSON encoded list when parsing JSON: null"#,
        )],
    ),
    (
        &["flow_put_bad_token_short"],
        &[Own(400, r#"Invalid connection token."#)],
    ),
];

/// Decisions about single cases, then the rules for all of them.
pub(super) fn table() -> Vec<Deviation> {
    let mut table = vec![
        named(
            &["post_on_connection", "put"],
            CONNECT,
            "a stream is opened by GET only; other methods go to the proxy",
            &[NotFound],
        ),
        named(
            &["flow_event_1_0_format"],
            "events.md 5.2",
            "CloudEvents 1.0 is accepted",
            &[With(accepted_as_sent)],
        ),
    ];
    for (texts, spec, why) in [
        (
            &REWORDED[..],
            CONNECT,
            "what follows the documented reason is free; ours is JSON",
        ),
        (
            &REWORDED_PUTS[..],
            PUT,
            "what follows the documented reason is free; ours is JSON",
        ),
        (
            &UNKNOWN[..],
            "events.md 5.9",
            "a constraint is never ignored: one on an unknown field is refused",
        ),
        (
            &CRASHED[..],
            PUT,
            "malformed input does not crash a request",
        ),
    ] {
        let decided = texts.iter();
        table.extend(decided.map(|(cases, changes)| named(cases, spec, why, changes)));
    }
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
            spec: "events.md 5.1, 5.4, 5.7",
            why: "pages can read why they are refused, and every refusal has its id",
            changes: &[
                With(|expected, _| expected.origin = Origin::Gateway),
                CORS,
                TEXT,
            ],
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

#[cfg(test)]
mod tests {
    use super::FRAMES;
    use crate::support::golden::{
        File::Sse,
        Line, Ports,
        stream::{Heard, Stream},
    };

    const PORTS: Ports = Ports {
        backend: 11,
        closed: 12,
    };

    #[test]
    fn every_other_frame_is_of_a_stream_and_a_case_and_not_as_recorded() {
        let (mut streams, mut cases): (Vec<Stream>, Vec<String>) = (Vec::new(), Vec::new());
        for line in Sse.lines(PORTS) {
            match line {
                Line::Stream(stream) => streams.push(*stream),
                Line::Case(case) => cases.push(case.name),
                Line::Step { .. } => {}
            }
        }
        for deviation in FRAMES {
            let stream = streams
                .iter()
                .find(|stream| stream.name == deviation.stream);
            let stream = stream.unwrap_or_else(|| panic!("no stream {}", deviation.stream));
            let after = cases.iter().any(|case| case == deviation.after);
            assert!(after, "no case {}", deviation.after);
            let ours: Vec<Heard> = super::heard(stream, deviation.after);
            let recorded: Vec<Heard> = stream.after(deviation.after).into_iter().cloned().collect();
            assert_ne!(ours, recorded, "{} is as recorded", deviation.after);
        }
    }
}
