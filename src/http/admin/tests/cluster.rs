//! The views of the cluster, joining and leaving, and the later look at a change.

use std::sync::{Arc, Mutex};

use actix::{Actor, Addr};
use actix_web::http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use super::{
    DEFINITION_BYTES_MAX, Desk, Proxy, definition, request, state,
    town::{Mouth, Town, replica},
};
use crate::{
    actor::{Alarm, registry::RegistryActor},
    core::replica::{
        id::PeerId,
        input::{Action, Input},
    },
    message::cluster::{Heard, Tell},
};

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[actix_web::test]
async fn a_lone_node_sees_itself_and_nothing_contested() {
    let desk = Desk::open();
    let seen = desk.get("/v3/cluster/nodes").await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    let seen = seen.json();
    assert_eq!(seen["view"]["members"], 1);
    assert_eq!(seen["view"]["node"], "lone");
    let nodes = seen["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 1);
    assert_eq!(nodes[0]["name"], "lone");
    assert_eq!(nodes[0]["root"], seen["view"]["root"]);
    assert_eq!(nodes[0]["in_sync"], true);
    assert_eq!(seen["network"], json!({"port": "none", "refused": []}));
    // Larger than JSON's numbers are exact (RFC 8259, 6).
    assert!(
        nodes[0]["incarnation"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            > 1 << 53
    );
    let rounds = json!({"view": seen["view"], "rounds": [], "left_out": 0});
    desk.get("/v3/cluster/rounds")
        .await
        .is(StatusCode::OK, &rounds);
    let conflicts = json!({"view": seen["view"], "conflicts": []});
    desk.get("/v3/cluster/conflicts?since=0")
        .await
        .is(StatusCode::OK, &conflicts);
}

#[actix_web::test]
async fn a_vote_that_is_going_on_is_seen_in_every_view() {
    let mut town = Town::settle();
    let created = town.desk.post("/v3/apis", &definition("shop")).await;
    let etag = created.header("etag").unwrap().to_owned();
    let shown = town.desk.get("/v3/apis/shop").await;
    assert_eq!(shown.header("x-rig-round"), Some("settled"));

    town.other(Input::Tick).await;
    town.other_writes(Action::Create, "other").await;
    let seen = town.desk.get("/v3/cluster/nodes").await.json();
    assert_eq!(seen["view"]["members"], 2);
    assert_eq!(seen["nodes"][1]["name"], "node-2");
    assert_eq!(seen["nodes"][1]["in_sync"], false);
    assert_eq!(seen["nodes"][1]["software"], "1.2.3");

    let shown = town.desk.get("/v3/apis/shop").await;
    assert_eq!(shown.header("x-rig-round"), Some("contested"));
    let known = request("GET", "/v3/apis/shop").insert_header(("if-none-match", etag.as_str()));
    let known = town.desk.send(known).await;
    assert_eq!(known.status, 304);
    assert_eq!(known.header("x-rig-round"), Some("contested"));

    for query in ["", "?state=contested", "?state=collecting"] {
        let path = format!("/v3/cluster/rounds{query}");
        let rounds = town.desk.get(&path).await.json();
        let round = &rounds["rounds"][0];
        assert_eq!(round["id"], "shop", "{query}");
        assert_eq!(round["state"], "collecting");
        assert_eq!(round["missing"], json!(["node-2"]));
        assert_eq!(round["candidates"].as_array().unwrap().len(), 2);
        let served = round["candidates"].as_array().unwrap();
        let served = served.iter().find(|one| one["served_here"] == true);
        let digest = served.unwrap()["digest"].as_str().unwrap().to_owned();
        assert_eq!(etag, format!("\"0-{digest}\""));
    }
    for state in ["decided", "conceded"] {
        let path = format!("/v3/cluster/rounds?state={state}");
        assert_eq!(town.desk.get(&path).await.json()["rounds"], json!([]));
    }
    let refused = town.desk.get("/v3/cluster/rounds?state=open").await;
    assert_eq!(refused.status, 400);
    let refused = town.desk.get("/v3/cluster/conflicts?since=now").await;
    assert_eq!(refused.status, 400);

    // The other node cannot be asked, as it is no neighbour.
    let wanted = created.header("x-rig-change").unwrap();
    let receipt = town.change(wanted).await;
    assert_eq!(receipt.status, 202, "{}", receipt.text());
    let receipt = &receipt.json()["receipt"];
    assert_eq!(receipt["outcome"], "pending");
    assert_eq!(receipt["serving"], json!(["lone"]));
    let missing = json!([{"node": "node-2", "reason": "unreachable"}]);
    assert_eq!(receipt["missing"], missing);
}

#[actix_web::test]
async fn a_decided_conflict_is_listed_and_its_loser_names_the_winner() {
    let mut town = Town::settle();
    town.other_writes(Action::Create, "other").await;
    let shown = town.desk.get("/v3/apis/shop").await;
    let other = format!("shop@{}", shown.header("etag").unwrap().trim_matches('"'));
    assert_eq!(town.change(&other).await.status, 200);
    town.other = replica("node-3");
    town.other_writes(Action::Create, "third").await;

    let path = "/v3/cluster/conflicts";
    let conflicts = town.desk.get(path).await.json();
    let conflict = &conflicts["conflicts"][0];
    assert_eq!(conflict["id"], "shop", "{conflicts}");
    assert_eq!(conflict["decided_by"], "votes");
    let time = number(&conflict["time_ms"]);
    for (since, count) in [(0, 1), (time, 1), (time + 1, 0)] {
        let listed = town.desk.get(&format!("{path}?since={since}")).await.json();
        assert_eq!(listed["conflicts"].as_array().unwrap().len(), count);
    }
    let shown = town.desk.get("/v3/apis/shop").await;
    assert_eq!(shown.header("x-rig-round"), Some("settled"));

    let loser = conflict["losers"][0].as_str().unwrap();
    let lost = town.change(&format!("shop@0-{loser}")).await;
    assert_eq!(lost.status, 409, "{}", lost.text());
    let lost = lost.json();
    assert_eq!(lost["receipt"]["outcome"], "superseded");
    assert_eq!(lost["receipt"]["decided_by"], "votes");
    let winner = conflict["winner"].as_str().unwrap();
    assert_eq!(lost["receipt"]["winner"], format!("0-{winner}"));
}

#[actix_web::test]
async fn a_change_can_be_looked_up_by_its_id_later() {
    let town = Town::settle();
    let desk = &town.desk;
    let created = desk.post("/v3/apis", &definition("a@b/c")).await;
    let first = created.header("x-rig-change").unwrap().to_owned();
    let receipt = town.change(&first).await;
    assert_eq!(receipt.status, 200, "{}", receipt.text());
    let told = receipt.json();
    assert_eq!(told["message"], "ok");
    let done = json!({
        "change": first, "outcome": "done", "serving": ["lone"], "missing": [],
    });
    assert_eq!(told["receipt"], done);
    assert_eq!(told["view"]["members"], 1);
    assert!(told.get("warnings").is_none());

    let deleted = desk.delete("/v3/apis/a%40b%2Fc").await;
    let second = deleted.header("x-rig-change").unwrap().to_owned();
    assert_eq!(
        town.change(&second).await.json()["receipt"]["outcome"],
        "done"
    );
    let lost = town.change(&first).await;
    assert_eq!(lost.status, 409);
    let lost = lost.json();
    let version = second.rsplit_once('@').unwrap().1;
    let message = format!("API with id=a@b/c is at {version} now.");
    assert_eq!(lost["message"], message);
    assert_eq!(lost["receipt"]["winner"], version);
    assert_eq!(lost["receipt"]["decided_by"], "ref");
    assert_eq!(lost["view"]["node"], "lone");
}

#[actix_web::test]
async fn an_unknown_change_is_404_and_what_is_none_is_400() {
    let town = Town::settle();
    let created = town.desk.post("/v3/apis", &definition("shop")).await;
    let change = created.header("x-rig-change").unwrap();
    let later = change.replace("@0-", "@1-");
    for unknown in [
        "other@0-0123456789abcdef",
        "shop@0-0123456789abcdef",
        later.as_str(),
        &format!("{}@0-0123456789abcdef", "x".repeat(129)),
    ] {
        let answer = town.change(unknown).await;
        let message =
            format!("no change {unknown} is known here; it may not have arrived yet, or is lost");
        answer.is(StatusCode::NOT_FOUND, &json!({"message": message}));
    }
    let rule = "must be <id>@<ref_number>-<16 hex digits>, as in x-rig-change";
    let faults = json!({"path": [{"change": rule}]});
    for none in ["shop", "shop@0", "shop@0-0123", "@0-0123456789abcdef"] {
        town.change(none).await.is(StatusCode::BAD_REQUEST, &faults);
    }
    assert_eq!(town.change("%ff@0-0123456789abcdef").await.status, 400);
    let path = format!("/v3/cluster/changes/{change}?wait=some");
    assert_eq!(town.desk.get(&path).await.status, 400);
}

/// A registry with a cluster in which there is nobody else.
fn connected(told: &Arc<Mutex<Vec<Tell>>>) -> Addr<RegistryActor> {
    let (bell, _deaths) = unbounded_channel();
    let alarm = Alarm::new("registry", &bell);
    let mut registry = RegistryActor::lone(Proxy.start().recipient(), DEFINITION_BYTES_MAX, alarm);
    registry.connect(Mouth(Arc::clone(told)).start().recipient());
    registry.start()
}

/// What a command that was done is answered with by a node that sees so many members now.
async fn done(desk: &Desk, members: usize) -> Value {
    let seen = desk.get("/v3/cluster/nodes").await.json();
    assert_eq!(seen["view"]["node"], "lone");
    assert_eq!(seen["view"]["members"], members);
    json!({"message": "ok", "view": seen["view"]})
}

#[actix_web::test]
async fn a_join_is_handed_on_or_refused_without_a_cluster() {
    let seed = json!({"address": "Seed:4020"});
    let alone = Desk::open();
    let refused = alone.post("/v3/cluster/join", &seed).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("no cluster"), "{}", refused.text());

    let told = Arc::new(Mutex::new(Vec::new()));
    let registry = connected(&told);
    let desk = Desk::with(|desk| *desk = state(&registry));
    let accepted = desk.post("/v3/cluster/join", &seed).await;
    accepted.is(StatusCode::ACCEPTED, &done(&desk, 1).await);
    let dialled = |told: &Tell| matches!(told, Tell::Dial { address } if address == "seed:4020");
    assert!(told.lock().unwrap().iter().any(dialled));

    for (body, fault) in [
        (json!({}), "must be string"),
        (json!([]), "must be string"),
        (
            json!({"address": "seed"}),
            "\"seed\" needs a port from 1 to 65535, like host:4020",
        ),
    ] {
        let faults = json!({"join": [{"address": fault}]});
        desk.post("/v3/cluster/join", &body)
            .await
            .is(StatusCode::BAD_REQUEST, &faults);
    }
    let long = json!({"address": "x".repeat(5_000)});
    assert_eq!(desk.post("/v3/cluster/join", &long).await.status, 413);
}

#[actix_web::test]
async fn no_more_rounds_are_listed_than_asked_for_and_the_others_are_counted() {
    let mut town = Town::settle();
    town.other(Input::Tick).await;
    for id in ["a", "b", "c"] {
        town.desk.post("/v3/apis", &definition(id)).await;
        town.other_writes_api(Action::Create, id, "other").await;
    }
    for (query, shown, left_out) in [("", 3, 0), ("?limit=2", 2, 1), ("?limit=3", 3, 0)] {
        let rounds = town.desk.get(&format!("/v3/cluster/rounds{query}")).await;
        let rounds = rounds.json();
        assert_eq!(rounds["rounds"].as_array().unwrap().len(), shown, "{query}");
        assert_eq!(rounds["left_out"], left_out, "{query}");
    }
    assert_eq!(
        town.desk.get("/v3/cluster/rounds?limit=x").await.status,
        400
    );
}

#[actix_web::test]
async fn a_member_that_is_gone_can_be_forgotten_and_says_so_if_it_lives() {
    let mut town = Town::settle();
    town.other(Input::Tick).await;
    let members = async |town: &Town| {
        let seen = town.desk.get("/v3/cluster/nodes").await.json();
        seen["view"]["members"].clone()
    };
    assert_eq!(members(&town).await, 2);
    let forget = |name: &str| json!({"node": name});
    for (body, status, words) in [
        (forget("node-3"), 404, "no member is named node-3"),
        (forget("lone"), 409, "lone is the node that was asked"),
        (json!({"node": 3}), 400, "must be string"),
        (json!({}), 400, "must be string"),
    ] {
        let refused = town.desk.post("/v3/cluster/forget", &body).await;
        assert_eq!(refused.status, status, "{body}");
        assert!(refused.text().contains(words), "{}", refused.text());
    }
    let forgotten = town
        .desk
        .post("/v3/cluster/forget", &forget("node-2"))
        .await;
    forgotten.is(StatusCode::ACCEPTED, &done(&town.desk, 1).await);
    // Its next notice.
    town.other(Input::LinkOpened(PeerId::new(b"lone"))).await;
    town.other(Input::Tick).await;
    assert_eq!(members(&town).await, 2, "it lives");
}

#[actix_web::test]
async fn a_comparison_names_a_member_with_a_connection() {
    let mut town = Town::settle();
    town.other(Input::Tick).await;
    for (node, status, words) in [
        ("node-3", 404, "no member is named node-3"),
        ("lone", 409, "lone is the node"),
        ("node-2", 503, "no connection with node-2"),
        ("%ff", 400, "Bad request"),
    ] {
        let refused = town.desk.get(&format!("/v3/cluster/diff/{node}")).await;
        assert_eq!(refused.status, status, "{node}");
        assert!(refused.text().contains(words), "{}", refused.text());
    }
}

#[actix_web::test]
async fn a_page_of_another_site_cannot_make_the_node_join_or_leave() {
    let desk = Desk::open();
    for path in [
        "/v3/cluster/join",
        "/v3/cluster/leave",
        "/v3/cluster/forget",
    ] {
        for content_type in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
        ] {
            let mut request = request("POST", path).set_payload("address=seed:4020");
            if let Some(content_type) = content_type {
                request = request.insert_header(("content-type", content_type));
            }
            let answer = desk.send(request).await;
            assert_eq!(answer.status, 415, "{path} {content_type:?}");
        }
    }
    assert_eq!(desk.post("/v3/apis", &definition("x")).await.status, 201);
}

