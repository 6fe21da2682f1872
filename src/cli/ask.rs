//! `rig members`, `rig rounds`, `rig diff NODE`, `rig wait CHANGE`, and `rig join ADDRESS`,
//! `rig forget NODE`, `rig leave`: asks the management API of a node that runs, and shows the answer
//! (`report`).
//!
//! One request, no state. Deliberately absent: changing definitions. Paths: names.md, cluster.md parts
//! 5.3 and 8.

mod report;
mod table;
#[cfg(test)]
mod tests;

use std::{io, process::ExitCode, time::Duration};

use actix_rt::System;
use awc::{Client, Connector, http::StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{
    cli::{ask::report::Report, check::FAULTY},
    config::{
        Config,
        files::Files,
        secret::Secret,
        vars::{Flags, Vars},
    },
    core::replica::input::Until,
    upstream::tls::{TrustError, client_config},
};

/// Where a node's management API is by default.
pub const DEFAULT_API_URL: &str = "http://127.0.0.1:4010";

/// How long `rig wait` waits by default, in seconds: as long as an operator looks at a silent prompt.
pub const DEFAULT_WAIT_SECONDS: u64 = 30;

/// Longest wait, in seconds: what a node is willing to hold a request (cluster.md, part 5.3).
pub const WAIT_SECONDS_MAX: u64 = 60;

/// Time for an answer on top of what the node was asked to wait.
const PATIENCE: Duration = Duration::from_secs(10);

/// The same where the node itself waits for others: for a comparison or a last exchange.
const LONG_PATIENCE: Duration = Duration::from_secs(30);

/// Longest answer: 100,000 rounds, the soft limit of a cluster, of some 300 bytes each.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// Exit code: the node could not be asked, or its answer is not the one wished for.
const FAILED: u8 = 1;

/// A change's id is `<id>@<version>` with the id escaped, as in `X-Rig-Change`; `@` may stand in a path
/// (RFC 3986, 3.3).
const CHANGE_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@');

/// What a node is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Who is in the cluster, as this node sees it.
    Members,
    /// Which APIs are being voted on, or were.
    Rounds,
    /// Whether a change has arrived; waits for it.
    Wait {
        /// Change id, as in `X-Rig-Change`.
        change: String,
        /// Where it must have arrived.
        until: Until,
        /// At most so long, 1 to [`WAIT_SECONDS_MAX`].
        seconds: u64,
    },
    /// What another node has otherwise.
    Diff {
        /// Its name.
        node: String,
    },
    /// To connect to another node.
    Join {
        /// `host:port`.
        address: String,
    },
    /// To let a member be none any more.
    Forget {
        /// Its name.
        node: String,
    },
    /// To leave its cluster.
    Leave,
}

/// Why there is no answer. Nothing was changed.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("{url} cannot be asked: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("the answer of {url} cannot be read: {reason}")]
    Unreadable { url: String, reason: String },
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// What the node said. A body that is not JSON is a string.
struct Answer {
    status: StatusCode,
    body: Value,
}

// === impl Question ===

impl Question {
    /// Path and query.
    fn path(&self) -> String {
        match self {
            Self::Members => "/v3/cluster/nodes".to_owned(),
            Self::Rounds => "/v3/cluster/rounds".to_owned(),
            Self::Wait {
                change,
                until,
                seconds,
            } => {
                // Pasted from the header it is escaped already, written by hand it may not be.
                let change = percent_decode_str(change).collect::<Vec<u8>>();
                let change = String::from_utf8_lossy(&change);
                let change = utf8_percent_encode(&change, CHANGE_ESCAPES);
                format!("/v3/cluster/changes/{change}?wait={until}&timeout={seconds}")
            }
            Self::Diff { node } => {
                let node = utf8_percent_encode(node, CHANGE_ESCAPES);
                format!("/v3/cluster/diff/{node}")
            }
            Self::Join { .. } => "/v3/cluster/join".to_owned(),
            Self::Forget { .. } => "/v3/cluster/forget".to_owned(),
            Self::Leave => "/v3/cluster/leave".to_owned(),
        }
    }

    /// What is posted; `None`: it is a GET.
    fn body(&self) -> Option<Value> {
        match self {
            Self::Members | Self::Rounds | Self::Wait { .. } | Self::Diff { .. } => None,
            Self::Join { address } => Some(json!({"address": address})),
            Self::Forget { node } => Some(json!({"node": node})),
            Self::Leave => Some(json!({})),
        }
    }

    fn time_limit(&self) -> Duration {
        match self {
            Self::Members | Self::Rounds | Self::Join { .. } | Self::Forget { .. } => PATIENCE,
            Self::Diff { .. } | Self::Leave => LONG_PATIENCE,
            Self::Wait { seconds, .. } => PATIENCE + Duration::from_secs(*seconds),
        }
    }
}

/// Asks the node at `api_url` with the token of `API_TOKEN`, if there is one, and shows its answer on
/// standard output and 0, or what went wrong on standard error and 1; 2 if `API_TOKEN` is faulty.
pub fn run(
    api_url: &str,
    question: &Question,
    flags: &Flags,
    environment: &dyn Vars,
    files: &dyn Files,
) -> ExitCode {
    let token = match Config::api_token(flags, environment, files) {
        Ok(token) => token,
        Err(faults) => return tell(&mut io::stderr(), &format!("rig: {faults}\n"), FAULTY),
    };
    let answer = System::new().block_on(ask(api_url, question, token.as_ref()));
    match answer.map(|answer| report::report(question, answer.status, &answer.body)) {
        Ok(Report::Fine(text)) => tell(&mut io::stdout(), &text, 0),
        Ok(Report::Bad(text)) => tell(&mut io::stderr(), &text, FAILED),
        Err(error) => tell(&mut io::stderr(), &format!("rig: {error}\n"), FAILED),
    }
}

async fn ask(
    api_url: &str,
    question: &Question,
    token: Option<&Secret>,
) -> Result<Answer, AskError> {
    let url = format!("{}{}", api_url.trim_end_matches('/'), question.path());
    let limit = question.time_limit();
    let client = Client::builder()
        .connector(Connector::new().rustls_0_23(client_config(None)?))
        // The token is for this address and no other.
        .disable_redirects()
        .timeout(limit)
        .finish();
    let body = question.body();
    let request = match body {
        None => client.get(&url),
        Some(_) => client.post(&url),
    };
    let mut request = request.insert_header(("accept", "application/json"));
    if let Some(token) = token {
        request = request.bearer_auth(token.expose());
    }
    let sent = match body {
        None => request.send().await,
        Some(body) => request.send_json(&body).await,
    };
    let response = sent.map_err(|error| AskError::Unreachable {
        url: url.clone(),
        reason: error.to_string(),
    })?;
    let mut response = response.timeout(limit);
    let body = response.body().limit(ANSWER_BYTES_MAX).await;
    let body = body.map_err(|error| AskError::Unreadable {
        url,
        reason: error.to_string(),
    })?;
    Ok(Answer {
        status: response.status(),
        body: serde_json::from_slice(&body)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body))),
    })
}

fn tell(place: &mut dyn io::Write, text: &str, code: u8) -> ExitCode {
    // A reader that has gone away does not change the verdict.
    let _ = place.write_all(text.as_bytes());
    ExitCode::from(code)
}
