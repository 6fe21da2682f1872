//! Every rule, by itself and in order: one file per kind of question.

mod goldens;
mod laws;
mod limits;
mod model;
mod refusals;
mod rules;
mod warning;
mod wrong_types;

use serde_json::{Value, json};

use super::{Checked, Surroundings, validate_value};
use crate::core::api::Api;

const WITH_KEY: Surroundings = Surroundings { has_key: true };

/// A definition without faults or warnings: id `x`, one endpoint `a`.
fn good() -> Value {
    json!({
        "id": "x", "name": "x",
        "proxy": {"use_env": false, "target_url": "localhost", "port": 7070},
        "version_data": {"default": {"endpoints": [
            {"id": "a", "method": "GET", "path_regex": "/a"}
        ]}}
    })
}

/// [`good`] with a top-level member set.
fn good_with(member: &str, value: Value) -> Value {
    let mut document = good();
    document[member] = value;
    document
}

/// [`good`] with members of its endpoint set.
fn endpoint_with(members: Value) -> Value {
    let mut document = good();
    let endpoint = &mut document["version_data"]["default"]["endpoints"][0];
    for (name, value) in members.as_object().unwrap() {
        endpoint[name.as_str()] = value.clone();
    }
    document
}

fn check(document: &Value) -> Checked {
    validate_value(document, None, &WITH_KEY)
        .unwrap_or_else(|faults| panic!("{document}\n{faults}"))
}

fn model(document: &Value) -> Api {
    check(document).api
}

/// The error map that `document` is refused with, as text.
fn error_map(document: &Value) -> String {
    let faults = validate_value(document, None, &WITH_KEY).expect_err(&document.to_string());
    serde_json::to_string(&faults).unwrap()
}

#[track_caller]
fn refuse(document: &Value, error_map_text: &str) {
    assert_eq!(error_map(document), error_map_text, "{document}");
}

/// `document` is refused for its endpoint `a` alone, with `entries`.
#[track_caller]
fn refuse_endpoint(document: &Value, entries: &str) {
    refuse(document, &format!(r#"{{"x/a":[{entries}]}}"#));
}
