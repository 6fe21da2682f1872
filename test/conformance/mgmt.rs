//! The management API answers as recorded (spec: `management-api.md` 2.4, `api-definitions.md`).

use serde_json::json;

use crate::{
    conformance::deviations,
    support::{
        client::{Request, ask},
        gateway::Gateway,
        golden::File,
        replay::Stage,
    },
};

#[test]
fn definitions_are_managed_as_recorded() {
    let stage = Stage::start(Gateway::builder().env("JWT_SECRET_KEY", "mysecret"), 1.0);
    let report = stage.replay(File::Mgmt, &deviations::table());
    assert!(report.mismatches.is_empty(), "{report}");
}

#[test]
fn a_definition_above_one_mebibyte_is_refused_with_413() {
    let stage = Stage::start(Gateway::builder(), 1.0);
    let definition = |padding: usize| {
        json!({
            "id": "big", "name": "big", "padding": "x".repeat(padding),
            "proxy": {"target_url": "localhost", "port": 80},
            "version_data": {"default": {"endpoints": []}},
        })
    };
    let post = |padding| {
        let request = Request::json("POST", "/v3/apis", &definition(padding));
        ask(stage.gateway().api(), &request).expect("an answer")
    };
    let refused = post(1024 * 1024);
    assert_eq!(refused.status, 413);
    assert_eq!(refused.json(), json!({"errors": {"detail": "Bad request"}}));
    assert_eq!(post(1000 * 1000).status, 201);
}
