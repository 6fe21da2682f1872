//! Rules 15 to 23 and ours: the endpoints of version `default` (spec: `api-definitions.md` 1.3,
//! 1.8).

use std::{borrow::Cow, sync::Arc, time::Duration};

use regex_syntax::ast::{ErrorKind, parse::Parser};
use serde_json::{Map, Value};

use super::{
    add_headers,
    member::{Group, Scope, WrongType, is_blank, is_true, label},
    patterns::Patterns,
    warnings::Warnings,
};
use crate::core::{
    api::{Endpoint, ResponseFrom, Target, faults::Faults},
    pattern::{Pattern, PatternError, Replacement},
};

/// One hour: a wait that is longer is a mistake in the unit.
const TIMEOUT_MS_MAX: u64 = 3_600_000;

/// The limits that an API sets for its endpoints, and an endpoint for itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    timeout: Option<Duration>,
    body_bytes_max: Option<u64>,
}

/// What the endpoints of one definition share while they are checked.
pub(super) struct List<'a, 'w> {
    pub(super) api: &'a str,
    pub(super) jwt: bool,
    pub(super) limits: Limits,
    pub(super) add_headers: add_headers::Verdict,
    pub(super) patterns: Patterns<'a>,
    pub(super) faults: &'a mut Faults,
    pub(super) warnings: &'a mut Warnings<'w>,
}

/// The endpoints of a definition; of a faulty one, only some.
pub(super) struct Endpoints {
    pub(super) list: Vec<Endpoint>,
    /// Empty unless an endpoint asks for them.
    pub(super) add_headers: Arc<[(String, String)]>,
}

// === impl Limits ===

impl Limits {
    /// `timeout_ms` and `max_body_bytes` among `members`.
    pub(super) fn of(members: &Map<String, Value>, scope: &mut Scope<'_>) -> Self {
        Self {
            timeout: scope
                .optional_integer(members, "timeout_ms", 1, TIMEOUT_MS_MAX)
                .map(Duration::from_millis),
            body_bytes_max: scope.optional_integer(members, "max_body_bytes", 0, u64::MAX),
        }
    }
}

// === impl List ===

impl<'a> List<'a, '_> {
    /// Checks the endpoints of `version`, the one that is routed.
    pub(super) fn check(mut self, version: Option<&'a Map<String, Value>>) -> Endpoints {
        let values = version
            .and_then(|version| version.get("endpoints"))
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let list: Vec<Endpoint> = values
            .iter()
            .filter_map(|value| self.endpoint(value))
            .collect();
        let asked = list.iter().any(|endpoint| endpoint.transform);
        let add_headers = self
            .add_headers
            .ok()
            .filter(|_| asked)
            .unwrap_or_default()
            .into();
        Endpoints { list, add_headers }
    }

    fn endpoint(&mut self, value: &'a Value) -> Option<Endpoint> {
        let endpoint_label = label(value.get("id"));
        let mut scope = Scope::new(
            self.faults,
            Group::Endpoint(self.api, endpoint_label.as_ref()),
        );
        let Some(members) = value.as_object() else {
            scope.fault("endpoint", "must be map");
            return None;
        };
        let secured = is_true(members, "secured");
        if secured && !self.jwt {
            scope.fault("auth_type", "must be one of [\"jwt\"]");
        }
        let carrier = Carrier::check(members, &mut scope);
        let id = scope.required_text(members, "id");
        let path_regex = scope.required_text(members, "path_regex");
        let method = scope.required_text(members, "method");
        let pattern = path_regex.and_then(|source| pattern(source, &mut self.patterns, &mut scope));
        let replacement = replacement(members, pattern.as_ref(), &mut self.patterns, &mut scope);
        let transform = is_true(members, "transform_request_headers");
        if let (true, Err(messages)) = (transform, &self.add_headers) {
            for message in messages {
                scope.fault("add_headers", message.clone());
            }
        }
        let limits = Limits::of(members, &mut scope);

        let (carrier, (_, pattern)) = (carrier?, pattern?);
        let endpoint = Endpoint {
            id: id?.to_owned(),
            method: method?.to_ascii_uppercase(),
            pattern,
            replacement: replacement.ok()?,
            secured,
            transform,
            target: carrier.target,
            topic: carrier.topic.map(str::to_owned),
            response_from: carrier.response_from,
            timeout: limits.timeout.or(self.limits.timeout),
            body_bytes_max: limits.body_bytes_max.or(self.limits.body_bytes_max),
        };
        self.warnings.judge_endpoint(&endpoint);
        Some(endpoint)
    }
}

