//! `GET /_rig/v1/connection/longpolling` (spec: `events.md` 5.6).
//!
//! A session is a mailbox at one desk; the cookies name it, and the event the client saw last. A poll
//! may reach any worker and any node. If the node of the session is gone, the session goes on here
//! with the same subscriptions, and with what was missed.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response,
    header::{ACCESS_CONTROL_ALLOW_CREDENTIALS, CACHE_CONTROL, CONTENT_TYPE, ORIGIN},
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
            admission::{Admitted, Refused, Wish},
            carried::{Answered, Carried},
            line::COPY_BYTES_MAX,
            mailbox::WAIT_TICKS,
            opening::open_mailbox,
            reception::{Order, Polled, Reception},
            sse::refuse,
            ticket::Ticket,
        },
    },
};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// How long a poll of a session elsewhere waits for an event, as one of a session here.
const WAIT_MAX: Duration = Duration::from_secs(WAIT_TICKS);

/// How often the other node is asked meanwhile; the original looked as often.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What became of a poll.
enum Outcome {
    /// Events.
    Polled(Polled),
    /// There is no such session any more: it ended by its own limits.
    Ended,
    /// The session's node is gone.
    Orphaned,
    /// The session's node does not answer at the moment.
    Later,
}

/// Opens a session, or answers a poll.
pub async fn answer(client: &Client, request: &Request<Incoming>) -> Response<Answer> {
    let reception = &client.worker.shared.events;
    let Some(ticket) = Ticket::read(request.headers(), &reception.sealer) else {
        return told(client, request, begin(client, request).await);
    };
    match poll(reception, &ticket).await {
        Outcome::Polled(polled) => respond(client, request, &ticket, &polled),
        Outcome::Ended => told(client, request, begin(client, request).await),
        Outcome::Orphaned => match carry_on(client, &ticket).await {
            Ok(Some((ticket, polled))) => respond(client, request, &ticket, &polled),
            Ok(None) => told(client, request, begin(client, request).await),
            Err(refused) => told(client, request, Err(refused)),
        },
        Outcome::Later => told(client, request, Err(Refused::unavailable("node_silent"))),
    }
}

/// The preflight of a browser on another origin.
pub fn preflight(client: &Client, request: &Request<Incoming>) -> Response<Answer> {
    let mut response = super::sse::preflight(client, request);
    allow_credentials(response.headers_mut());
    response
}

/// Begins a session; its first answer has no events.
async fn begin(client: &Client, request: &Request<Incoming>) -> Result<Ticket, Refused> {
    let wish = Wish::read(request.uri().query(), request.headers())?;
    let admitted = admit(client, wish).await?;
    Ok(open_mailbox(client, admitted).await)
}

/// Continues here a session whose node is gone; `None` if nothing is known of it.
async fn carry_on(client: &Client, ticket: &Ticket) -> Result<Option<(Ticket, Polled)>, Refused> {
    let admitted = admit(client, Wish::continued(ticket)).await?;
    if !admitted.is_restored {
        return Ok(None);
    }
    let ticket = open_mailbox(client, admitted).await;
    let (told, polled) = oneshot::channel();
    client.worker.desk.poll(ticket.order(), told);
    Ok(polled.await.ok().flatten().map(|polled| (ticket, polled)))
}

async fn admit(client: &Client, wish: Wish) -> Result<Admitted, Refused> {
    let (desk, reception) = (&client.worker.desk, &client.worker.shared.events);
    if desk.is_draining() {
        return Err(Refused::unavailable("draining"));
    }
    let is_full = || desk.mailboxes() >= reception.mailboxes_max;
    if is_full() {
        return Err(Refused::unavailable("sessions"));
    }
    let admitted = wish.admit(reception, &client.worker.checks, Door::LongPolling);
    let admitted = admitted.await?;
    // Others may have been let in meanwhile; between here and its seat nobody is.
    if is_full() {
        return Err(Refused::unavailable("sessions"));
    }
    Ok(admitted)
}

async fn poll(reception: &Arc<Reception>, ticket: &Ticket) -> Outcome {
    let address = &ticket.address;
    if address.node != reception.node {
        return poll_elsewhere(reception, ticket).await;
    }
    let (told, polled) = oneshot::channel();
    let order = Order::Poll(ticket.order(), told);
    let desk = reception.desks.get(address.desk as usize);
    if desk.is_none_or(|desk| desk.send(order).is_err()) {
        return Outcome::Ended;
    }
    polled
        .await
        .ok()
        .flatten()
        .map_or(Outcome::Ended, Outcome::Polled)
}

