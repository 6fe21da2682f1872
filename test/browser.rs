//! The demo's example pages in a real browser: connect, subscribe, publish, receive, come back after the
//! network was cut, log out (`priv/examples/`, docs/events.md).
//!
//! Without a browser these tests are skipped, aloud; `RIG_TEST_BROWSER=1` makes that a failure.

use std::net::SocketAddr;

use serde_json::json;

use crate::support::{
    browser::Browser,
    client::{Request, ask},
    gateway::Gateway,
    relay::Relay,
};

/// What differs between the pages.
struct Page {
    /// Its file.
    name: &'static str,
    /// What it tells of a token whose session is revoked.
    refusal: &'static str,
}

#[test]
fn the_page_for_server_sent_events_misses_nothing_and_ends_with_its_session() {
    story(&Page {
        name: "sse",
        refusal: "blacklisted",
    });
}

#[test]
fn the_page_for_websockets_misses_nothing_and_ends_with_its_session() {
    story(&Page {
        name: "websocket",
        refusal: "Bad request.",
    });
}

#[test]
fn the_page_for_long_polling_misses_nothing_and_ends_with_its_session() {
    story(&Page {
        name: "longpolling",
        refusal: "blacklisted",
    });
}

fn story(page: &Page) {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let gateway = Gateway::builder()
        .arg("demo")
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let cable = Relay::to(gateway.inbound());
    browser.open(&format!(
        "http://{}/examples/{}.html",
        cable.address(),
        page.name
    ));
    let inbound = gateway.inbound();
    receives_what_it_subscribed_to(&mut browser, inbound);
    misses_nothing_while_the_cable_is_cut(&mut browser, &cable, inbound);
    ends_with_its_session(&mut browser, page);
}

fn receives_what_it_subscribed_to(browser: &mut Browser, inbound: SocketAddr) {
    browser.press("connect");
    browser.wait_for_text("received", "rig.subscriptions_set []");
    browser.press("subscribe");
    browser.wait_for_text("subscribed", "chatroom_message");
    browser.fill("message", "from the page");
    browser.press("publish");
    browser.wait_for_text("received", "Ann in lobby: from the page");

    browser.fill("only-room", "kitchen");
    browser.press("subscribe");
    browser.wait_for_text("subscribed", "kitchen");
    submit(inbound, "lobby", "not for the kitchen");
    submit(inbound, "kitchen", "for the kitchen");
    browser.wait_for_text("received", "Bob in kitchen: for the kitchen");
    let received = browser.text("received");
    assert!(!received.contains("not for the kitchen"), "{received}");
}

fn misses_nothing_while_the_cable_is_cut(
    browser: &mut Browser,
    cable: &Relay,
    inbound: SocketAddr,
) {
    cable.cut();
    browser.wait_for_text("state", "reconnecting");
    submit(inbound, "lobby", "missed by nobody");
    submit(inbound, "kitchen", "while cut, first");
    submit(inbound, "kitchen", "while cut, second");
    cable.mend();
    browser.wait_for_text("received", "while cut, second");
    submit(inbound, "kitchen", "after the cut");
    browser.wait_for_text("received", "after the cut");
    let received = browser.text("received");
    let places: Vec<_> = [
        "for the kitchen",
        "while cut, first",
        "while cut, second",
        "after the cut",
    ]
    .iter()
    .map(|message| {
        let found: Vec<_> = received.match_indices(message).collect();
        assert_eq!(found.len(), 1, "{message}: {received}");
        found[0].0
    })
    .collect();
    assert!(places.is_sorted(), "{received}");
    // Only what it had subscribed to, without having said so again, and nothing in doubt.
    for other in ["missed by nobody", "rig.gap"] {
        assert!(!received.contains(other), "{other}: {received}");
    }
    browser.wait_for_text("subscribed", "kitchen");
}

fn ends_with_its_session(browser: &mut Browser, page: &Page) {
    browser.press("get-token");
    browser.wait_for("document.getElementById('token').value !== ''");
    browser.press("connect");
    // What the token's claims subscribe to.
    browser.wait_for_text("subscribed", r#"[{"room":"lobby"}]"#);
    browser.press("log-out");
    browser.wait_for_text("state", "ended");
    browser.press("connect");
    browser.wait_for_text("notice", page.refusal);
    assert_eq!(browser.text("state"), "ended");
}

/// Submits a message in a room, as a back end does.
fn submit(inbound: SocketAddr, room: &str, message: &str) {
    let event = json!({
        "specversion": "0.2",
        "type": "chatroom_message",
        "source": "test",
        "id": message,
        "data": {"name": "Bob", "room": room, "message": message},
    });
    let request = Request::json("POST", "/_rig/v1/events", &event);
    assert_eq!(ask(inbound, &request).expect("an answer").status, 202);
}
