//! `GET /_rig/v1/connection/sse` (spec: `events.md` 5.6).

use std::rc::Rc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, CACHE_CONTROL, CONTENT_TYPE,
    },
};
use hyper::body::{Body, Incoming};

use crate::{
    core::subscription::fault::Door,
    http::inbound::{
        answer::Answer,
        connection::Client,
        events::{
            admission::{Refused, Wish},
            body::LineBody,
            line::Wire,
            opening::open,
        },
    },
};

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// Answers a request for a stream; does not return if the line takes the connection over.
pub async fn answer(client: &Client, request: &Request<Incoming>) -> Response<Answer> {
    let reception = &client.worker.shared.events;
    let admitted = match Wish::read(request.uri().query(), request.headers()) {
        Ok(wish) => {
            wish.admit(reception, &client.worker.checks, Door::Stream)
                .await
        }
        Err(refused) => Err(refused),
    };
    let admitted = match admitted {
        Ok(admitted) => admitted,
        Err(refused) => {
            reception.metrics.refused("sse", refused.reason);
            return refuse(client, request, refused);
        }
    };
    let origin = request.headers().get(http::header::ORIGIN);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, EVENT_STREAM);
    headers.insert(CACHE_CONTROL, NO_CACHE);
    client
        .worker
        .shared
        .settings
        .cors
        .allow_origin(&mut headers, origin);
    if *request.method() == Method::GET
        && client.activity.is_first()
        && request.body().is_end_stream()
    {
        let chunked = request.version() == Version::HTTP_11;
        let head = head(&headers, chunked);
        let seated = open(client, admitted, Wire::Sse { chunked }, head);
        client.handover.set(seated);
        // The connection is taken from under this future before it is polled again.
        return std::future::pending().await;
    }
    let mut response = if *request.method() == Method::HEAD {
        Response::new(Answer::complete(Bytes::new()))
    } else {
        let seated = open(client, admitted, Wire::Sse { chunked: false }, Bytes::new());
        if !client.activity.is_multiplexed() {
            seated.line().set_connection(Rc::clone(&client.activity));
            client.activity.set_streaming();
        }
        Response::new(Answer::line(LineBody::new(seated)))
    };
    *response.headers_mut() = headers;
    response
}

/// The answer to a browser's question whether it may.
pub fn preflight<B>(client: &Client, request: &Request<B>) -> Response<Answer> {
    let mut response = Response::new(Answer::complete(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET"),
    );
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
    let origin = request.headers().get(http::header::ORIGIN);
    client
        .worker
        .shared
        .settings
        .cors
        .allow_origin(headers, origin);
    response
}

/// A refusal that browser code can read.
pub fn refuse<B>(client: &Client, request: &Request<B>, refused: Refused) -> Response<Answer> {
    let mut response = Response::new(Answer::complete(refused.text.into()));
    *response.status_mut() = refused.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, PLAIN);
    if refused.status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(http::header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    let origin = request.headers().get(http::header::ORIGIN);
    client
        .worker
        .shared
        .settings
        .cors
        .allow_origin(headers, origin);
    response
}

/// The head of an answer on a connection that is ours; its body is chunked, or ends with the
/// connection (RFC 9112, 6.3).
fn head(headers: &HeaderMap, chunked: bool) -> Bytes {
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    for (name, value) in headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    head.extend_from_slice(b"date: ");
    head.extend_from_slice(date.as_bytes());
    head.extend_from_slice(if chunked {
        b"\r\ntransfer-encoding: chunked\r\n\r\n"
    } else {
        b"\r\nconnection: close\r\n\r\n"
    });
    head.into()
}
