//! Writes that wait (names.md: receipts). Alone, a node answers at once; what a cluster would say is
//! scripted.

use actix::{Actor, Context, Handler, MessageResult};
use actix_web::http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Desk, definition};
use crate::{
    core::{
        digest::Digest,
        replica::{
            input::Until,
            receipt::{Missing, Outcome, Receipt},
            round::DecidedBy,
        },
        version::Version,
    },
    message::registry::{AwaitSpread, ClusterView, NetworkLine, ShowCluster, View},
};

/// Answers like a registry in a cluster of three.
struct Script {
    receipt: Option<Receipt>,
    asked: (Until, std::time::Duration),
}

// === impl Script ===

impl Actor for Script {
    type Context = Context<Self>;
}

impl Handler<AwaitSpread> for Script {
    type Result = Option<Receipt>;

    fn handle(&mut self, wait: AwaitSpread, _context: &mut Self::Context) -> Self::Result {
        assert_eq!((wait.until, wait.timeout), self.asked);
        self.receipt.clone()
    }
}

impl Handler<ShowCluster> for Script {
    type Result = MessageResult<ShowCluster>;

    fn handle(&mut self, _show: ShowCluster, _context: &mut Self::Context) -> Self::Result {
        MessageResult(ClusterView {
            view: View {
                node: "node-1".to_owned(),
                members: 3,
                root: "00000000000000ff".to_owned(),
            },
            nodes: Vec::new(),
            network: NetworkLine {
                port: "open".to_owned(),
                problem: None,
                refused: Vec::new(),
            },
        })
    }
}

/// A receipt of a node that serves the change, as its second node does; `third` is the third's.
fn receipt(outcome: Outcome, third: Option<Missing>) -> Receipt {
    let third_node = "node-3".to_owned();
    let mut serving = vec!["node-2".to_owned()];
    let mut missing = Vec::new();
    match third {
        // Not in the order of names.
        None => serving.insert(0, third_node),
        Some(why) => missing.push((third_node, why)),
    }
    Receipt {
        ticket: 1,
        outcome,
        here: true,
        serving,
        missing,
    }
}

/// A port whose registry keeps definitions, and whose receipts are `receipt`.
fn desk(receipt: Option<Receipt>, until: Until, timeout_ms: u64) -> Desk {
    let timeout = std::time::Duration::from_millis(timeout_ms);
    let script = Script {
        receipt,
        asked: (until, timeout),
    };
    let script = script.start();
    Desk::with(|state| {
        state.cluster.spread = script.clone().recipient();
        state.cluster.nodes = script.recipient();
    })
}

fn told(answer: &Answer) -> (Value, Value) {
    let body = answer.json();
    assert_eq!(body["view"]["members"], 3);
    assert_eq!(body["view"]["root"], "00000000000000ff");
    assert_eq!(
        body["receipt"]["change"],
        answer.header("x-rig-change").unwrap()
    );
    (body["message"].clone(), body["receipt"].clone())
}

#[actix_web::test]
async fn a_lone_node_gives_its_receipt_at_once() {
    let desk = Desk::open();
    for (wait, path) in [("all", "a"), ("1", "b"), ("settled", "c")] {
        let query = format!("wait={wait}&timeout=60");
        let created = desk
            .post(&format!("/v3/apis?{query}"), &definition(path))
            .await;
        assert_eq!(created.status, 201, "{}", created.text());
        let location = format!("/v3/apis/{path}");
        assert_eq!(created.header("location"), Some(location.as_str()));
        let body = created.json();
        assert_eq!(body["message"], "ok");
        assert!(body.get("warnings").is_none());
        let done = json!({
            "change": created.header("x-rig-change").unwrap(),
            "outcome": "done", "serving": ["lone"], "missing": [],
        });
        assert_eq!(body["receipt"], done);
        assert_eq!(body["view"]["node"], "lone");

        let put = desk
            .put(&format!("/v2/apis/{path}?{query}"), &definition(path))
            .await;
        assert_eq!(put.status, 200);
        assert_eq!(put.json()["receipt"]["outcome"], "done");
        assert!(put.header("etag").unwrap().starts_with("\"1-"));
        let deleted = desk.delete(&format!("/v3/apis/{path}?{query}")).await;
        assert_eq!(deleted.status, 200);
        assert_eq!(deleted.json()["receipt"]["outcome"], "done");
        assert!(deleted.header("etag").is_none());
    }
}

