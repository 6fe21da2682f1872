//! Replays a recording against a running gateway and reports everything that differs.
//!
//! Cases run one after the other, each on its own connection; after each one the back end is asked
//! what it saw. All differences of a file are reported at once, each with its reason if the table
//! of deviations has one.

use std::{
    fmt,
    net::SocketAddr,
    thread::sleep,
    time::{Duration, Instant},
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::support::{
    backend::{Backend, ClosedPort},
    change::{Deviation, expected},
    client::{Connection, Request, ask},
    compare::{Got, compare},
    expected::Expected,
    gateway::Builder,
    gateway::Gateway,
    golden::{Case, File, Line, Port, Ports},
    wire::to_bytes,
};

/// How long a connection that has to be closed may stay open.
const CLOSE_MAX: Duration = Duration::from_secs(2);
/// How long a recorded session may stay revoked.
const FREE_MAX: Duration = Duration::from_secs(10);
/// How often that is asked.
const FREE_POLL: Duration = Duration::from_millis(50);
/// Everything but the unreserved characters of RFC 3986, 2.3.
const SEGMENT: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A gateway with the recording back end behind it.
pub(crate) struct Stage {
    gateway: Gateway,
    backend: Backend,
    closed: ClosedPort,
}

/// Where requests go, and how the back end is reached.
pub(crate) struct Sides<'a> {
    /// Address of the proxy.
    pub(crate) inbound: SocketAddr,
    /// Address of the management API.
    pub(crate) api: SocketAddr,
    /// The back end behind it.
    pub(crate) backend: &'a Backend,
    /// The ports that are put into the recording.
    pub(crate) ports: Ports,
}

/// What differs.
pub(crate) struct Report {
    /// Number of cases replayed.
    pub(crate) cases: usize,
    /// The cases that differ.
    pub(crate) mismatches: Vec<Mismatch>,
}

/// A case that differs.
pub(crate) struct Mismatch {
    /// Its name.
    pub(crate) case: String,
    /// What was sent.
    sent: String,
    /// The deviations that name it.
    reasons: Vec<String>,
    /// Every difference.
    differences: Vec<String>,
}

// === impl Stage ===

impl Stage {
    /// Starts a back end whose delays are scaled by `pace`, and a gateway.
    ///
    /// # Panics
    /// The gateway does not start.
    pub(crate) fn start(builder: Builder, pace: f64) -> Self {
        let gateway = builder.start().unwrap_or_else(|error| panic!("{error}"));
        Self {
            gateway,
            backend: Backend::start(pace),
            closed: ClosedPort::reserve(),
        }
    }

    /// The ports in use.
    pub(crate) fn ports(&self) -> Ports {
        Ports {
            backend: self.backend.address().port(),
            closed: self.closed.port(),
        }
    }

    /// The gateway.
    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Posts definitions.
    ///
    /// # Panics
    /// One is refused.
    pub(crate) fn define(&self, definitions: &[Value]) {
        for definition in definitions {
            let request = Request::json("POST", "/v3/apis", definition);
            let answer = ask(self.gateway.api(), &request).expect("an answer");
            assert_eq!(
                answer.status,
                201,
                "{}: {}",
                definition["id"],
                answer.json()
            );
        }
    }

    /// Replays a recording.
    pub(crate) fn replay(&self, file: File, table: &[Deviation]) -> Report {
        self.sides().replay(file, table)
    }

    /// Where requests go.
    pub(crate) fn sides(&self) -> Sides<'_> {
        Sides {
            inbound: self.gateway.inbound(),
            api: self.gateway.api(),
            backend: &self.backend,
            ports: self.ports(),
        }
    }
}

// === impl Sides ===

