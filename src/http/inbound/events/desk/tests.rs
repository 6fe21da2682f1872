//! A desk without sockets: its clients are mailboxes.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::oneshot;

use super::Desk;
use crate::{
    core::{hub::position::NodeId, subscription::extractors::Extractors},
    http::inbound::events::{
        mailbox::{FIRST_EVENT, Mailbox, Seen},
        reception::PollOrder,
    },
    message::hub::Gap,
    telemetry::{events::EventMetrics, metrics::Metrics},
};

const KEY: [u8; 16] = *b"abcdefghijklmnop";

/// Also if it came while the client was still given what it had missed.
#[actix_web::test]
async fn a_gap_says_where_the_client_was() {
    let metrics = Metrics::new().expect("meters");
    let metrics = EventMetrics::new(&metrics).expect("meters");
    let desk = Desk::new(0, Arc::new(Extractors::default()), 1_000_000, metrics);
    desk.set_cursor("at-first".into());
    for is_holding in [false, true] {
        let mailbox = Mailbox::new(1_000_000, "".into());
        let client = desk.seat_mailbox(mailbox, KEY, is_holding);
        let from = desk.cursor();
        let gap = Gap {
            origin: Some(NodeId::new(1)),
            from: 1,
            to: None,
            cursor: format!("behind-{from}").into(),
        };
        desk.tell_gap(&gap).await;
        if is_holding {
            assert!(desk.release(client, &from, None));
        }
        let order = PollOrder {
            line: client,
            key: KEY,
            seen: Seen {
                id: Some(FIRST_EVENT.to_owned()),
                number: Some(0),
            },
            waits: false,
            bytes_max: usize::MAX,
        };
        let (answer, mut polled) = oneshot::channel();
        desk.poll(order, answer);
        let polled = polled.try_recv().expect("an answer").expect("a session");
        let told: Value = serde_json::from_slice(&polled.events[0]).expect("JSON");
        assert_eq!(told["type"], "rig.gap");
        assert_eq!(told["data"]["from"], *from, "{told}");
        assert_eq!(told["data"]["to"], *gap.cursor, "{told}");
    }
}
