//! Document → [`Api`], or *all* faults (spec: `api-definitions.md` 1.8).
//!
//! One submodule per part of a definition, each filling [`Faults`] in the order of the spec's
//! rules; a part that is faulty yields `None`, and an [`Api`] exists only if no part is. Members
//! nobody knows are let through. Deliberately absent: whether an id is taken, and shadowing, which
//! need the other definitions; server-managed members, which are dropped before this.

mod add_headers;
mod auth;
mod endpoint;
mod member;
mod patterns;
mod proxy;
#[cfg(test)]
mod tests;
mod versions;
mod warnings;

use std::sync::Arc;

use serde_json::Value;

use crate::core::api::{
    API_ID_BYTES_MAX, Api, ResponseFrom, Target,
    document::Document,
    faults::{Faults, Warning},
    token_source,
};
use crate::core::replica::id::{RESERVED_PREFIX, is_reserved};

use member::{Group, Scope};
use warnings::Warnings;

/// What validation needs to know of the node, to warn of what cannot work here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Surroundings {
    /// A key for verifying tokens is configured (`JWT_SECRET_KEY` or `JWT_JWKS_URL`).
    pub has_key: bool,
}

/// A definition that may be stored.
#[derive(Debug)]
pub struct Checked {
    /// The model.
    pub api: Api,
    /// What is odd about this definition by itself; shadowing is judged over all APIs elsewhere.
    /// At most a hundred and a note that there are more.
    pub warnings: Vec<Warning>,
}

/// Whether requests with this target and source of answers are served yet; the others are answered
/// 503 without calling anybody. The one place to change when a target is built.
pub const fn is_supported_yet(target: Target, response_from: ResponseFrom) -> bool {
    match target {
        Target::Http => match response_from {
            // A NATS answer cannot reach an HTTP request: always synchronous.
            ResponseFrom::Http | ResponseFrom::HttpAsync | ResponseFrom::Nats => true,
            ResponseFrom::Kafka | ResponseFrom::Kinesis => false,
        },
        Target::Kafka | Target::Kinesis | Target::Nats => false,
    }
}

/// As [`validate`], for a request body or file entry: anything but an object counts as `{}`, so
/// that the answer names what is missing.
///
/// # Errors
/// As [`validate`].
pub fn validate_value(
    value: &Value,
    previous: Option<&Api>,
    surroundings: &Surroundings,
) -> Result<Checked, Faults> {
    match value.as_object() {
        Some(document) => validate(document, previous, surroundings),
        None => validate(&Document::new(), previous, surroundings),
    }
}

/// Checks `document` and builds its model. Patterns that `previous` (the version being replaced)
/// already compiled are reused.
///
/// # Errors
/// All faults at once, in the order of the spec's rules. Never empty.
pub fn validate(
    document: &Document,
    previous: Option<&Api>,
    surroundings: &Surroundings,
) -> Result<Checked, Faults> {
    let mut faults = Faults::default();
    let label = member::api_label(document.get("id"));
    let mut warnings = Warnings::new(&label);

    let mut scope = Scope::new(&mut faults, Group::Api);
    let id = id(document, &mut scope);
    let name = scope.required_text(document, "name");
    let proxy = proxy::check(document.get("proxy"), &mut scope, &mut warnings);
    let default_version = versions::check(document.get("version_data"), &mut scope, &mut warnings);
    auth::check_types(document, &mut scope);
    let limits = endpoint::Limits::of(document, &mut scope);

    auth::check(
        document,
        &mut Scope::new(&mut faults, Group::Definition(&label)),
    );

    let endpoints = endpoint::List {
        api: &label,
        jwt: token_source::is_jwt(document),
        limits,
        add_headers: add_headers::check(default_version),
        patterns: patterns::Patterns::of(previous),
        faults: &mut faults,
        warnings: &mut warnings,
    }
    .check(default_version);

    match (id, proxy) {
        (Some(id), Some(proxy)) if faults.is_empty() => {
            let versioned = !matches!(
                document.get("versioned"),
                None | Some(Value::Null | Value::Bool(false))
            );
            let api = Api {
                id: Arc::from(id),
                name: name.unwrap_or_default().to_owned(),
                versioned,
                auth: token_source::resolve(document),
                proxy,
                add_headers: endpoints.add_headers,
                endpoints: endpoints.list,
            };
            warnings.judge(&api, surroundings);
            Ok(Checked {
                api,
                warnings: warnings.into_list(),
            })
        }
        _ => Err(faults),
    }
}

/// Rules 1 and 2, and the limits of ids in the cluster (cluster.md, part 6).
fn id<'d>(document: &'d Document, scope: &mut Scope<'_>) -> Option<&'d str> {
    let id = scope.required_text(document, "id")?;
    if id.len() > API_ID_BYTES_MAX {
        scope.fault(
            "id",
            format!("must have a length of at most {API_ID_BYTES_MAX} bytes"),
        );
        return None;
    }
    if id.chars().any(char::is_control) {
        scope.fault("id", "must not contain control characters");
        return None;
    }
    if is_reserved(id) {
        scope.fault(
            "id",
            format!("must not begin with {RESERVED_PREFIX}, which is kept for the gateway itself"),
        );
        return None;
    }
    Some(id)
}
