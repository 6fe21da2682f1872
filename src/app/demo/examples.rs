//! The demo's example pages for events, and what a page of a real application would have its back end do:
//! hand out a token, end a session.
//!
//! * `GET /examples/{sse,websocket,longpolling}.html`: a page per transport, and what they share
//!   (`priv/examples/`).
//! * `GET /examples/token`: a token with a session of its own.
//! * `POST /examples/logout`: revokes the session of the request's token on the management port.
//! * `POST /examples/forget`: removes the cookies of long polling, which the page itself cannot.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Name, type and text of each file.
const FILES: [(&str, &str, &str); 5] = [
    (
        "sse.html",
        HTML,
        include_str!("../../../priv/examples/sse.html"),
    ),
    (
        "websocket.html",
        HTML,
        include_str!("../../../priv/examples/websocket.html"),
    ),
    (
        "longpolling.html",
        HTML,
        include_str!("../../../priv/examples/longpolling.html"),
    ),
    (
        "chat.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../priv/examples/chat.js"),
    ),
    (
        "page.css",
        "text/css; charset=utf-8",
        include_str!("../../../priv/examples/page.css"),
    ),
];

const HTML: &str = "text/html; charset=utf-8";

/// How long a token is valid, and a session revoked, in seconds: longer than anybody tries a demo.
const TOKEN_SECONDS: u64 = 24 * 60 * 60;

/// Cookies of long polling (spec: `events.md` 5.6).
const COOKIES: [&str; 2] = ["connection_token", "last_event_id"];

/// What the pages need of the gateway they are shown by.
#[derive(Debug, Default)]
pub(super) struct Office {
    /// Signs tokens; unset if the gateway's key is not the demo's own.
    pub(super) secret: OnceLock<&'static str>,
    /// The management port, once it is open.
    pub(super) admin: OnceLock<SocketAddr>,
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: String,
    /// The session, `JWT_SESSION_FIELD`.
    jti: String,
    /// Subscribes to this room's messages, see `priv/examples/extractors.json`.
    room: String,
    exp: u64,
}

// === impl Office ===

impl Office {
    /// A token of this session; `None` if the gateway's key is another one.
    pub(super) fn token(&self, session: &str) -> Option<String> {
        let now = SystemTime::UNIX_EPOCH
            .elapsed()
            .map_or(0, |elapsed| elapsed.as_secs());
        let claims = Claims {
            sub: "demo".to_owned(),
            jti: session.to_owned(),
            room: "lobby".to_owned(),
            exp: now + TOKEN_SECONDS,
        };
        let key = EncodingKey::from_secret(self.secret.get()?.as_bytes());
        encode(&Header::default(), &claims, &key).ok()
    }

    /// The session of a request's token.
    fn session(&self, request: &HttpRequest) -> Option<String> {
        let value = request
            .headers()
            .get(header::AUTHORIZATION)?
            .to_str()
            .ok()?;
        let key = DecodingKey::from_secret(self.secret.get()?.as_bytes());
        let token = decode::<Claims>(value.strip_prefix("Bearer ")?, &key, &Validation::default());
        Some(token.ok()?.claims.jti)
    }
}

/// The routes.
pub(super) fn routes(office: Arc<Office>) -> impl FnOnce(&mut web::ServiceConfig) {
    move |routes| {
        for (name, content_type, text) in FILES {
            let file =
                move || async move { HttpResponse::Ok().content_type(content_type).body(text) };
            routes.route(&format!("/examples/{name}"), web::get().to(file));
        }
        routes
            .app_data(web::Data::from(office))
            .route("/examples/token", web::get().to(token))
            .route("/examples/logout", web::post().to(logout))
            .route("/examples/forget", web::post().to(forget));
    }
}

async fn token(office: web::Data<Office>) -> HttpResponse {
    let session = format!("demo-{:016x}", fastrand::u64(..));
    match office.token(&session) {
        Some(token) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .content_type("text/plain")
            .body(token),
        None => HttpResponse::NotFound().body("The gateway's key is your own; so make the token."),
    }
}

async fn logout(office: web::Data<Office>, request: HttpRequest) -> HttpResponse {
    let (Some(session), Some(admin)) = (office.session(&request), office.admin.get()) else {
        return HttpResponse::NotFound().body("The token is not one of the demo.");
    };
    let url = format!("http://{admin}/v3/session-blacklist");
    let body = json!({ "sessionId": session, "validityInSeconds": TOKEN_SECONDS });
    match awc::Client::default().post(url).send_json(&body).await {
        Ok(answer) if answer.status() == StatusCode::CREATED => HttpResponse::NoContent().finish(),
        Ok(answer) => HttpResponse::BadGateway().body(format!(
            "The management port answered {}.",
            answer.status().as_u16()
        )),
        Err(error) => HttpResponse::BadGateway().body(error.to_string()),
    }
}

async fn forget() -> HttpResponse {
    let mut answer = HttpResponse::NoContent();
    for name in COOKIES {
        let gone = format!("{name}=; path=/; HttpOnly; Max-Age=0");
        answer.append_header((header::SET_COOKIE, gone));
    }
    answer.finish()
}
