//! `PUT /_rig/v1/connection/{sse,ws,longpolling}/<token>/subscriptions` (spec: `events.md` 5.7).
//!
//! The connection may be at any worker of any node.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{
        ACCEPT, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, CONTENT_TYPE, ORIGIN,
    },
    request::Parts,
};
use hyper::body::Incoming;
use tokio::sync::oneshot;

use crate::{
    core::{
        auth::extract,
        hub::output::CarryFault,
        subscription::{
            LIST_BYTES_MAX,
            extractors::merged,
            fault::{Door, SubscriptionFault, expected_json},
            list,
        },
    },
    http::inbound::{
        answer::Answer,
        connection::Client,
        events::{
            admission::Refused,
            carried::{Answered, Carried},
            reception::{Order, Reception, Subscribe},
            sse::refuse,
            token::Address,
            whole::whole,
        },
        refusal::Refusal,
    },
};

/// Largest body: the longest list, with generous white space.
const BODY_BYTES_MAX: u64 = 4 * LIST_BYTES_MAX as u64;

/// A service that decides about subscriptions would be asked something else than is done.
const AMBIGUOUS: &str = "cannot accept subscription request: a subscription names its event type or its \
    constraints twice";

/// The token in such a path, below `/_rig/v1/`.
pub fn token_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("connection/")?;
    let (kind, rest) = rest.split_once('/')?;
    let token = rest.strip_suffix("/subscriptions")?;
    let is_one = matches!(kind, "sse" | "ws" | "longpolling") && !token.contains('/');
    (is_one && !token.is_empty()).then_some(token)
}

/// Answers a PUT.
pub async fn answer(client: &Client, request: Request<Incoming>) -> Response<Answer> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().trim_start_matches("/_rig/v1/");
    let token = token_of(path.trim_end_matches('/')).unwrap_or_default();
    let replaced = replace(client, token, &head, body).await;
    let request = Request::from_parts(head, ());
    match replaced {
        Ok(()) => {
            let mut response = Response::new(Answer::complete(Bytes::new()));
            *response.status_mut() = StatusCode::NO_CONTENT;
            allow_origin(client, &request, response.headers_mut());
            response
        }
        Err(refused) => refuse(client, &request, refused),
    }
}

/// The preflight of a browser on another origin.
pub fn preflight<B>(client: &Client, request: &Request<B>) -> Response<Answer> {
    let mut response = Response::new(Answer::complete(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("PUT"),
    );
    let allowed = HeaderValue::from_static("content-type,authorization");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    allow_origin(client, request, headers);
    response
}

fn allow_origin<B>(client: &Client, request: &Request<B>, headers: &mut HeaderMap) {
    let cors = &client.worker.shared.settings.cors;
    cors.allow_origin(headers, request.headers().get(ORIGIN));
}

async fn replace(
    client: &Client,
    token: &str,
    head: &Parts,
    body: Incoming,
) -> Result<(), Refused> {
    let reception = &client.worker.shared.events;
    let headers = &head.headers;
    accepts_json(headers)?;
    is_json(headers)?;
    let body = whole(client, head, body, BODY_BYTES_MAX)
        .await
        .map_err(unread)?;
    let door = Door::Put;
    let wrong = |fault: SubscriptionFault| Refused::bad_request(fault.text(door));
    let list = list::in_body(&body).map_err(wrong)?;
    if client.worker.checks.has_subscription_service() && list::is_ambiguous(&list) {
        // The service may read another one than we do.
        return Err(Refused::bad_request(AMBIGUOUS));
    }
    if !reception.gate.is_open() {
        return Err(refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "Service unavailable.",
        ));
    }
    if !client
        .worker
        .checks
        .subscription(headers, body.clone())
        .await
    {
        return Err(refused(StatusCode::FORBIDDEN, "Subscription denied."));
    }
    let (address, _seen) = Address::open(token, &reception.sealer)
        .map_err(|_fault| Refused::bad_request("Invalid connection token."))?;
    let claims = claims(reception, headers).await?;
    let named = list::parse(&list).map_err(wrong)?;
    let extractors = reception.extractors.load_full();
    extractors.check(&named).map_err(wrong)?;
    let sessions = claims
        .iter()
        .filter_map(|claims| reception.gate.session(claims))
        .collect();
    let objects = claims.iter().filter_map(|claims| claims.value().ok());
    let mut subscriptions = extractors.infer(&merged(objects));
    subscriptions.extend(named);
    let order = Subscribe {
        line: address.line,
        key: address.key,
        subscriptions,
        sessions,
    };
    if deliver(reception, &address, order).await? {
        Ok(())
    } else {
        Err(refused(StatusCode::GONE, "Connection no longer exists."))
    }
}

