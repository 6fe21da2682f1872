//! Frontends' open lines: server-sent events, WebSocket and long polling, and what belongs to them
//! (spec: `events.md`).
//!
//! Every worker has a [`desk`], which owns the lines of that worker's clients. The hub hands each desk
//! every event once; the desk finds who wants it and writes the bytes, serialised once ([`frame`]),
//! straight into the sockets. A line ([`mod@line`]) has a queue only for what its socket does not take at
//! once; a client that lets it overflow is disconnected. [`admission`] decides who may open one.
//!
//! Deliberately absent: which events there are and where they come from (`core/hub`), and anything
//! shared between workers besides [`reception`] and messages.

pub mod admission;
pub mod attend;
pub mod body;
pub mod carried;
pub mod checks;
pub mod cookies;
pub mod desk;
pub mod frame;
pub mod gateway;
pub mod handover;
pub mod held;
pub mod hub_link;
pub mod line;
pub mod mailbox;
pub mod memo;
pub mod opening;
pub mod polling;
pub mod queue;
pub mod rate;
pub mod reception;
pub mod resume;
pub mod seats;
pub mod service;
pub mod sse;
pub mod submission;
pub mod subscriptions;
pub mod ticket;
pub mod token;
pub mod websocket;
pub mod whole;

use std::rc::Rc;

use http::{Method, Request, Response, StatusCode, header::ORIGIN};
use hyper::body::{Body, Incoming};

use crate::http::inbound::{
    activity::Busy, answer::Answer, connection::Client, head::sound, refusal::Marks, span::Span,
};

/// A route of this room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Submit events, or ask whether a page may.
    Events(submission::Asked),
    /// Open a stream of server-sent events.
    Sse,
    /// Its preflight.
    SsePreflight,
    /// Open a WebSocket.
    WebSocket,
    /// Open or poll a long-polling session.
    Poll,
    /// Its preflight.
    PollPreflight,
    /// Replace the subscriptions of the connection whose token is in the path.
    Subscribe,
    /// Its preflight.
    SubscribePreflight,
}

// === impl Route ===

impl Route {
    /// The route of a request, if it is one of this room's.
    pub fn of(method: &Method, path: &str) -> Option<Self> {
        let below = path.strip_prefix("/_rig/v1/")?;
        if let Some(asked) = submission::Asked::of(method, path) {
            return Some(Self::Events(asked));
        }
        let is = |expected: &Method| method == expected;
        match below.strip_suffix('/').unwrap_or(below) {
            "connection/sse" if is(&Method::GET) || is(&Method::HEAD) => Some(Self::Sse),
            "connection/sse" if is(&Method::OPTIONS) => Some(Self::SsePreflight),
            "connection/ws" => Some(Self::WebSocket),
            "connection/longpolling" if is(&Method::GET) => Some(Self::Poll),
            "connection/longpolling" if is(&Method::OPTIONS) => Some(Self::PollPreflight),
            below => {
                subscriptions::token_of(below)?;
                if is(&Method::PUT) {
                    Some(Self::Subscribe)
                } else {
                    is(&Method::OPTIONS).then_some(Self::SubscribePreflight)
                }
            }
        }
    }
}

/// Answers a request for one of this room's routes.
pub async fn answer(
    client: &Rc<Client>,
    mut request: Request<Incoming>,
    route: Route,
    span: &Span,
    busy: Busy,
) -> Response<Answer> {
    let marks = span.marks(request.headers());
    let has_body = !request.body().is_end_stream();
    if let Err(refusal) = sound(&request, &client.activity) {
        let origin = request.headers().get(ORIGIN).cloned();
        leave(client, request, has_body).await;
        let cors = &client.worker.shared.settings.cors;
        let mut response = refusal.answer(marks, cors, origin.as_ref());
        response.body_mut().hold(busy);
        return response;
    }
    let mut response = match route {
        Route::Events(asked) => {
            let mut response = submission::answer(client, request, span, asked).await;
            response.body_mut().hold(busy);
            return response;
        }
        Route::Sse => sse::answer(client, &request).await,
        Route::SsePreflight => sse::preflight(client, &request),
        Route::WebSocket => match websocket::Handshake::read(&request) {
            Ok(handshake) => {
                return websocket::answer(client, &mut request, handshake, busy).await;
            }
            Err(unfit) => unfit.answer(),
        },
        Route::Poll => polling::answer(client, &request).await,
        Route::PollPreflight => polling::preflight(client, &request),
        Route::Subscribe => {
            let response = subscriptions::answer(client, request).await;
            // What was refused may not have been read to its end.
            let is_refused = response.status().is_client_error();
            return kept(client, response, marks, busy, has_body && is_refused).await;
        }
        Route::SubscribePreflight => subscriptions::preflight(client, &request),
    };
    if route == Route::Sse && response.status() == StatusCode::OK {
        // A stream may be open for days; it is not told to be part of one request.
        response.body_mut().hold(busy);
        return response;
    }
    drop(request);
    kept(client, response, marks, busy, has_body).await
}

/// Gives up a request whose body may not have been read.
async fn leave(client: &Client, request: Request<Incoming>, has_body: bool) {
    drop(request);
    if has_body {
        client.activity.leave_unread();
        // See `forward::handle`: hyper looks at the dropped body first.
        tokio::task::yield_now().await;
    }
}

/// The answer with what all answers of the gateway carry.
async fn kept(
    client: &Client,
    mut response: Response<Answer>,
    marks: Marks,
    busy: Busy,
    is_unread: bool,
) -> Response<Answer> {
    if is_unread {
        client.activity.leave_unread();
        tokio::task::yield_now().await;
    }
    marks.apply(response.headers_mut());
    response.body_mut().hold(busy);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routes_take_a_trailing_slash_and_their_methods_only() {
        let token = "/_rig/v1/connection/ws/abc/subscriptions";
        for (method, path, route) in [
            (Method::GET, "/_rig/v1/connection/sse", Some(Route::Sse)),
            (Method::GET, "/_rig/v1/connection/sse/", Some(Route::Sse)),
            (Method::POST, "/_rig/v1/connection/sse", None),
            (
                Method::PATCH,
                "/_rig/v1/connection/ws",
                Some(Route::WebSocket),
            ),
            (Method::PUT, token, Some(Route::Subscribe)),
            (Method::OPTIONS, token, Some(Route::SubscribePreflight)),
            (Method::GET, token, None),
            (Method::PUT, "/_rig/v1/connection/ws//subscriptions", None),
            (
                Method::PUT,
                "/_rig/v1/connection/smoke/a/subscriptions",
                None,
            ),
            (
                Method::PUT,
                "/_rig/v1/connection/ws/a/b/subscriptions",
                None,
            ),
        ] {
            assert_eq!(Route::of(&method, path), route, "{method} {path}");
        }
    }
}
