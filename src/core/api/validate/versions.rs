//! Rules 9 to 11: `version_data` (spec: `api-definitions.md` 1.3).

use serde_json::{Map, Value};

use super::{
    member::{Scope, is_blank},
    warnings::Warnings,
};

/// The only version that is routed.
const ROUTED: &str = "default";

/// Checks all versions; yields the one that is routed, if it is there and an object.
pub(super) fn check<'d>(
    value: Option<&'d Value>,
    scope: &mut Scope<'_>,
    warnings: &mut Warnings<'_>,
) -> Option<&'d Map<String, Value>> {
    if is_blank(value) {
        scope.fault("version_data", "must be present");
    }
    let Some(versions) = value?.as_object() else {
        scope.fault("version_data", "must be map");
        return None;
    };
    if versions.is_empty() {
        scope.fault(
            "version_data",
            "must have at least one version, e.g. default",
        );
    }
    for (name, version) in versions {
        match version.as_object() {
            None => scope.fault(name.clone(), "must be map"),
            Some(version) if !version.get("endpoints").is_some_and(Value::is_array) => {
                scope.fault("endpoints", "must be list");
            }
            Some(_) => {}
        }
    }
    if !versions.contains_key(ROUTED) {
        warnings.of_api(format!("nothing is routed: there is no version `{ROUTED}`"));
    }
    versions.get(ROUTED)?.as_object()
}
