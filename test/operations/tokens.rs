//! Tokens on secured endpoints: secrets, published keys, rotation, and an issuer that is away
//! (spec: `auth.md` 6.1; `names.md` `JWT_JWKS_URL`).

use std::{net::SocketAddr, thread, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    client::{Connection, Request, ask},
    definition::{endpoint, guarded_api},
    gateway::{Builder, Gateway},
    issuer::{Issuer, hs256, now, rs256},
    puppet::Puppet,
};

const SOON: Duration = Duration::from_secs(5);

fn start(builder: Builder, backend: &Puppet) -> Gateway {
    let any = endpoint("any", "GET", "/any", json!({"secured": true}));
    builder
        .config_json(&[guarded_api("a", backend.address(), &[any])])
        .start()
        .unwrap_or_else(|error| panic!("{error}"))
}

fn bearing(token: &str) -> Request {
    Request::new("GET", "/any").with("authorization", &format!("Bearer {token}"))
}

fn status(inbound: SocketAddr, token: &str) -> u16 {
    ask(inbound, &bearing(token)).expect("an answer").status
}

#[test]
fn a_shared_secret_lets_its_tokens_through_if_issuer_and_audience_are_the_required_ones() {
    let backend = Puppet::obliging();
    let settings = Gateway::builder()
        .env("JWT_SECRET_KEY", "mysecret")
        .env("JWT_ISSUER", "https://issuer.example")
        .env("JWT_AUDIENCE", "shop");
    let gateway = start(settings, &backend);
    let claims = |change: Value| {
        let mut claims = json!({"iss": "https://issuer.example", "aud": ["till", "shop"]});
        for (name, value) in change.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        claims
    };
    for (secret, change, expected) in [
        ("mysecret", json!({}), 200),
        ("mysecret", json!({"aud": "shop"}), 200),
        ("other", json!({}), 401),
        ("mysecret", json!({"aud": "till"}), 401),
        ("mysecret", json!({"aud": null}), 401),
        ("mysecret", json!({"iss": "https://issuer.example/"}), 401),
        ("mysecret", json!({"exp": now() - 1}), 401),
        ("mysecret", json!({"nbf": now() + 300}), 401),
    ] {
        let token = hs256(secret, claims(change.clone()));
        assert_eq!(
            status(gateway.inbound(), &token),
            expected,
            "{secret} {change}"
        );
    }
    let asymmetric = rs256(None, 0, claims(json!({})));
    assert_eq!(
        status(gateway.inbound(), &asymmetric),
        401,
        "the algorithm is pinned"
    );
    let answer = ask(gateway.inbound(), &Request::new("GET", "/any")).expect("an answer");
    assert_eq!(
        (answer.status, answer.header("www-authenticate")),
        (401, Some("Bearer"))
    );
    assert!(
        !gateway.log().contains("ey"),
        "no token in the log: {}",
        gateway.log()
    );
}

#[test]
fn without_any_key_a_secured_endpoint_is_closed() {
    let backend = Puppet::obliging();
    let gateway = start(Gateway::builder(), &backend);
    for token in [
        hs256("", json!({})),
        hs256("mysecret", json!({})),
        String::new(),
    ] {
        assert_eq!(status(gateway.inbound(), &token), 401, "{token}");
    }
    assert_eq!(backend.connections(), 0);
}

