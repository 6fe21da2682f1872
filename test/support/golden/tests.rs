//! The recordings are whole.

use std::collections::BTreeSet;

use super::{File, Line, Ports};

const PORTS: Ports = Ports {
    backend: 11,
    closed: 12,
};

#[test]
fn every_recorded_case_is_there_once_and_in_order() {
    for (file, count, first, last) in [
        (
            File::Mgmt,
            114,
            "list_empty_or_current",
            "method_override_header_ignored",
        ),
        (File::Proxy, 196, "method_GET", "bad_regex_delete"),
        (
            File::Auth,
            54,
            "ah_no_token",
            "ah_after_blacklist_expired_3s",
        ),
        (File::Blacklist, 32, "get_missing", "options"),
        (
            File::Events,
            141,
            "v3_structured_json",
            "inbound_method_OPTIONS",
        ),
        (File::Sse, 76, "connect_plain", "kill_session_2"),
    ] {
        let cases = file.cases(PORTS);
        assert_eq!(cases.len(), count);
        let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
        assert_eq!(names.len(), count, "names are unique");
        assert_eq!(cases[0].name, first);
        assert_eq!(cases[count - 1].name, last);
    }
}

#[test]
fn ports_and_tokens_are_put_in() {
    let text = format!("{:?}", File::Auth.cases(PORTS));
    assert!(text.contains("Bearer eyJ") && !text.contains("{token:"));
    let text: String = File::Proxy
        .definitions(PORTS)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(text.contains("\"port\":11") && text.contains("\"port\":12"));
    assert!(!text.contains("7070"));
}

#[test]
fn the_management_recording_has_its_unrecorded_deletions() {
    let lines = File::Mgmt.lines(PORTS);
    let steps: Vec<_> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Step { step } => Some(step.as_str()),
            Line::Case(_) | Line::Stream(_) => None,
        })
        .collect();
    assert_eq!(steps, ["delete every api", "delete yvnd"]);
}
