//! Stories told against the whole port: the application with a real registry behind a test actor.

mod apis;
mod cluster;
mod conditions;
mod extractors;
mod messages;
mod openapi;
mod receipts;
mod responses;
mod serving;
mod sessions;
mod swagger;
mod town;
mod wire;

use std::sync::{Arc, Mutex};

use actix::{Actor, Addr, Context, Handler};
use actix_web::{
    http::{Method, StatusCode, header::HeaderMap},
    test::{TestRequest, call_service, init_service, read_body},
    web::Data,
};
use bytes::Bytes;
use prometheus::IntGauge;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use super::{
    AdminState, app, cluster::Cluster, guard::BearerToken, responses::Responses,
    session_blacklist::Sessions,
};
use crate::{
    actor::{Alarm, registry::RegistryActor},
    core::{
        api::faults::Warning,
        hub::output::CarryFault,
        seal::Purpose,
        session::blacklist::{Blacklist, Full},
    },
    http::{
        awaited::Awaited,
        sealer::{Sealer, Secret},
    },
    message::{
        hub::{Carry, Revoke, Revoked},
        proxy::{ApisPublished, SnapshotCell},
        session::SessionCell,
    },
    telemetry::health::{Health, Phase},
};

/// Limit of the tests' registry: small, so that it can be reached.
const DEFINITION_BYTES_MAX: usize = 64 * 1024;

/// The cluster's secret in tests.
const COOKIE: &[u8] = b"0123456789abcdef";

/// Stands in for the proxy actor: routes nothing, warns of nothing.
struct Proxy;

/// Stands in for the hub: revokes here, and notes what it was told.
struct Hub {
    cell: Arc<SessionCell>,
    blacklist: Blacklist,
    revokes: Arc<Mutex<Vec<Revoke>>>,
    carried: Arc<Mutex<Vec<Carry>>>,
}

/// A running port without a socket.
struct Desk {
    state: Data<AdminState>,
}

/// What a client sees.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

// === impl Proxy ===

impl Actor for Proxy {
    type Context = Context<Self>;
}

impl Handler<ApisPublished> for Proxy {
    type Result = Vec<Warning>;

    fn handle(&mut self, _published: ApisPublished, _context: &mut Self::Context) -> Self::Result {
        Vec::new()
    }
}

// === impl Hub ===

impl Hub {
    fn of(cell: &Arc<SessionCell>) -> Self {
        Self {
            cell: Arc::clone(cell),
            blacklist: Blacklist::new(),
            revokes: Arc::default(),
            carried: Arc::default(),
        }
    }
}

impl Actor for Hub {
    type Context = Context<Self>;
}

impl Handler<Revoke> for Hub {
    type Result = Result<Revoked, Full>;

    fn handle(&mut self, revoke: Revoke, _context: &mut Self::Context) -> Self::Result {
        self.blacklist.revoke(&revoke.session, revoke.until_s, 0)?;
        self.cell.publish(&mut self.blacklist);
        self.revokes.lock().unwrap().push(revoke);
        Ok(Revoked {
            confirmed: vec!["node-1".to_owned()],
            missing: vec!["node-2".to_owned()],
        })
    }
}

impl Handler<Carry> for Hub {
    type Result = Result<Bytes, CarryFault>;

    fn handle(&mut self, carry: Carry, _context: &mut Self::Context) -> Self::Result {
        self.carried.lock().unwrap().push(carry);
        Ok(Bytes::new())
    }
}

/// Seals correlation ids as every node with this cookie does.
fn sealer(cookie: &[u8]) -> Sealer {
    Sealer::new(&Secret::shared(cookie), Purpose::Correlation)
}

/// The registry of a node that is alone.
fn registry() -> Addr<RegistryActor> {
    let (bell, _deaths) = unbounded_channel();
    let proxy = Proxy.start().recipient();
    RegistryActor::lone(proxy, DEFINITION_BYTES_MAX, Alarm::new("registry", &bell)).start()
}

// === impl Desk ===

