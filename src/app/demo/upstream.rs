//! The demo's back end: it tells what it saw.
//!
//! * `GET /hello`, `/items/…`, `/till`: the request as JSON.
//! * `POST /upload`: how many bytes arrived.
//! * `GET /stream`: a server-sent event a second.
//! * `GET /slow`: answers after two seconds.
//! * `/examples/…`: pages that show events ([`examples`]).

use std::{convert::Infallible, io, net::TcpListener, sync::Arc, time::Duration};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value, json};

use crate::app::demo::examples::{self, Office};

/// Where the back end listens if nobody else does; the port of `priv/demo.json`.
const PORT_WISHED: u16 = 7070;

/// Time of `/slow`; longer than its endpoint's `timeout_ms`.
const SLOWNESS: Duration = Duration::from_secs(2);

/// Time between two events of `/stream`.
const EVENT_INTERVAL: Duration = Duration::from_secs(1);

/// Starts the back end on loopback and returns its port.
pub(super) fn start(office: &Arc<Office>) -> io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", PORT_WISHED))
        .or_else(|_taken| TcpListener::bind(("127.0.0.1", 0)))?;
    let port = listener.local_addr()?.port();
    let office = Arc::clone(office);
    let server = HttpServer::new(move || {
        App::new()
            .configure(examples::routes(Arc::clone(&office)))
            .route("/upload", web::post().to(upload))
            .route("/stream", web::get().to(stream))
            .route("/slow", web::get().to(slow))
            .default_service(web::to(tell))
    })
    .workers(1)
    .disable_signals()
    .h1_allow_half_closed(false)
    .listen(listener)?
    .run();
    actix_rt::spawn(server);
    Ok(port)
}

async fn tell(request: HttpRequest) -> HttpResponse {
    let headers: Map<String, Value> = request
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), Value::String(value))
        })
        .collect();
    HttpResponse::Ok().json(json!({
        "back_end_saw": format!("{} {}", request.method(), request.uri()),
        "headers": headers,
    }))
}

async fn upload(mut body: web::Payload) -> HttpResponse {
    let mut bytes = 0_u64;
    while let Some(chunk) = body.next().await {
        match chunk {
            Ok(chunk) => bytes += chunk.len() as u64,
            Err(_broken) => return HttpResponse::BadRequest().finish(),
        }
    }
    HttpResponse::Ok().json(json!({ "bytes_arrived": bytes }))
}

async fn stream() -> HttpResponse {
    let interval = tokio::time::interval(EVENT_INTERVAL);
    let events = stream::unfold((interval, 1_u64), |(mut interval, count)| async move {
        interval.tick().await;
        let event = Bytes::from(format!("event: tick\ndata: {{\"count\":{count}}}\n\n"));
        Some((Ok::<_, Infallible>(event), (interval, count + 1)))
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .streaming(events)
}

async fn slow() -> HttpResponse {
    tokio::time::sleep(SLOWNESS).await;
    HttpResponse::Ok().body("at last")
}
