//! Requests are proxied as recorded (spec: `proxying.md`).

use serde_json::Value;

use crate::{
    conformance::deviations::{self, REFUSED},
    support::{
        backend::Backend,
        client::{Request, ask},
        gateway::{Builder, Gateway},
        golden::{File, Ports},
        replay::{Sides, Stage},
    },
};

/// Scale of the back end's delays; see `deviations`.
const PACE: f64 = 0.3;

/// The settings of the recording, with shorter deadlines.
fn settings() -> Builder {
    Gateway::builder()
        .env("JWT_SECRET_KEY", "mysecret")
        .env("PROXY_CONNECT_TIMEOUT", "1000")
        .env("PROXY_RECV_TIMEOUT", "1500")
        .env("RIG_TEST_HOST", "127.0.0.1")
}

#[test]
fn requests_are_proxied_as_recorded() {
    let stage = Stage::start(settings(), PACE);
    stage.define(&deviations::definitions(File::Proxy, stage.ports()));
    let report = stage.replay(File::Proxy, &deviations::table());
    assert!(report.mismatches.is_empty(), "{report}");
}

#[test]
fn definitions_that_could_only_fail_are_refused() {
    let stage = Stage::start(settings(), PACE);
    let recorded = File::Proxy.definitions(stage.ports());
    for refused in &REFUSED {
        let definition = recorded
            .iter()
            .find(|definition| definition["id"] == refused.api);
        let request = Request::json("POST", "/v3/apis", definition.expect("recorded"));
        let answer = ask(stage.gateway().api(), &request).expect("an answer");
        let faults: Value = serde_json::from_str(refused.faults).expect("JSON");
        assert_eq!((answer.status, answer.json()), (400, faults));
    }
}

#[test]
fn a_gateway_that_only_echoes_does_not_pass() {
    let backend = Backend::start(0.0);
    let address = backend.address();
    let ports = Ports {
        backend: address.port(),
        closed: 9,
    };
    let sides = Sides {
        inbound: address,
        api: address,
        backend: &backend,
        ports,
    };
    let report = sides.replay(File::Proxy, &deviations::table());
    assert_eq!(report.cases, 196);
    let fine = report.cases - report.mismatches.len();
    assert_eq!(
        fine, 0,
        "every case sees that nothing was added or refused: {report}"
    );
}
