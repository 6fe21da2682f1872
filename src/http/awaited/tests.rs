//! Answers find the requests that wait for them, and no others.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::*;
use crate::{core::seal::Purpose, http::sealer::Secret};

const COOKIE: &[u8] = b"0123456789abcdef";

fn node(number: u64) -> Arc<Awaited> {
    let sealer = Sealer::new(&Secret::shared(COOKIE), Purpose::Correlation);
    Awaited::new(number, sealer, IntGauge::new("g", "g").unwrap())
}

fn answer(text: &'static str) -> LateAnswer {
    LateAnswer::new(
        StatusCode::OK,
        &HeaderMap::new(),
        Bytes::from_static(text.as_bytes()),
    )
}

#[actix_rt::test]
async fn an_answer_reaches_the_request_with_its_id_also_if_it_is_early() {
    let here = node(1);
    let (mut one, mut two) = (here.wait().unwrap(), here.wait().unwrap());
    assert_eq!(here.gauge.get(), 2);
    for (waiting, text) in [(&two, "two"), (&one, "one")] {
        let place = here.place(&waiting.id).unwrap();
        assert_eq!(here.deliver(place, answer(text)), Delivery::Delivered);
        assert_eq!(here.deliver(place, answer("again")), Delivery::TooLate);
    }
    assert_eq!(one.answer().await, Some(answer("one")));
    assert_eq!(two.answer().await, Some(answer("two")));
    drop((one, two));
    assert_eq!(here.gauge.get(), 0);
}

#[actix_rt::test]
async fn an_answer_that_comes_to_another_node_is_carried() {
    let (here, there) = (node(1), node(2));
    let mut waiting = there.wait().unwrap();
    let place = here.place(&waiting.id).unwrap();
    let Delivery::Elsewhere { node, bytes } = here.deliver(place, answer("far")) else {
        panic!("it waits on another node");
    };
    assert_eq!(node, 2);
    assert_eq!(there.arrived(&bytes), Delivery::Delivered);
    assert_eq!(waiting.answer().await, Some(answer("far")));
    assert_eq!(there.arrived(&bytes), Delivery::TooLate);
    assert_eq!(there.arrived(b"nonsense"), Delivery::TooLate);
}

#[test]
fn a_request_that_left_gets_nothing_and_takes_no_room() {
    let here = node(1);
    let place = here.place(&here.wait().unwrap().id).unwrap();
    assert_eq!(here.deliver(place, answer("late")), Delivery::TooLate);
    assert!(here.waiting.lock().unwrap().is_empty());
    assert_eq!(here.gauge.get(), 0);
}

#[test]
fn ids_of_another_purpose_or_secret_are_not_authentic() {
    let here = node(1);
    let secret = Secret::shared(COOKIE);
    let connection = Sealer::new(&secret, Purpose::Connection)
        .seal(&[0; 16])
        .unwrap();
    let short = Sealer::new(&secret, Purpose::Correlation)
        .seal(&[0; 15])
        .unwrap();
    for id in [connection, short] {
        assert_eq!(here.place(&id), Err(SealFault::NotAuthentic));
    }
    assert_eq!(here.place("no id"), Err(SealFault::NotBase64));
}

#[test]
fn only_so_many_requests_wait() {
    let here = node(1);
    let waiting: Vec<Waiting> = (0..WAITING_MAX).filter_map(|_number| here.wait()).collect();
    assert_eq!(waiting.len(), WAITING_MAX);
    assert!(here.wait().is_none());
    drop(waiting);
    assert!(here.wait().is_some());
}
