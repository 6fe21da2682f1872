//! The meters: their names and labels, and that no client can multiply them
//! (spec: `observability.md` 9.2, `proxying.md` 3.13; `names.md`).

use std::time::Duration;

use serde_json::json;

use crate::support::{
    client::{Connection, Request, ask, ask_until},
    definition::{api, endpoint, guarded_api},
    gateway::Gateway,
    puppet::{Patient, Puppet},
};

const SOON: Duration = Duration::from_secs(5);

fn metrics(gateway: &Gateway) -> String {
    let answer = ask(gateway.api(), &Request::new("GET", "/metrics")).expect("an answer");
    assert_eq!(answer.status, 200);
    String::from_utf8(answer.body.bytes).expect("text")
}

/// Waits until the metrics have `line`.
fn await_line(gateway: &Gateway, line: &str) {
    let request = Request::new("GET", "/metrics");
    let shown = |text: &[u8]| String::from_utf8_lossy(text).lines().any(|it| it == line);
    let found = ask_until(gateway.api(), &request, SOON, |answer| {
        shown(&answer.body.bytes)
    });
    if let Err(error) = found {
        panic!("no {line:?}: {error}\n{}", metrics(gateway));
    }
}

/// Names that dashboards use.
const NAMES: [&str; 8] = [
    "rig_proxy_requests_total",
    "rig_proxy_request_duration_seconds_bucket",
    "rig_proxy_requests_in_flight",
    "rig_upstream_connections",
    "rig_build_info",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
];

