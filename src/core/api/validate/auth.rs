//! Rules 12 to 14: `auth` and `auth_type` (spec: `api-definitions.md` 1.5).
//!
//! They judge what was submitted; what is enforced follows from [`token_source`].

use http::HeaderName;
use serde_json::{Map, Value};

use super::member::{Scope, is_blank, is_true};
use crate::core::api::{document::Document, token_source};

/// The types, in group `api`, which exists whatever the id is.
pub(super) fn check_types(document: &Document, scope: &mut Scope<'_>) {
    if document.get("auth").is_some_and(|auth| !auth.is_object()) {
        scope.fault("auth", "must be map");
    }
    // The text itself is free: anything but "jwt" means no check.
    let _ = scope.optional_text(document, "auth_type");
}

/// The rules, in group `<api id>`.
pub(super) fn check(document: &Document, scope: &mut Scope<'_>) {
    let Some(auth) = document.get("auth").and_then(Value::as_object) else {
        return;
    };
    if document.get("id").is_none_or(Value::is_null) {
        return;
    }
    name(auth, "use_header", "header_name", scope);
    name(auth, "use_query", "query_name", scope);
    let jwt = token_source::is_jwt(document);
    if !jwt && (is_true(auth, "use_header") || is_true(auth, "use_query")) {
        scope.fault("auth_type", "must be one of [\"jwt\"]");
    }
    let header = token_source::resolve(document).header;
    if header.is_some_and(|header| HeaderName::try_from(header).is_err()) {
        // No request could carry it: every secured endpoint would be locked.
        scope.fault("header_name", "must be a header name");
    }
}

/// A source that is switched on needs its name, and a name is a string.
fn name(auth: &Map<String, Value>, switch: &str, field: &'static str, scope: &mut Scope<'_>) {
    let value = auth.get(field);
    if is_blank(value) {
        if !is_blank(auth.get(switch)) {
            scope.fault(field, "must be present");
        }
    } else if !value.is_some_and(Value::is_string) {
        scope.fault(field, "must be string");
    }
}
