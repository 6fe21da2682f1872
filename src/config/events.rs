//! Events and the connections they are delivered on (spec: `config.md`, `events.md`, `names.md`).
//!
//! Deliberately absent: what a subscription, an extractor or a session is; `core` decides that.

use std::{sync::Arc, time::Duration};

use crate::{
    config::{
        cluster::Cluster,
        document::decode,
        reader::Reader,
        settings::{
            kind::{CHECKS, JWT_VALIDATION},
            table::events::CLUSTER,
            values,
        },
    },
    core::{
        registry::extractors::body,
        subscription::extractors::{DOCUMENT_BYTES_MAX, Extractors},
    },
};

/// Longest file of `EXTRACTORS`: a document may be a quarter of it, the rest is white space.
const EXTRACTORS_FILE_BYTES_MAX: u64 = 4 * DOCUMENT_BYTES_MAX as u64;

/// What holds for events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// `MAX_CONNECTIONS_PER_MINUTE`: of all transports together, at least 1; then 429.
    pub connections_per_minute_max: u64,
    /// `CONNECTION_QUEUE_BYTES`: what may wait for one connection; then it is closed. At least 64 KiB.
    pub connection_queue_bytes_max: usize,
    /// `JWT_SESSION_FIELD`: where in the claims the session's name is; a JSON pointer, not empty.
    pub session_field: String,
    /// `SUBSCRIPTION_CHECK`: who may subscribe.
    pub subscription_check: Check,
    /// `SUBMISSION_CHECK`: who may submit events on the proxy's ports.
    pub submission_check: Check,
    /// `EXTRACTORS`: what constraints can name, until somebody changes it at run time.
    pub extractors: Arc<Extractors>,
    /// `EXTRACTORS` is set: its document takes part in the cluster's.
    pub extractors_given: bool,
    /// When the file of `EXTRACTORS` was last changed, in milliseconds since the epoch; `None` if there
    /// is no file.
    pub extractors_modified_ms: Option<u64>,
    /// `SUBMISSION_ACK`: when an event counts as accepted.
    pub submission_ack: SubmissionAck,
    /// `REPLAY_BUFFER_BYTES`: of events kept for connections that come back, at least 1 MiB.
    pub replay_buffer_bytes_max: usize,
    /// `PROXY_HTTP_ASYNC_RESPONSE_TIMEOUT`: how long a client waits for an asynchronous answer.
    pub async_response_timeout: Duration,
}

/// Who decides whether something is allowed (spec: `events.md` 5.3, 5.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// Nobody: it is.
    Nobody,
    /// A valid token.
    Token,
    /// A service, asked by POST at this http or https URL, which is as somebody wrote it.
    Url(String),
}

/// When an event counts as accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmissionAck {
    /// This node holds it.
    Local,
    /// Another member of the cluster holds it too.
    Cluster,
}

// === impl Events ===

impl Events {
    /// `definition_bytes_max` is the limit of everything that nodes agree on.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        cluster: Option<&Cluster>,
        definition_bytes_max: usize,
    ) -> Self {
        let (extractors, extractors_modified_ms) = extractors(reader, definition_bytes_max);
        Self {
            connections_per_minute_max: reader
                .limit("MAX_CONNECTIONS_PER_MINUTE")
                .unwrap_or_default(),
            connection_queue_bytes_max: reader.size("CONNECTION_QUEUE_BYTES").unwrap_or_default(),
            session_field: reader.text("JWT_SESSION_FIELD").unwrap_or_default(),
            subscription_check: check(reader, "SUBSCRIPTION_CHECK"),
            submission_check: check(reader, "SUBMISSION_CHECK"),
            extractors,
            extractors_given: reader.is_given("EXTRACTORS"),
            extractors_modified_ms,
            submission_ack: submission_ack(reader, cluster),
            replay_buffer_bytes_max: reader.size("REPLAY_BUFFER_BYTES").unwrap_or_default(),
            async_response_timeout: reader.time("PROXY_HTTP_ASYNC_RESPONSE_TIMEOUT"),
        }
    }
}

fn check(reader: &mut Reader<'_>, variable: &'static str) -> Check {
    let text = reader.text(variable).unwrap_or_default();
    match values::spelled(text.trim(), CHECKS) {
        Some(JWT_VALIDATION) => Check::Token,
        Some(_) => Check::Nobody,
        None => Check::Url(text),
    }
}

/// The extractors, and when their file was last changed.
fn extractors(
    reader: &mut Reader<'_>,
    definition_bytes_max: usize,
) -> (Arc<Extractors>, Option<u64>) {
    const VARIABLE: &str = "EXTRACTORS";
    let Some(value) = reader.text(VARIABLE) else {
        return Default::default();
    };
    let document = decode(&value, EXTRACTORS_FILE_BYTES_MAX, reader.files());
    let loaded = document
        .map_err(|fault| fault.to_string())
        .and_then(|document| {
            // A line of its own for each of several faults.
            let extractors = Extractors::of(document.content).map_err(|faults| faults.to_string());
            Ok((extractors?, document.modified_ms))
        })
        .and_then(|(extractors, modified_ms)| {
            // As at the management API's door.
            let bytes = body(&extractors).len();
            if bytes <= definition_bytes_max {
                return Ok((Arc::new(extractors), modified_ms));
            }
            Err(format!(
                "the document has {bytes} bytes, more than the {definition_bytes_max} of \
                 DEFINITION_BYTES_MAX"
            ))
        });
    loaded.unwrap_or_else(|message| {
        reader.fault(VARIABLE, message);
        Default::default()
    })
}

/// Alone, a node could not accept any event in the cluster's way.
fn submission_ack(reader: &mut Reader<'_>, cluster: Option<&Cluster>) -> SubmissionAck {
    const VARIABLE: &str = "SUBMISSION_ACK";
    if reader.word(VARIABLE) != CLUSTER {
        return SubmissionAck::Local;
    }
    let is_told = ["CLUSTER_LISTEN", "CLUSTER_PEERS", "DISCOVERY_TYPE"]
        .iter()
        .any(|variable| reader.is_faulty(variable));
    if cluster.is_none() && !is_told {
        reader.fault(
            VARIABLE,
            "cluster needs a cluster, or every event is refused: set CLUSTER_LISTEN, CLUSTER_PEERS \
             or DISCOVERY_TYPE",
        );
    }
    SubmissionAck::Cluster
}
