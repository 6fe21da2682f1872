//! `blacklist.jsonl`: one crash less, and a location that can be asked for.

use crate::support::{
    change::{
        Cases,
        Change::{Header, Json, Status},
        Deviation,
    },
    golden::File::Blacklist,
};

pub(super) fn table() -> Vec<Deviation> {
    let named = |cases, why, changes| Deviation {
        cases: Cases::Named(Blacklist, cases),
        spec: "management-api.md 2.7",
        why,
        changes,
    };
    vec![
        named(
            &["post_validity_float"],
            "a validity with a fraction is rounded up",
            &[
                Status(201),
                Json("{}"),
                Header("location", "/v3/session-blacklist/xf"),
                Header("access-control-allow-origin", "*"),
            ],
        ),
        named(
            &["post_unicode_slash"],
            "the session is one percent-encoded path segment of the location",
            &[Header("location", "/v3/session-blacklist/a%2Fb%20%C3%BC")],
        ),
    ]
}
