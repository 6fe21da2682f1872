//! Submitted events are answered as recorded, on all three routes (spec: `events.md` 5.2, 5.3).

use crate::{
    conformance::deviations,
    support::{gateway::Gateway, golden::File, replay::Stage},
};

#[test]
fn submitted_events_are_answered_as_recorded() {
    let stage = Stage::start(Gateway::builder().env("JWT_SECRET_KEY", "mysecret"), 1.0);
    let report = stage.replay(File::Events, &deviations::table());
    assert!(report.mismatches.is_empty(), "{report}");
}