#[actix_web::test]
async fn more_nodes_than_there_are_is_a_wait_that_ends() {
    let desk = Desk::open();
    let created = desk
        .post("/v3/apis?wait=2&timeout=0.01", &definition("shop"))
        .await;
    assert_eq!(created.status, 202, "{}", created.text());
    assert_eq!(created.json()["receipt"]["serving"], json!(["lone"]));
    assert!(created.header("etag").is_some());
    assert_eq!(desk.get("/v3/apis/shop").await.status, 200);
}

#[actix_web::test]
async fn a_faulty_wait_is_refused_before_anything_is_written() {
    let desk = Desk::open();
    desk.post("/v3/apis", &definition("shop")).await;
    let shown = desk.get("/v3/apis").await.json();
    let faults = json!({"query": [
        {"wait": "must be all, settled or a number of nodes, at least 1"},
        {"timeout": "must be a number of seconds above 0 and at most 60"},
    ]});
    let query = "?wait=none&timeout=61";
    for refused in [
        desk.post(&format!("/v3/apis{query}"), &definition("new"))
            .await,
        desk.put(&format!("/v3/apis/shop{query}"), &definition("shop"))
            .await,
        desk.delete(&format!("/v3/apis/shop{query}")).await,
    ] {
        refused.is(StatusCode::BAD_REQUEST, &faults);
    }
    assert_eq!(desk.get("/v3/apis").await.json(), shown);
}

#[actix_web::test]
async fn a_refused_write_waits_for_nothing() {
    let desk = desk(None, Until::All, 0);
    let refused = desk
        .put("/v3/apis/none?wait=all", &definition("none"))
        .await;
    assert_eq!(refused.status, 404);
    assert!(refused.json().get("receipt").is_none());
}

#[actix_web::test]
async fn nodes_are_told_in_the_order_of_their_names() {
    let all = receipt(Outcome::Done, None);
    let desk = desk(Some(all), Until::Count(3), 2_500);
    let path = "/v3/apis?wait=3&timeout=2.5";
    let created = desk.post(path, &definition("shop")).await;
    assert_eq!(created.status, 201);
    let (message, receipt) = told(&created);
    assert_eq!(message, "ok");
    assert_eq!(receipt["serving"], json!(["node-1", "node-2", "node-3"]));
}

#[actix_web::test]
async fn a_write_that_has_not_spread_is_202_and_says_who_lacks_it_and_why() {
    for (why, reason) in [
        (Missing::Unreachable, "unreachable"),
        (Missing::Behind, "behind"),
        (Missing::Contested, "contested"),
        (Missing::NotActivatable, "not_activatable"),
    ] {
        let desk = desk(
            Some(receipt(Outcome::Pending, Some(why))),
            Until::All,
            5_000,
        );
        let created = desk.post("/v3/apis?wait=all", &definition("shop")).await;
        assert_eq!(created.status, 202);
        let (message, receipt) = told(&created);
        assert_eq!(message, "The change has not spread as far as asked.");
        assert_eq!(receipt["outcome"], "pending");
        assert_eq!(receipt["serving"], json!(["node-1", "node-2"]));
        let missing = json!([{"node": "node-3", "reason": reason}]);
        assert_eq!(receipt["missing"], missing);
        assert_eq!(created.header("location"), Some("/v3/apis/shop"));
        assert!(created.header("etag").is_some());

        let deleted = desk.delete("/v3/apis/shop?wait=all").await;
        assert_eq!(deleted.status, 202);
        assert_eq!(told(&deleted).1["missing"], missing);
    }
}

