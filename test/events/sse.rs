//! A stream of server-sent events is the same on every kind of connection (spec: `events.md` 5.6).

use serde_json::{Value, json};

use crate::support::{
    authority::Authority,
    client::{Payload, Request, ask},
    event_stream::{EventStream, PATH},
    frontend::{run, start, token, types},
    gateway::Gateway,
    multiplexed::Multiplexed,
    peer::{End, Peer},
    wire::Head,
};

/// What every head of a stream says.
const HEAD: [(&str, &str); 3] = [
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache"),
    ("access-control-allow-origin", "*"),
];

/// The stream is opened, fed, changed and killed.
fn lives_and_dies(gateway: &Gateway, session: &str, mut stream: EventStream) {
    let (token, set) = stream.welcome();
    assert_eq!(set, json!([{"eventType": "greeting", "oneOf": []}]));
    gateway.submit("other", "not for it");
    gateway.submit("greeting", "first");
    stream.hears("first");
    gateway.subscribe(&token, &["other"]);
    let set = stream.event("rig.subscriptions_set");
    assert_eq!(set["data"], json!([{"eventType": "other", "oneOf": []}]));
    gateway.submit("greeting", "not any more");
    gateway.submit("other", "second");
    stream.hears("second");
    gateway.revoke(session);
    let notice = stream.event("rig.session_killed");
    assert_eq!(notice.get("data"), None);
    stream.ends();
}

/// The query of such a stream.
fn query(session: &str) -> String {
    let jwt = token(json!({ "jti": session }));
    format!("jwt={jwt}&{}", types(&["greeting"]))
}

fn checked(head: Head) -> Head {
    for (name, value) in HEAD {
        assert_eq!(head.header(name), Some(value), "{name}");
    }
    assert!(head.header("date").is_some());
    head
}

#[test]
fn a_stream_on_a_connection_of_its_own() {
    let gateway = start();
    let mut peer = Peer::connect(gateway.inbound());
    peer.say(format!(
        "GET {PATH}?{} HTTP/1.1\r\nhost: a\r\n\r\n",
        query("s")
    ));
    let head = checked(peer.status(200));
    assert_eq!(head.header("transfer-encoding"), Some("chunked"));
    lives_and_dies(&gateway, "s", EventStream::begun(peer, &head));
}

