//! What a node's answer means for whoever asked: the text, and whether it is the wished-for one.
//!
//! Pure. Statuses: cluster.md, part 5.3; shapes: names.md, tolerant of what is missing or new.

use awc::http::StatusCode;
use serde_json::Value;

use crate::cli::ask::{
    Question,
    table::{cell, facts, plain, table},
};

/// Columns of `rig members`, most telling first.
const MEMBERS: &[&str] = &[
    "name",
    "in_sync",
    "established",
    "apis",
    "root",
    "clock_offset_ms",
    "last_seen_ms",
    "software",
];

/// Columns of `rig diff`.
const DIFFERENCES: &[&str] = &["id", "here", "there"];

/// Columns of `rig rounds`.
const ROUNDS: &[&str] = &["id", "ref_number", "state", "candidates", "missing"];

/// A text that ends with a line break.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The wished-for answer.
    Fine(String),
    /// Another one.
    Bad(String),
}

/// What `status` and `body` say to `question`.
pub(super) fn report(question: &Question, status: StatusCode, body: &Value) -> Report {
    match question {
        Question::Members if status.is_success() => Report::Fine(listing(body, "nodes", MEMBERS)),
        Question::Rounds if status.is_success() => Report::Fine(listing(body, "rounds", ROUNDS)),
        Question::Members | Question::Rounds => {
            refusal(status, body, "does the node belong to a cluster?")
        }
        Question::Diff { node } if status.is_success() => difference(node, body),
        Question::Join { .. } if status.is_success() => {
            Report::Fine("connecting; rig members shows when it is there\n".to_owned())
        }
        Question::Forget { node } if status.is_success() => {
            Report::Fine(format!("{} is no member any more\n", plain(node)))
        }
        Question::Leave if status.is_success() => {
            Report::Fine("left; stop the process now\n".to_owned())
        }
        Question::Diff { .. } | Question::Forget { .. } => {
            refusal(status, body, "rig members shows the names")
        }
        Question::Join { .. } | Question::Leave => refusal(status, body, "is it a node?"),
        Question::Wait { seconds, .. } => match status {
            StatusCode::ACCEPTED => {
                Report::Bad(receipt(&format!("not yet, after {seconds} s"), body))
            }
            StatusCode::CONFLICT => Report::Bad(receipt("superseded", body)),
            status if status.is_success() => Report::Fine(receipt("done", body)),
            status => refusal(status, body, "does the node know this change?"),
        },
    }
}

/// One line about the view, then the table of the list `name`.
fn listing(body: &Value, name: &str, columns: &[&str]) -> String {
    let rows = body.get(name).and_then(Value::as_array);
    let rows = rows.map_or(&[][..], Vec::as_slice);
    let mut text = view(body);
    if rows.is_empty() {
        text.push_str(&format!("no {name}\n"));
    } else {
        text.push_str(&table(rows, columns));
    }
    let more = body.get("left_out").and_then(Value::as_u64).unwrap_or(0);
    if more > 0 {
        text.push_str(&format!("and {more} more\n"));
    }
    text.push_str(&troubles(body));
    text
}

/// What keeps a node from meeting others, if it tells of something.
fn troubles(body: &Value) -> String {
    let mut text = String::new();
    if let Some(problem) = body.pointer("/network/problem").and_then(Value::as_str) {
        text.push_str(&format!(
            "the cluster port is not open: {}\n",
            plain(problem)
        ));
    }
    let refused = body.pointer("/network/refused").and_then(Value::as_array);
    if let Some(refused) = refused.filter(|refused| !refused.is_empty()) {
        text.push_str("refused connections:\n");
        text.push_str(&table(refused, &["address", "reason"]));
    }
    text
}

/// Two nodes that are in sync are what one wishes for.
fn difference(node: &str, body: &Value) -> Report {
    let rows = body.get("differences").and_then(Value::as_array);
    if rows.is_some_and(Vec::is_empty) {
        return Report::Fine(format!("no difference with {}\n", plain(node)));
    }
    Report::Bad(listing(body, "differences", DIFFERENCES))
}

/// Whose view it is, in one line, if the answer tells.
fn view(body: &Value) -> String {
    let Some(view) = body.get("view").and_then(Value::as_object) else {
        return String::new();
    };
    let fields = view
        .iter()
        .map(|(name, value)| format!("{} {}", plain(name), cell(value)));
    let text = fields.collect::<Vec<_>>().join(", ");
    format!("seen from: {text}\n")
}

fn receipt(verdict: &str, body: &Value) -> String {
    let receipt = body.get("receipt").and_then(Value::as_object);
    let details = receipt.map(facts).unwrap_or_default();
    format!("{verdict}\n{}{details}", view(body))
}

/// The node's own words, if it has some; `doubt` is what 404 raises.
fn refusal(status: StatusCode, body: &Value, doubt: &str) -> Report {
    let words = [
        body.pointer("/errors/detail"),
        body.get("message"),
        Some(body),
    ];
    let words = words.into_iter().flatten().find_map(Value::as_str);
    // 200: a sentence; more of it is likely a page of something that is no node.
    let words: String = words.unwrap_or_default().trim().chars().take(200).collect();
    let hint = match status {
        StatusCode::UNAUTHORIZED => "; set API_TOKEN to the node's token".to_owned(),
        StatusCode::NOT_FOUND => format!("; {doubt}"),
        _ => String::new(),
    };
    let words = if words.is_empty() {
        words
    } else {
        format!(": {}", plain(&words))
    };
    Report::Bad(format!("rig: the node answers {status}{words}{hint}\n"))
}
