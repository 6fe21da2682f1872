//! Secured endpoints let through whom they are recorded to let through (spec: `auth.md`,
//! `proxying.md` 3.9).

use crate::{
    conformance::deviations,
    support::{
        backend::Backend,
        client::{Request, ask},
        gateway::{Builder, Gateway},
        golden::{File, Ports},
        replay::Stage,
    },
};

fn settings() -> Builder {
    Gateway::builder().env("JWT_SECRET_KEY", "mysecret")
}

#[test]
fn secured_endpoints_answer_as_recorded() {
    let stage = Stage::start(settings(), 1.0);
    stage.define(&deviations::definitions(File::Auth, stage.ports()));
    let report = stage.replay(File::Auth, &deviations::table());
    assert!(report.mismatches.is_empty(), "{report}");
}

#[test]
fn definitions_of_the_start_up_file_are_served_from_the_first_request() {
    let backend = Backend::start(1.0);
    let ports = Ports {
        backend: backend.address().port(),
        closed: 9,
    };
    let definitions = deviations::definitions(File::Auth, ports);
    let gateway = settings()
        .config_json(&definitions)
        .start()
        .expect("a gateway");
    for (path, status) in [("/ah/open", 200), ("/ah/sec", 401), ("/nowhere", 404)] {
        let answer = ask(gateway.inbound(), &Request::new("GET", path)).expect("an answer");
        assert_eq!(answer.status, status, "{path}");
    }
    assert_eq!(backend.take().len(), 1);
}