impl Desk {
    fn open() -> Self {
        Self::with(|_state| ())
    }

    fn with(change: impl FnOnce(&mut AdminState)) -> Self {
        let mut state = state(&registry());
        change(&mut state);
        Self {
            state: Data::new(state),
        }
    }

    async fn send(&self, request: TestRequest) -> Answer {
        let service = init_service(app(self.state.clone())).await;
        let response = call_service(&service, request.to_request()).await;
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: read_body(response).await,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(TestRequest::post().uri(path).set_json(body))
            .await
    }

    async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(TestRequest::put().uri(path).set_json(body)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send(TestRequest::delete().uri(path)).await
    }
}

// === impl Answer ===

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    fn is(&self, status: StatusCode, body: &Value) {
        assert_eq!(self.status, status.as_u16(), "{}", self.text());
        assert_eq!(self.json(), *body);
        let content_type = Some("application/json; charset=utf-8");
        assert_eq!(self.header("content-type"), content_type);
    }
}

fn state(keeper: &Addr<RegistryActor>) -> AdminState {
    let health = Health::default();
    health.advance(Phase::Ready);
    let sessions = Arc::new(SessionCell::new());
    let hub = Hub::of(&sessions).start();
    AdminState {
        propose: keeper.clone().recipient(),
        list: keeper.clone().recipient(),
        get: keeper.clone().recipient(),
        extractors: keeper.clone().recipient(),
        submit: None,
        cluster: Cluster {
            nodes: keeper.clone().recipient(),
            rounds: keeper.clone().recipient(),
            conflicts: keeper.clone().recipient(),
            find: keeper.clone().recipient(),
            spread: keeper.clone().recipient(),
            compare: keeper.clone().recipient(),
            diff: keeper.clone().recipient(),
            join: keeper.clone().recipient(),
            forget: keeper.clone().recipient(),
            leave: keeper.clone().recipient(),
        },
        sessions: Sessions {
            revoke: hub.clone().recipient(),
            revoked: sessions,
        },
        responses: Responses {
            awaited: Awaited::new(1, sealer(COOKIE), IntGauge::new("g", "g").unwrap()),
            carry: hub.recipient(),
        },
        snapshot: Arc::new(SnapshotCell::default()),
        health: Arc::new(health),
        metrics: Some(Arc::new(|| "up 1\n".to_owned())),
        token_check: Arc::new(|_auth, _headers, _query| Err("token expired".to_owned())),
        node_name: "node-1".to_owned(),
        token: None,
        definition_bytes_max: DEFINITION_BYTES_MAX,
    }
}

/// A valid definition.
fn definition(id: &str) -> Value {
    json!({
        "id": id,
        "name": id,
        "version_data": {"default": {"endpoints": [
            {"id": "get", "method": "GET", "path_regex": "/things"}
        ]}},
        "proxy": {"target_url": "localhost", "port": 7070}
    })
}

fn request(method: &str, path: &str) -> TestRequest {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    TestRequest::default().method(method).uri(path)
}

