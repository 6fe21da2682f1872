//! `auth.jsonl`: token sources work as configured, the scheme is case-insensitive, claims are
//! checked strictly.

use crate::support::{
    change::{
        Cases,
        Change::{self, AsSent, Cors, Echo, Member, With},
        Deviation,
    },
    golden::File::Auth,
};

/// What an unauthorised request gets, and the back end does not see.
const UNAUTHORIZED: &[Change] = &[
    Cors(401, "Authentication failed.", "content-type"),
    With(|expected, _| expected.saw.clear()),
];

pub(super) fn table() -> Vec<Deviation> {
    let named = |cases, spec, why, changes| Deviation {
        cases: Cases::Named(Auth, cases),
        spec,
        why,
        changes,
    };
    vec![
        named(
            &["ah_bearer_nbf_future"],
            "auth.md 6.1",
            "nbf is honoured",
            UNAUTHORIZED,
        ),
        named(
            &["ah_bearer_exp_string"],
            "auth.md 6.1",
            "an exp that is no number must not mean \"never\"",
            UNAUTHORIZED,
        ),
        named(
            &[
                "ah_header_lower_bearer",
                "ah_header_uppercase",
                "ah_header_two_spaces",
            ],
            "proxying.md 3.9",
            "the scheme is case-insensitive and any white space follows it (RFC 9110, 11.1)",
            &[Echo, AsSent],
        ),
        named(
            &["aq_query_valid", "aq_query_multi"],
            "proxying.md 3.9",
            "tokens in the query work as configured, a comma list of them too",
            &[Echo, AsSent],
        ),
        named(
            &["aq_header_valid_not_allowed?"],
            "api-definitions.md 1.5",
            "use_header: false given together with use_query: true turns the header off",
            UNAUTHORIZED,
        ),
        named(
            &["ax_valid", "ax_bearer_prefix"],
            "api-definitions.md 1.5",
            "header_name is honoured: a bare token or Bearer in front of it",
            &[Echo, AsSent],
        ),
        named(
            &["ax_authorization_header"],
            "api-definitions.md 1.5",
            "header_name is honoured, so Authorization is not looked at",
            UNAUTHORIZED,
        ),
        named(
            &["get_effective_ax"],
            "api-definitions.md 1.5",
            "the JWT rule fills only missing keys",
            &[Member("/auth/header_name", "\"X-Token\"")],
        ),
        named(
            &["get_effective_aq"],
            "api-definitions.md 1.5",
            "the JWT rule fills only missing keys: the header stays off, its name is filled in",
            &[Member("/auth/use_header", "false")],
        ),
    ]
}
