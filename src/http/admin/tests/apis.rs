//! Definitions, from first POST to last DELETE (spec: `tests.md` 10.5).

use actix_web::{http::StatusCode, test::TestRequest};
use serde_json::{Value, json};

use super::{DEFINITION_BYTES_MAX, Desk, definition, registry, request, state};
use crate::actor::{registry::RegistryActor, tests::Stop};

fn ok() -> Value {
    json!({"message": "ok"})
}

fn missing(id: &str) -> Value {
    json!({"message": format!("API with id={id} doesn't exists.")})
}

#[actix_web::test]
async fn a_definition_lives_from_post_to_delete() {
    for version in ["v2", "v3"] {
        let desk = Desk::open();
        let all = format!("/{version}/apis");
        let one = format!("/{version}/apis/shop");

        desk.get(&all).await.is(StatusCode::OK, &json!([]));
        desk.get(&one)
            .await
            .is(StatusCode::NOT_FOUND, &missing("shop"));
        desk.delete(&one)
            .await
            .is(StatusCode::NOT_FOUND, &missing("shop"));
        let put = desk.put(&one, &definition("shop")).await;
        put.is(StatusCode::NOT_FOUND, &missing("shop"));

        let created = desk.post(&all, &definition("shop")).await;
        created.is(StatusCode::CREATED, &ok());
        assert_eq!(created.header("location"), Some(one.as_str()));
        let twice = desk.post(&all, &definition("shop")).await;
        let exists = json!({"message": "API with id=shop already exists."});
        twice.is(StatusCode::CONFLICT, &exists);

        let shown = desk.get(&one).await;
        assert_eq!(shown.status, 200);
        let document = shown.json();
        assert_eq!(document["id"], "shop");
        assert_eq!(document["ref_number"], 0);
        assert_eq!(document["node_name"], "node-1");
        assert_eq!(document["active"], true);
        assert_eq!(desk.get(&all).await.json(), json!([document]));

        let mut renamed = definition("other id");
        renamed["name"] = json!("renamed");
        renamed["active"] = json!(false);
        desk.put(&one, &renamed).await.is(StatusCode::OK, &ok());
        let document = desk.get(&one).await.json();
        let told = (&document["id"], &document["name"], &document["ref_number"]);
        assert_eq!(told, (&json!("shop"), &json!("renamed"), &json!(1)));

        let removed = desk.delete(&one).await;
        assert_eq!((removed.status, removed.text()), (204, ""));
        let content_type = Some("text/plain; charset=utf-8");
        assert_eq!(removed.header("content-type"), content_type);
        desk.get(&one)
            .await
            .is(StatusCode::NOT_FOUND, &missing("shop"));
        desk.delete(&one)
            .await
            .is(StatusCode::NOT_FOUND, &missing("shop"));
        desk.get(&all).await.is(StatusCode::OK, &json!([]));

        let again = desk.post(&all, &definition("shop")).await;
        again.is(StatusCode::CREATED, &ok());
        assert_eq!(desk.get(&one).await.json()["ref_number"], 3);
    }
}

#[actix_web::test]
async fn an_accepted_write_names_its_version_and_change() {
    let desk = Desk::open();
    let created = desk.post("/v3/apis", &definition("a/b ü")).await;
    let location = created.header("location");
    assert_eq!(location, Some("/v3/apis/a%2Fb%20%C3%BC"));
    let etag = created.header("etag").unwrap().to_owned();
    let version = etag.trim_matches('"');
    let change = format!("a%2Fb%20%C3%BC@{version}");
    assert_eq!(created.header("x-rig-change"), Some(change.as_str()));
    let digits = version.strip_prefix("0-").unwrap();
    assert_eq!(digits.len(), 16);
    assert!(digits.bytes().all(|digit| digit.is_ascii_hexdigit()));

    let shown = desk.get("/v3/apis/a%2Fb%20%C3%BC").await;
    assert_eq!(shown.header("etag"), Some(etag.as_str()));
    assert_eq!(shown.json()["id"], "a/b ü");

    let put = desk.put("/v3/apis/a%2fb%20%c3%bc", &definition("x")).await;
    assert!(put.header("etag").unwrap().starts_with("\"1-"));
    let changed = put.header("x-rig-change").unwrap();
    assert!(changed.starts_with("a%2Fb%20%C3%BC@1-"), "{changed}");
    let removed = desk.delete("/v3/apis/a%2Fb%20%C3%BC").await;
    assert_eq!(removed.status, 204);
    let changed = removed.header("x-rig-change").unwrap();
    assert!(changed.starts_with("a%2Fb%20%C3%BC@2-"), "{changed}");
    assert!(removed.header("etag").is_none());
}

