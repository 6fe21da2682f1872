//! Rules 5 to 8: `proxy` (spec: `api-definitions.md` 1.4).

use serde_json::{Map, Value};

use super::{
    member::{Scope, is_blank, is_true},
    warnings::Warnings,
};
use crate::core::api::{
    Address,
    target_url::{NotATarget, TargetUrl},
};

/// Checks `proxy` and reads it.
pub(super) fn check(
    value: Option<&Value>,
    scope: &mut Scope<'_>,
    warnings: &mut Warnings<'_>,
) -> Option<Address> {
    if is_blank(value) {
        scope.fault("proxy", "must be present");
    }
    let Some(members) = value?.as_object() else {
        scope.fault("proxy", "must be map");
        return None;
    };
    let target_url = scope.required_text(members, "target_url");
    let port = port(members);
    let use_env = is_true(members, "use_env");
    if port.is_none() {
        scope.fault("port", "must be integer");
    }
    // The value of a variable is judged where it is read; its name may be any.
    let usable = match target_url {
        Some(url) if !use_env => match TargetUrl::parse(url) {
            Ok(parsed) => {
                warn(&parsed, port, warnings);
                true
            }
            Err(NotATarget) => {
                scope.fault("target_url", NotATarget.to_string());
                false
            }
        },
        Some(_) | None => true,
    };
    match (target_url, port) {
        (Some(url), Some(port)) if usable => Some(Address {
            target_url: url.to_owned(),
            port,
            use_env,
        }),
        _ => None,
    }
}

/// 1 to 65535.
fn port(members: &Map<String, Value>) -> Option<u16> {
    let number = members.get("port")?.as_u64()?;
    u16::try_from(number).ok().filter(|port| *port != 0)
}

/// Tells of what `target_url` says in vain.
fn warn(url: &TargetUrl<'_>, port: Option<u16>, warnings: &mut Warnings<'_>) {
    let dropped_port = url
        .port
        .filter(|named| port.is_some_and(|port| port != *named));
    let dropped_path = Some(url.path).filter(|path| !matches!(*path, "" | "/"));
    match (dropped_port, dropped_path) {
        (None, None) => {}
        (Some(named), None) => warnings.of_api(format!(
            "port {named} of `target_url` has no effect: `proxy.port` is used"
        )),
        (None, Some(path)) => warnings.of_api(format!(
            "path {path} of `target_url` has no effect: requests keep their own path, use \
             `path_replacement` to change it"
        )),
        (Some(named), Some(path)) => warnings.of_api(format!(
            "port {named} and path {path} of `target_url` have no effect: `proxy.port` is used, \
             and requests keep their own path"
        )),
    }
}