#[test]
fn published_keys_are_used_and_a_rotation_fails_no_request() {
    let (backend, issuer) = (Puppet::obliging(), Issuer::start());
    issuer.publish(&[("one", 0)]);
    let gateway = start(
        Gateway::builder().env("JWT_JWKS_URL", &issuer.url()),
        &backend,
    );
    let inbound = gateway.inbound();
    let (one, two) = (
        rs256(Some("one"), 0, json!({})),
        rs256(Some("two"), 1, json!({})),
    );
    // The very first request may come before the first fetch is over, and is not refused.
    assert_eq!(status(inbound, &one), 200);
    assert_eq!(issuer.fetches(), 1);
    assert_eq!(
        status(inbound, &rs256(None, 0, json!({}))),
        200,
        "one key needs no id"
    );
    assert_eq!(
        status(inbound, &rs256(Some("one"), 1, json!({}))),
        401,
        "forged"
    );
    assert_eq!(issuer.fetches(), 1, "a forged token makes nobody fetch");

    issuer.publish(&[("one", 0), ("two", 1)]);
    let asked: Vec<_> = (0..8)
        .map(|n| {
            let token = if n % 2 == 0 { two.clone() } else { one.clone() };
            thread::spawn(move || status(inbound, &token))
        })
        .collect();
    for asked in asked {
        assert_eq!(asked.join().expect("an answer"), 200);
    }
    assert_eq!(issuer.fetches(), 2, "all of them waited for the same fetch");

    issuer.publish(&[("two", 1)]);
    assert_eq!(status(inbound, &rs256(Some("three"), 0, json!({}))), 401);
    assert_eq!(status(inbound, &one), 401, "a withdrawn key");
    assert_eq!(status(inbound, &two), 200);
}

#[test]
fn a_flood_of_invented_key_ids_reaches_the_issuer_at_a_bounded_rate() {
    let (backend, issuer) = (Puppet::obliging(), Issuer::start());
    issuer.publish(&[("one", 0)]);
    let gateway = start(
        Gateway::builder().env("JWT_JWKS_URL", &issuer.url()),
        &backend,
    );
    let mut connection = Connection::open(gateway.inbound()).expect("a connection");
    let genuine = rs256(Some("one"), 0, json!({}));
    let parts: Vec<&str> = genuine.split('.').collect();
    for n in 0..1_000 {
        let header = json!({"alg": "RS256", "kid": format!("invented-{n}")}).to_string();
        let header = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, header);
        let forged = format!("{header}.{}.{}", parts[1], parts[2]);
        let answer = connection.ask(&bearing(&forged)).expect("an answer");
        assert_eq!(answer.status, 401);
    }
    let answer = connection.ask(&bearing(&genuine)).expect("an answer");
    assert_eq!(answer.status, 200, "keys in use stay in use");
    assert!(issuer.fetches() <= 8, "{} fetches", issuer.fetches());
    assert!(
        !gateway.log().contains("invented"),
        "ids of strangers are not logged"
    );
}

#[test]
fn keys_stay_in_use_while_the_issuer_is_away() {
    let (backend, issuer) = (Puppet::obliging(), Issuer::start());
    issuer.publish(&[("one", 0)]);
    let gateway = start(
        Gateway::builder().env("JWT_JWKS_URL", &issuer.url()),
        &backend,
    );
    let inbound = gateway.inbound();
    let (one, two) = (
        rs256(Some("one"), 0, json!({})),
        rs256(Some("two"), 1, json!({})),
    );
    assert_eq!(status(inbound, &one), 200);
    drop(issuer);
    assert_eq!(
        status(inbound, &two),
        401,
        "nobody can say whose key that is"
    );
    gateway.await_log("keeping those in use", 1, SOON);
    assert_eq!(status(inbound, &one), 200);
}

#[test]
fn an_issuer_that_was_away_at_the_start_is_asked_again_without_being_prompted() {
    let (backend, issuer) = (Puppet::obliging(), Issuer::start());
    let gateway = start(
        Gateway::builder().env("JWT_JWKS_URL", &issuer.url()),
        &backend,
    );
    gateway.await_log("keeping those in use", 1, SOON);
    // Without an id in it, a token cannot show that a key is missing.
    let token = rs256(None, 0, json!({}));
    assert_eq!(status(gateway.inbound(), &token), 401);
    issuer.publish(&[("one", 0)]);
    gateway.await_log("1 keys fetched", 1, 2 * SOON);
    assert_eq!(status(gateway.inbound(), &token), 200);
}
