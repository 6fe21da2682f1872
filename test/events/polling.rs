//! Long polling: sessions in cookies, waiting, waking (spec: `events.md` 5.6).

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    client::{Answer, Request, ask, ask_until},
    fleet::until,
    frontend::{builder, run, start, token, types},
};

const PATH: &str = "/_rig/v1/connection/longpolling";

/// What happens at once may take this long on a busy machine.
const SOON: Duration = Duration::from_secs(5);

/// A client that keeps its cookies.
#[derive(Clone)]
struct Client {
    address: SocketAddr,
    token: String,
    last: String,
}

// === impl Client ===

impl Client {
    fn open(address: SocketAddr, query: &str) -> Self {
        let request = Request::new("GET", &format!("{PATH}?{query}"));
        let answer = ask(address, &request).expect("an answer");
        assert_eq!((answer.status, answer.json()), (200, json!("ok")));
        let mut client = Self {
            address,
            token: String::new(),
            last: String::new(),
        };
        client.keep(&answer);
        assert_eq!(client.last, "\"first_event\"");
        client
    }

    /// The cookies are as they have to be.
    fn keep(&mut self, answer: &Answer) {
        let cookies: Vec<&str> = (answer.headers.iter())
            .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
            .map(|(_, value)| value.as_str())
            .collect();
        let value = |name: &str| {
            let cookie = cookies.iter().find_map(|line| line.strip_prefix(name));
            let value = cookie.and_then(|line| line.strip_suffix("; path=/; HttpOnly"));
            value
                .unwrap_or_else(|| panic!("{name} in {cookies:?}"))
                .to_owned()
        };
        self.token = value("connection_token=");
        self.last = value("last_event_id=");
        assert_eq!(cookies.len(), 2);
        for (name, value) in [
            ("content-type", "application/json; charset=utf-8"),
            ("cache-control", "no-cache"),
            ("access-control-allow-credentials", "true"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
    }

    fn request(&self) -> Request {
        let cookies = format!(
            "connection_token={}; last_event_id={}",
            self.token, self.last
        );
        Request::new("GET", PATH).with("cookie", &cookies)
    }

    /// The answer to one poll.
    fn poll(&mut self) -> Value {
        let answer = ask(self.address, &self.request()).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        self.keep(&answer);
        let body = answer.json();
        let last: Value = serde_json::from_str(&self.last).expect("JSON");
        assert_eq!(body["last_event_id"], last);
        body
    }

    /// The ids of one poll's events.
    fn ids(&mut self) -> Vec<String> {
        let body = self.poll();
        let events = body["events"].as_array().expect("a list").iter();
        events.map(|event| event["id"].to_string()).collect()
    }

    /// The types of one poll's events.
    fn types(&mut self) -> Vec<String> {
        let body = self.poll();
        let events = body["events"].as_array().expect("a list").iter();
        events
            .map(|event| event["type"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

const WELCOME: [&str; 2] = ["rig.connection.create", "rig.subscriptions_set"];

#[test]
fn a_session_is_opened_polled_and_replayed_from_an_old_cookie() {
    let gateway = start();
    let mut client = Client::open(gateway.inbound(), &types(&["greeting"]));
    let fresh = client.clone();
    assert_eq!(client.types(), WELCOME);
    let before = client.clone();
    gateway.submit("greeting", "a");
    gateway.submit("other", "not for it");
    gateway.submit("greeting", "b");
    let mut got = Vec::new();
    while got.len() < 2 {
        got.extend(client.ids());
    }
    assert_eq!(got, ["\"a\"", "\"b\""]);
    assert_eq!(before.clone().ids(), ["\"a\"", "\"b\""]);
    assert_eq!(fresh.clone().ids().len(), 4);
    let mut lost = client.clone();
    lost.last = "\"never-seen\"".to_owned();
    assert_eq!(lost.ids().len(), 4, "an unknown id: everything");
    lost.last = "no JSON".to_owned();
    assert_eq!(lost.ids().len(), 4, "no JSON: everything");
}

#[test]
fn a_client_that_is_far_behind_is_told_between_what_and_what_it_missed() {
    let gateway = start();
    let mut client = Client::open(gateway.inbound(), &types(&["greeting"]));
    assert_eq!(client.types(), WELCOME);
    let mut behind = client.clone();
    // More than a session keeps.
    for id in 0..210 {
        gateway.submit("greeting", &id.to_string());
    }
    until("the newest event", || {
        (client.ids().last()? == "\"209\"").then_some(())
    });
    let seen: Value = serde_json::from_str(&behind.last).expect("JSON");
    let body = behind.poll();
    let gap = &body["events"][0];
    assert_eq!(gap["type"], "rig.gap");
    let oldest = &body["events"][1]["id"];
    assert_eq!(gap["data"], json!({"from": seen, "to": oldest}));
    assert_eq!(oldest, "10");
}

#[test]
fn a_waiting_poll_is_woken_at_once_and_all_that_wait_get_the_event() {
    let gateway = start();
    let mut client = Client::open(gateway.inbound(), &types(&["greeting"]));
    client.types();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let mut client = client.clone();
            thread::spawn(move || (client.ids(), Instant::now()))
        })
        .collect();
    // There is nothing to wait on that tells that the polls wait; too early is no failure either.
    thread::sleep(Duration::from_millis(300));
    gateway.submit("greeting", "a");
    let submitted = Instant::now();
    for poll in waiting {
        let (ids, at) = poll.join().expect("a poll");
        assert_eq!(ids, ["\"a\""]);
        assert!(at.saturating_duration_since(submitted) < Duration::from_secs(2));
    }
}

#[test]
fn a_poll_without_news_is_answered_after_five_seconds() {
    let gateway = start();
    let mut client = Client::open(gateway.inbound(), "");
    client.types();
    let begun = Instant::now();
    assert_eq!(client.ids(), [""; 0]);
    let waited = begun.elapsed().as_secs_f64();
    assert!((3.9..7.5).contains(&waited), "{waited} s");
}

#[test]
fn ids_of_any_kind_keep_answers_and_cookies_whole() {
    let gateway = start();
    let mut client = Client::open(gateway.inbound(), &types(&["greeting"]));
    client.types();
    for id in ["\"", "\\", "a\"b; c=d", "ü😀", "a,b", "line\nend", "7"] {
        gateway.submit("greeting", id);
        assert_eq!(client.ids(), [json!(id).to_string()]);
    }
    // A cookie cannot hold any length: browsers would drop it, other clients refuse the head.
    let long = "x".repeat(5_000);
    gateway.submit("greeting", &long);
    let answer = ask(client.address, &client.request()).expect("an answer");
    client.keep(&answer);
    assert_eq!(answer.json()["last_event_id"], long);
    assert!(client.last.len() < 1_100, "{}", client.last);
    // Two with the same id: none is lost.
    gateway.submit("greeting", "same");
    gateway.submit("greeting", "same");
    gateway.submit("greeting", "next");
    let mut got = Vec::new();
    until("the last event", || {
        got.extend(client.ids());
        (got.last()? == "\"next\"").then_some(())
    });
    assert_eq!(got, ["\"same\"", "\"same\"", "\"next\""]);
}

#[test]
fn whoever_has_no_session_any_more_gets_a_new_one() {
    let gateway = start();
    for cookies in [
        "connection_token=abc; last_event_id=\"first_event\"",
        "connection_token=; last_event_id=x",
        "last_event_id=\"a\"",
        "connection_token=%22; other=1",
    ] {
        let request = Request::new("GET", PATH).with("cookie", cookies);
        let answer = ask(gateway.inbound(), &request).expect("an answer");
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!("ok")),
            "{cookies}"
        );
    }
}

#[test]
fn a_session_that_is_revoked_ends_with_notice() {
    let gateway = start();
    let jwt = token(json!({"jti": "lp"}));
    let mut client = Client::open(gateway.inbound(), &format!("jwt={jwt}"));
    client.types();
    let mut waiting = client.clone();
    let waiting = thread::spawn(move || waiting.types());
    // As above: too early is no failure.
    thread::sleep(Duration::from_millis(300));
    gateway.revoke("lp");
    assert_eq!(waiting.join().expect("a poll"), ["rig.session_killed"]);
    gateway.until_open("longpolling", 0);
    let answer = ask(gateway.inbound(), &client.request()).expect("an answer");
    assert_eq!(answer.json(), "ok");
}

#[test]
fn refusals_are_those_of_streams_and_can_be_read_by_pages() {
    let gateway = run(builder()
        .env("CORS", "http://page.example")
        .env("SUBSCRIPTION_CHECK", "jwt_validation")
        .env("MAX_CONNECTIONS_PER_MINUTE", "1"));
    for (query, status, text) in [
        (
            "subscriptions=%7Boops",
            400,
            "could not parse subscriptions: could not decode subscriptions: ",
        ),
        (
            "jwt=abc",
            400,
            "could not parse subscriptions: could not decode JWT: Invalid signature",
        ),
        (
            "subscriptions=%5B%7B%7D%5D",
            400,
            "could not parse subscriptions: could not parse subscription from JSON: invalid \
             subscription: event-type not found",
        ),
        (
            "subscriptions=%5B%5D",
            403,
            "Subscription denied (not authorized).",
        ),
        ("", 429, "Reached maximum number of connections"),
    ] {
        let request = Request::new("GET", &format!("{PATH}?{query}"));
        // The limit is reached, even if a minute has just begun.
        let limited = |answer: &Answer| status != 429 || answer.status == 429;
        let answer = ask_until(gateway.inbound(), &request, SOON, limited).expect("an answer");
        let got = String::from_utf8_lossy(&answer.body.bytes).into_owned();
        assert_eq!(answer.status, status, "{query}: {got}");
        assert!(got.starts_with(text), "{query}: {got}");
        let origin = answer.header("access-control-allow-origin");
        assert_eq!(origin, Some("http://page.example"), "{query}");
        let credentials = answer.header("access-control-allow-credentials");
        assert_eq!(
            credentials,
            Some("true"),
            "a page that sends cookies reads {query}"
        );
    }
}

#[test]
fn there_are_no_more_sessions_than_connections() {
    let gateway = run(builder().env("MAX_CONNECTIONS", "4").env("WORKERS", "2"));
    let refused = r#"rig_connections_refused_total{reason="sessions",type="longpolling"}"#;
    // There from the start: a rise from nothing to 1 would be none.
    assert_eq!(gateway.find_metric(refused), Some(0.0));
    let request = Request::new("GET", PATH);
    let statuses: Vec<u16> = (0..20)
        .map(|_| ask(gateway.inbound(), &request).expect("an answer").status)
        .collect();
    let opened = statuses.iter().filter(|status| **status == 200).count();
    assert!((2..=4).contains(&opened), "{statuses:?}");
    assert!(
        statuses.iter().all(|status| [200, 503].contains(status)),
        "{statuses:?}"
    );
    assert_eq!(gateway.metric(refused) as usize, 20 - opened);
}

#[test]
fn a_preflight_allows_credentials_and_the_query_may_hold_an_object() {
    let gateway = start();
    let answer = ask(gateway.inbound(), &Request::new("OPTIONS", PATH)).expect("an answer");
    assert_eq!(answer.status, 204);
    for (name, value) in [
        ("access-control-allow-methods", "GET"),
        ("access-control-allow-headers", "*"),
        ("access-control-allow-credentials", "true"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let query = "subscriptions=%7B%22subscriptions%22%3A%5B%7B%22eventType%22%3A%22a%22%7D%5D%7D";
    let mut client = Client::open(gateway.inbound(), query);
    let body = client.poll();
    assert_eq!(
        body["events"][1]["data"],
        json!([{"eventType": "a", "oneOf": []}])
    );
    // The token in the cookie and the one in the welcome are good for a PUT.
    let welcome = body["events"][0]["data"]["connection_token"].clone();
    gateway.subscribe(welcome.as_str().expect("a token"), &["b"]);
    gateway.subscribe(&client.token.clone(), &["c"]);
    let mut got = Vec::new();
    while got.len() < 2 {
        got.extend(client.types());
    }
    gateway.submit("c", "1");
    assert_eq!(client.ids(), ["\"1\""]);
}
