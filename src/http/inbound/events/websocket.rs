//! `GET /_rig/v1/connection/ws` (RFC 6455; spec: `events.md` 5.6). One way: a client that sends a
//! message is disconnected.
//!
//! The handshake always succeeds; what is wrong with a request is told in the close frame, because
//! browser code cannot read a refused handshake.

use std::rc::Rc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE},
};
use hyper::{
    body::Incoming,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use tungstenite::{
    handshake::derive_accept_key,
    protocol::frame::{CloseFrame, Frame as WsFrame, coding::CloseCode},
};

use crate::{
    core::subscription::fault::Door,
    http::inbound::{
        activity::Busy,
        answer::Answer,
        client_stream::ClientStream,
        connection::Client,
        events::{
            admission::{Admitted, Refused, Wish},
            attend::{Wired, attend},
            frame,
            handover::wire,
            line::{End, Line, Wire},
            opening::open,
        },
        head::wanted_upgrade,
    },
};

/// Longest reason in a close frame (RFC 6455, 5.5).
const REASON_BYTES_MAX: usize = 123;

/// What a client is told that is not let in; the undecodable list is told in words of its own.
const BAD_REQUEST: &str = "Bad request.";

/// A handshake that can be answered.
pub struct Handshake {
    accept: HeaderValue,
}

// === impl Handshake ===

impl Handshake {
    /// Reads a request.
    ///
    /// # Errors
    /// [`Unfit`]
    pub fn read(request: &Request<Incoming>) -> Result<Self, Unfit> {
        let accept = accept(request).ok_or(Unfit::Other)?;
        let version = request.headers().get(SEC_WEBSOCKET_VERSION);
        if version == Some(&HeaderValue::from_static("13")) {
            Ok(Self { accept })
        } else {
            Err(Unfit::Version)
        }
    }
}

/// Why a request opens no WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It is no handshake.
    Other,
    /// It is one of another version of the protocol.
    Version,
}

// === impl Unfit ===

impl Unfit {
    /// The answer.
    pub fn answer(self) -> Response<Answer> {
        match self {
            Self::Other => upgrade_required(),
            Self::Version => wrong_version(),
        }
    }
}

/// Answers a request for a WebSocket.
pub async fn answer(
    client: &Rc<Client>,
    request: &mut Request<Incoming>,
    handshake: Handshake,
    busy: Busy,
) -> Response<Answer> {
    let reception = &client.worker.shared.events;
    let admitted = match Wish::read(request.uri().query(), request.headers()) {
        Ok(wish) => {
            wish.admit(reception, &client.worker.checks, Door::Stream)
                .await
        }
        Err(refused) => Err(refused),
    };
    if let Err(refused) = &admitted {
        reception.metrics.refused("ws", refused.reason);
    }
    let upgrade = hyper::upgrade::on(request);
    let begun = begin(Rc::clone(client), upgrade, admitted, busy);
    actix_rt::spawn(begun);
    let mut response = Response::new(Answer::complete(Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(SEC_WEBSOCKET_ACCEPT, handshake.accept);
    announce(headers);
    response
}

/// Goes on as a line once the 101 is written.
async fn begin(
    client: Rc<Client>,
    upgrade: OnUpgrade,
    admitted: Result<Admitted, Refused>,
    busy: Busy,
) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            log::debug!("an upgrade did not come about: {error}");
            return;
        }
    };
    drop(busy);
    match admitted {
        Ok(admitted) => {
            let seated = open(&client, admitted, Wire::WebSocket, Bytes::new());
            // The connection's parts are not needed while the line lasts.
            drop(client);
            let (wired, early) = wired(seated.line(), upgraded);
            attend(Rc::clone(seated.line()), wired, early).await;
        }
        Err(refused) => {
            let line = Line::new([b'-'; 16], Wire::WebSocket, 0, Rc::clone(&client.open));
            let (wired, early) = wired(&line, upgraded);
            line.end_with(End::Protocol, refusal(&refused));
            attend(line, wired, early).await;
        }
    }
}

/// The bare connection, if it is one of ours under HTTP/1.1.
fn wired(line: &Line, upgraded: Upgraded) -> (Wired, Bytes) {
    match upgraded.downcast::<TokioIo<ClientStream>>() {
        Ok(parts) => {
            let transport = parts.io.into_inner().into_transport();
            (wire(line, transport), parts.read_buf)
        }
        Err(upgraded) => (
            Wired::Through(Box::new(TokioIo::new(upgraded))),
            Bytes::new(),
        ),
    }
}

fn refusal(refused: &Refused) -> Bytes {
    // Only the list that is no JSON is told in full; other reasons might quote a token.
    let told = if refused.text.starts_with("Failed to decode") {
        cut(&refused.text)
    } else if refused.status == StatusCode::SERVICE_UNAVAILABLE {
        "Service unavailable."
    } else {
        BAD_REQUEST
    };
    let code = if refused.status == StatusCode::SERVICE_UNAVAILABLE {
        CloseCode::Again
    } else {
        CloseCode::Policy
    };
    frame::websocket(WsFrame::close(Some(CloseFrame {
        code,
        reason: told.into(),
    })))
}

fn cut(text: &str) -> &str {
    let end = (0..=REASON_BYTES_MAX.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// The answer to the client's key, if this is a handshake at all.
fn accept(request: &Request<Incoming>) -> Option<HeaderValue> {
    let protocols = wanted_upgrade(request)?;
    let is_websocket = protocols
        .to_str()
        .is_ok_and(|protocol| protocol.eq_ignore_ascii_case("websocket"));
    if *request.method() != Method::GET || !is_websocket {
        return None;
    }
    let key = request.headers().get(SEC_WEBSOCKET_KEY)?;
    HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok()
}

fn announce(headers: &mut HeaderMap) {
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
}

fn upgrade_required() -> Response<Answer> {
    let mut response = Response::new(Answer::complete(Bytes::new()));
    *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
    announce(response.headers_mut());
    response
}

fn wrong_version() -> Response<Answer> {
    let mut response = Response::new(Answer::complete(Bytes::new()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let version = HeaderValue::from_static("13");
    response
        .headers_mut()
        .insert(SEC_WEBSOCKET_VERSION, version);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = format!("{}ü", "x".repeat(122));
        assert_eq!(cut(&long), "x".repeat(122));
    }
}