impl Sides<'_> {
    /// Replays a recording.
    pub(crate) fn replay(&self, file: File, table: &[Deviation]) -> Report {
        let mut report = Report {
            cases: 0,
            mismatches: Vec::new(),
        };
        self.backend.take();
        for line in file.lines(self.ports) {
            match line {
                Line::Step { step } => self.step(&step),
                Line::Case(case) => {
                    report.cases += 1;
                    report.mismatches.extend(self.mismatch(file, table, &case));
                }
                Line::Stream(stream) => panic!("{} is not for this replay", stream.name),
            }
        }
        report
    }

    /// Sends a case and compares.
    pub(crate) fn mismatch(
        &self,
        file: File,
        table: &[Deviation],
        case: &Case,
    ) -> Option<Mismatch> {
        let expected = expected(table, file, case, self.ports);
        let got = self.send(case, &expected);
        let differences = compare(case, &expected, &got, &self.backend.take());
        (!differences.is_empty()).then(|| Mismatch::of(file, table, case, differences))
    }

    fn send(&self, case: &Case, expected: &Expected) -> Got {
        let address = match case.send.to {
            Port::Inbound => self.inbound,
            Port::Api => self.api,
        };
        let (bytes, methods) = match &case.send.raw {
            Some(raw) => (to_bytes(raw), vec!["GET"; case.saw.len()]),
            None => (
                case.send.request().to_bytes(),
                vec![case.send.method.as_str()],
            ),
        };
        let mut closed = false;
        let answers = Connection::open(address).and_then(|mut connection| {
            let answers = connection.exchange(&bytes, &methods)?;
            let fine = answers
                .iter()
                .all(|answer| answer.status == expected.status);
            closed = expected.closes && fine && connection.closes_within(CLOSE_MAX);
            Ok(answers)
        });
        Got {
            answers: answers.map_err(|error| error.to_string()),
            closed,
        }
    }

    /// Waits until a session is not revoked any more, as the recorder did.
    fn wait_until_free(&self, session: &str) {
        let request = Request::new("GET", &format!("/v3/session-blacklist/{session}"));
        let begun = Instant::now();
        while ask(self.api, &request).is_ok_and(|answer| answer.status == 200) {
            assert!(begun.elapsed() < FREE_MAX, "{session} is not free");
            sleep(FREE_POLL);
        }
    }

    /// Does what was done between two recorded requests.
    fn step(&self, step: &str) {
        let session = step.strip_prefix("wait until session ");
        if let Some(session) = session.and_then(|rest| rest.strip_suffix(" is free")) {
            self.wait_until_free(session);
            return;
        }
        let ids: Vec<String> = match step.strip_prefix("delete ") {
            Some("every api") => {
                let list = ask(self.api, &Request::new("GET", "/v3/apis"));
                let list = list.map(|answer| answer.json()).unwrap_or_default();
                let id = |document: &Value| document["id"].as_str().map(str::to_owned);
                list.as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(id)
                    .collect()
            }
            Some(id) => vec![id.to_owned()],
            None => panic!("an unknown step: {step}"),
        };
        for id in ids {
            let path = format!("/v3/apis/{}", utf8_percent_encode(&id, &SEGMENT));
            // Whether it works shows in the cases that follow.
            ask(self.api, &Request::new("DELETE", &path)).ok();
        }
    }
}

// === impl Mismatch ===

impl Mismatch {
    /// What differs in a case.
    pub(crate) fn of(
        file: File,
        table: &[Deviation],
        case: &Case,
        differences: Vec<String>,
    ) -> Self {
        let reason = |deviation: &Deviation| format!("{}: {}", deviation.spec, deviation.why);
        let named = table
            .iter()
            .filter(|deviation| deviation.names(file, &case.name));
        Self {
            case: case.name.clone(),
            sent: format!("{} {:.200}", case.send.method, case.send.path),
            reasons: named.map(reason).collect(),
            differences,
        }
    }
}

// === impl Report ===

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} of {} cases differ",
            self.mismatches.len(),
            self.cases
        )?;
        self.mismatches
            .iter()
            .try_for_each(|mismatch| mismatch.fmt(f))
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "=== {}   ({})", self.case, self.sent)?;
        for reason in &self.reasons {
            writeln!(f, "    intended: {reason}")?;
        }
        self.differences
            .iter()
            .try_for_each(|difference| writeln!(f, "  - {difference}"))
    }
}
