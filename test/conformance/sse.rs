//! Streams of server-sent events are opened, fed, refused and ended as recorded (spec: `events.md`).

use std::time::Duration;

use crate::{
    conformance::deviations::{self, sse::heard},
    support::{
        change::{Deviation, expected},
        client::Answer,
        compare::{Got, compare},
        event_stream::{EventStream, Frame},
        gateway::Gateway,
        golden::{
            Case, File, Line,
            stream::{Heard, Stream},
        },
        peer::Peer,
        replay::{Mismatch, Report, Sides, Stage},
        wire::{Body, Framing, Head},
    },
};

/// Longer than a heartbeat takes to come.
const HEARTBEAT_MAX: Duration = Duration::from_secs(25);

/// Length of the part of an `id` that names the connection.
const KEY_CHARS: usize = 16;

/// A replay of `sse.jsonl`.
struct Player<'a> {
    stage: &'a Stage,
    table: &'a [Deviation],
    open: Option<Open>,
    /// Of the stream opened last, also when it is closed.
    token: String,
    report: Report,
}

/// A stream that is open.
struct Open {
    recorded: Stream,
    stream: EventStream,
    token: String,
    key: String,
    differences: Vec<String>,
}

/// Replays the lines that `chosen` chooses among the streams, and all cases if `with_cases`.
fn replay(chosen: fn(&Stream) -> bool, with_cases: bool) -> Report {
    let stage = Stage::start(Gateway::builder().env("JWT_SECRET_KEY", "mysecret"), 1.0);
    let table = deviations::table();
    let mut player = Player {
        stage: &stage,
        table: &table,
        open: None,
        token: String::new(),
        report: Report {
            cases: 0,
            mismatches: Vec::new(),
        },
    };
    for line in File::Sse.lines(stage.ports()) {
        match line {
            Line::Stream(stream) if chosen(&stream) => player.stream(*stream),
            Line::Case(case) if with_cases => player.case(*case),
            Line::Stream(_) | Line::Case(_) | Line::Step { .. } => {}
        }
    }
    player.report
}

#[test]
fn streams_and_subscriptions_are_as_recorded() {
    let report = replay(|stream| !stream.is_slow(), true);
    assert!(report.mismatches.is_empty(), "{report}");
    assert_eq!(report.cases, 75);
}

#[test]
fn a_heartbeat_comes_as_recorded() {
    let report = replay(Stream::is_slow, false);
    assert!(report.mismatches.is_empty(), "{report}");
    assert_eq!(report.cases, 1);
}

// === impl Player ===

impl Player<'_> {
    fn sides(&self) -> Sides<'_> {
        self.stage.sides()
    }

    /// Opens a stream, unless it is to be refused.
    fn stream(&mut self, recorded: Stream) {
        let case = recorded.case();
        let expected = expected(self.table, File::Sse, &case, self.stage.ports());
        if expected.status != 200 {
            return self.case(case);
        }
        self.report.cases += 1;
        let mut peer = Peer::connect(self.stage.gateway().inbound());
        peer.be_patient(HEARTBEAT_MAX);
        peer.say(case.send.request().to_bytes());
        let head = peer.head();
        let differences = compare(&case, &expected, &got(&head), &[]);
        if !differences.is_empty() {
            let mismatch = Mismatch::of(File::Sse, self.table, &case, differences);
            return self.report.mismatches.push(mismatch);
        }
        let mut open = Open {
            stream: EventStream::begun(peer, &head),
            recorded,
            token: String::new(),
            key: String::new(),
            differences: Vec::new(),
        };
        open.hear("");
        self.token = open.token.clone();
        if open.recorded.until.is_some() {
            self.open = Some(open);
        } else {
            self.close(open);
        }
    }

    /// Makes a request, and hears what an open stream then tells.
    fn case(&mut self, mut case: Case) {
        self.report.cases += 1;
        case.send.path = case.send.path.replace("{connection}", &self.token);
        let mismatch = self.sides().mismatch(File::Sse, self.table, &case);
        self.report.mismatches.extend(mismatch);
        if let Some(mut open) = self.open.take() {
            open.hear(&case.name);
            if open.recorded.until.as_ref() == Some(&case.name) {
                self.close(open);
            } else {
                self.open = Some(open);
            }
        }
    }

    /// The stream ends, one way or the other.
    fn close(&mut self, mut open: Open) {
        if open.recorded.ends {
            open.stream.ends();
        }
        let case = open.recorded.case();
        let differences = std::mem::take(&mut open.differences);
        if !differences.is_empty() {
            let mismatch = Mismatch::of(File::Sse, self.table, &case, differences);
            self.report.mismatches.push(mismatch);
        }
        drop(open.stream);
        self.stage.gateway().until_open("sse", 0);
    }
}

// === impl Open ===

impl Open {
    /// Hears what has to come after a case.
    fn hear(&mut self, case: &str) {
        for wanted in heard(&self.recorded, case) {
            match self.stream.try_next() {
                Ok(Some(frame)) => self.judge(case, &wanted, &frame),
                other => self.differences.push(format!("after {case:?}: {other:?}")),
            }
        }
    }

    fn judge(&mut self, case: &str, wanted: &Heard, frame: &Frame) {
        if let Some(difference) = wanted.differs(frame) {
            self.differences
                .push(format!("after {case:?}: {difference}"));
        }
        if frame.event == "rig.connection.create" {
            let token = frame.json()["data"]["connection_token"].clone();
            self.token = token.as_str().unwrap_or_default().to_owned();
            let id = frame.ids.first().map_or("", String::as_str);
            self.key = id.rsplit('.').next().unwrap_or_default().to_owned();
        }
        // Resume: every event tells a position and, the same each time, the connection.
        let is_mine = |id: &String| id.rsplit_once('.').is_some_and(|(_, key)| key == self.key);
        let is_named = frame.ids.len() == 1 && frame.ids.iter().all(is_mine);
        let is_event = !frame.event.is_empty();
        if is_event && (!is_named || self.key.len() != KEY_CHARS)
            || !is_event && frame.ids != [""; 0]
        {
            let difference = format!("after {case:?}: the id of {frame:?}");
            self.differences.push(difference);
        }
    }
}

/// The head alone; the body goes on.
fn got(head: &Head) -> Got {
    let status = head.start.split(' ').nth(1);
    let answer = Answer {
        status: status
            .and_then(|status| status.parse().ok())
            .unwrap_or_default(),
        headers: head.headers.clone(),
        framing: head.framing(Framing::Close),
        body: Body {
            complete: true,
            ..Body::default()
        },
    };
    Got {
        answers: Ok(vec![answer]),
        closed: false,
    }
}