#[actix_web::test]
async fn ids_in_paths_are_decoded_exactly_once() {
    let desk = Desk::open();
    for (id, path) in [
        ("100%", "/v3/apis/100%25"),
        ("a%2Fb", "/v3/apis/a%252Fb"),
        ("a+b", "/v3/apis/a+b"),
        ("a?b#c", "/v3/apis/a%3Fb%23c"),
        ("slash/", "/v3/apis/slash%2F"),
        ("zz%zz", "/v3/apis/zz%zz"),
    ] {
        let created = desk.post("/v3/apis", &definition(id)).await;
        assert_eq!(created.status, 201, "{id}: {}", created.text());
        assert_eq!(desk.get(path).await.json()["id"], id);
        let location = created.header("location").unwrap().to_owned();
        assert_eq!(desk.get(&location).await.json()["id"], id, "{location}");
        assert_eq!(desk.delete(&format!("{path}/")).await.status, 204, "{path}");
    }
    let not_text = desk.get("/v3/apis/%ff").await;
    let bad_request = json!({"errors": {"detail": "Bad request"}});
    not_text.is(StatusCode::BAD_REQUEST, &bad_request);
}

#[actix_web::test]
async fn the_list_is_ordered_by_id_and_queries_change_nothing() {
    let desk = Desk::open();
    for id in ["b", "a", "C"] {
        let path = "/v3/apis?stray=1&id=other";
        assert_eq!(desk.post(path, &definition(id)).await.status, 201);
    }
    let list = desk.get("/v3/apis?active=false").await.json();
    let ids: Vec<&Value> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|api| &api["id"])
        .collect();
    assert_eq!(ids, ["C", "a", "b"]);
    assert!(list.to_string().find("stray").is_none());
}

#[actix_web::test]
async fn what_is_not_a_definition_gets_the_error_map() {
    let desk = Desk::open();
    let nothing = json!({"api": [
        {"id": "must be string"},
        {"id": "must have a length of at least 1"},
        {"name": "must be string"},
        {"name": "must have a length of at least 1"},
        {"proxy": "must be present"},
        {"version_data": "must be present"},
    ]});
    for body in [
        json!({}),
        json!([definition("y")]),
        json!("abc"),
        json!(null),
        json!(7),
    ] {
        let answer = desk.post("/v3/apis", &body).await;
        answer.is(StatusCode::BAD_REQUEST, &nothing);
    }
    let no_body = desk.send(request("POST", "/v3/apis")).await;
    no_body.is(StatusCode::BAD_REQUEST, &nothing);
    let typed = ("content-type", "application/json");
    let empty = desk
        .send(request("POST", "/v3/apis").insert_header(typed))
        .await;
    empty.is(StatusCode::BAD_REQUEST, &nothing);
    let untyped = request("POST", "/v3/apis").set_payload(definition("yn").to_string());
    desk.send(untyped)
        .await
        .is(StatusCode::BAD_REQUEST, &nothing);

    let put = desk.put("/v3/apis/invalid-config", &json!({})).await;
    let without_id = json!({"api": [
        {"name": "must be string"},
        {"name": "must have a length of at least 1"},
        {"proxy": "must be present"},
        {"version_data": "must be present"},
    ]});
    put.is(StatusCode::BAD_REQUEST, &without_id);
    assert_eq!(desk.get("/v3/apis").await.json(), json!([]));
}