#[actix_web::test]
async fn this_node_is_named_too_if_it_does_not_serve_the_change() {
    let elsewhere = Receipt {
        here: false,
        ..receipt(Outcome::Pending, None)
    };
    let desk = desk(Some(elsewhere), Until::Settled, 5_000);
    let created = desk
        .post("/v3/apis?wait=settled", &definition("shop"))
        .await;
    let (_, receipt) = told(&created);
    assert_eq!(receipt["serving"], json!(["node-2", "node-3"]));
    let missing = json!([{"node": "node-1", "reason": "contested"}]);
    assert_eq!(receipt["missing"], missing);
}

#[actix_web::test]
async fn a_superseded_write_is_409_and_names_winner_and_rule() {
    for (by, rule) in [
        (DecidedBy::Ref, "ref"),
        (DecidedBy::Votes, "votes"),
        (DecidedBy::Timestamp, "timestamp"),
        (DecidedBy::Tie, "tie"),
    ] {
        let winner = Version {
            ref_number: 7,
            digest: Digest::DELETED,
        };
        let lost = Receipt {
            here: false,
            ..receipt(Outcome::Superseded { winner, by }, Some(Missing::Behind))
        };
        let desk = desk(Some(lost), Until::All, 5_000);
        let created = desk.post("/v3/apis?wait=all", &definition("shop")).await;
        assert_eq!(created.status, 409);
        let (message, receipt) = told(&created);
        assert_eq!(message, format!("API with id=shop is at {winner} now."));
        assert_eq!(receipt["outcome"], "superseded");
        assert_eq!(receipt["winner"], winner.to_string());
        assert_eq!(receipt["decided_by"], rule);
        assert_eq!(receipt["missing"], json!([]));
        assert!(created.header("etag").is_none());
        assert!(created.header("location").is_none());
    }
}

#[actix_web::test]
async fn a_receipt_that_cannot_be_had_is_503_and_the_write_stands() {
    let busy = Receipt {
        here: false,
        serving: Vec::new(),
        ..receipt(Outcome::Busy, None)
    };
    let desk_busy = desk(Some(busy), Until::All, 5_000);
    let created = desk_busy
        .post("/v3/apis?wait=all", &definition("shop"))
        .await;
    assert_eq!(created.status, 503);
    assert_eq!(created.header("retry-after"), Some("1"));
    let (_, receipt) = told(&created);
    assert_eq!(receipt["outcome"], "busy");
    assert_eq!(receipt["missing"], json!([]));
    assert_eq!(desk_busy.get("/v3/apis/shop").await.status, 200);

    let desk_gone = desk(None, Until::All, 5_000);
    let created = desk_gone
        .post("/v3/apis?wait=all", &definition("shop"))
        .await;
    let unavailable = json!({"errors": {"detail": "Service unavailable"}});
    created.is(StatusCode::SERVICE_UNAVAILABLE, &unavailable);
    assert!(
        created
            .header("x-rig-change")
            .unwrap()
            .starts_with("shop@0-")
    );
    assert_eq!(desk_gone.get("/v3/apis/shop").await.status, 200);
}

#[actix_web::test]
async fn warnings_stand_beside_the_receipt() {
    let mut odd = definition("odd");
    let endpoint = json!({"id": "same", "method": "GET", "path_regex": "/a"});
    let twin = json!({"id": "same", "method": "GET", "path_regex": "/b"});
    odd["version_data"]["default"]["endpoints"] = json!([endpoint, twin]);
    let created = Desk::open().post("/v3/apis?wait=all", &odd).await;
    assert_eq!(created.status, 201);
    let body = created.json();
    assert_eq!(body["warnings"][0]["path"], "odd/same", "{body}");
    assert_eq!(body["receipt"]["outcome"], "done");
}