#[test]
fn a_stream_on_a_connection_that_served_other_requests() {
    let gateway = start();
    let mut peer = Peer::connect(gateway.inbound());
    peer.say("GET /_rig/health HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(peer.answer("GET").status, 200);
    peer.say(format!(
        "GET {PATH}?{} HTTP/1.1\r\nhost: a\r\n\r\n",
        query("s")
    ));
    let head = checked(peer.status(200));
    let mut stream = EventStream::begun(peer, &head);
    let (token, _) = stream.welcome();
    gateway.submit("greeting", "first");
    stream.hears("first");
    gateway.subscribe(&token, &[]);
    stream.event("rig.subscriptions_set");
    gateway.revoke("s");
    stream.event("rig.session_killed");
    assert_eq!(stream.try_next().expect("a proper end"), None);
    // The connection is not the stream's: it goes on.
    let mut peer = stream.into_peer().expect("a connection");
    peer.say("GET /_rig/health HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(peer.answer("GET").status, 200);
}

#[test]
fn a_stream_for_a_client_of_http_1_0_ends_with_its_connection() {
    let gateway = start();
    let mut peer = Peer::connect(gateway.inbound());
    peer.say(format!(
        "GET {PATH}?{} HTTP/1.0\r\nhost: a\r\n\r\n",
        query("s")
    ));
    let head = checked(peer.status(200));
    assert_eq!(head.header("transfer-encoding"), None);
    lives_and_dies(&gateway, "s", EventStream::begun(peer, &head));
}

#[test]
fn an_event_is_counted_once_however_many_hear_it() {
    let gateway = start();
    let mut streams: Vec<_> = (0..8)
        .map(|_| EventStream::open(gateway.inbound(), &types(&["t"])))
        .collect();
    for stream in &mut streams {
        stream.welcome();
    }
    gateway.submit("unwanted", "0");
    for id in ["1", "2"] {
        gateway.submit("t", id);
        for stream in &mut streams {
            stream.hears(id);
        }
    }
    let forwarded = "rig_consumed_events_forwarded_total{type=";
    gateway.until_metric_is(&format!("{forwarded}\"t\"}}"), 2.0);
    gateway.until_metric_is("rig_event_deliveries_total", 16.0);
    let unwanted = format!("{forwarded}\"unwanted\"}}");
    assert_eq!(gateway.find_metric(&unwanted), None);
}

#[test]
fn many_streams_on_one_connection_of_http_2() {
    let gateway = start();
    let client = Multiplexed::connect(gateway.inbound());
    let open = |session| {
        let mut exchange = client.get(&format!("http://a{PATH}?{}", query(session)));
        let head = exchange.status(200);
        for (name, value) in HEAD {
            assert_eq!(head.headers[name], value, "{name}");
        }
        EventStream::multiplexed(exchange)
    };
    let mut other = open("other");
    other.welcome();
    lives_and_dies(&gateway, "s", open("s"));
    other.hears("first");
    other.hears("not any more");
    gateway.until_open("sse", 1);
    drop(other);
    gateway.until_open("sse", 0);
}

#[test]
fn streams_over_tls() {
    let authority = Authority::new();
    let gateway = run(authority.gateway().env("JWT_SECRET_KEY", "mysecret"));
    let address = gateway.inbound_tls();
    let peer = Peer::connect_tls(address, authority.client("http/1.1"));
    lives_and_dies(&gateway, "s1", EventStream::over(peer, &query("s1")));
    let client = Multiplexed::connect_tls(address, authority.client("h2"));
    let mut exchange = client.get(&format!("https://localhost{PATH}?{}", query("s2")));
    exchange.status(200);
    lives_and_dies(&gateway, "s2", EventStream::multiplexed(exchange));
}

#[test]
fn line_ends_within_an_event_do_not_break_its_frame() {
    let gateway = start();
    let mut stream = EventStream::open(gateway.inbound(), &types(&["a\nevent: b"]));
    stream.welcome();
    let text = "{\"specversion\":\r\n\"0.2\",\r\"type\":\n\n\"a\\nevent: b\",\"id\":\"1\"}";
    let mut request = Request::new("POST", "/v3/messages").with("content-type", "application/json");
    request.payload = Payload::Bytes(text.as_bytes().to_vec());
    assert_eq!(ask(gateway.api(), &request).expect("an answer").status, 202);
    let frame = stream.next();
    assert_eq!(frame.event, "a event: b");
    let lines = [
        "{\"specversion\":",
        "\"0.2\",",
        "\"type\":",
        "",
        "\"a\\nevent: b\",\"id\":\"1\"}",
    ];
    assert_eq!(frame.data, lines);
    let sent: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(frame.json(), sent);
}

#[test]
fn an_event_arrives_byte_for_byte() {
    let gateway = start();
    let mut stream = EventStream::open(gateway.inbound(), &types(&["t"]));
    stream.welcome();
    let text = r#"{ "type":"t" , "id":1e2,"specversion":"0.2","source":"s", "n":1.50,"ü":"\u00fc", "n":2}"#;
    let mut request =
        Request::new("POST", "/_rig/v1/events").with("content-type", "application/json");
    request.payload = Payload::Bytes(text.as_bytes().to_vec());
    assert_eq!(
        ask(gateway.inbound(), &request).expect("an answer").status,
        202
    );
    assert_eq!(stream.next().data, [text]);
}

#[test]
fn a_preflight_is_answered_and_opens_nothing() {
    let gateway = start();
    let preflight = Request::new("OPTIONS", PATH)
        .with("origin", "http://page.example")
        .with("access-control-request-method", "GET");
    let answer = ask(gateway.inbound(), &preflight).expect("an answer");
    assert_eq!((answer.status, answer.body.bytes.len()), (204, 0));
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "GET"),
        ("access-control-allow-headers", "*"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let mut peer = Peer::connect(gateway.inbound());
    peer.say(format!(
        "HEAD {PATH} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    ));
    checked(peer.status(200));
    assert_eq!(peer.end(), End::Closed);
}

#[test]
fn broken_percent_encoding_and_a_trailing_slash() {
    let gateway = start();
    let get =
        |target: &str| ask(gateway.inbound(), &Request::new("GET", target)).expect("an answer");
    for query in ["subscriptions=%zz", "jwt=%", "x=%e4%"] {
        assert_eq!(get(&format!("{PATH}?{query}")).status, 400, "{query}");
    }
    assert_eq!(get(&format!("{PATH}x")).status, 404);
    let mut peer = Peer::connect(gateway.inbound());
    peer.say(format!("GET {PATH}/ HTTP/1.1\r\nhost: a\r\n\r\n"));
    let head = peer.status(200);
    EventStream::begun(peer, &head).welcome();
}