/// `target` and what belongs to it.
struct Carrier<'d> {
    target: Target,
    topic: Option<&'d str>,
    response_from: ResponseFrom,
}

// === impl Carrier ===

impl<'d> Carrier<'d> {
    /// Rules 16 and 17, then the words.
    fn check(members: &'d Map<String, Value>, scope: &mut Scope<'_>) -> Option<Self> {
        let target = word(
            members,
            "target",
            &Target::ALL.map(|target| (target.as_str(), target)),
        );
        let needs_topic = match target {
            Ok(Some(Target::Kafka | Target::Kinesis | Target::Nats)) => true,
            Ok(Some(Target::Http) | None) | Err(_) => false,
        };
        if needs_topic && is_blank(members.get("topic")) {
            scope.fault("topic", "must be present");
        }
        if !is_blank(members.get("schema")) && is_blank(members.get("target")) {
            scope.fault("target", "must be present");
        }
        let response_from = word(
            members,
            "response_from",
            &ResponseFrom::ALL.map(|source| (source.as_str(), source)),
        );
        let topic = scope.optional_text(members, "topic");
        let schema = scope.optional_text(members, "schema");
        let target = target.map_err(|message| scope.fault("target", message));
        let response_from = response_from.map_err(|message| scope.fault("response_from", message));
        schema.ok()?;
        Some(Self {
            target: target.ok()?.unwrap_or(Target::Http),
            topic: topic.ok()?,
            response_from: response_from.ok()?.unwrap_or(ResponseFrom::Http),
        })
    }
}

/// One of `words`, in any letter case; absent, `null` and empty mean the default.
fn word<T: Copy>(
    members: &Map<String, Value>,
    field: &str,
    words: &[(&str, T)],
) -> Result<Option<T>, Cow<'static, str>> {
    let given = match members.get(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(given)) if given.is_empty() => return Ok(None),
        Some(Value::String(given)) => given,
        Some(_) => return Err(Cow::Borrowed("must be string")),
    };
    let known = words
        .iter()
        .find(|(word, _)| given.eq_ignore_ascii_case(word));
    known.map(|(_, value)| Some(*value)).ok_or_else(|| {
        let words: Vec<String> = words
            .iter()
            .map(|(word, _)| format!("\"{word}\""))
            .collect();
        Cow::Owned(format!("must be one of [{}]", words.join(",")))
    })
}

/// A pattern with its source.
type Sourced<'a> = (&'a str, Arc<Pattern>);

fn pattern<'a>(
    source: &'a str,
    patterns: &mut Patterns<'a>,
    scope: &mut Scope<'_>,
) -> Option<Sourced<'a>> {
    match patterns.pattern(source) {
        Ok(pattern) => Some((source, pattern)),
        Err(error) => {
            scope.fault("path_regex", refusal(source, &error));
            None
        }
    }
}

/// What is a regular expression elsewhere gets a reason: look-around, back-references, or its size.
fn refusal(source: &str, error: &PatternError) -> Cow<'static, str> {
    let unsupported = match Parser::new().parse(source) {
        Ok(_) => true,
        Err(error) => matches!(
            error.kind(),
            ErrorKind::UnsupportedLookAround | ErrorKind::UnsupportedBackreference
        ),
    };
    let message = "must be a valid regular expression";
    if unsupported {
        format!("{message}: {error}").into()
    } else {
        message.into()
    }
}

/// `path_replacement`; without a pattern only its type can be judged.
fn replacement<'a>(
    members: &'a Map<String, Value>,
    pattern: Option<&Sourced<'a>>,
    patterns: &mut Patterns<'a>,
    scope: &mut Scope<'_>,
) -> Result<Option<Arc<Replacement>>, WrongType> {
    let source = scope.optional_text(members, "path_replacement")?;
    let (Some(source), Some((path_regex, pattern))) = (source, pattern) else {
        return Ok(None);
    };
    patterns
        .replacement(source, path_regex, pattern)
        .map(Some)
        .map_err(|_| {
            scope.fault("path_replacement", "must be a path");
            WrongType
        })
}