#[actix_web::test]
async fn a_form_is_read_but_never_becomes_a_definition() {
    let desk = Desk::open();
    let form = TestRequest::post()
        .uri("/v3/apis")
        .insert_header(("content-type", "application/x-www-form-urlencoded"))
        .set_payload("id=form&name=a");
    let faults = json!({"api": [
        {"proxy": "must be present"},
        {"version_data": "must be present"},
    ]});
    desk.send(form).await.is(StatusCode::BAD_REQUEST, &faults);

    for (content_type, body) in [
        (
            "application/x-www-form-urlencoded",
            "id=f&name=f&proxy[target_url]=h&proxy[port]=1&version_data[default][endpoints][]=",
        ),
        (
            "application/x-www-form-urlencoded",
            "id=f&name=f&proxy=%7B%22port%22%3A1%7D&version_data=%7B%7D",
        ),
        (
            "multipart/form-data; boundary=x",
            "--x\r\ncontent-disposition: form-data; name=\"id\"\r\n\r\nf\r\n--x--\r\n",
        ),
    ] {
        let request = TestRequest::post()
            .uri("/v3/apis")
            .insert_header(("content-type", content_type))
            .set_payload(body);
        assert_eq!(desk.send(request).await.status, 400, "{body}");
    }
    assert_eq!(desk.get("/v3/apis").await.json(), json!([]));
}

#[actix_web::test]
async fn a_definition_over_the_limit_is_413_and_not_stored() {
    let desk = Desk::open();
    let mut large = definition("large");
    large["blob"] = json!("x".repeat(DEFINITION_BYTES_MAX));
    let bad_request = json!({"errors": {"detail": "Bad request"}});
    let answer = desk.post("/v3/apis", &large).await;
    answer.is(StatusCode::PAYLOAD_TOO_LARGE, &bad_request);

    // Each request is small enough, the merged result is not.
    let mut half = definition("half");
    half["one"] = json!("x".repeat(DEFINITION_BYTES_MAX / 2));
    assert_eq!(desk.post("/v3/apis", &half).await.status, 201);
    let mut other = definition("half");
    other["two"] = json!("x".repeat(DEFINITION_BYTES_MAX / 2));
    let merged = desk.put("/v3/apis/half", &other).await;
    merged.is(StatusCode::PAYLOAD_TOO_LARGE, &bad_request);
    assert_eq!(desk.get("/v3/apis/half").await.json()["ref_number"], 0);
}

#[actix_web::test]
async fn warnings_are_told_only_when_there_are_any() {
    let desk = Desk::open();
    let mut odd = definition("odd");
    let endpoint = json!({"id": "same", "method": "GET", "path_regex": "/a"});
    let twin = json!({"id": "same", "method": "GET", "path_regex": "/b"});
    odd["version_data"]["default"]["endpoints"] = json!([endpoint, twin]);
    let answer = desk.post("/v3/apis", &odd).await;
    assert_eq!(answer.status, 201);
    let body = answer.json();
    assert_eq!(body["message"], "ok");
    let warning = &body["warnings"][0];
    assert_eq!(warning["path"], "odd/same", "{body}");
    assert!(warning["message"].is_string());
    desk.post("/v3/apis", &definition("plain"))
        .await
        .is(StatusCode::CREATED, &ok());
}

#[actix_web::test]
async fn a_dead_registry_is_503_and_never_500() {
    let registry = registry();
    let gone = state(&registry);
    let desk = Desk::with(|state| *state = gone);
    stop(registry).await;
    let unavailable = json!({"errors": {"detail": "Service unavailable"}});
    for answer in [
        desk.get("/v3/apis").await,
        desk.get("/v3/apis/x").await,
        desk.post("/v3/apis", &definition("x")).await,
        desk.put("/v3/apis/x", &definition("x")).await,
        desk.delete("/v3/apis/x").await,
        desk.get("/v3/cluster/nodes").await,
        desk.get("/v3/cluster/rounds").await,
        desk.get("/v3/cluster/conflicts").await,
        desk.get("/v3/cluster/changes/x@0-0123456789abcdef").await,
        desk.post("/v3/cluster/join", &json!({"address": "seed:4020"}))
            .await,
        desk.post("/v3/cluster/leave", &json!({})).await,
    ] {
        answer.is(StatusCode::SERVICE_UNAVAILABLE, &unavailable);
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert_eq!(desk.get("/health").await.status, 200);
}

/// Ends the actor and waits until its mailbox is closed.
async fn stop(registry: actix::Addr<RegistryActor>) {
    registry.send(Stop).await.unwrap();
    while registry.connected() {
        actix_rt::task::yield_now().await;
    }
}
