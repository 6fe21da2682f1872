//! Every case in which our gateway intentionally answers other than the original, and why.
//!
//! The spec's lines marked *ours* decide; "golden" data that the table does not name must be
//! reproduced. Tables per file, then the rules that hold for every answer of a kind. For speed the
//! proxy cases run with `PROXY_RECV_TIMEOUT=1500`, `PROXY_CONNECT_TIMEOUT=1000` and a back end whose
//! delays are scaled by 0.3, so that 7 s is still too slow and 3 s still in time.

mod auth;
mod blacklist;
mod events;
mod mgmt;
mod proxy;
mod rules;
pub(crate) mod sse;

use serde_json::Value;

use crate::support::{
    change::Deviation,
    golden::{File, Ports},
};

/// The whole table.
pub(crate) fn table() -> Vec<Deviation> {
    let mut table = mgmt::table();
    table.extend(proxy::table());
    table.extend(auth::table());
    table.extend(blacklist::table());
    table.extend(events::table());
    table.extend(sse::table());
    table.extend(rules::table());
    table.extend(events::rules());
    table
}

/// The recorded definitions without those that we refuse.
pub(crate) fn definitions(file: File, ports: Ports) -> Vec<Value> {
    let mut definitions = file.definitions(ports);
    definitions.retain(|definition| !REFUSED.iter().any(|refused| refused.whole(definition)));
    for definition in &mut definitions {
        let endpoints = definition.pointer_mut("/version_data/default/endpoints");
        if let Some(endpoints) = endpoints.and_then(Value::as_array_mut) {
            endpoints.retain(|endpoint| !REFUSED.iter().any(|refused| refused.is(endpoint)));
        }
    }
    definitions
}

/// A recorded definition that the original stored and we refuse.
pub(crate) struct Refused {
    /// Id of the API.
    pub(crate) api: &'static str,
    /// Id of the endpoint at fault.
    pub(crate) endpoint: &'static str,
    /// The error map.
    pub(crate) faults: &'static str,
    /// Nothing else is in the API, so it is left out as a whole.
    alone: bool,
}

/// All of them (`api-definitions.md` 1.8, "things that are not validated").
pub(crate) const REFUSED: [Refused; 2] = [
    Refused {
        api: "p",
        endpoint: "rx9",
        faults: r#"{"p/rx9":[{"path_replacement":"must be a path"}]}"#,
        alone: false,
    },
    Refused {
        api: "badt",
        endpoint: "a",
        faults: r#"{"badt/a":[{"target":"must be one of [\"http\",\"kafka\",\"kinesis\",\"nats\"]"}]}"#,
        alone: true,
    },
];

// === impl Refused ===

impl Refused {
    fn whole(&self, definition: &Value) -> bool {
        self.alone && definition["id"] == self.api
    }

    fn is(&self, endpoint: &Value) -> bool {
        !self.alone && endpoint["id"] == self.endpoint
    }
}

#[cfg(test)]
mod tests {
    use super::{definitions, table};
    use crate::support::{
        change::{Cases, expected},
        expected::Expected,
        golden::{File, Ports},
    };

    const PORTS: Ports = Ports {
        backend: 11,
        closed: 12,
    };

    #[test]
    fn every_named_deviation_is_about_a_case_and_changes_it() {
        for deviation in table() {
            let Cases::Named(file, names) = deviation.cases else {
                continue;
            };
            assert!(!deviation.spec.is_empty() && !deviation.why.is_empty());
            let cases = file.cases(PORTS);
            for name in names {
                let case = cases.iter().find(|case| case.name == *name);
                let case = case.unwrap_or_else(|| panic!("no case {name} in {file:?}"));
                let recorded = Expected::recorded(case, PORTS);
                let mut changed = recorded.clone();
                deviation.apply(&mut changed, case, PORTS);
                assert_ne!(changed, recorded, "{name} is as recorded");
            }
        }
    }

    #[test]
    fn every_rule_changes_a_case() {
        let table = table();
        for (place, rule) in table.iter().enumerate() {
            let Cases::Every(applies) = rule.cases else {
                continue;
            };
            assert!(!rule.spec.is_empty() && !rule.why.is_empty());
            let changes = |file: File| {
                file.cases(PORTS).iter().any(|case| {
                    // As it stands when it is this rule's turn.
                    let before = expected(&table[..place], file, case, PORTS);
                    let mut after = before.clone();
                    let named = applies(case, &before);
                    if named {
                        rule.apply(&mut after, case, PORTS);
                    }
                    after != before
                })
            };
            assert!(
                File::ALL.into_iter().any(changes),
                "{} ({})",
                rule.why,
                rule.spec
            );
        }
    }

    #[test]
    fn no_case_is_decided_twice() {
        let table = table();
        for file in File::ALL {
            for case in file.cases(PORTS) {
                let named = table
                    .iter()
                    .filter(|deviation| deviation.names(file, &case.name));
                assert!(named.count() < 2, "{}", case.name);
            }
        }
    }

    #[test]
    fn no_request_is_expected_to_end_in_a_500_of_ours() {
        let table = table();
        for file in File::ALL {
            for case in file.cases(PORTS) {
                let expected = crate::support::change::expected(&table, file, &case, PORTS);
                let passed = case.name == "backend_status_500";
                assert_eq!(expected.status == 500, passed, "{}", case.name);
            }
        }
    }

    #[test]
    fn refused_definitions_are_left_out_and_nothing_else() {
        let recorded = File::Proxy.definitions(PORTS);
        let ours = definitions(File::Proxy, PORTS);
        assert_eq!(ours.len() + 1, recorded.len());
        let endpoints = |definitions: &[serde_json::Value]| {
            let lists = definitions
                .iter()
                .map(|api| &api["version_data"]["default"]["endpoints"]);
            lists
                .filter_map(|list| list.as_array().map(Vec::len))
                .sum::<usize>()
        };
        assert_eq!(endpoints(&ours) + 2, endpoints(&recorded));
        assert_eq!(
            definitions(File::Auth, PORTS),
            File::Auth.definitions(PORTS)
        );
    }
}