#[actix_web::test]
async fn a_token_guards_all_but_health_and_metrics() {
    let desk = Desk::with(|state| state.token = Some(BearerToken::new(b"s3cret")));
    for open in [
        "/health",
        "/health/",
        "/health/live",
        "/health/ready",
        "/metrics",
    ] {
        assert_eq!(desk.get(open).await.status, 200, "{open}");
    }
    for (method, path) in [
        ("GET", "/v3/apis"),
        ("HEAD", "/v3/apis"),
        ("POST", "/v2/apis"),
        ("DELETE", "/v3/apis/x"),
        ("POST", "/v3/probe"),
        ("GET", "/v3/cluster/nodes"),
        ("GET", "/v3/cluster/rounds"),
        ("GET", "/v3/cluster/conflicts"),
        ("GET", "/v3/cluster/changes/x"),
        ("GET", "/v3/cluster/diff/x"),
        ("POST", "/v3/cluster/join"),
        ("POST", "/v3/cluster/forget"),
        ("POST", "/v3/cluster/leave"),
        ("GET", "/v3/extractors"),
        ("PUT", "/v3/extractors"),
        ("POST", "/v3/session-blacklist"),
        ("GET", "/v2/session-blacklist/x"),
        ("POST", "/v2/responses"),
        ("POST", "/v3/responses"),
        ("GET", "/openapi.json"),
        ("GET", "/swagger-ui/index.html"),
        ("OPTIONS", "/v3/apis"),
        ("GET", "/nowhere"),
        ("GET", "/%68ealth"),
    ] {
        let refused = desk.send(request(method, path)).await;
        assert_eq!(refused.status, 401, "{method} {path}");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        let body = json!({"errors": {"detail": "Unauthorized"}});
        refused.is(StatusCode::UNAUTHORIZED, &body);
        assert!(refused.header("x-request-id").is_some(), "{method} {path}");
        let authorization = ("authorization", "bearer s3cret");
        let admitted = desk
            .send(request(method, path).insert_header(authorization))
            .await;
        assert_ne!(admitted.status, 401, "{method} {path}");
    }
}

#[actix_web::test]
async fn health_tells_life_from_readiness() {
    let desk = Desk::with(|state| state.health = Arc::new(Health::default()));
    let health = Arc::clone(&desk.state.health);
    for (phase, ready, word) in [
        (Phase::Starting, 503, "starting"),
        (Phase::Ready, 200, "OK"),
        (Phase::Left, 503, "left"),
        (Phase::Draining, 503, "draining"),
        (Phase::Broken, 503, "broken"),
    ] {
        health.advance(phase);
        for path in ["/health", "/health/live"] {
            let live = desk.get(path).await;
            assert_eq!((live.status, live.text()), (200, "OK"), "{phase:?} {path}");
            let content_type = Some("text/plain; charset=utf-8");
            assert_eq!(live.header("content-type"), content_type);
        }
        let answer = desk.get("/health/ready").await;
        assert_eq!(answer.status, ready, "{phase:?}");
        assert!(answer.text().starts_with(word), "{phase:?}");
        assert_eq!(answer.text().lines().count(), 1, "{phase:?}");
    }
}

#[actix_web::test]
async fn metrics_are_text_whatever_is_asked_for_and_404_when_off() {
    let desk = Desk::open();
    for accept in ["*/*", "application/json", "application/vnd.google.protobuf"] {
        let request = request("GET", "/metrics").insert_header(("accept", accept));
        let answer = desk.send(request).await;
        assert_eq!((answer.status, answer.text()), (200, "up 1\n"), "{accept}");
        let content_type = Some("text/plain; version=0.0.4");
        assert_eq!(answer.header("content-type"), content_type);
    }
    let off = Desk::with(|state| state.metrics = None);
    let not_found = json!({"errors": {"detail": "Not found"}});
    off.get("/metrics")
        .await
        .is(StatusCode::NOT_FOUND, &not_found);
}

#[actix_web::test]
async fn a_probe_answers_200_even_if_nothing_matches_and_400_if_it_cannot_be_read() {
    let desk = Desk::open();
    let nobody = json!({
        "api": null, "endpoint": null, "upstream_url": null,
        "auth": null, "also_matching": [], "status": 404,
    });
    let question = json!({"method": "GET", "path": "/none?x=1", "headers": {"x": "y"}});
    desk.post("/v3/probe", &question)
        .await
        .is(StatusCode::OK, &nobody);
    let own = desk
        .post(
            "/v3/probe",
            &json!({"method": "GET", "path": "/_rig/health"}),
        )
        .await;
    assert_eq!(own.json()["status"], 200);

    let faults = json!({"probe": [{"path": "must be string"}]});
    let answer = desk.post("/v3/probe", &json!({"method": "GET"})).await;
    answer.is(StatusCode::BAD_REQUEST, &faults);
    let untyped = request("POST", "/v3/probe").set_payload(question.to_string());
    assert_eq!(desk.send(untyped).await.status, 400);
}
