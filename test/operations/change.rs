//! Definitions change while requests are served: none fails, none is answered wrongly, and a change
//! is in force when it is answered (spec: `management-api.md` 2.4, house rule "the data plane reads
//! a snapshot").

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use crate::support::{
    client::{Connection, Request},
    definition::{api, endpoint},
    gateway::Gateway,
    puppet::Puppet,
};

/// APIs with ten endpoints each.
const APIS: usize = 5;
const ENDPOINTS: usize = 10;
const CHANGES: usize = 1_000;
const CLIENTS: usize = 4;

/// Endpoint number `n` leads to `/to/n`, in every version.
fn hammered(id: usize, backend: SocketAddr, version: usize) -> Value {
    let endpoints: Vec<Value> = (id * ENDPOINTS..(id + 1) * ENDPOINTS)
        .map(|n| {
            let replacement = json!({"path_replacement": format!("/to/{n}")});
            endpoint(&format!("e{n}"), "GET", &format!("/from/{n}"), replacement)
        })
        .collect();
    let mut api = api(&format!("hammered-{id}"), backend, &endpoints);
    api["note"] = json!(version);
    api
}

/// Leads to `/version/N`.
fn flipped(backend: SocketAddr, version: usize) -> Value {
    let replacement = json!({"path_replacement": format!("/version/{version}")});
    api(
        "flipped",
        backend,
        &[endpoint("flip", "GET", "/flip", replacement)],
    )
}

/// Asks for all endpoints in turn until told to stop; gives how many answers were right.
///
/// # Panics
/// One was wrong, or missing.
fn hammer(inbound: SocketAddr, stopped: &AtomicBool, start: usize) -> usize {
    let mut connection = Connection::open(inbound).expect("a connection");
    let mut right = 0;
    while !stopped.load(Ordering::Relaxed) {
        let n = (start + right) % (APIS * ENDPOINTS);
        let request = Request::new("GET", &format!("/from/{n}"));
        let answer = connection.ask(&request).expect("an answer");
        let line = format!("GET /to/{n}");
        assert_eq!(
            (answer.status, answer.header("x-line")),
            (200, Some(&*line))
        );
        right += 1;
    }
    right
}

#[test]
fn a_thousand_changes_under_load_fail_no_request_and_each_is_in_force_when_answered() {
    let backend = Puppet::obliging();
    let to = backend.address();
    let mut definitions: Vec<Value> = (0..APIS).map(|id| hammered(id, to, 0)).collect();
    definitions.push(flipped(to, 0));
    let gateway = Gateway::builder()
        .config_json(&definitions)
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let stopped = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (inbound, stopped) = (gateway.inbound(), Arc::clone(&stopped));
            thread::spawn(move || hammer(inbound, &stopped, client * 13))
        })
        .collect();

    let mut admin = Connection::open(gateway.api()).expect("a connection");
    let mut reader = Connection::open(gateway.inbound()).expect("a connection");
    for version in 1..=CHANGES {
        let definition = match version % 10 {
            0 => hammered(version / 10 % APIS, to, version),
            _ => flipped(to, version),
        };
        let id = definition["id"].as_str().expect("an id");
        let change = Request::json("PUT", &format!("/v3/apis/{id}"), &definition);
        let answer = admin.ask(&change).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.json());
        if version % 10 != 0 {
            let seen = reader
                .ask(&Request::new("GET", "/flip"))
                .expect("an answer");
            let line = format!("GET /version/{version}");
            assert_eq!((seen.status, seen.header("x-line")), (200, Some(&*line)));
        }
    }
    stopped.store(true, Ordering::Relaxed);
    for client in clients {
        let right = client.join().expect("no wrong answer");
        assert!(right > 100, "only {right} requests");
    }
}

#[test]
fn an_api_that_comes_and_goes_is_there_and_gone_at_once() {
    let backend = Puppet::obliging();
    let gateway = Gateway::builder()
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let mut admin = Connection::open(gateway.api()).expect("a connection");
    let mut reader = Connection::open(gateway.inbound()).expect("a connection");
    for version in 0..50 {
        let create = Request::json("POST", "/v3/apis", &flipped(backend.address(), version));
        let delete = Request::new("DELETE", "/v3/apis/flipped");
        for (change, status, then) in [(create, 201, 200), (delete, 204, 404)] {
            let answer = admin.ask(&change).expect("an answer");
            assert_eq!(answer.status, status, "{}", answer.json());
            let answer = reader
                .ask(&Request::new("GET", "/flip"))
                .expect("an answer");
            assert_eq!(answer.status, then, "{} {version}", change.method);
        }
    }
}
