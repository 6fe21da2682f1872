//! Patterns that take for ever, or all memory, elsewhere: judged and matched in bounded time
//! (spec: `proxying.md` 3.2.4).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    client::{Connection, Request, ask},
    definition::{api, endpoint},
    gateway::Gateway,
    puppet::Puppet,
};

/// For a definition: a debug build on a busy machine needs a tenth of it.
const DEFINITION_MAX: Duration = Duration::from_secs(5);
/// For a request with the longest path that fits.
const REQUEST_MAX: Duration = Duration::from_secs(2);

/// What makes a back-tracking matcher explode, or a compiler.
fn catastrophes() -> Vec<String> {
    let mut patterns: Vec<String> = [
        "/(a+)+$",
        "/(a*)*b",
        "/(a|aa)+$",
        "/(a|a?)+$",
        "/(.*a){25}",
        "/(.*)*(.*)*(.*)*x",
        "/([a-zA-Z]+)*/x",
        "/(x+x+)+y",
        "/a{1000}",
        "/(a{1,1000}){1,1000}",
        "/((a{1,100}){1,100}){1,100}",
        "/\\w{1000}",
        "/[\\s\\S]{5000}",
        "/\\p{L}{200}\\p{N}{200}",
        "/(?i)(k|s|ſ|K){500}",
        "/(?:(?:(?:(?:(?:a?){30}){30}){30}){30}){30}",
    ]
    .map(str::to_owned)
    .into();
    patterns.push(format!("/{}a{}", "(".repeat(1_000), ")".repeat(1_000)));
    patterns.push(format!("/{}", "(a|b)?".repeat(600)));
    patterns.push(format!("/{}", "a?".repeat(1_000) + &"a".repeat(1_000)));
    patterns.push(format!("/({})", vec!["[a-z]*"; 500].join("|")));
    patterns.push("a".repeat(100_000));
    patterns
}

/// An operator, or whoever can reach the port, stores a definition with such a pattern, and a client
/// sends it the path it was made for.
#[test]
fn a_catastrophic_pattern_costs_bounded_time_when_stored_and_when_matched() {
    let backend = Puppet::obliging();
    let gateway = Gateway::builder()
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let mut connection = Connection::open(gateway.inbound()).expect("a connection");
    let (mut stored, mut refused) = (0, 0);
    for pattern in catastrophes() {
        let shown: String = pattern.chars().take(40).collect();
        let definition = api(
            "p",
            backend.address(),
            &[endpoint("e", "GET", &pattern, json!({}))],
        );
        let asked = Instant::now();
        let answer = ask(
            gateway.api(),
            &Request::json("POST", "/v3/apis", &definition),
        )
        .expect("an answer");
        let elapsed = asked.elapsed();
        assert!(elapsed < DEFINITION_MAX, "{shown}: {elapsed:?}");
        match answer.status {
            201 => stored += 1,
            400 => {
                let faults = answer.json();
                let said = faults["p/e"][0]["path_regex"].as_str();
                assert!(
                    said.is_some_and(|text| text.len() < 1_000),
                    "{shown}: {faults}"
                );
                refused += 1;
                continue;
            }
            status => panic!("{status}: {shown}"),
        }
        for path in [
            format!("/{}", "a".repeat(50_000)),
            format!("/{}!", "a".repeat(50_000)),
            format!("/{}y", "x".repeat(50_000)),
            format!("/{}", "a/".repeat(25_000)),
            format!("/{}", "%C5%BF".repeat(8_000)),
        ] {
            let asked = Instant::now();
            let answer = connection
                .ask(&Request::new("GET", &path))
                .expect("an answer");
            let elapsed = asked.elapsed();
            assert!(
                matches!(answer.status, 200 | 404),
                "{shown}: {}",
                answer.status
            );
            assert!(elapsed < REQUEST_MAX, "{shown}: {elapsed:?}");
        }
        let gone = ask(gateway.api(), &Request::new("DELETE", "/v3/apis/p")).expect("an answer");
        assert_eq!(gone.status, 204);
    }
    assert!(
        stored > 4 && refused > 4,
        "{stored} stored, {refused} refused"
    );
}

/// The largest definition that fits, full of the most costly patterns that are allowed.
#[test]
fn a_definition_full_of_costly_patterns_is_judged_in_bounded_time() {
    let backend = Puppet::obliging();
    let gateway = Gateway::builder()
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let endpoints: Vec<Value> = (0..500)
        .map(|n| {
            let pattern = format!("/{n}/([a-z]{{1,40}}){{1,9}}/(.*)(x|y)+");
            endpoint(&format!("e{n}"), "GET", &pattern, json!({}))
        })
        .collect();
    let definition = api("p", backend.address(), &endpoints);
    let asked = Instant::now();
    let answer = ask(
        gateway.api(),
        &Request::json("POST", "/v3/apis", &definition),
    )
    .expect("an answer");
    let elapsed = asked.elapsed();
    assert!(matches!(answer.status, 201 | 400), "{}", answer.json());
    assert!(elapsed < 4 * DEFINITION_MAX, "{elapsed:?}");
    let path = format!("/7/{}", "a".repeat(50_000));
    let asked = Instant::now();
    let answer = ask(gateway.inbound(), &Request::new("GET", &path)).expect("an answer");
    assert!(matches!(answer.status, 200 | 404), "{}", answer.status);
    assert!(asked.elapsed() < REQUEST_MAX, "{:?}", asked.elapsed());
}