/// Polls a session of another node. It is asked again and again instead of waiting there: a waiting
/// request would take a place on the link, which few of them would fill.
async fn poll_elsewhere(reception: &Reception, ticket: &Ticket) -> Outcome {
    let address = ticket.address;
    let until = Instant::now() + WAIT_MAX;
    loop {
        let bytes = Carried::poll(&ticket.order()).to_bytes();
        let carried = reception.hub.carry(address.node, Some(address.desk), bytes);
        return match carried.await.map(|bytes| Answered::read(&bytes)) {
            Ok(Answered::Polled { events, .. }) if events.is_empty() && Instant::now() < until => {
                sleep(ASK_AGAIN_AFTER).await;
                continue;
            }
            Ok(Answered::Polled {
                last,
                number,
                cursor,
                events,
            }) => Outcome::Polled(Polled {
                last,
                number,
                cursor,
                events: events.into_iter().map(bytes::Bytes::from).collect(),
            }),
            Ok(Answered::Gone | Answered::Subscribed) => Outcome::Ended,
            Err(CarryFault::Gone) => Outcome::Orphaned,
            Err(CarryFault::Unanswered | CarryFault::TooLarge | CarryFault::Overloaded) => {
                Outcome::Later
            }
        };
    }
}

/// The first answer of a session, or why there is none.
fn told(
    client: &Client,
    request: &Request<Incoming>,
    begun: Result<Ticket, Refused>,
) -> Response<Answer> {
    match begun {
        Ok(ticket) => {
            let ok = Answer::complete(Bytes::from_static(b"\"ok\""));
            with_cookies(client, request, &ticket, ok)
        }
        Err(refused) => {
            let metrics = &client.worker.shared.events.metrics;
            metrics.refused("longpolling", refused.reason);
            let mut response = refuse(client, request, refused);
            // Pages that send their cookies can read it, too.
            allow_credentials(response.headers_mut());
            response
        }
    }
}

/// The answer to a poll with this ticket.
fn respond(
    client: &Client,
    request: &Request<Incoming>,
    ticket: &Ticket,
    polled: &Polled,
) -> Response<Answer> {
    let ticket = Ticket::after(ticket.address, polled);
    with_cookies(client, request, &ticket, Answer::pieces(body(polled)))
}

fn with_cookies(
    client: &Client,
    request: &Request<Incoming>,
    ticket: &Ticket,
    body: Answer,
) -> Response<Answer> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    ticket.write(headers, &client.worker.shared.events.sealer);
    let cors = &client.worker.shared.settings.cors;
    cors.allow_origin(headers, request.headers().get(ORIGIN));
    allow_credentials(headers);
    response
}

fn allow_credentials(headers: &mut HeaderMap) {
    let yes = HeaderValue::from_static("true");
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
}

/// The answer's body: many small events as one piece; large ones are shared, however many clients poll.
fn body(polled: &Polled) -> Vec<Bytes> {
    let last = serde_json::Value::from(polled.last.as_str());
    let mut pieces = Vec::new();
    let mut small = format!("{{\"last_event_id\":{last},\"events\":[").into_bytes();
    for (place, event) in polled.events.iter().enumerate() {
        if place > 0 {
            small.push(b',');
        }
        if event.len() <= COPY_BYTES_MAX {
            small.extend_from_slice(event);
        } else {
            pieces.push(std::mem::take(&mut small).into());
            pieces.push(event.clone());
        }
    }
    small.extend_from_slice(b"]}");
    pieces.push(small.into());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_json_whatever_the_id() {
        let polled = Polled {
            last: "a\"b".to_owned(),
            number: 2,
            cursor: String::new(),
            events: vec![
                Bytes::from_static(b"{}"),
                format!("\"{}\"", "x".repeat(COPY_BYTES_MAX)).into(),
                Bytes::from_static(b"{\"a\":1}"),
            ],
        };
        let pieces = body(&polled);
        assert!(
            pieces
                .iter()
                .any(|piece| piece.as_ptr() == polled.events[1].as_ptr())
        );
        let body: serde_json::Value = serde_json::from_slice(&pieces.concat()).expect("JSON");
        assert_eq!(body["last_event_id"], "a\"b");
        assert_eq!(body["events"][2]["a"], 1);
    }
}
