//! Sessions are revoked and asked about as recorded (spec: `management-api.md` 2.7).

use crate::{
    conformance::deviations,
    support::{gateway::Gateway, golden::File, replay::Stage},
};

#[test]
fn sessions_are_revoked_as_recorded() {
    let stage = Stage::start(Gateway::builder(), 1.0);
    let report = stage.replay(File::Blacklist, &deviations::table());
    assert!(report.mismatches.is_empty(), "{report}");
}
