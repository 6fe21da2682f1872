//! Tokens that are garbage, bombs or many: refused at the price of a refusal
//! (RFC 8725; spec: `auth.md` 6.1).

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use fastrand::Rng;
use serde_json::json;

use crate::{
    hardening::seed,
    support::{
        client::{Connection, Request},
        definition::{endpoint, guarded_api},
        gateway::{Builder, Gateway},
        issuer::{hs256, rs256},
        puppet::Puppet,
    },
};

const GARBAGE: usize = 2_000;

/// Far above what one refusal takes in a debug build, far below what an attack would need to pay.
const ANSWER_MAX: Duration = Duration::from_secs(1);

fn start(builder: Builder, backend: &Puppet) -> Gateway {
    let till = endpoint("till", "GET", "/till", json!({"secured": true}));
    let mut api = guarded_api("a", backend.address(), &[till]);
    api["auth"]["use_query"] = json!(true);
    api["auth"]["query_name"] = json!("jwt");
    builder
        .config_json(&[api])
        .start()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Visible ASCII of random length, with the characters of tokens and lists among it.
fn noise(random: &mut Rng) -> String {
    let most = random.usize(1..=400);
    let length = random.usize(0..=most);
    let character = |random: &mut Rng| match random.u8(0..8) {
        0 => '.',
        1 => *random
            .choice(&[',', ' ', '=', '/', '+', '{', '"'])
            .unwrap_or(&' '),
        2 => char::from(random.u8(0x21..0x7f)),
        _ => random.alphanumeric(),
    };
    (0..length).map(|_| character(random)).collect()
}

/// Something that looks like a token up to some point.
fn garbage(random: &mut Rng, genuine: &str) -> String {
    match random.u8(0..6) {
        0 => noise(random),
        1 => {
            let mut bytes = genuine.as_bytes().to_vec();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(0..bytes.len());
                bytes[at] = u8::try_from(random.alphanumeric()).unwrap_or(b'x');
            }
            String::from_utf8_lossy(&bytes).into_owned()
        }
        2 => genuine[..random.usize(0..genuine.len())].to_owned(),
        3 => format!("{genuine}{}", noise(random)),
        4 => {
            let part = |random: &mut Rng| BASE64.encode(noise(random));
            format!("{}.{}.{}", part(random), part(random), part(random))
        }
        _ => {
            let header = json!({
                "alg": *random.choice(&["HS256", "none", "None", "", "RS256", "HS512"]).unwrap_or(&""),
                "kid": noise(random),
                "jwk": {"kty": "oct", "k": ""},
            });
            let rest = genuine.split_once('.').map_or("", |(_, rest)| rest);
            format!("{}.{rest}", BASE64.encode(header.to_string()))
        }
    }
}

/// A secured endpoint is sent what no issuer signed.
#[test]
fn garbage_tokens_are_refused_and_nothing_else_happens() {
    let mut random = Rng::with_seed(seed());
    let backend = Puppet::obliging();
    let mut gateway = start(
        Gateway::builder()
            .env("JWT_SECRET_KEY", "mysecret")
            .env("LOG_LEVEL", "debug"),
        &backend,
    );
    let genuine = hs256("mysecret", json!({"jti": "s1"}));
    let mut connection = Connection::open(gateway.inbound()).expect("a connection");
    for _ in 0..GARBAGE {
        let token = garbage(&mut random, &genuine);
        if token.split(',').any(|item| item.trim() == genuine) {
            continue;
        }
        let request = match random.bool() {
            true => Request::new("GET", "/till").with("authorization", &format!("Bearer {token}")),
            // Without what ends the value or the request line, or would be decoded.
            false => {
                let value: String = token
                    .chars()
                    .filter(|c| !" #&%\"<>`".contains(*c))
                    .collect();
                if value.split(',').any(|item| item == genuine) {
                    continue;
                }
                Request::new("GET", &format!("/till?jwt={value}"))
            }
        };
        let answer = connection.ask(&request).expect("an answer");
        assert_eq!(answer.status, 401, "{token}");
    }
    assert_eq!(backend.connections(), 0);
    let request = Request::new("GET", "/till").with("authorization", &format!("Bearer {genuine}"));
    assert_eq!(connection.ask(&request).expect("an answer").status, 200);
    assert!(gateway.is_alive() && !gateway.log().contains("panicked"));
}

/// Tokens that cost much to look at: long, deep, many.
#[test]
fn token_bombs_cost_no_more_than_a_refusal() {
    let backend = Puppet::obliging();
    let gateway = start(
        Gateway::builder().env("JWT_ALG", "RS256").env(
            "JWT_SECRET_KEY",
            include_str!("../../src/core/auth/fixture/rsa.public.pem"),
        ),
        &backend,
    );
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let header = |text: &str| BASE64.encode(text);
    let forged = rs256(None, 1, json!({}));
    let (_, rest) = forged.split_once('.').expect("three parts");
    let deep = format!(r#"{{"alg":"RS256","x":{}}}"#, nested(5_000));
    let many = vec![format!("Bearer {forged}"); 150].join(", ");
    for (name, value) in [
        ("long", format!("Bearer {}", "a".repeat(60_000))),
        ("dots", format!("Bearer {}", ".".repeat(60_000))),
        ("deep header", format!("Bearer {}.{rest}", header(&deep))),
        (
            "long kid",
            format!(
                "Bearer {}.{rest}",
                header(&json!({"alg": "RS256", "kid": "k".repeat(40_000)}).to_string())
            ),
        ),
        ("many forged", many),
        ("many commas", format!("Bearer {}", ",".repeat(60_000))),
        ("many schemes", "Bearer ".repeat(8_000)),
        (
            "long signature",
            format!("Bearer {}", forged.clone() + &"A".repeat(14_000)),
        ),
    ] {
        let request = Request::new("GET", "/till").with("authorization", &value);
        let mut connection = Connection::open(gateway.inbound()).expect("a connection");
        let asked = Instant::now();
        let answer = connection.ask(&request).expect("an answer");
        assert_eq!(answer.status, 401, "{name}");
        assert!(
            asked.elapsed() < ANSWER_MAX,
            "{name}: {:?}",
            asked.elapsed()
        );
    }
    let mut request = Request::new("GET", "/till");
    for _ in 0..90 {
        request = request.with("authorization", &format!("Bearer {forged}"));
    }
    let asked = Instant::now();
    let mut connection = Connection::open(gateway.inbound()).expect("a connection");
    assert_eq!(connection.ask(&request).expect("an answer").status, 401);
    assert!(asked.elapsed() < ANSWER_MAX, "{:?}", asked.elapsed());
    assert_eq!(backend.connections(), 0);
}
