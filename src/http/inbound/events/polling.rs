//! `GET /_rig/v1/connection/longpolling` (spec: `events.md` 5.6).
//!
//! A session is a mailbox at one desk; the cookies name it, and the event the client saw last. A poll
//! may reach any worker and any node. If the node of the session is gone, the session goes on here
//! with the same subscriptions, and with what was missed.

use std::{sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, CACHE_CONTROL, CONTENT_TYPE, COOKIE, ORIGIN, SET_COOKIE,
    },
};
use hyper::body::Incoming;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use crate::{
    core::{hub::output::CarryFault, subscription::fault::Door},
    http::inbound::{
        answer::Answer,
        connection::Client,
        events::{
            admission::{Refused, Wish},
            carried::{Answered, Carried},
            mailbox::{FIRST_EVENT, WAIT_TICKS},
            opening::open_mailbox,
            reception::{Order, PollOrder, Polled, Reception},
            sse::refuse,
            token::Address,
        },
    },
};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// The cookie that names the session.
const CONNECTION_TOKEN: &str = "connection_token";

/// The cookie with the last event's id, as JSON.
const LAST_EVENT_ID: &str = "last_event_id";

/// How long a poll of a session elsewhere waits for an event, as one of a session here.
const WAIT_MAX: Duration = Duration::from_secs(WAIT_TICKS);

/// How often the other node is asked meanwhile; the original looked as often.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What a client says of its session.
struct Ticket {
    address: Address,
    last: Option<String>,
}

/// What became of a poll.
enum Outcome {
    /// Events, and where the session is.
    Polled(Address, Polled),
    /// There is no such session; the client may have seen so much of an earlier one.
    None(Option<Ticket>),
    /// The session's node does not answer at the moment.
    Later,
}

/// Opens a session, or answers a poll.
pub async fn answer(client: &Client, request: &Request<Incoming>) -> Response<Answer> {
    let reception = &client.worker.shared.events;
    let outcome = match Ticket::read(request.headers(), reception) {
        Some(ticket) => poll(reception, ticket).await,
        None => Outcome::None(None),
    };
    match outcome {
        Outcome::Polled(address, polled) => {
            respond(client, request, &address, &polled.last, body(&polled))
        }
        Outcome::None(Some(ticket)) => match carry_on(client, ticket).await {
            Some(response) => respond_to(client, request, response),
            None => begin(client, request).await,
        },
        Outcome::None(None) => begin(client, request).await,
        Outcome::Later => {
            let refused = Refused {
                status: StatusCode::SERVICE_UNAVAILABLE,
                text: "Service unavailable.".to_owned(),
                reason: "node_silent",
            };
            refuse_poll(client, request, refused)
        }
    }
}

/// The preflight of a browser on another origin.
pub fn preflight(client: &Client, request: &Request<Incoming>) -> Response<Answer> {
    let mut response = super::sse::preflight(client, request);
    allow_credentials(response.headers_mut());
    response
}

async fn begin(client: &Client, request: &Request<Incoming>) -> Response<Answer> {
    let reception = &client.worker.shared.events;
    let admitted = match Wish::read(request.uri().query(), request.headers()) {
        Ok(wish) => {
            wish.admit(reception, &client.worker.checks, Door::LongPolling)
                .await
        }
        Err(refused) => Err(refused),
    };
    let admitted = match admitted {
        Ok(admitted) => admitted,
        Err(refused) => {
            reception.metrics.refused("longpolling", refused.reason);
            return refuse_poll(client, request, refused);
        }
    };
    let (line, key) = open_mailbox(client, admitted).await;
    let address = Address {
        node: reception.node,
        desk: client.worker.desk.number(),
        line,
        key,
    };
    respond(client, request, &address, FIRST_EVENT, "\"ok\"".to_owned())
}

/// A refusal that pages can read which send their cookies.
fn refuse_poll(client: &Client, request: &Request<Incoming>, refused: Refused) -> Response<Answer> {
    let mut response = refuse(client, request, refused);
    allow_credentials(response.headers_mut());
    response
}

/// Continues here a session whose node is gone; `None` if nothing is known of it.
async fn carry_on(client: &Client, ticket: Ticket) -> Option<(Address, Polled)> {
    let reception = &client.worker.shared.events;
    let wish = Wish::continued(ticket.address.key, ticket.last.as_deref());
    let admitted = wish
        .admit(reception, &client.worker.checks, Door::LongPolling)
        .await
        .ok()
        .filter(|admitted| admitted.is_restored)?;
    let (line, key) = open_mailbox(client, admitted).await;
    let address = Address {
        node: reception.node,
        desk: client.worker.desk.number(),
        line,
        key,
    };
    let order = PollOrder {
        line,
        key,
        last: None,
        waits: true,
    };
    let (told, polled) = oneshot::channel();
    client.worker.desk.poll(order, told);
    Some((address, polled.await.ok().flatten()?))
}

