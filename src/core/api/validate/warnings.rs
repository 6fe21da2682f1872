//! What is accepted but odd: collected while a definition is checked, told with the answer
//! (names.md). Deliberately absent: shadowing, which needs all definitions.

use std::collections::BTreeSet;

use super::{Surroundings, is_supported_yet};
use crate::core::api::{Api, Endpoint, ResponseFrom, Target, faults::Warning};

/// Most warnings kept of one definition; the rest is counted. They are read by people.
pub(super) const WARNINGS_MAX: usize = 100;

/// The warnings about one definition.
#[derive(Debug)]
pub(super) struct Warnings<'a> {
    api: &'a str,
    list: Vec<Warning>,
    omitted: usize,
}

// === impl Warnings ===

impl<'a> Warnings<'a> {
    pub(super) const fn new(api: &'a str) -> Self {
        Self {
            api,
            list: Vec::new(),
            omitted: 0,
        }
    }

    /// A warning about the API as a whole.
    pub(super) fn of_api(&mut self, message: impl Into<String>) {
        self.push(None, message);
    }

    /// What can be said of an endpoint by itself.
    pub(super) fn judge_endpoint(&mut self, endpoint: &Endpoint) {
        let (target, source) = (endpoint.target, endpoint.response_from);
        if let Some(message) = never_answers(target, source) {
            self.push(Some(&endpoint.id), message);
        }
        if !is_supported_yet(target, source) {
            let what = match target {
                Target::Http => format!("response_from {source}"),
                Target::Kafka | Target::Kinesis | Target::Nats => format!("target {target}"),
            };
            self.push(
                Some(&endpoint.id),
                format!("{what} answers 503 until this gateway version supports it"),
            );
        }
    }

    /// What can be said of the model as a whole.
    pub(super) fn judge(&mut self, api: &Api, surroundings: &Surroundings) {
        if api.versioned {
            self.of_api(
                "nothing is routed: `versioned` is true, and selecting versions is not \
                 implemented; remove it to route version `default`",
            );
        }
        if !surroundings.has_key && api.endpoints.iter().any(|endpoint| endpoint.secured) {
            self.of_api(
                "secured endpoints: every request will be answered 401 until JWT_SECRET_KEY or \
                 JWT_JWKS_URL is set",
            );
        }
        let mut seen = BTreeSet::new();
        let repeated: BTreeSet<&str> = api
            .endpoints
            .iter()
            .map(|endpoint| endpoint.id.as_str())
            .filter(|id| !seen.insert(*id))
            .collect();
        for id in repeated {
            self.push(
                Some(id),
                "several endpoints have this id: logs cannot tell them apart",
            );
        }
    }

    /// The warnings, and how many more there are.
    pub(super) fn into_list(mut self) -> Vec<Warning> {
        if self.omitted > 0 {
            self.list.push(Warning {
                path: self.api.to_owned(),
                message: format!("{} more warnings are not listed", self.omitted),
            });
        }
        self.list
    }

    fn push(&mut self, endpoint: Option<&str>, message: impl Into<String>) {
        if self.list.len() == WARNINGS_MAX {
            self.omitted += 1;
            return;
        }
        self.list.push(Warning {
            path: match endpoint {
                None => self.api.to_owned(),
                Some(endpoint) => format!("{}/{endpoint}", self.api),
            },
            message: message.into(),
        });
    }
}

/// Pairs whose `response_from` cannot answer, and what happens instead (spec: `proxying.md` 3.8).
fn never_answers(target: Target, source: ResponseFrom) -> Option<String> {
    let instead = match (target, source) {
        (_, ResponseFrom::Http)
        | (Target::Http, ResponseFrom::HttpAsync | ResponseFrom::Kafka)
        | (Target::Kafka, ResponseFrom::Kafka)
        | (Target::Nats, ResponseFrom::Nats) => return None,
        (Target::Http, ResponseFrom::Nats) => "the target's own answer is returned",
        (Target::Http, ResponseFrom::Kinesis) => {
            "requests that the target answers 202 wait and end in 504, unless the answer comes \
             another way"
        }
        (Target::Kafka, ResponseFrom::HttpAsync | ResponseFrom::Kinesis | ResponseFrom::Nats)
        | (
            Target::Kinesis,
            ResponseFrom::HttpAsync
            | ResponseFrom::Kafka
            | ResponseFrom::Kinesis
            | ResponseFrom::Nats,
        )
        | (Target::Nats, ResponseFrom::HttpAsync | ResponseFrom::Kafka | ResponseFrom::Kinesis) => {
            "requests are answered 202 without waiting"
        }
    };
    Some(format!(
        "response_from {source} never answers for target {target}: {instead}"
    ))
}