#[actix_web::test]
async fn a_node_that_left_takes_no_more_changes_and_can_be_told_again() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let registry = connected(&told);
    let desk = Desk::with(|desk| *desk = state(&registry));
    assert_eq!(desk.post("/v3/apis", &definition("x")).await.status, 201);
    // Stands in for the cluster actor, which says when the connections are closed.
    let closes = async {
        while desk.get("/health/ready").await.status == 200 {
            actix_rt::task::yield_now().await;
        }
        let told = told
            .lock()
            .unwrap()
            .iter()
            .any(|told| matches!(told, Tell::Close));
        assert!(
            told,
            "unready only once the registry has accepted the leave"
        );
        registry.send(Heard::Closed).await.unwrap();
    };
    let no_body = json!({});
    let (left, ()) = tokio::join!(desk.post("/v3/cluster/leave", &no_body), closes);
    let again = desk.post("/v3/cluster/leave", &no_body).await;
    for left in [left, again] {
        left.is(StatusCode::ACCEPTED, &done(&desk, 1).await);
        let ready = desk.get("/health/ready").await;
        assert_eq!(ready.status, 503);
        assert!(ready.text().starts_with("left: "), "{}", ready.text());
    }
    for refused in [
        desk.post("/v3/apis", &definition("y")).await,
        desk.post("/v3/apis?wait=all", &definition("y")).await,
        desk.put("/v3/apis/x", &definition("x")).await,
        desk.delete("/v3/apis/x").await,
    ] {
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert!(refused.header("x-rig-change").is_none());
    }
    assert_eq!(desk.get("/v3/apis/x").await.status, 200);
}

#[actix_web::test]
async fn a_node_without_a_cluster_cannot_leave_and_stays_in_service() {
    let desk = Desk::open();
    let refused = desk.post("/v3/cluster/leave", &json!({})).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("no cluster"), "{}", refused.text());
    assert_eq!(desk.get("/health/ready").await.status, 200);
    assert_eq!(desk.post("/v3/apis", &definition("x")).await.status, 201);
}