/// A gateway with an endpoint for each way a request can end.
fn start(backend: &Puppet) -> Gateway {
    let endpoints = [
        endpoint("list", "GET", "/shop/([a-z]+)", json!({})),
        endpoint("brew", "BREW", "/pot", json!({})),
        endpoint(
            "queue",
            "POST",
            "/queue",
            json!({"target": "kafka", "topic": "t"}),
        ),
        endpoint("small", "POST", "/small", json!({"max_body_bytes": 1})),
    ];
    let till = endpoint("till", "GET", "/till", json!({"secured": true}));
    let gone = endpoint("gone", "GET", "/gone", json!({}));
    Gateway::builder()
        .env("JWT_SECRET_KEY", "mysecret")
        .config_json(&[
            api("a", backend.address(), &endpoints),
            guarded_api("b", backend.address(), &[till]),
            api("c", ([127, 0, 0, 1], 1).into(), &[gone]),
        ])
        .start()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Method and target of a request, its status, and the labels it is counted under: method,
/// pattern, target and outcome, with the count.
const ENDS: [&str; 10] = [
    "GET /shop/hats?q 200 GET /shop/([a-z]+) http ok 1",
    "HEAD /shop/caps 200 GET /shop/([a-z]+) http ok 2",
    "GET /nowhere 404 GET N/A N/A not_found 1",
    "BREW /nowhere 404 OTHER N/A N/A not_found 1",
    "BREW /pot 405 OTHER N/A N/A method_not_allowed 1",
    "GET /%zz 400 GET N/A N/A bad_request 1",
    "GET /till 401 GET /till http unauthorized 1",
    "GET /gone 502 GET /gone http unreachable 1",
    "POST /queue 503 POST /queue kafka unavailable 1",
    "POST /small 413 POST /small http payload_too_large 1",
];

#[test]
fn requests_are_counted_under_the_documented_names_and_labels() {
    let backend = Puppet::obliging();
    let gateway = start(&backend);
    for end in ENDS {
        let words: Vec<&str> = end.split(' ').collect();
        let [method, path, status, labels @ ..] = &words[..] else {
            panic!("{end}");
        };
        let request = Request::json(method, path, &json!("body"));
        let answer = ask(gateway.inbound(), &request).expect("an answer");
        assert_eq!(answer.status.to_string(), *status, "{end}");
        let [method, pattern, target, outcome, count] = labels else {
            panic!("{end}");
        };
        let count = count.parse().expect("a number");
        await_line(&gateway, &counted(method, pattern, target, outcome, count));
    }
    let text = metrics(&gateway);
    for name in NAMES {
        assert!(
            text.lines().any(|line| line.starts_with(name)),
            "{name}\n{text}"
        );
    }
    await_line(&gateway, "rig_apis 3");
    await_line(&gateway, "rig_endpoints 6");
    assert!(!text.contains("hats"), "a path is never a label");
}

/// The line of the counter.
fn counted(method: &str, pattern: &str, target: &str, status: &str, count: u32) -> String {
    let from = if target == "N/A" { "N/A" } else { "http" };
    format!(
        "rig_proxy_requests_total{{method=\"{method}\",path=\"{pattern}\",path_regex=\"{pattern}\",\
         response_from=\"{from}\",status=\"{status}\",target=\"{target}\"}} {count}"
    )
}

#[test]
fn random_paths_and_methods_add_no_series() {
    let backend = Puppet::obliging();
    let any = endpoint("any", "GET", "/any/.*", json!({}));
    let gateway = Gateway::builder()
        .config_json(&[api("a", backend.address(), &[any])])
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let mut connection = Connection::open(gateway.inbound()).expect("a connection");
    let mut send = |n: u64| {
        let path = if n.is_multiple_of(2) { "any" } else { "none" };
        let method = match n % 4 {
            0 | 1 => "GET".to_owned(),
            _ => format!("M{n}"),
        };
        let target = format!("/{path}/{:x}?q={n}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let answer = connection
            .ask(&Request::new(&method, &target))
            .expect("an answer");
        assert!(matches!(answer.status, 200 | 404), "{method} {target}");
    };
    let series = || {
        metrics(&gateway)
            .lines()
            .filter(|line| !line.starts_with('#'))
            .count()
    };
    (0..8).for_each(&mut send);
    let before = series();
    (8..1_008).for_each(&mut send);
    assert_eq!(series(), before);
}

#[test]
fn the_number_of_requests_in_flight_returns_to_zero() {
    let backend = Patient::start();
    let any = endpoint("any", "GET", "/any", json!({}));
    let gateway = Gateway::builder()
        .config_json(&[api("a", backend.address(), &[any])])
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let request = Request::new("GET", "/any");
    await_line(&gateway, "rig_proxy_requests_in_flight 0");
    let mut patient = Connection::open(gateway.inbound()).expect("a connection");
    patient.send(&request.to_bytes()).expect("sent");
    backend.arrived();
    await_line(&gateway, "rig_proxy_requests_in_flight 1");
    await_line(&gateway, "rig_inbound_connections 1");
    backend.allow();
    assert_eq!(patient.receive("GET").expect("an answer").status, 200);
    await_line(&gateway, "rig_proxy_requests_in_flight 0");

    // A client that does not wait for its answer is counted too, and only once.
    let mut leaver = Connection::open(gateway.inbound()).expect("a connection");
    leaver.send(&request.to_bytes()).expect("sent");
    backend.arrived();
    drop(leaver);
    await_line(&gateway, "rig_proxy_requests_in_flight 0");
    await_line(
        &gateway,
        &counted("GET", "/any", "http", "client_closed", 1),
    );
    await_line(&gateway, "rig_inbound_connections 1");
    backend.allow();
}

#[test]
fn a_client_that_breaks_off_within_its_body_is_not_counted_as_the_targets_fault() {
    let backend = Puppet::obliging();
    let any = endpoint("any", "POST", "/any", json!({}));
    let gateway = Gateway::builder()
        .config_json(&[api("a", backend.address(), &[any])])
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let head = "POST /any HTTP/1.1\r\nhost: a\r\n";
    for (number, rest) in (1..).zip([
        "content-length: 10\r\n\r\nhello",
        "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ]) {
        let mut leaver = Connection::open(gateway.inbound()).expect("a connection");
        leaver
            .send(format!("{head}{rest}").as_bytes())
            .expect("sent");
        await_line(&gateway, "rig_proxy_requests_in_flight 1");
        drop(leaver);
        await_line(
            &gateway,
            &counted("POST", "/any", "http", "client_closed", number),
        );
    }
}

#[test]
fn metrics_can_be_switched_off() {
    let gateway = Gateway::builder()
        .env("PROMETHEUS_METRICS_ENABLED", "false")
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let answer = ask(gateway.api(), &Request::new("GET", "/metrics")).expect("an answer");
    assert_eq!(answer.status, 404);
}

/// A rule about a metric that nobody knows never fires, and nobody notices.
#[test]
fn every_metric_of_the_alert_rules_is_documented() {
    let read = |path: &str| {
        let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let rules = read("rel/prometheus-alerts.yaml");
    let described = read("docs/operations.md") + &read("docs/cluster.md");
    let is_part = |char: char| char.is_ascii_lowercase() || char == '_';
    let named: std::collections::BTreeSet<&str> = rules
        .split(|char| !is_part(char))
        .filter(|word| word.starts_with("rig_"))
        // The parts of a histogram are not described one by one.
        .map(|word| word.trim_end_matches("_bucket"))
        .collect();
    assert!(named.len() > 10, "{named:?}");
    for name in named {
        let is_described = ["`", "{"]
            .iter()
            .any(|end| described.contains(&format!("`{name}{end}")));
        assert!(is_described, "{name}");
    }
}