async fn poll(reception: &Arc<Reception>, ticket: Ticket) -> Outcome {
    let address = ticket.address;
    let order = PollOrder {
        line: address.line,
        key: address.key,
        last: ticket.last.clone(),
        waits: true,
    };
    if address.node == reception.node {
        let (told, polled) = oneshot::channel();
        let desk = reception.desks.get(address.desk as usize);
        let ordered = desk.is_some_and(|desk| desk.send(Order::Poll(order, told)).is_ok());
        let polled = if ordered {
            polled.await.ok().flatten()
        } else {
            None
        };
        return match polled {
            Some(polled) => Outcome::Polled(address, polled),
            // It ended here, by its own limits: the client begins anew.
            None => Outcome::None(None),
        };
    }
    poll_elsewhere(reception, ticket, &order).await
}

/// Polls a session of another node. It is asked again and again instead of waiting there: a waiting
/// request would take a place on the link, which few of them would fill.
async fn poll_elsewhere(reception: &Reception, ticket: Ticket, order: &PollOrder) -> Outcome {
    let address = ticket.address;
    let until = Instant::now() + WAIT_MAX;
    loop {
        let bytes = Carried::poll(order).to_bytes();
        let carried = reception.hub.carry(address.node, Some(address.desk), bytes);
        return match carried.await.map(|bytes| Answered::read(&bytes)) {
            Ok(Answered::Polled { events, .. }) if events.is_empty() && Instant::now() < until => {
                sleep(ASK_AGAIN_AFTER).await;
                continue;
            }
            Ok(Answered::Polled { last, events }) => {
                let events = events.into_iter().map(bytes::Bytes::from).collect();
                Outcome::Polled(address, Polled { last, events })
            }
            Ok(Answered::Gone | Answered::Subscribed) => Outcome::None(None),
            Err(CarryFault::Gone) => Outcome::None(Some(ticket)),
            Err(CarryFault::Unanswered | CarryFault::TooLarge | CarryFault::Overloaded) => {
                Outcome::Later
            }
        };
    }
}

fn respond_to(
    client: &Client,
    request: &Request<Incoming>,
    (address, polled): (Address, Polled),
) -> Response<Answer> {
    respond(client, request, &address, &polled.last, body(&polled))
}

fn respond(
    client: &Client,
    request: &Request<Incoming>,
    address: &Address,
    last: &str,
    body: String,
) -> Response<Answer> {
    let reception = &client.worker.shared.events;
    let mut response = Response::new(Answer::complete(body.into()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let token = address.seal(&reception.sealer);
    set_cookie(headers, CONNECTION_TOKEN, &token);
    set_cookie(headers, LAST_EVENT_ID, &cookie_value(last));
    let cors = &client.worker.shared.settings.cors;
    cors.allow_origin(headers, request.headers().get(ORIGIN));
    allow_credentials(headers);
    response
}

fn allow_credentials(headers: &mut HeaderMap) {
    let yes = HeaderValue::from_static("true");
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
}

fn set_cookie(headers: &mut HeaderMap, name: &str, value: &str) {
    if let Ok(cookie) = HeaderValue::try_from(format!("{name}={value}; path=/; HttpOnly")) {
        headers.append(SET_COOKIE, cookie);
    }
}

/// The id as JSON. What a cookie cannot hold is written as JSON escapes (RFC 6265, 4.1.1).
fn cookie_value(id: &str) -> String {
    let mut value = String::from('"');
    for unit in id.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte @ (b'!' | b'#'..=b'+' | b'-'..=b':' | b'<'..=b'[' | b']'..=b'~')) => {
                value.push(char::from(byte));
            }
            Ok(_) | Err(_) => value.push_str(&format!("\\u{unit:04x}")),
        }
    }
    value.push('"');
    value
}

fn body(polled: &Polled) -> String {
    let last = serde_json::Value::from(polled.last.as_str());
    let events: Vec<_> = polled
        .events
        .iter()
        .map(|event| String::from_utf8_lossy(event))
        .collect();
    format!(
        "{{\"last_event_id\":{last},\"events\":[{}]}}",
        events.join(",")
    )
}

// === impl Ticket ===

impl Ticket {
    /// What the cookies say; `None` if they name no session that could have been ours.
    fn read(headers: &HeaderMap, reception: &Reception) -> Option<Self> {
        let token = cookie(headers, CONNECTION_TOKEN)?;
        let last = cookie(headers, LAST_EVENT_ID);
        Some(Self {
            address: Address::open(token, &reception.sealer).ok()?,
            last: last.and_then(|last| serde_json::from_str(last).ok()),
        })
    }
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(other, _value)| *other == name)
        .map(|(_name, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_holds_any_id_as_json() {
        assert_eq!(cookie_value("first_event"), "\"first_event\"");
        for id in ["a;b", "\"quoted\\\"", "ü😀", "", " , "] {
            let value = cookie_value(id);
            let inner = &value[1..value.len() - 1];
            assert!(
                inner
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !b"\",;".contains(&byte)),
                "{value}"
            );
            assert_eq!(serde_json::from_str::<String>(&value).expect("JSON"), id);
        }
    }

    #[test]
    fn an_answer_is_json_whatever_the_id() {
        let polled = Polled {
            last: "a\"b".to_owned(),
            events: vec![
                bytes::Bytes::from_static(b"{}"),
                bytes::Bytes::from_static(b"{\"a\":1}"),
            ],
        };
        let body: serde_json::Value = serde_json::from_str(&body(&polled)).expect("JSON");
        assert_eq!(body["last_event_id"], "a\"b");
        assert_eq!(body["events"][1]["a"], 1);
    }
}