/// Hands the order to the connection's desk; false if there is no such connection.
async fn deliver(
    reception: &Arc<Reception>,
    address: &Address,
    order: Subscribe,
) -> Result<bool, Refused> {
    if address.node == reception.node {
        let (told, done) = oneshot::channel();
        let desk = reception.desks.get(address.desk as usize);
        let ordered = desk.is_some_and(|desk| desk.send(Order::Subscribe(order, told)).is_ok());
        return Ok(ordered && done.await.unwrap_or(false));
    }
    let bytes = Carried::subscribe(&order).to_bytes();
    let carried = reception.hub.carry(address.node, Some(address.desk), bytes);
    match carried.await.map(|bytes| Answered::read(&bytes)) {
        Ok(Answered::Subscribed) => Ok(true),
        Ok(Answered::Gone | Answered::Polled { .. }) | Err(CarryFault::Gone) => Ok(false),
        Err(CarryFault::TooLarge) => {
            Err(refused(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large."))
        }
        Err(CarryFault::Unanswered | CarryFault::Overloaded) => Err(refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "Service unavailable.",
        )),
    }
}

/// The claims of all bearer tokens; one invalid token refuses the request.
async fn claims(
    reception: &Reception,
    headers: &HeaderMap,
) -> Result<Vec<crate::core::auth::claims::Claims>, Refused> {
    let mut claims = Vec::new();
    for value in headers.get_all(http::header::AUTHORIZATION) {
        for token in extract::bearer(value).take(extract::CANDIDATES_MAX) {
            let verified = reception.gate.verify(&token).await.map_err(|rejection| {
                Refused::bad_request(format!(
                    "cannot accept subscription request: invalid authorization header: \
                     could not decode JWT: {rejection}"
                ))
            })?;
            claims.push(verified);
        }
    }
    Ok(claims)
}

fn accepts_json(headers: &HeaderMap) -> Result<(), Refused> {
    let accepted: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .map(str::trim)
        // What cannot be read is ignored.
        .filter(|range| range.contains('/'))
        .collect();
    let is_ours = |range: &&str| *range == "*/*" || range.eq_ignore_ascii_case("application/json");
    if accepted.is_empty() || accepted.iter().any(is_ours) {
        return Ok(());
    }
    let text = format!(
        "None of the media types of the accept header ({}) is supported; supported is \
         application/json.",
        accepted.join(", ")
    );
    Err(Refused {
        status: StatusCode::NOT_ACCEPTABLE,
        text,
        reason: "not_acceptable",
    })
}

fn is_json(headers: &HeaderMap) -> Result<(), Refused> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let technical = if media_type.is_empty() {
        "there is no content-type".to_owned()
    } else {
        format!("the content-type is {media_type}")
    };
    Err(Refused::bad_request(expected_json(&technical)))
}

/// Why a body could not be read.
fn unread(refusal: Refusal) -> Refused {
    match refusal {
        Refusal::BadRequest | Refusal::ClientClosed => {
            Refused::bad_request(expected_json("the body is broken"))
        }
        refusal => refused(refusal.status(), refusal.text()),
    }
}

fn refused(status: StatusCode, text: &str) -> Refused {
    Refused {
        status,
        text: text.to_owned(),
        reason: "refused",
    }
}
